//! Times of day in a zone, as moments: what becomes of them when clocks are changed.
//!
//! A time that a forward change leaves out is moved by the length of the gap: 02:30 becomes 03:30, once, also where that is
//! a time of its own. A time that a backward change brings twice counts the first time only, unless every hour of the day
//! is meant: then the schedule goes on through the second one, since it means elapsed time.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use crate::schedule::cron::Cron;

/// How many days are searched: 29 February can be 8 years away, where a century has none.
const DAYS_MAX: u32 = 8 * 366 + 2;
/// No zone is further from UTC (jiff keeps offsets below 26 hours).
const OFFSET_HOURS_MAX: i64 = 26;

/// The first moment after `after`.
pub(super) fn next(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    // A time of yesterday may have been moved out of a gap at midnight.
    let mut day = zone.to_datetime(after).date().yesterday().ok()?;
    for _ in 0..DAYS_MAX {
        let following = day.tomorrow().ok()?;
        if let Some(found) = first_of(cron, zone, day, after) {
            // Where a day ends in a gap, its times may come after those of the next day.
            let rival = match constant_offset(zone, day) {
                Some(_) => None,
                None => first_of(cron, zone, following, after),
            };
            return Some(rival.map_or(found, |rival| rival.min(found)));
        }
        day = following;
    }
    None
}

/// The last moment not after `until`.
pub(super) fn previous(cron: &Cron, zone: &TimeZone, until: Timestamp) -> Option<Timestamp> {
    let mut day = zone.to_datetime(until).date();
    for _ in 0..DAYS_MAX {
        let before = day.yesterday().ok()?;
        if let Some(found) = last_of(cron, zone, day, until) {
            let rival = match constant_offset(zone, before) {
                Some(_) => None,
                None => last_of(cron, zone, before, until),
            };
            return Some(rival.map_or(found, |rival| rival.max(found)));
        }
        day = before;
    }
    None
}

fn first_of(cron: &Cron, zone: &TimeZone, day: Date, after: Timestamp) -> Option<Timestamp> {
    if !cron.is_on(day) {
        return None;
    }
    let Some(offset) = constant_offset(zone, day) else {
        return moments(cron, zone, day).into_iter().find(|moment| *moment > after);
    };
    let civil = offset.to_datetime(after);
    let minute = match civil.date() {
        date if date > day => return None,
        date if date < day => 0,
        _ => minute_of(civil) + 1,
    };
    let minute = (minute..24 * 60).find(|minute| is_at(cron, *minute))?;
    at(day, minute, offset)
}

fn last_of(cron: &Cron, zone: &TimeZone, day: Date, until: Timestamp) -> Option<Timestamp> {
    if !cron.is_on(day) {
        return None;
    }
    let Some(offset) = constant_offset(zone, day) else {
        return moments(cron, zone, day).into_iter().rfind(|moment| *moment <= until);
    };
    let civil = offset.to_datetime(until);
    let minute = match civil.date() {
        date if date < day => return None,
        date if date > day => 24 * 60 - 1,
        _ => minute_of(civil),
    };
    let minute = (0..=minute).rev().find(|minute| is_at(cron, *minute))?;
    at(day, minute, offset)
}

fn minute_of(civil: DateTime) -> u32 {
    u32::from(civil.hour().unsigned_abs()) * 60 + u32::from(civil.minute().unsigned_abs())
}

fn is_at(cron: &Cron, minute: u32) -> bool {
    cron.hours >> (minute / 60) & 1 == 1 && cron.minutes >> (minute % 60) & 1 == 1
}

fn civil(day: Date, minute: u32) -> DateTime {
    let part = |number: u32| i8::try_from(number).expect("an hour or a minute is below 60");
    day.at(part(minute / 60), part(minute % 60), 0, 0)
}

fn at(day: Date, minute: u32, offset: Offset) -> Option<Timestamp> {
    offset.to_timestamp(civil(day, minute)).ok()
}

/// The offset of a zone all through a day and well around it; `None` where clocks are changed nearby.
fn constant_offset(zone: &TimeZone, day: Date) -> Option<Offset> {
    let start = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    let from = start.checked_sub(OFFSET_HOURS_MAX.hours()).ok()?;
    let to = start.checked_add((24 + OFFSET_HOURS_MAX).hours()).ok()?;
    match zone.following(from).next() {
        Some(change) if change.timestamp() <= to => None,
        _ => Some(zone.to_offset(from)),
    }
}

/// All moments of a day on which clocks may be changed, in order, each once.
fn moments(cron: &Cron, zone: &TimeZone, day: Date) -> Vec<Timestamp> {
    let mut moments: Vec<Timestamp> = (0..24 * 60)
        .filter(|minute| is_at(cron, *minute))
        .flat_map(|minute| placed(zone, civil(day, minute), cron.is_hourly()))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// The moments at which a zone's clocks show a time.
fn placed(zone: &TimeZone, civil: DateTime, is_hourly: bool) -> Vec<Timestamp> {
    let (first, second) = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, None),
        AmbiguousOffset::Gap { before, .. } => (before, None),
        AmbiguousOffset::Fold { before, after } => (before, is_hourly.then_some(after)),
    };
    [Some(first), second].into_iter().flatten().filter_map(|offset| offset.to_timestamp(civil).ok()).collect()
}
