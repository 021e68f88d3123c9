//! The collected rows and the files that are there become the table's new files.
//!
//! Rows meet by fingerprints of their keys, which lie in buckets that fit into memory one at a time; what is decided about
//! rows that are there goes into buckets by row. Then the files that are concerned are written anew, one after the other.
//! Memory holds one bucket and one batch of rows, and three bits for each row.

mod keys;
mod scopes;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use achub_core::{
    Outcomes, RunId,
    port::target::{Check, LoadMode, MergeStrategy},
};

use crate::{
    folder::state::Part,
    folder::{
        absence::Absent,
        landing::keys::MeetingPlace,
        manifest::Manifest,
        meeting::{Arrival, Fate, Verdict},
        place::Place,
        sight::{self, Depth, Lens, Sight},
        spill::{Bits, Buckets, Record},
        storage::Storage,
        table::LoadingTable,
    },
};

/// Keys held in memory at a time, each with what is seen of its row: some 30 MB. In unit tests there are several buckets.
const KEYS_PER_BUCKET: u64 = if cfg!(test) { 5 } else { 250_000 };

/// Five sets of buckets are open at a time, and systems commonly allow 1,024 files; beyond 32 million collected rows the
/// buckets grow instead.
const BUCKETS_MAX: u64 = 128;

/// What is decided about all rows.
pub(crate) struct Decided {
    /// About rows that are there, by [`verdict_bucket`].
    pub(crate) verdicts: Buckets<Verdict>,
    /// Files that have such rows.
    pub(crate) touched: Bits,
    /// Collected rows that are not appended.
    pub(crate) left_out: Bits,
    /// Collected rows that are appended though their key was there.
    pub(crate) changed: Bits,
    /// How many are appended.
    pub(crate) appended: u64,
    pub(crate) outcomes: Outcomes,
    pub(crate) check: Option<Check>,
    /// The run since which the list of missing rows, if there is any, is one.
    pub(crate) missing_since: Option<RunId>,
}

/// One table's collected rows on their way to a decision.
pub(crate) struct Comparison<'a> {
    table: &'a LoadingTable,
    part: &'a Part,
    /// The table as it is; without files where it is made again or emptied.
    there: &'a Manifest,
    work: PathBuf,
    /// The number of each file's first row, counted over all files.
    first_rows: Vec<u64>,
    decided: Decided,
    /// Rows that are there whose parent's children were shown completely, over all files.
    scoped: Bits,
    absent: Absent<'a>,
}

impl<'a> Comparison<'a> {
    /// Decides about every row. `complete`: all the source has was collected by `run`.
    pub(crate) fn decide(
        table: &'a LoadingTable,
        part: &'a Part,
        there: &'a Manifest,
        run: &'a RunId,
        complete: bool,
    ) -> io::Result<Decided> {
        let work = Place::work(&table.home.folder);
        let decided = Decided {
            verdicts: Buckets::new(&work, "verdicts", buckets(there.rows, KEYS_PER_BUCKET))?,
            touched: Bits::default(),
            left_out: Bits::default(),
            changed: Bits::default(),
            appended: 0,
            outcomes: Outcomes::default(),
            check: None,
            missing_since: None,
        };
        let is_checked = complete && !table.shape.key.is_empty();
        let absent = Absent::new(&table.load, there, run, is_checked);
        let scoped = Bits::default();
        let mut comparison =
            Comparison { table, part, there, work, first_rows: there.first_rows(), decided, scoped, absent };
        comparison.look_at_scopes()?;
        if table.shape.key.is_empty() {
            comparison.append_all()?;
        } else {
            comparison.meet_all()?;
        }
        Ok(comparison.decided)
    }

    fn path(&self, file: usize) -> PathBuf {
        self.table.home.path(&self.there.files[file])
    }

    /// How rows meet. In a table that is made again or emptied there is nobody to meet, whatever the strategy.
    fn strategy(&self) -> MergeStrategy {
        match self.part.mode {
            LoadMode::Replace | LoadMode::Truncate => MergeStrategy::Upsert,
            LoadMode::MergeAtEnd | LoadMode::MergeAsYouGo => self.table.load.merge,
        }
    }

