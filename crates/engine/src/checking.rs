//! When a stream that is read by changes is read as a whole, so that deletions and missed changes are found.

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

/// Whether the family of `root` is due, judged by its `members` that can be asked for changes.
///
/// An unfinished check is gone on with before anything else: changes that landed between its two halves would be written
/// over by the older rows of the first. An unfinished walk over changes is finished before a check begins.
pub(crate) fn due(
    replication: &Replication,
    checkpoints: &Checkpoints,
    root: &StreamName,
    members: &[&StreamTask],
    now: Timestamp,
) -> Due {
    let walk = WalkName::new(root.as_str());
    let is_partial = members.iter().any(|task| task.row_limit.is_some() || task.skip > 0);
    if members.is_empty() || is_partial || !members.iter().all(|task| can_be_checked(task, replication)) {
        return NEVER;
    }
    if is_unfinished(checkpoints, &walk, &Pass::Check) {
        return NOW;
    }
    let every = match replication.full_check {
        FullCheck::Now => return NOW,
        FullCheck::Never => return NEVER,
        FullCheck::Every(every) => every,
    };
    let checked = members.iter().map(|task| checkpoints.checked.get(&task.stream).copied());
    // A member without a check comes first: `None` is less than any moment.
    let Some(oldest) = checked.min().flatten() else {
        return if is_unfinished(checkpoints, &walk, &Pass::Plain) {
            Due { is_now: false, next: Some(now) }
        } else {
            NOW
        };
    };
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let Ok(next) = oldest.checked_add(every) else { return NEVER };
    let is_now = next <= now && !is_unfinished(checkpoints, &walk, &Pass::Plain);
    Due { is_now, next: (!is_now).then_some(next) }
}

/// Where a start date leaves out older records a complete read shows more than the table is meant to hold: only rows that
/// are there can be compared, which is of use only where something is done about those that are gone.
fn can_be_checked(task: &StreamTask, replication: &Replication) -> bool {
    let absence = task.table_wish.absence.as_ref().or(replication.landing.absence.as_ref());
    let has_key = task.primary_key.as_ref().is_none_or(|key| !key.is_empty());
    has_key && (replication.anchor == Anchor::Everything || absence.is_some())
}
