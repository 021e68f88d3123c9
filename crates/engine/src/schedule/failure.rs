//! What follows a run that failed: again soon, again with the next due time, or nothing until somebody mends it.

use achub_core::{Code, code::Class};
use jiff::{SignedDuration, Timestamp};

/// Pause between tries while the other side cannot be reached (AB-141).
const RETRY_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// How long it is tried (AB-141).
const RETRY_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Pause before a try where somebody else was at the same records, or held what the run needs.
const BUSY_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// A run that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// How.
    pub code: Code,
    /// When.
    pub at: Timestamp,
    /// When the first of the tries that failed one after the other did; the same as `at` for the first.
    pub first_at: Timestamp,
    /// Not before this moment, where the other side named one.
    pub retry_at: Option<Timestamp>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// The same run again, not before this moment.
    Again {
        /// The moment.
        at: Timestamp,
        /// Why, in one sentence.
        why: &'static str,
    },
    /// Nothing by itself before the schedule is due again.
    WaitForSchedule {
        /// Why, in one sentence.
        why: &'static str,
    },
    /// The schedule is paused until a person has mended something; somebody has to be told.
    Stop {
        /// Why, in one sentence.
        why: &'static str,
    },
}

/// What follows a failure (AB-141).
///
/// Network trouble is tried again every 5 minutes for an hour, counted from the first failure. A rate limit waits by
/// itself, as long as it takes. Credentials that are refused stop the schedule. Everything else would fail the same way
/// again, and waits for the next due time. The run goes on where it was: what it committed stays.
pub fn after_failure(failure: &Failure) -> Then {
    let later = |pause| {
        let soon = failure.at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        failure.retry_at.map_or(soon, |named| named.max(soon))
    };
    let within_an_hour = later(RETRY_PAUSE).duration_since(failure.first_at) <= RETRY_FOR;
    match (failure.code, failure.code.page().class) {
        (Code::SlowDown, _) => Then::Again {
            at: later(RETRY_PAUSE),
            why: "the other side asked to slow down; it goes on by itself",
        },
        (_, Class::Credentials) => Then::Stop { why: "the credentials were refused; reconnect, then resume" },
        (_, Class::Unreachable) if within_an_hour => Then::Again {
            at: later(RETRY_PAUSE),
            why: "the other side cannot be reached; it is tried every 5 minutes for an hour",
        },
        (_, Class::Unreachable) => {
            Then::WaitForSchedule { why: "the other side could not be reached for an hour" }
        }
        (Code::LostLease, _) => Then::WaitForSchedule { why: "another process took over and goes on" },
        (_, Class::Busy) if within_an_hour => {
            Then::Again { at: later(BUSY_PAUSE), why: "another run holds what this one needs" }
        }
        (_, Class::Busy) => Then::WaitForSchedule { why: "another run held what this one needs for an hour" },
        (_, Class::Interrupted) => Then::WaitForSchedule { why: "it was stopped at a safe point" },
        (_, Class::Refused) => Then::WaitForSchedule { why: "it finished, with rows that were refused" },
        (_, Class::Guard) => Then::WaitForSchedule { why: "a guard stopped it; somebody has to look" },
        (_, Class::Usage | Class::Failed) => {
            Then::WaitForSchedule { why: "it would fail the same way until something is mended" }
        }
    }
}
