//! Which integer keys a walk has already written, so that a record on two pages is counted once.

use std::collections::HashMap;

const WORDS: usize = 1024;

/// Above this many keys in a block a bitmap of 8 KiB is smaller than the list of two bytes each.
const LISTED_MAX: usize = 4096;

/// A set of integers that costs two bytes each where they lie apart and a bit each where they lie together.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    blocks: HashMap<i64, Block>,
}

#[derive(Debug)]
enum Block {
    /// The low 16 bits, ascending.
    Listed(Vec<u16>),
    Bitmap(Box<[u64; WORDS]>),
}

impl Seen {
    pub(crate) fn contains(&self, key: i64) -> bool {
        let low = key as u16;
        match self.blocks.get(&(key >> 16)) {
            None => false,
            Some(Block::Listed(keys)) => keys.binary_search(&low).is_ok(),
            Some(Block::Bitmap(words)) => words[usize::from(low) / 64] & (1 << (low % 64)) != 0,
        }
    }

    pub(crate) fn insert(&mut self, key: i64) {
        let low = key as u16;
        let block = self.blocks.entry(key >> 16).or_insert_with(|| Block::Listed(Vec::new()));
        match block {
            Block::Bitmap(words) => words[usize::from(low) / 64] |= 1 << (low % 64),
            Block::Listed(keys) => {
                if let Err(place) = keys.binary_search(&low) {
                    keys.insert(place, low);
                }
                if keys.len() > LISTED_MAX {
                    let mut words = Box::new([0; WORDS]);
                    for &key in keys.iter() {
                        words[usize::from(key) / 64] |= 1 << (key % 64);
                    }
                    *block = Block::Bitmap(words);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seen_keys_are_exactly_those_inserted() {
        let mut seen = Seen::default();
        let dense = 0..10_000;
        let sparse = [i64::MIN, -70_000, -1, 1 << 40, i64::MAX];
        for key in dense.clone().map(|key| key * 2).chain(sparse) {
            seen.insert(key);
        }
        for key in dense {
            assert!(seen.contains(key * 2) && !seen.contains(key * 2 + 1), "{key}");
        }
        for key in sparse {
            assert!(seen.contains(key), "{key}");
        }
        assert!(!seen.contains(-2));
    }
}
