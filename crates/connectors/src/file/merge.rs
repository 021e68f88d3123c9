//! The collected rows and the file that is there become the new file.
//!
//! Files are read several times rather than held in memory: each pass looks at the keys of one share, so that memory does
//! not grow with the file.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use achub_core::{Outcomes, port::target::LoadMode};

use crate::file::{format::Format, state::Part};

/// Keys held in memory at a time.
const KEYS_PER_PASS: u64 = 250_000;

/// What becomes one file.
pub(crate) struct Merge<'a> {
    pub(crate) format: Format,
    pub(crate) part: &'a Part,
    /// The columns of the collected rows.
    pub(crate) part_columns: &'a [String],
    /// The columns of the key.
    pub(crate) key: &'a [String],
    /// Columns that say when a row was written, which makes no row differ.
    pub(crate) moments: &'a [String],
    /// The file that is there.
    pub(crate) old: &'a Path,
    /// The columns of the new file.
    pub(crate) columns: &'a [String],
}

/// Rows by number, whether they go into the new file.
struct Fate {
    old: Vec<bool>,
    new: Vec<bool>,
    /// Old rows whose parent's set of children was shown completely.
    scoped: Vec<bool>,
}

impl Merge<'_> {
    fn keeps_old_rows(&self) -> bool {
        matches!(self.part.mode, LoadMode::MergeAtEnd | LoadMode::MergeAsYouGo)
    }

    fn scan_new(&self, take: impl FnMut(usize, &[String]) -> io::Result<()>) -> io::Result<()> {
        self.format.scan(&self.part.path, self.part_columns, false, take)
    }

    fn scan_old(&self, take: impl FnMut(usize, &[String]) -> io::Result<()>) -> io::Result<()> {
        if !self.keeps_old_rows() {
            return Ok(());
        }
        // In the order of the collected rows first, so that keys and contents compare column by column.
        self.format.scan(self.old, self.part_columns, true, take)
    }

    /// How many rows were collected.
    pub(crate) fn count_new(&self) -> io::Result<u64> {
        let mut rows = 0;
        self.scan_new(|_, _| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Writes the new file to `path`, durable; gives the rows in it and what became of the collected ones.
    pub(crate) fn write(&self, path: &Path) -> io::Result<(u64, Outcomes)> {
        let mut old_rows = 0;
        self.scan_old(|_, _| {
            old_rows += 1;
            Ok(())
        })?;
        let new_rows = usize::try_from(self.part.rows).map_err(io::Error::other)?;
        let mut fate =
            Fate { old: vec![true; old_rows], new: vec![true; new_rows], scoped: vec![false; old_rows] };
        let mut outcomes = Outcomes::default();
        if !self.key.is_empty() {
            self.drop_earlier_versions(&mut fate)?;
        }
        self.look_at_scopes(&mut fate)?;
        if self.keeps_old_rows() && !self.key.is_empty() {
            self.compare(&mut fate, &mut outcomes)?;
        } else {
            outcomes.added = fate.new.iter().filter(|&&kept| kept).count() as u64;
            for (kept, scoped) in fate.old.iter_mut().zip(&fate.scoped) {
                *kept &= !scoped;
                outcomes.removed += u64::from(*scoped);
            }
        }
        let rows = self.copy(path, &fate)?;
        Ok((rows, outcomes))
    }

    fn passes(&self) -> u64 {
        self.part.rows / KEYS_PER_PASS + 1
    }

    fn key_places(&self) -> Vec<usize> {
        let place = |name: &String| self.part_columns.iter().position(|column| column == name);
        self.key.iter().filter_map(place).collect()
    }

    fn drop_earlier_versions(&self, fate: &mut Fate) -> io::Result<()> {
        let places = self.key_places();
        for pass in 0..self.passes() {
            let mut last: HashMap<String, usize> = HashMap::new();
            self.scan_new(|number, row| {
                let key = self.key_of(&places, row);
                if share(&key, self.passes()) == pass
                    && let Some(earlier) = last.insert(key, number)
                {
                    fate.new[earlier] = false;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Drops children that came before their parent's last complete set, and marks old rows of such parents.
    fn look_at_scopes(&self, fate: &mut Fate) -> io::Result<()> {
        let Some(scope) = &self.part.scope else { return Ok(()) };
        let Some(place) = self.part_columns.iter().position(|column| column == scope) else { return Ok(()) };
        let path = self.part.scope_path();
        let passes = fs::metadata(&path)?.len() / (KEYS_PER_PASS * 8) + 1;
        for pass in 0..passes {
            let mut sets: HashMap<String, usize> = HashMap::new();
            for line in BufReader::new(fs::File::open(&path)?).lines() {
                let line = line?;
                if let Some((parent, first)) = line.split_once(' ')
                    && share(parent, passes) == pass
                {
                    sets.insert(parent.to_owned(), first.parse().map_err(io::Error::other)?);
                }
            }
            self.scan_new(|number, row| {
                let parent = self.format.plain(&row[place]);
                if sets.get(&parent).is_some_and(|&first| number < first) {
                    fate.new[number] = false;
                }
                Ok(())
            })?;
            self.scan_old(|number, row| {
                fate.scoped[number] |= sets.contains_key(&self.format.plain(&row[place]));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Decides between old and new rows of the same key, and removes old rows whose set came without them.
    fn compare(&self, fate: &mut Fate, outcomes: &mut Outcomes) -> io::Result<()> {
        let places = self.key_places();
        for pass in 0..self.passes() {
            let mut live: HashMap<String, (usize, u128)> = HashMap::new();
            self.scan_new(|number, row| {
                let key = self.key_of(&places, row);
                if fate.new[number] && share(&key, self.passes()) == pass {
                    live.insert(key, (number, self.content(row)));
                }
                Ok(())
            })?;
            let mut met: HashMap<usize, bool> = HashMap::new();
            self.scan_old(|number, row| {
                let key = self.key_of(&places, row);
                if share(&key, self.passes()) != pass {
                    return Ok(());
                }
                match live.get(&key) {
                    Some(&(new, content)) => {
                        let is_same = content == self.content(row);
                        fate.old[number] = is_same;
                        fate.new[new] &= !is_same;
                        met.insert(new, is_same);
                    }
                    None if fate.scoped[number] => {
                        fate.old[number] = false;
                        outcomes.removed += 1;
                    }
                    None => {}
                }
                Ok(())
            })?;
            outcomes.added += (live.len() - met.len()) as u64;
            let same = met.values().filter(|&&is_same| is_same).count();
            outcomes.same += same as u64;
            outcomes.changed += (met.len() - same) as u64;
        }
        Ok(())
    }

    fn key_of(&self, places: &[usize], row: &[String]) -> String {
        let parts: Vec<String> = places.iter().map(|&place| self.format.plain(&row[place])).collect();
        parts.join("\0")
    }

    /// A fingerprint of what a row says, the moments of writing left out.
    fn content(&self, row: &[String]) -> u128 {
        let fingerprint = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            seed.hash(&mut hasher);
            for (name, field) in self.part_columns.iter().zip(row) {
                if !self.moments.contains(name) {
                    field.hash(&mut hasher);
                }
            }
            hasher.finish()
        };
        u128::from(fingerprint(0)) << 64 | u128::from(fingerprint(1))
    }

    fn copy(&self, path: &Path, fate: &Fate) -> io::Result<u64> {
        let mut file = self.format.create(path, self.columns)?;
        let mut line = Vec::new();
        let mut rows = 0;
        let mut put = |row: &[String]| {
            line.clear();
            self.format.line(self.columns, row, &mut line)?;
            rows += 1;
            file.write_all(&line)
        };
        if self.keeps_old_rows() {
            self.format.scan(self.old, self.columns, true, |number, row| {
                if fate.old[number] { put(row) } else { Ok(()) }
            })?;
        }
        // Where each column of the file stands among the collected ones; columns of others are missing there.
        let places: Vec<Option<usize>> = self
            .columns
            .iter()
            .map(|name| self.part_columns.iter().position(|column| column == name))
            .collect();
        let mut full = vec![String::new(); self.columns.len()];
        self.scan_new(|number, row| {
            if !fate.new[number] {
                return Ok(());
            }
            for (field, place) in full.iter_mut().zip(&places) {
                field.clear();
                field.push_str(place.map_or(self.format.null(), |place| &row[place]));
            }
            put(&full)
        })?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(rows)
    }
}

/// The pass that looks at this key.
fn share(key: &str, passes: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() % passes
}
