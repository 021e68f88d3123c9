//! How a stream is read by a run, and why.

use achub_core::{
    Error, StreamName, WalkName,
    planted::{self, Bug},
    port::{
        source::{StreamInfo, Wanted},
        target::{AbsenceAction, Checkpoints, LoadMode, MergeStrategy, Tally, Target},
    },
};
use jiff::Timestamp;

use crate::{
    checking::Due,
    passes::{self, Pass},
    replication::{Anchor, Mode, Range, Replication, StreamTask},
    tables::Placement,
};

/// How far an incremental run reads back behind the start of the one before: changes that ActiveCampaign made visible
/// late, and clocks that differ, fall into it.
pub(crate) const OVERLAP: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// How far a cursor may lie in the future and still be one: clocks differ, but not by more than this.
const AHEAD_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// The cursor as far as it is to be believed. One from a clock that runs ahead is held back to now. One that lies further in
/// the future, from a record with a wrong date or from a clock that was set right since, says nothing about what was read.
fn usable(cursor: Timestamp, now: Timestamp) -> Option<Timestamp> {
    if planted::is_planted(Bug::FutureCursorKept) {
        return Some(cursor);
    }
    (cursor <= now + AHEAD_MAX).then(|| cursor.min(now))
}

/// How a stream is read by a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// Nothing is read; the table is made without rows.
    DefinitionOnly,
    /// Nothing is read; the table that is there stays as it is.
    LeftAlone,
    /// Everything, into a table that is made anew, emptied, or appended to.
    Everything,
    /// Changes since a moment.
    Changes,
    /// Everything, merged as it comes. `into_nothing`: the table is missing or empty.
    First {
        /// Nothing is in the table, so that what is landed is all there is.
        into_nothing: bool,
    },
    /// Everything, collected aside as the landing wants it of every stream.
    Collected,
    /// Everything, collected aside and compared with the table. `due_since`: what changed before should have landed.
    Compared {
        /// Where the run before ended.
        due_since: Option<Timestamp>,
    },
    /// Everything, compared with the rows that are there; others are left to the next run that reads changes. For a
    /// start date, which leaves out records that a complete read shows.
    KnownRows,
    /// Changes of one window after the other.
    Windows(Vec<Window>),
}

/// A span of time: at or after the first moment, before the second.
pub(crate) type Window = (Option<Timestamp>, Option<Timestamp>);

impl Reading {
    /// The pass of its walk; `window` counts those of a backfill.
    pub(crate) fn pass(&self, window: usize) -> Pass {
        match self {
            Reading::Compared { .. } | Reading::KnownRows => Pass::Check,
            Reading::Windows(windows) => Pass::Window(windows.get(window).and_then(|window| window.0)),
            Reading::DefinitionOnly
            | Reading::LeftAlone
            | Reading::Everything
            | Reading::Changes
            | Reading::Collected
            | Reading::First { .. } => Pass::Plain,
        }
    }

    /// Whether a run that ends well knows all the stream's keys. `resumed`: the walk goes on from an earlier attempt.
    pub(crate) fn shows_all(&self, resumed: bool) -> bool {
        match self {
            Reading::Collected | Reading::Compared { .. } | Reading::KnownRows => true,
            Reading::First { into_nothing } => *into_nothing || resumed,
            Reading::DefinitionOnly
            | Reading::LeftAlone
            | Reading::Everything
            | Reading::Changes
            | Reading::Windows(_) => false,
        }
    }

    /// Whether all records are asked for, for the plan.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Reading::Everything
            | Reading::First { .. }
            | Reading::Collected
            | Reading::Compared { .. }
            | Reading::KnownRows => true,
            Reading::DefinitionOnly | Reading::LeftAlone | Reading::Changes | Reading::Windows(_) => false,
        }
    }
}

/// What a decision about a stream rests on.
pub(crate) struct Ground<'a> {
    pub(crate) replication: &'a Replication,
    pub(crate) checkpoints: &'a Checkpoints,
    pub(crate) target: &'a dyn Target,
    pub(crate) now: Timestamp,
}

/// What is asked of the source for a stream, and how it is to land.
pub(crate) struct Decision {
    pub(crate) reading: Reading,
    /// `None` where nothing is read; the first window of several.
    pub(crate) wanted: Option<Wanted>,
}

