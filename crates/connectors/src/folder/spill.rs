//! Records of fixed size that may be too many for memory: kept in buckets, which are read one at a time.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// A record of always the same length.
pub(crate) trait Record: Sized + Clone {
    /// Its length in bytes.
    const BYTES: usize;
    /// Spells it into exactly [`Self::BYTES`] bytes.
    fn put(&self, bytes: &mut Vec<u8>);
    /// Reads it from exactly [`Self::BYTES`] bytes.
    fn take(bytes: &[u8]) -> Self;
}

/// Records, in memory where one bucket is enough, else in a file for each bucket.
pub(crate) enum Buckets<R> {
    /// All of them.
    Memory(Vec<R>),
    /// One file each.
    Files(Vec<Bucket>),
}

/// A file of records.
pub(crate) struct Bucket {
    path: PathBuf,
    file: BufWriter<File>,
}

impl<R: Record> Buckets<R> {
    /// `count` empty buckets; files lie in `folder` and have `name`, which no other buckets there have.
    pub(crate) fn new(folder: &Path, name: &str, count: usize) -> io::Result<Buckets<R>> {
        if count <= 1 {
            return Ok(Buckets::Memory(Vec::new()));
        }
        let bucket = |number: usize| {
            let path = folder.join(format!("{name}-{number}.spill"));
            Ok(Bucket { file: BufWriter::new(File::create(&path)?), path })
        };
        Ok(Buckets::Files((0..count).map(bucket).collect::<io::Result<_>>()?))
    }

    /// How many buckets there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Buckets::Memory(_) => 1,
            Buckets::Files(buckets) => buckets.len(),
        }
    }

    /// Adds a record to a bucket, counted from 0.
    pub(crate) fn put(&mut self, bucket: usize, record: R) -> io::Result<()> {
        match self {
            Buckets::Memory(records) => {
                records.push(record);
                Ok(())
            }
            Buckets::Files(buckets) => {
                let mut bytes = Vec::with_capacity(R::BYTES);
                record.put(&mut bytes);
                buckets[bucket].file.write_all(&bytes)
            }
        }
    }

    /// Hands over the records of a bucket in the order they came.
    pub(crate) fn each(
        &mut self,
        bucket: usize,
        mut take: impl FnMut(R) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Buckets::Memory(records) => records.iter().cloned().try_for_each(take),
            Buckets::Files(buckets) => {
                buckets[bucket].file.flush()?;
                let file = File::open(&buckets[bucket].path)?;
                let count = file.metadata()?.len() / R::BYTES as u64;
                let mut reader = BufReader::new(file);
                let mut bytes = vec![0; R::BYTES];
                for _ in 0..count {
                    reader.read_exact(&mut bytes)?;
                    take(R::take(&bytes))?;
                }
                Ok(())
            }
        }
    }
}

impl<R> Drop for Buckets<R> {
    fn drop(&mut self) {
        if let Buckets::Files(buckets) = self {
            for bucket in buckets {
                // What stays behind is cleared before the next landing.
                let _ = fs::remove_file(&bucket.path);
            }
        }
    }
}

/// One bit for each of many rows.
#[derive(Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn set(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (row % 64);
    }

    pub(crate) fn has(&self, row: u64) -> bool {
        self.0.get((row / 64) as usize).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Number(u64);

    impl Record for Number {
        const BYTES: usize = 8;
        fn put(&self, bytes: &mut Vec<u8>) {
            bytes.extend(self.0.to_le_bytes());
        }
        fn take(bytes: &[u8]) -> Number {
            Number(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
        }
    }

    #[test]
    fn records_come_back_in_order_per_bucket() {
        for count in [1, 3] {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let mut buckets = Buckets::new(folder.path(), "numbers", count).expect("files can be made");
            for number in 0..10_000 {
                buckets.put(number as usize % count, Number(number)).expect("a record can be added");
            }
            for bucket in 0..count {
                let mut read = Vec::new();
                let taken = buckets.each(bucket, |number| {
                    read.push(number.0);
                    Ok(())
                });
                taken.expect("records can be read");
                let expected: Vec<u64> = (0..10_000).filter(|n| *n as usize % count == bucket).collect();
                assert_eq!(read, expected, "bucket {bucket} of {count}");
            }
            drop(buckets);
            assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 0);
        }
    }

    #[test]
    fn bits_are_those_that_were_set() {
        let mut bits = Bits::default();
        for row in [0, 63, 64, 1_000] {
            bits.set(row);
        }
        let set: Vec<u64> = (0..2_000).filter(|&row| bits.has(row)).collect();
        assert_eq!(set, [0, 63, 64, 1_000]);
    }
}
