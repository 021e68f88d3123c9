//! Days and instants as conditions write them, fixed or counted from now.

use achub_core::condition::{Comparison, Condition, Literal, Subject};
use jiff::{
    Span, Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// A time that was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    /// All of a day in UTC.
    Day(Date),
    /// One instant.
    Instant(Timestamp),
}

impl Moment {
    /// `2026-01-31`, `2026-01-31T10:00:00Z`; without a zone it is UTC.
    pub(super) fn parse(text: &str) -> Option<Moment> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(Moment::Instant(instant));
        }
        if text.len() == "2026-01-31".len() {
            return text.parse::<Date>().ok().map(Moment::Day);
        }
        let civil = text.parse::<DateTime>().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| Moment::Instant(zoned.timestamp()))
    }

    /// `today` and its neighbours, and `now`.
    pub(super) fn of_word(word: &str, now: Timestamp) -> Option<Moment> {
        let today = now.to_zoned(TimeZone::UTC).date();
        Some(match word.to_ascii_lowercase().as_str() {
            "now" => Moment::Instant(now),
            "today" => Moment::Day(today),
            "yesterday" => Moment::Day(today.yesterday().ok()?),
            "tomorrow" => Moment::Day(today.tomorrow().ok()?),
            _ => return None,
        })
    }

    /// So many units before now, or after it where `count` is negative. `None` where no calendar reaches.
    pub(super) fn ago(count: i64, unit: Unit, now: Timestamp) -> Option<Moment> {
        let span = unit.span(count)?;
        let then = now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
        Some(Moment::Instant(then.timestamp()))
    }

    /// The day it is, or lies on, in UTC.
    pub(super) fn day(self) -> Date {
        match self {
            Moment::Day(day) => day,
            Moment::Instant(instant) => instant.to_zoned(TimeZone::UTC).date(),
        }
    }

    /// When it begins.
    pub(super) fn start(self) -> Option<Timestamp> {
        match self {
            Moment::Day(day) => Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp()),
            Moment::Instant(instant) => Some(instant),
        }
    }
}

/// A unit in which time is counted from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    /// The unit of a word, in the singular or the plural.
    pub(super) fn find(word: &str) -> Option<Unit> {
        Some(match word.to_ascii_lowercase().trim_end_matches('s') {
            "minute" => Unit::Minutes,
            "hour" => Unit::Hours,
            "day" => Unit::Days,
            "week" => Unit::Weeks,
            "month" => Unit::Months,
            "year" => Unit::Years,
            _ => return None,
        })
    }

    fn span(self, count: i64) -> Option<Span> {
        let span = 0.seconds();
        match self {
            Unit::Minutes => span.try_minutes(count),
            Unit::Hours => span.try_hours(count),
            Unit::Days => span.try_days(count),
            Unit::Weeks => span.try_weeks(count),
            Unit::Months => span.try_months(count),
            Unit::Years => span.try_years(count),
        }
        .ok()
    }
}

/// The condition that `subject`, an instant, stands in this order to a time. A day counts as a whole: what is later than
/// a day begins after it, what is at most a day ends with it. `None` at the end of all calendars.
pub(super) fn compare(subject: &Subject, comparison: Comparison, moment: Moment) -> Option<Condition> {
    let at = |comparison, instant| Condition::Compare(subject.clone(), comparison, Literal::Instant(instant));
    let day = match moment {
        Moment::Instant(instant) => return Some(at(comparison, instant)),
        Moment::Day(day) => day,
    };
    let start = moment.start()?;
    let end = Moment::Day(day.tomorrow().ok()?).start()?;
    Some(match comparison {
        Comparison::Equals => Condition::All(vec![at(Comparison::AtLeast, start), at(Comparison::Less, end)]),
        Comparison::Less => at(Comparison::Less, start),
        Comparison::AtMost => at(Comparison::Less, end),
        Comparison::Greater => at(Comparison::AtLeast, end),
        Comparison::AtLeast => at(Comparison::AtLeast, start),
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => return None,
    })
}
