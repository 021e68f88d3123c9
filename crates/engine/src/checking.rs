//! When a stream that is read by changes is read as a whole, so that deletions and missed changes are found.

use std::time::Duration;

use achub_core::{StreamName, WalkName, port::target::Checkpoints};
use jiff::{SignedDuration, Timestamp};

use crate::{
    passes::{Pass, is_unfinished},
    replication::{Anchor, FullCheck, Replication, StreamTask},
};

/// Whether a family of streams, those that follow one another, is to be read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// In this run.
    pub(crate) is_now: bool,
    /// When the next one is due where it is not in this run; `None` where none ever is.
    pub(crate) next: Option<Timestamp>,
}

/// There is nothing to check.
pub(crate) const NEVER: Due = Due { is_now: false, next: None };
const NOW: Due = Due { is_now: true, next: None };

/// Streams that are read as a whole together.
pub(crate) struct Family<'a> {
    /// The stream whose records say when those of the others changed.
    pub(crate) root: &'a StreamName,
    /// Those that can be asked for changes.
    pub(crate) members: &'a [&'a StreamTask],
    /// The last check left rows for the next one to decide about.
    pub(crate) is_waiting: bool,
}

/// Whether `family` is due.
///
/// An unfinished check is gone on with before anything else: changes that landed between its two halves would be written
/// over by the older rows of the first. An unfinished walk over changes is finished before a check begins. Rows that were
/// seen gone once are looked at by the next run: what is gone should not be counted as there for another week.
pub(crate) fn due(
    replication: &Replication,
    checkpoints: &Checkpoints,
    family: &Family<'_>,
    now: Timestamp,
) -> Due {
    let Family { root, members, is_waiting } = family;
    let walk = WalkName::new(root.as_str());
    let is_partial = members.iter().any(|task| task.row_limit.is_some() || task.skip > 0);
    if members.is_empty() || is_partial || !members.iter().all(|task| can_be_checked(task, replication)) {
        return NEVER;
    }
    if is_unfinished(checkpoints, &walk, &Pass::Check) {
        return NOW;
    }
    let every = match soonest(replication, members) {
        FullCheck::Now => return NOW,
        FullCheck::Never => return NEVER,
        FullCheck::Every(every) => every,
    };
    let begins = !is_unfinished(checkpoints, &walk, &Pass::Plain);
    let checked = members.iter().map(|task| checkpoints.checked.get(&task.stream).copied());
    // A member without a check comes first: `None` is less than any moment.
    let next = match checked.min().flatten().filter(|_| !is_waiting) {
        None => now,
        Some(oldest) => {
            let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
            let Ok(next) = oldest.checked_add(every) else { return NEVER };
            next
        }
    };
    let is_now = next <= now && begins;
    Due { is_now, next: (!is_now).then_some(next) }
}

/// What the most eager of `members` asks for.
fn soonest(replication: &Replication, members: &[&StreamTask]) -> FullCheck {
    let asked = members.iter().map(|task| task.full_check.unwrap_or(replication.full_check));
    asked
        .min_by_key(|check| match check {
            FullCheck::Now => (0, Duration::ZERO),
            FullCheck::Every(every) => (1, *every),
            FullCheck::Never => (2, Duration::ZERO),
        })
        .unwrap_or(replication.full_check)
}

/// Where a start date leaves out older records a complete read shows more than the table is meant to hold: only rows that
/// are there can be compared, which is of use only where something is done about those that are gone.
fn can_be_checked(task: &StreamTask, replication: &Replication) -> bool {
    let absence = task.table_wish.absence.as_ref().or(replication.landing.absence.as_ref());
    let has_key = task.primary_key.as_ref().is_none_or(|key| !key.is_empty());
    has_key && (replication.anchor == Anchor::Everything || absence.is_some())
}