impl Ground<'_> {
    /// Decides how `task` is read. `due`: whether its family is to be read as a whole.
    pub(crate) async fn decide(
        &self,
        task: &StreamTask,
        info: &StreamInfo,
        placement: &Placement,
        due: &Due,
    ) -> Result<Decision, Error> {
        if task.table_wish.ignore_existing && self.rows(placement).await?.is_some() {
            return Ok(Decision { reading: Reading::LeftAlone, wanted: None });
        }
        let all = Wanted { row_limit: task.row_limit, skip: task.skip, ..Wanted::all(task.stream.clone()) };
        match task.mode {
            Mode::DefinitionOnly => Ok(Decision { reading: Reading::DefinitionOnly, wanted: None }),
            Mode::FullRefresh | Mode::Truncate | Mode::Snapshot => {
                Ok(Decision { reading: Reading::Everything, wanted: Some(all) })
            }
            Mode::Backfill => Ok(self.windows(task, all)),
            Mode::Incremental if is_tracked(info, self.replication) => {
                self.changes(task, info, placement, due, all).await
            }
            Mode::Incremental => self.whole(info, placement, all).await,
        }
    }

    fn windows(&self, task: &StreamTask, all: Wanted) -> Decision {
        let range = task.range.unwrap_or(Range { from: None, until: None, step: None });
        let windows = windows(range, self.now);
        let (since, until) = windows[0];
        Decision { reading: Reading::Windows(windows), wanted: Some(Wanted { since, until, ..all }) }
    }

    async fn changes(
        &self,
        task: &StreamTask,
        info: &StreamInfo,
        placement: &Placement,
        due: &Due,
        all: Wanted,
    ) -> Result<Decision, Error> {
        let remembered = match self.checkpoints.cursors.get(&task.stream) {
            Some(cursor) => Some(*cursor),
            None if self.is_new_here() => self.newest_landed(task, info, placement).await?,
            None => None,
        };
        let Some(cursor) = remembered.and_then(|cursor| usable(cursor, self.now)) else {
            return match self.replication.anchor {
                Anchor::Since(start) => {
                    let wanted = Wanted { since: Some(start), count_left_out: true, ..all };
                    Ok(Decision { reading: Reading::Changes, wanted: Some(wanted) })
                }
                Anchor::Everything => self.whole(info, placement, all).await,
            };
        };
        let reading = match (due.is_now, self.replication.anchor) {
            (false, _) => Reading::Changes,
            (true, Anchor::Everything) => Reading::Compared { due_since: Some(cursor) },
            (true, Anchor::Since(_)) => Reading::KnownRows,
        };
        let since = (reading == Reading::Changes).then_some(cursor);
        Ok(Decision { reading, wanted: Some(Wanted { since, ..all }) })
    }

    /// Everything is read. Rows land as they come where nothing is there that they would have to be compared with.
    async fn whole(&self, info: &StreamInfo, placement: &Placement, all: Wanted) -> Result<Decision, Error> {
        let reading = if !self.replication.landing.as_you_go {
            Reading::Collected
        } else if self.is_unfinished(info, &Pass::Plain) {
            Reading::First { into_nothing: false }
        } else if self.is_unfinished(info, &Pass::Check) {
            Reading::Compared { due_since: None }
        } else {
            match self.rows(placement).await? {
                None | Some(0) => Reading::First { into_nothing: true },
                Some(_) => Reading::Compared { due_since: None },
            }
        };
        Ok(Decision { reading, wanted: Some(all) })
    }

    fn is_unfinished(&self, info: &StreamInfo, pass: &Pass) -> bool {
        let walks = [Some(&info.name), info.follows.as_ref().map(|(stream, _)| stream)];
        let mut walks = walks.into_iter().flatten().map(|stream| WalkName::new(stream.as_str()));
        walks.any(|walk| passes::is_unfinished(self.checkpoints, &walk, pass))
    }

    /// Rows in the stream's table; `None` where there is no such table.
    async fn rows(&self, placement: &Placement) -> Result<Option<u64>, Error> {
        let table = &placement.load.table;
        let tally = Tally {
            schema: table.schema.clone(),
            table: table.name.clone(),
            equals: None,
            null: None,
            by: None,
        };
        let counts = self.target.tally(&tally).await?;
        Ok(counts.map(|counts| counts.values().sum()))
    }

    /// Whether rows that are there were landed by somebody else. Rows of ours that land with every commit may be those of
    /// an interrupted run, in any order: their newest says nothing about what is missing.
    fn is_new_here(&self) -> bool {
        let nothing_known = self.checkpoints.walks.is_empty() && self.checkpoints.cursors.is_empty();
        !self.replication.landing.as_you_go && nothing_known
    }

    /// Where a table that another tool filled ends, less the overlap.
    async fn newest_landed(
        &self,
        task: &StreamTask,
        info: &StreamInfo,
        placement: &Placement,
    ) -> Result<Option<Timestamp>, Error> {
        let Some(field) = task.update_key.as_ref().or(info.cursor.as_ref()) else { return Ok(None) };
        let Some(column) = placement.column(field) else { return Ok(None) };
        let newest = self.target.newest(task.schema.as_deref(), &task.table, column).await?;
        Ok(newest.map(|newest| newest - OVERLAP))
    }
}