    fn lens(&self, depth: Depth) -> Lens {
        let due = self
            .table
            .load
            .due_since
            .map(|(index, since)| (self.table.load.table.columns[index].name.as_str(), since));
        Lens::new(&self.table.shape, due, depth)
    }

    fn give(&mut self, there: &Sight, fate: Fate) -> io::Result<()> {
        let row = self.first_rows[there.place as usize] + there.row;
        let bucket = verdict_bucket(row, self.there.rows, self.decided.verdicts.count());
        self.decided.touched.set(there.place);
        self.decided.verdicts.put(bucket, Verdict { file: there.place, row: there.row, fate })
    }

    fn meet_all(&mut self) -> io::Result<()> {
        let listed = match self.there.missing_since {
            Some(_) => fs::metadata(Place::missing(&self.table.home.folder))?.len() / Key::BYTES as u64,
            None => 0,
        };
        let count = buckets(self.part.rows.max(listed), KEYS_PER_BUCKET);
        let mut arrivals = self.arrivals(count)?;
        self.absent.shown = self.drop_earlier_versions(&mut arrivals)?;
        if self.absent.needs_keys() {
            self.absent.held = self.live_keys()?;
        }
        self.absent.guard();
        let mut missing = self.missing(count)?;
        let mut waiting = BufWriter::new(File::create(self.work.join("missing.new"))?);
        if count == 1 {
            let mut bucket = self.bucket(&mut arrivals, &mut missing, 0)?;
            let keys = bucket.arrivals.keys().copied().collect();
            self.each_there(Some(&keys), &mut |comparison, there, is_scoped| {
                comparison.meet(&mut bucket, &there, is_scoped, &mut waiting)
            })?;
            self.end(bucket, &mut waiting)?;
        } else {
            let mut there = Buckets::new(&self.work, "there", count)?;
            let mut scoped = Buckets::new(&self.work, "scoped", count)?;
            self.each_there(None, &mut |_, sight, is_scoped| {
                let buckets = if is_scoped { &mut scoped } else { &mut there };
                buckets.put(sight::bucket(sight.key, count), sight)
            })?;
            for number in 0..count {
                let mut bucket = self.bucket(&mut arrivals, &mut missing, number)?;
                for (buckets, is_scoped) in [(&mut there, false), (&mut scoped, true)] {
                    buckets.each(number, |sight| self.meet(&mut bucket, &sight, is_scoped, &mut waiting))?;
                }
                self.end(bucket, &mut waiting)?;
            }
        }
        waiting.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.decided.missing_since = self.absent.since();
        self.decided.check = self.absent.check();
        Ok(())
    }

    /// What is seen of the collected rows that count.
    fn arrivals(&mut self, count: usize) -> io::Result<Buckets<Sight>> {
        let mut arrivals = Buckets::new(&self.work, "collected", count)?;
        let lens = self.lens(Depth::Contents);
        sight::scan_collected(self.part, &lens.columns, |row, offset, cells| {
            let sight = lens.see(cells, row, offset);
            arrivals.put(sight::bucket(sight.key, count), sight)
        })?;
        sight::scan_put_aside(self.part, |key| arrivals.put(sight::bucket(key, count), Sight::aside(key)))?;
        Ok(arrivals)
    }

    /// Of collected rows with the same key the last one counts. Gives how many keys there are.
    fn drop_earlier_versions(&mut self, arrivals: &mut Buckets<Sight>) -> io::Result<u64> {
        let mut shown = 0;
        for bucket in 0..arrivals.count() {
            let mut last: HashMap<u128, Option<u64>> = HashMap::new();
            arrivals.each(bucket, |sight| {
                let last = last.entry(sight.key).or_default();
                if !sight.is_aside()
                    && let Some(earlier) = last.replace(sight.row)
                {
                    self.decided.left_out.set(earlier);
                }
                Ok(())
            })?;
            let is_shown = |row: &&Option<u64>| row.is_none_or(|row| !self.decided.left_out.has(row));
            shown += last.values().filter(is_shown).count() as u64;
        }
        Ok(shown)
    }

