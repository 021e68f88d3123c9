//! Numbers that look random and depend on nothing but their inputs.

/// A well-mixed number for `id` under `seed` and `salt`; the same inputs always give the same number.
pub(crate) fn mix(seed: u64, salt: u64, id: u64) -> u64 {
    let mut x = seed ^ salt.rotate_left(17) ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A salt made from a name, so that two fields of one row get unrelated numbers.
pub(crate) const fn salt(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// A series of numbers from a seed, for choices that are made one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice { seed, thrown: 0 }
    }

    /// The next number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        mix(self.seed, salt("dice"), self.thrown) % bound.max(1)
    }
}
