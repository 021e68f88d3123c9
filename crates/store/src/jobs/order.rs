//! In which order runs have their turn.

use std::{collections::BTreeMap, time::Duration};

use achub_core::{RunId, port::jobs::Trigger};
use jiff::{SignedDuration, Timestamp};

use super::desk::{RunRow, RunState};

/// The runs that wait, the next one first: by trigger and age; of equals the one that was asked for first.
///
/// A run that follows one that was put back comes after it, however urgent it is.
pub(super) fn turns(runs: &BTreeMap<RunId, RunRow>, ageing: Duration, now: Timestamp) -> Vec<RunId> {
    let ageing = SignedDuration::try_from(ageing).unwrap_or(SignedDuration::MAX);
    let own = |run: &RunRow| (class(run, ageing, now), run.queued_at);
    let key = |run: &RunRow| {
        let before = runs.values().filter(|other| precedes(other, run)).map(own).max();
        (own(run).max(before.unwrap_or((0, Timestamp::MIN))), before.is_some())
    };
    let mut waiting: Vec<_> = runs
        .iter()
        .filter(|(_, run)| run.state != RunState::Working)
        .map(|(id, run)| (key(run), id.clone()))
        .collect();
    waiting.sort();
    waiting.into_iter().map(|(_, id)| id).collect()
}

/// The more urgent of two triggers.
pub(super) fn more_urgent(one: Trigger, other: Trigger) -> Trigger {
    if rank(other) < rank(one) { other } else { one }
}

fn precedes(other: &RunRow, run: &RunRow) -> bool {
    other.job == run.job && other.state == RunState::PutBack && run.state == RunState::Waiting
}

/// The class a run goes with: its trigger's, less one for each time it has waited longer than `ageing`.
fn class(run: &RunRow, ageing: SignedDuration, now: Timestamp) -> i32 {
    let waited = now.duration_since(run.queued_at);
    let own = rank(run.trigger);
    let gained = (1..=own).rev().find(|classes| waited > ageing.saturating_mul(*classes));
    own - gained.unwrap_or(0)
}

/// 0 for the most urgent.
fn rank(trigger: Trigger) -> i32 {
    match trigger {
        Trigger::Person => 0,
        Trigger::Event => 1,
        Trigger::Schedule => 2,
        Trigger::Backfill => 3,
    }
}