    /// How many keys the table has among its live rows, where it keeps several versions of a row.
    fn live_keys(&mut self) -> io::Result<u64> {
        let count = buckets(self.there.rows, KEYS_PER_BUCKET);
        let mut there = Buckets::new(&self.work, "versions", count)?;
        self.each_there(None, &mut |_, sight, _| there.put(sight::bucket(sight.key, count), sight))?;
        let mut live = 0;
        for bucket in 0..count {
            let mut keys = HashSet::new();
            there.each(bucket, |sight| {
                if !sight.is_gone() {
                    keys.insert(sight.key);
                }
                Ok(())
            })?;
            live += keys.len() as u64;
        }
        Ok(live)
    }

    /// The keys of rows that a complete read did not show before.
    fn missing(&self, count: usize) -> io::Result<Buckets<Key>> {
        let mut missing = Buckets::new(&self.work, "missing", count)?;
        if self.there.missing_since.is_none() {
            return Ok(missing);
        }
        let file = File::open(Place::missing(&self.table.home.folder))?;
        let keys = file.metadata()?.len() / Key::BYTES as u64;
        let mut reader = BufReader::new(file);
        for _ in 0..keys {
            let mut key = [0; 16];
            reader.read_exact(&mut key)?;
            let key = u128::from_le_bytes(key);
            missing.put(sight::bucket(key, count), Key(key))?;
        }
        Ok(missing)
    }

    fn bucket(
        &mut self,
        arrivals: &mut Buckets<Sight>,
        missing: &mut Buckets<Key>,
        number: usize,
    ) -> io::Result<MeetingPlace> {
        let mut bucket = MeetingPlace::default();
        arrivals.each(number, |sight| {
            if sight.is_aside() {
                bucket.aside.insert(sight.key);
            } else if !self.decided.left_out.has(sight.row) {
                bucket.arrivals.insert(sight.key, Arrival::new(sight));
            }
            Ok(())
        })?;
        missing.each(number, |key| {
            if !bucket.arrivals.contains_key(&key.0) && !bucket.aside.contains(&key.0) {
                bucket.missing.insert(key.0);
            }
            Ok(())
        })?;
        Ok(bucket)
    }

    /// Hands over what is seen of rows that are there, and whether they are of a complete set. Where the collected keys
    /// are at hand, files that have none of them are looked at only as far as somebody asks for absent rows.
    fn each_there(
        &mut self,
        keys: Option<&HashSet<u128>>,
        take: &mut dyn FnMut(&mut Self, Sight, bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let (shallow, deep) = (self.lens(Depth::Keys), self.lens(Depth::Contents));
        let asks_for_absent = self.absent.is_checked() || self.part.scope.is_some();
        for (file, first_row) in self.first_rows.clone().into_iter().enumerate() {
            let path = self.path(file);
            let has_any = match keys {
                Some(keys) => has_any(self.table.home.storage, &path, &shallow, keys)?,
                None => true,
            };
            if !has_any && !asks_for_absent {
                continue;
            }
            let lens = if has_any { &deep } else { &shallow };
            sight::scan_file(self.table.home.storage, &path, file as u64, lens, |there| {
                let is_scoped = self.scoped.has(first_row + there.row);
                take(self, there, is_scoped)
            })?;
        }
        Ok(())
    }
}

/// A key's fingerprint.
#[derive(Clone)]
struct Key(u128);

impl Record for Key {
    const BYTES: usize = 16;

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.0.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Key {
        Key(u128::from_le_bytes(bytes.try_into().expect("16 bytes")))
    }
}

fn buckets(records: u64, each: u64) -> usize {
    // Fits: it is small.
    (records / each + 1).min(BUCKETS_MAX) as usize
}

/// The bucket of what is decided about a row, counted over all files, of so many rows.
pub(crate) fn verdict_bucket(row: u64, rows: u64, count: usize) -> usize {
    // Fits: it is less than the count.
    (u128::from(row) * count as u128 / u128::from(rows.max(1))).min(count as u128 - 1) as usize
}

fn has_any(storage: Storage, path: &Path, lens: &Lens, keys: &HashSet<u128>) -> io::Result<bool> {
    let mut has_any = false;
    if !keys.is_empty() {
        sight::scan_file(storage, path, 0, lens, |there| {
            has_any |= keys.contains(&there.key);
            Ok(())
        })?;
    }
    Ok(has_any)
}
