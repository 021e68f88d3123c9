//! When something starts by itself: schedules, what is due, what follows a failure, and the scheduler's tick.
//!
//! Everything but [`tick`] is a pure function of what is passed; `tick` works on a [`achub_core::port::jobs::JobStore`]
//! alone. Nothing here waits: the daemon calls it again.

mod calendar;
mod cron;
mod due;
mod failure;
mod form;
mod suggestion;
#[cfg(test)]
mod tests;
mod text;
mod tick;

use std::fmt;

use achub_core::{Code, Error};
use jiff::{Timestamp, tz::TimeZone};

pub use due::{Due, MISSED_MAX, Moved, adopt, decide_due, resume};
pub use failure::{Failure, Then, after_failure};
pub use form::{Days, Form};
pub use suggestion::{Impact, Measured, Suggestion, suggest};
pub use tick::{Begun, Passed, Tick, Trouble, tick};

use cron::Cron;

/// How many times [`Schedule::next_five`] gives.
const SHOWN: usize = 5;
/// Nanoseconds of a second.
const SECOND_NS: i128 = 1_000_000_000;

/// When something starts by itself. Two are equal where they were written the same and mean the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    when: When,
    missed: Missed,
    form: Form,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    /// Every so many seconds, counted from a moment.
    Every { seconds: i64, from: Timestamp },
    /// At times of day in a zone.
    Calendar { cron: Cron, zone: TimeZone },
}

/// What becomes of times that passed while nothing could start: the machine was off, or asleep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missed {
    /// One run catches up for all of them.
    #[default]
    Once,
    /// Nothing does; the next time counts.
    Skip,
}

impl Missed {
    /// The word that is typed and stored.
    pub fn word(self) -> &'static str {
        match self {
            Missed::Once => "once",
            Missed::Skip => "skip",
        }
    }
}

impl Schedule {
    /// Reads a schedule in one line:
    ///
    /// - `every 15 minutes`, `every 2 hours`, `every hour`, `every 2 hours from 2026-01-01T00:10:00Z`
    /// - `daily at 06:10 in Europe/Berlin`, `weekly on monday, friday at 06:10`
    /// - `cron 10 6 * * 1-5 in Europe/Berlin`
    ///
    /// each with `, missed: skip` behind it where nothing should catch up. Without a zone it is UTC.
    /// Errors: `CF-109` that names what is wrong.
    pub fn parse(line: &str) -> Result<Schedule, Error> {
        text::form(line)
            .and_then(|form| form::read(&form))
            .map_err(|why| fault(format!("cannot read the schedule {line:?}: {why}")))
    }

    /// Reads a schedule from its keys in a project file.
    ///
    /// Errors: `CF-109` that names the key and what is wrong with it.
    pub fn from_form(form: &Form) -> Result<Schedule, Error> {
        form::read(form).map_err(|why| fault(format!("cannot read the schedule: {why}")))
    }

    /// Reads what [`Schedule::to_json`] gave.
    ///
    /// Errors: `CF-109`, also where the zone has gone from this machine.
    pub fn from_json(definition: &serde_json::Value) -> Result<Schedule, Error> {
        let form: Form = serde_json::from_value(definition.clone())
            .map_err(|cause| fault(format!("cannot read the schedule: {cause}")))?;
        Schedule::from_form(&form)
    }

    /// The schedule as it is stored: its [`Form`].
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.form).expect("a form is texts")
    }

    /// Its keys, with what was left out put in.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// What becomes of missed times.
    pub fn missed(&self) -> Missed {
        self.missed
    }

    /// The first time after `after`. `None` only at the end of all calendars.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Every { seconds, from } => step(*from, *seconds, after, 1),
            When::Calendar { cron, zone } => calendar::next(cron, zone, after),
        }
    }

    /// The last time at or before `until`. `None` where there was none.
    pub fn previous(&self, until: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Every { seconds, from } => step(*from, *seconds, until, 0),
            When::Calendar { cron, zone } => calendar::previous(cron, zone, until),
        }
    }

    /// The next five times after `after`, in order, none twice.
    pub fn next_five(&self, after: Timestamp) -> Vec<Timestamp> {
        self.times(after).take(SHOWN).collect()
    }

    /// All times after `after`, in order, none twice.
    pub fn times(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(after), |last| self.next(*last))
    }
}

impl fmt::Display for Schedule {
    /// The line that [`Schedule::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::line(&self.form))
    }
}

/// The step of `seconds` since `from` in which `moment` lies, and `further` steps on. Steps reach back before `from` too:
/// it says where they lie, not when they begin.
fn step(from: Timestamp, seconds: i64, moment: Timestamp, further: i128) -> Option<Timestamp> {
    let length = i128::from(seconds) * SECOND_NS;
    let passed = (moment.as_nanosecond() - from.as_nanosecond()).div_euclid(length);
    Timestamp::from_nanosecond(from.as_nanosecond() + (passed + further) * length).ok()
}

fn fault(message: String) -> Error {
    Error::new(Code::BadSchedule, message)
}