/// Whether changes of a stream can be asked for. One that follows another is only read so where its rows are replaced
/// parent by parent, which needs rows that land with every commit.
pub(crate) fn is_tracked(info: &StreamInfo, replication: &Replication) -> bool {
    info.cursor.is_some() || (info.follows.is_some() && replication.landing.as_you_go)
}

/// Sets on `placement` how rows that are read like this land.
pub(crate) fn settle(
    placement: &mut Placement,
    task: &StreamTask,
    update_field: Option<&str>,
    replication: &Replication,
    reading: &Reading,
) {
    let column = update_field.and_then(|field| placement.column_index(field));
    let load = &mut placement.load;
    load.mode = match (task.mode, reading) {
        (Mode::FullRefresh | Mode::DefinitionOnly, _) => LoadMode::Replace,
        (Mode::Truncate, _) => LoadMode::Truncate,
        (_, Reading::Changes | Reading::First { .. }) if replication.landing.as_you_go => {
            LoadMode::MergeAsYouGo
        }
        _ => LoadMode::MergeAtEnd,
    };
    if task.mode == Mode::Incremental && !load.table.key.is_empty() {
        let wished = task.table_wish.absence.clone();
        load.absence = wished.or_else(|| replication.landing.absence.clone());
    }
    match reading {
        Reading::Compared { due_since } => load.due_since = column.zip(*due_since),
        Reading::KnownRows => load.merge = MergeStrategy::UpdateOnly,
        _ => {}
    }
}

/// Whether rows that are gone stay in the table and are not marked.
pub(crate) fn keeps_gone_rows(load: &achub_core::port::target::TableLoad) -> bool {
    load.absence
        .as_ref()
        .is_none_or(|absence| absence.action == AbsenceAction::Report || absence.only.is_some())
}

/// The windows of `range`, oldest first; one where no step or no beginning is named.
fn windows(range: Range, now: Timestamp) -> Vec<Window> {
    let (Some(from), Some(step)) = (range.from, range.step.filter(|step| !step.is_zero())) else {
        return vec![(range.from, range.until)];
    };
    let end = range.until.unwrap_or(now);
    let mut windows = Vec::new();
    let mut begin = from;
    while begin < end {
        let next = begin.checked_add(step).map_or(end, |next| next.min(end));
        // The last window of an open range takes what comes in meanwhile, too.
        let until = if next < end { Some(next) } else { range.until };
        windows.push((Some(begin), until));
        begin = next;
    }
    if windows.is_empty() { vec![(Some(from), range.until)] } else { windows }
}

/// The stream whose records say when records of a stream changed; itself where it says so itself.
pub(crate) fn family(info: &StreamInfo) -> &StreamName {
    info.follows.as_ref().map_or(&info.name, |(stream, _)| stream)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::windows;
    use crate::replication::Range;

    fn at(day: &str) -> Timestamp {
        format!("2026-03-{day}T00:00:00Z").parse().expect("a timestamp")
    }

    #[test]
    fn windows_meet_without_gap_or_overlap() {
        let day = Some(Duration::from_secs(24 * 3_600));
        let two_days = Some(Duration::from_secs(48 * 3_600));
        let range = |from, until, step| Range { from, until, step };
        let cases = [
            (
                range(Some(at("01")), Some(at("03")), day),
                vec![(Some(at("01")), Some(at("02"))), (Some(at("02")), Some(at("03")))],
            ),
            (
                range(Some(at("01")), Some(at("04")), two_days),
                vec![(Some(at("01")), Some(at("03"))), (Some(at("03")), Some(at("04")))],
            ),
            (
                range(Some(at("08")), None, day),
                vec![(Some(at("08")), Some(at("09"))), (Some(at("09")), None)],
            ),
            (range(None, Some(at("03")), day), vec![(None, Some(at("03")))]),
            (range(Some(at("01")), Some(at("03")), None), vec![(Some(at("01")), Some(at("03")))]),
            (range(Some(at("03")), Some(at("03")), day), vec![(Some(at("03")), Some(at("03")))]),
        ];
        for (range, expected) in cases {
            assert_eq!(windows(range, at("10")), expected, "{range:?}");
        }
    }
}
