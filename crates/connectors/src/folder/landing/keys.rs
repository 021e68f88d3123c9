//! Rows that are there meet the collected ones of their keys, or nobody.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
};

use achub_core::port::target::AbsenceAction;

use crate::folder::{
    landing::Comparison,
    meeting::{Arrival, Ending, Fate},
    sight::Sight,
};

/// Where rows of the same keys meet.
#[derive(Default)]
pub(super) struct MeetingPlace {
    pub(super) arrivals: HashMap<u128, Arrival>,
    /// Keys of rows that were shown and put aside.
    pub(super) aside: HashSet<u128>,
    /// Keys of rows that were not shown and have been met.
    absent: HashSet<u128>,
    /// Keys that were missing before, and were not shown now.
    pub(super) missing: HashSet<u128>,
}

impl Comparison<'_> {
    /// A row that is there meets the collected one of its key, or nobody.
    pub(super) fn meet(
        &mut self,
        bucket: &mut MeetingPlace,
        there: &Sight,
        is_scoped: bool,
        waiting: &mut impl Write,
    ) -> io::Result<()> {
        let strategy = self.strategy();
        if let Some(arrival) = bucket.arrivals.get_mut(&there.key) {
            return match arrival.meet(there, strategy) {
                Some(fate) => self.give(there, fate),
                None => Ok(()),
            };
        }
        if bucket.aside.contains(&there.key) {
            return Ok(());
        }
        if is_scoped && self.absent.acts_on_sets() {
            return self.act_on_set(there);
        }
        if there.is_gone() {
            return Ok(());
        }
        // Of several versions of a row the first one counts for all.
        let is_first = bucket.absent.insert(there.key);
        if self.absent.is_due(bucket.missing.contains(&there.key)) {
            if is_first && self.absent.action() == AbsenceAction::Report {
                waiting.write_all(&there.key.to_le_bytes())?;
            }
            return self.act(there, is_first);
        }
        if is_first && self.absent.waits() {
            self.absent.waiting += 1;
            self.decided.outcomes.held += 1;
            waiting.write_all(&there.key.to_le_bytes())?;
        }
        Ok(())
    }

    /// Does what is done about a row that its parent's complete set lacks. Where rows are deleted, those that were only
    /// marked before go, too.
    pub(super) fn act_on_set(&mut self, there: &Sight) -> io::Result<()> {
        match there.is_gone() && self.absent.action() != AbsenceAction::Delete {
            true => Ok(()),
            false => self.act(there, true),
        }
    }

    /// Does what is done about a row that is gone at the source.
    fn act(&mut self, there: &Sight, counts: bool) -> io::Result<()> {
        self.absent.gone += u64::from(counts);
        let fate = match self.absent.action() {
            AbsenceAction::Report => {
                self.decided.outcomes.held += u64::from(counts);
                return Ok(());
            }
            AbsenceAction::Mark => Fate::Mark,
            AbsenceAction::Delete => Fate::Drop,
        };
        self.decided.outcomes.removed += u64::from(counts);
        self.give(there, fate)
    }

    /// Counts what became of the collected rows of a bucket.
    pub(super) fn end(&mut self, bucket: MeetingPlace, waiting: &mut impl Write) -> io::Result<()> {
        let strategy = self.strategy();
        for arrival in bucket.arrivals.values() {
            let row = arrival.sight.row;
            let is_late = !arrival.sight.is_due();
            let outcomes = &mut self.decided.outcomes;
            let is_appended = match arrival.end(strategy) {
                Ending::Added => {
                    outcomes.added += 1;
                    self.absent.missing += u64::from(is_late);
                    true
                }
                Ending::Appended => {
                    outcomes.changed += 1;
                    self.absent.different += u64::from(is_late);
                    self.decided.changed.set(row);
                    true
                }
                Ending::Replaced => {
                    outcomes.changed += 1;
                    self.absent.different += u64::from(is_late);
                    false
                }
                Ending::Same(is_appended) => {
                    outcomes.same += 1;
                    is_appended
                }
                Ending::Skipped => {
                    outcomes.skipped += 1;
                    false
                }
            };
            self.decided.appended += u64::from(is_appended);
            if !is_appended {
                self.decided.left_out.set(row);
            }
        }
        if !self.absent.renews_list() {
            for key in bucket.missing {
                waiting.write_all(&key.to_le_bytes())?;
            }
        }
        Ok(())
    }
}
