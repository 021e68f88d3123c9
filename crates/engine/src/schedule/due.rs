//! What is due: decided from what is remembered, the schedule and the time, and nothing else.

use achub_core::{name::JobName, port::jobs::ScheduleState};
use jiff::{SignedDuration, Timestamp};

use crate::schedule::{Missed, Schedule};

/// Whoever looks this long after a due time still counts as on time: a scheduler that was busy, or started again.
const ON_TIME: SignedDuration = SignedDuration::from_mins(5);
/// A start that lies further ahead than this was made under a wrong clock, and binds nobody. Up to here a clock that went
/// back just lives through the same times again, and nothing starts twice.
const CLOCK_BACK_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Missed times are counted up to here.
pub const MISSED_MAX: u64 = 10_000;

/// What a scheduler has to do about a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing now.
    NotYet,
    /// Remember another next time; nothing starts.
    Moved {
        /// The next time.
        next: Option<Timestamp>,
        /// Why it moved.
        why: Moved,
    },
    /// Start a run, once.
    Start {
        /// The time it is started for: the last one that came.
        due_at: Timestamp,
        /// How many times before that one passed without a start; at most [`MISSED_MAX`] are counted.
        missed: u64,
        /// The next time.
        next: Option<Timestamp>,
    },
    /// Times passed, and the schedule wants none of them made up.
    Skipped {
        /// How many; at most [`MISSED_MAX`] are counted.
        missed: u64,
        /// The last of them.
        last: Timestamp,
        /// The next time.
        next: Option<Timestamp>,
    },
}

impl Due {
    /// What is remembered from now on, in place of `before`.
    pub fn remembered(&self, before: &ScheduleState) -> ScheduleState {
        let (next_at, last_at) = match self {
            Due::NotYet => (before.next_at, before.last_at),
            Due::Moved { next, why: Moved::Rules } => (*next, before.last_at),
            // A start under a wrong clock would hold back all others until its time comes.
            Due::Moved { next, why: Moved::ClockWentBack } => (*next, None),
            Due::Start { due_at, next, .. } => (*next, Some(*due_at)),
            // The last time that passed counts as used: a clock that goes back does not bring it again.
            Due::Skipped { last, next, .. } => (*next, Some(*last)),
        };
        ScheduleState { next_at, last_at, ..before.clone() }
    }
}

/// Why the next time of a schedule is another than was remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The schedule gives another one now: the rules of its zone changed.
    Rules,
    /// The last start lies more than a day ahead of now: the clock was wrong then, or is now.
    ClockWentBack,
}

/// The state with which a schedule begins, or goes on where it is the one that is remembered. `None` where nothing has to
/// be written.
///
/// A changed schedule begins anew: times that the old one left open are forgotten, the pause stays.
pub fn adopt(
    remembered: Option<&ScheduleState>,
    job: &JobName,
    schedule: &Schedule,
    now: Timestamp,
) -> Option<ScheduleState> {
    let definition = schedule.to_json();
    if remembered.is_some_and(|state| state.definition == definition) {
        return None;
    }
    Some(ScheduleState {
        job: job.clone(),
        definition,
        next_at: schedule.next(now),
        last_at: remembered.and_then(|state| state.last_at),
        paused: remembered.is_some_and(|state| state.paused),
    })
}

/// The state of a schedule that goes on after a pause. Times that passed in it are not made up.
pub fn resume(state: &ScheduleState, schedule: &Schedule, now: Timestamp) -> ScheduleState {
    ScheduleState { paused: false, next_at: schedule.next(now), ..state.clone() }
}

/// What is due at `now`.
pub fn decide_due(state: &ScheduleState, schedule: &Schedule, now: Timestamp) -> Due {
    if state.paused {
        return Due::NotYet;
    }
    // After a start nothing up to that time starts again, whatever the clock says.
    let from = match state.last_at {
        Some(last) if last.duration_since(now) > CLOCK_BACK_MAX => {
            return Due::Moved { next: schedule.next(now), why: Moved::ClockWentBack };
        }
        Some(last) => last.max(now),
        None => now,
    };
    match state.next_at {
        Some(next_at) if next_at <= now => overdue(schedule, next_at, now),
        remembered => {
            let next = schedule.next(from);
            if remembered == next { Due::NotYet } else { Due::Moved { next, why: Moved::Rules } }
        }
    }
}

/// At least one time has come.
fn overdue(schedule: &Schedule, next_at: Timestamp, now: Timestamp) -> Due {
    // The remembered time itself counts even where the rules have moved it since.
    let due_at = schedule.previous(now).map_or(next_at, |last| last.max(next_at));
    let next = schedule.next(now);
    let before = match due_at == next_at {
        true => 0,
        false => {
            1 + schedule.times(next_at).take_while(|time| *time < due_at).take(MISSED_MAX as usize).count()
                as u64
        }
    };
    let is_late = now.duration_since(due_at) > ON_TIME;
    match schedule.missed() {
        Missed::Skip if is_late => Due::Skipped { missed: (before + 1).min(MISSED_MAX), last: due_at, next },
        Missed::Once | Missed::Skip => Due::Start { due_at, missed: before.min(MISSED_MAX), next },
    }
}
