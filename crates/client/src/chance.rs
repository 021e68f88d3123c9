//! Randomness that a seed replays.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Mutex,
    time::Duration,
};

/// A source of delays. SplitMix64: small, and evenly spread, which is all that a delay needs.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<u64>);

impl Chance {
    /// The same delays for the same seed.
    pub(crate) fn seeded(seed: u64) -> Chance {
        Chance(Mutex::new(seed))
    }

    /// Other delays in every process.
    pub(crate) fn of_this_process() -> Chance {
        Chance::seeded(RandomState::new().hash_one("achub"))
    }

    /// Starts over from `seed`.
    pub(crate) fn reseed(&self, seed: u64) {
        *self.0.lock().expect("nothing panics while it holds the lock") = seed;
    }

    /// A duration between nothing and `most`, all equally likely.
    pub(crate) fn up_to(&self, most: Duration) -> Duration {
        // The upper 53 bits fill a float exactly.
        most.mul_f64((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().expect("nothing panics while it holds the lock");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
