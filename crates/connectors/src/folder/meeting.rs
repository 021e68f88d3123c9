//! What becomes of a collected row and the rows of its key that are there, by merge strategy.

use achub_core::port::target::MergeStrategy;

use crate::folder::{sight::Sight, spill::Record};

/// What becomes of a row that is there; one that is not named stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes.
    Drop,
    /// It is marked as gone at the source.
    Mark,
    /// It loses that mark.
    Unmark,
    /// The collected row that begins at this byte takes its place; columns it does not have keep their values.
    Replace(u64),
}

/// The fate of one row of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) file: u64,
    pub(crate) row: u64,
    pub(crate) fate: Fate,
}

impl Record for Verdict {
    const BYTES: usize = 25;

    fn put(&self, bytes: &mut Vec<u8>) {
        let (kind, offset) = match self.fate {
            Fate::Drop => (0, 0),
            Fate::Mark => (1, 0),
            Fate::Replace(offset) => (2, offset),
            Fate::Unmark => (3, 0),
        };
        bytes.extend(self.file.to_le_bytes());
        bytes.extend(self.row.to_le_bytes());
        bytes.push(kind);
        bytes.extend(u64::to_le_bytes(offset));
    }

    fn take(bytes: &[u8]) -> Verdict {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let fate = match bytes[16] {
            0 => Fate::Drop,
            1 => Fate::Mark,
            3 => Fate::Unmark,
            _ => Fate::Replace(number(17)),
        };
        Verdict { file: number(0), row: number(8), fate }
    }
}

/// A collected row, the last of its key, while it meets the rows of that key that are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) sight: Sight,
    met: Met,
    /// When the newest row of its key that is there was loaded.
    newest: i64,
}

/// What a collected row has met so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Nobody,
    /// A row with the same contents, which stays.
    Same,
    /// A row with other contents.
    Other,
    /// A row that was marked as gone, and is left alone otherwise.
    Gone,
}

/// What becomes of a collected row in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is appended, its key was not there.
    Added,
    /// It is appended, its key was there with other contents.
    Appended,
    /// It took the place of a row.
    Replaced,
    /// The table says the same already; with `true` it is appended all the same.
    Same(bool),
    /// The strategy leaves it out.
    Skipped,
}

impl Arrival {
    pub(crate) fn new(sight: Sight) -> Arrival {
        Arrival { sight, met: Met::Nobody, newest: i64::MIN }
    }

    /// Meets a row of its key; says what becomes of that row, `None` where it stays.
    pub(crate) fn meet(&mut self, there: &Sight, strategy: MergeStrategy) -> Option<Fate> {
        let is_same = self.sight.content == there.content && !there.is_gone();
        match strategy {
            MergeStrategy::Upsert | MergeStrategy::UpdateOnly => self.take_place(is_same),
            MergeStrategy::DeleteInsert => {
                self.met = if is_same { Met::Same } else { Met::Other };
                Some(Fate::Drop)
            }
            MergeStrategy::InsertOnly if there.is_gone() => {
                self.met = Met::Gone;
                Some(Fate::Unmark)
            }
            MergeStrategy::InsertOnly => {
                self.met = if is_same { Met::Same } else { Met::Other };
                None
            }
            MergeStrategy::History => {
                if self.met == Met::Nobody || there.order >= self.newest {
                    self.newest = there.order;
                    self.met = if is_same { Met::Same } else { Met::Other };
                }
                None
            }
        }
    }

    fn take_place(&mut self, is_same: bool) -> Option<Fate> {
        match (self.met, is_same) {
            (Met::Nobody | Met::Same, true) => {
                self.met = Met::Same;
                None
            }
            (Met::Nobody, false) => {
                self.met = Met::Other;
                Some(Fate::Replace(self.sight.place))
            }
            // One row of the key is right, or has been made right; the others are old versions.
            (Met::Same, false) | (Met::Other | Met::Gone, _) => Some(Fate::Drop),
        }
    }

    /// What becomes of it once it has met all.
    pub(crate) fn end(&self, strategy: MergeStrategy) -> Ending {
        match (self.met, strategy) {
            (Met::Nobody, MergeStrategy::UpdateOnly) => Ending::Skipped,
            (Met::Nobody, _) => Ending::Added,
            (Met::Gone, _) => Ending::Replaced,
            (Met::Same, strategy) => Ending::Same(strategy == MergeStrategy::DeleteInsert),
            (Met::Other, MergeStrategy::InsertOnly) => Ending::Skipped,
            (Met::Other, MergeStrategy::DeleteInsert | MergeStrategy::History) => Ending::Appended,
            (Met::Other, MergeStrategy::Upsert | MergeStrategy::UpdateOnly) => Ending::Replaced,
        }
    }
}
