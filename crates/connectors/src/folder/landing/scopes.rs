//! Complete sets of children: what came before the last set of a parent does not count, and what the set lacks is gone.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use crate::{
    folder::{
        landing::{Comparison, KEYS_PER_BUCKET, buckets},
        sight::{self, Depth},
    },
    landing::Cell,
};

/// The bytes of a line of the list of parents, at the least.
const LINE_BYTES_MIN: u64 = "1 0\n".len() as u64;

impl Comparison<'_> {
    /// Leaves out children that came before their parent's last complete set, and notes rows of such parents that are there.
    pub(super) fn look_at_scopes(&mut self) -> io::Result<()> {
        let Some(scope) = &self.part.scope else { return Ok(()) };
        let columns: Vec<_> = self.table.shape.columns.iter().map(|known| known.column.clone()).collect();
        let Some(place) = columns.iter().position(|column| column.name == *scope) else { return Ok(()) };
        let count = buckets(self.part.scope_bytes / LINE_BYTES_MIN, KEYS_PER_BUCKET);
        for bucket in 0..count {
            let sets = self.sets(bucket, count)?;
            sight::scan_collected(self.part, &columns, |row, _, cells| {
                if sets.get(cells[place].display().as_ref()).is_some_and(|&first| row < first) {
                    self.decided.left_out.set(row);
                }
                Ok(())
            })?;
            for (file, first_row) in self.first_rows.clone().into_iter().enumerate() {
                let scope = std::slice::from_ref(&columns[place]);
                self.table.home.storage.scan(&self.path(file), scope, |row, cells| {
                    if sets.contains_key(cells[0].display().as_ref()) {
                        self.scoped.set(first_row + row);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// The parents of one bucket, each with the number of the first row of its last complete set.
    fn sets(&self, bucket: usize, count: usize) -> io::Result<HashMap<String, u64>> {
        let mut sets = HashMap::new();
        if self.part.scope_bytes == 0 {
            return Ok(sets);
        }
        let list = File::open(self.part.scope_path())?.take(self.part.scope_bytes);
        for line in BufReader::new(list).lines() {
            let line = line?;
            let (parent, first) = line.split_once(' ').ok_or_else(|| broken_list(&line))?;
            let fingerprint = sight::key_fingerprint([&Cell::Text(parent.into())].into_iter());
            if sight::bucket(fingerprint, count) == bucket {
                let first = first.parse().map_err(|_| broken_list(&line))?;
                sets.insert(parent.to_owned(), first);
            }
        }
        Ok(sets)
    }

    /// Without a key nothing meets; only rows of complete sets go.
    pub(super) fn append_all(&mut self) -> io::Result<()> {
        let left_out = (0..self.part.rows).filter(|&row| self.decided.left_out.has(row)).count() as u64;
        self.decided.appended = self.part.rows - left_out;
        self.decided.outcomes.added = self.decided.appended;
        if self.part.scope.is_none() {
            return Ok(());
        }
        let lens = self.lens(Depth::Keys);
        for (file, first_row) in self.first_rows.clone().into_iter().enumerate() {
            sight::scan_file(
                self.table.home.storage,
                &self.path(file),
                file as u64,
                &lens,
                |there| match self.scoped.has(first_row + there.row) {
                    true => self.act_on_set(&there),
                    false => Ok(()),
                },
            )?;
        }
        Ok(())
    }
}

fn broken_list(line: &str) -> io::Error {
    let message = format!("{line:?} is no parent with the number of a row");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
