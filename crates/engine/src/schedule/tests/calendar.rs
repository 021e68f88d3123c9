//! Moments of schedules: zones, gaps, rare days, and a search minute by minute.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use proptest::prelude::*;

use super::{at, schedule};
use crate::schedule::{Schedule, cron::Cron};

fn next_times(line: &str, after: &str, count: usize) -> Vec<String> {
    schedule(line).times(at(after)).take(count).map(|time| time.to_string()).collect()
}

#[test]
fn intervals_are_counted_from_their_anchor() {
    for (line, after, expected) in [
        ("every 15 minutes", "2026-03-01T10:07:30Z", "2026-03-01T10:15:00Z"),
        ("every 15 minutes", "2026-03-01T10:15:00Z", "2026-03-01T10:30:00Z"),
        ("every hour", "2026-03-01T10:59:59.999999999Z", "2026-03-01T11:00:00Z"),
        ("every 2 hours from 2026-01-01T00:10:00Z", "2026-03-01T10:09:59Z", "2026-03-01T10:10:00Z"),
        ("every 2 hours from 2026-06-01T00:10:00Z", "2026-03-01T10:10:00Z", "2026-03-01T12:10:00Z"),
        ("every 5 minutes", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(next_times(line, after, 1), [expected], "{line} after {after}");
    }
}

#[test]
fn next_five_are_in_order() {
    let times =
        schedule("weekly on friday, monday at 6:10 in Europe/Berlin").next_five(at("2026-03-26T00:00:00Z"));

    let times: Vec<String> = times.iter().map(Timestamp::to_string).collect();
    assert_eq!(
        times,
        [
            "2026-03-27T05:10:00Z",
            "2026-03-30T04:10:00Z",
            "2026-04-03T04:10:00Z",
            "2026-04-06T04:10:00Z",
            "2026-04-10T04:10:00Z",
        ]
    );
}

/// I-02: daylight saving forward in six zones, at a time that is left out: once, moved by the gap.
#[test]
fn times_in_a_gap_are_moved_by_it() {
    for (zone, time, before, expected, then) in [
        ("Europe/Berlin", "02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
        ("America/New_York", "02:30", "2026-03-07T12:00:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"),
        (
            "America/Los_Angeles",
            "02:30",
            "2026-03-07T12:00:00Z",
            "2026-03-08T10:30:00Z",
            "2026-03-09T09:30:00Z",
        ),
        // 02:00 to 02:30 is left out: half an hour.
        (
            "Australia/Lord_Howe",
            "02:10",
            "2026-10-03T00:00:00Z",
            "2026-10-03T15:40:00Z",
            "2026-10-04T15:10:00Z",
        ),
        ("Europe/London", "01:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
        // Midnight itself is left out.
        ("America/Santiago", "00:00", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
    ] {
        let line = format!("daily at {time} in {zone}");
        assert_eq!(next_times(&line, before, 2), [expected, then], "{line}");
    }
}

/// I-02: daylight saving backward in six zones, at a time that comes twice: the first time only.
#[test]
fn times_that_come_twice_count_once() {
    for (zone, time, before, expected, then) in [
        ("Europe/Berlin", "02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("America/New_York", "01:30", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
        (
            "America/Los_Angeles",
            "01:30",
            "2026-10-31T12:00:00Z",
            "2026-11-01T08:30:00Z",
            "2026-11-02T09:30:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "01:45",
            "2026-04-03T16:00:00Z",
            "2026-04-04T14:45:00Z",
            "2026-04-05T15:15:00Z",
        ),
        ("Europe/London", "01:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("America/Santiago", "23:30", "2026-04-04T12:00:00Z", "2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"),
    ] {
        let line = format!("daily at {time} in {zone}");
        assert_eq!(next_times(&line, before, 2), [expected, then], "{line}");
    }
}

#[test]
fn hourly_goes_through_both_repeated_hours() {
    assert_eq!(
        next_times("cron 30 * * * * in Europe/Berlin", "2026-10-24T23:45:00Z", 3),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
    );
    assert_eq!(
        next_times("cron 30 * * * * in Europe/Berlin", "2026-03-28T23:45:00Z", 3),
        ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"]
    );
}

/// I-02: `31st`, leap day, and the rule of two restricted fields of days.
#[test]
fn rare_days_are_found() {
    for (cron, after, expected) in [
        ("0 6 31 * *", "2026-03-31T06:00:00Z", "2026-05-31T06:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("0 0 13 * fri", "2026-03-02T00:00:00Z", "2026-03-06T00:00:00Z"),
        ("0 0 30 2 1", "2026-03-02T00:00:00Z", "2027-02-01T00:00:00Z"),
        ("0 0 * * 7", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"),
        ("*/20 9-17/4 1 jan,jul *", "2026-01-01T09:40:00Z", "2026-01-01T13:00:00Z"),
        ("@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
    ] {
        assert_eq!(next_times(&format!("cron {cron}"), after, 1), [expected], "{cron}");
    }
}

/// Samoa had no 30 December 2011: what was due on it comes with the next day, once.
#[test]
fn day_that_never_was_starts_nothing_twice() {
    assert_eq!(
        next_times("daily at 06:10 in Pacific/Apia", "2011-12-29T10:00:00Z", 3),
        ["2011-12-29T16:10:00Z", "2011-12-30T16:10:00Z", "2011-12-31T16:10:00Z"]
    );
}

fn offset_seconds(zone: &TimeZone, moment: Timestamp) -> i64 {
    i64::from(zone.to_offset(moment).seconds())
}

/// Every minute of a year is asked whether it is a time of the schedule, from offsets alone.
fn brute_force(cron: &Cron, zone: &TimeZone, from: Timestamp, to: Timestamp) -> BTreeSet<Timestamp> {
    let is_on = |moment: Timestamp, offset: i64| {
        let civil = TimeZone::UTC.to_datetime(moment.checked_add(offset.seconds()).unwrap());
        cron.is_on(civil.date())
            && cron.hours >> civil.hour() & 1 == 1
            && cron.minutes >> civil.minute() & 1 == 1
    };
    let mut found = BTreeSet::new();
    let mut offset = offset_seconds(zone, from);
    let mut change = (from, 0_i64);
    let mut moment = from;
    while moment < to {
        // Clocks are changed at quarters of an hour, in all zones of these years.
        let now = if moment.as_second() % 900 == 0 { offset_seconds(zone, moment) } else { offset };
        if now != offset {
            change = (moment, now - offset);
            offset = now;
        }
        let since = moment.as_second() - change.0.as_second();
        let is_repeated = change.1 < 0 && since < -change.1;
        let was_left_out = change.1 > 0 && since < change.1;
        if is_on(moment, offset) && (!is_repeated || cron.is_hourly())
            || was_left_out && is_on(moment, offset - change.1)
        {
            found.insert(moment);
        }
        moment = moment.checked_add(1.minute()).unwrap();
    }
    found
}

fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    let number = min..=max;
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => number.clone().prop_map(|number| number.to_string()),
        1 => (2..=(max - min) / 2 + 1).prop_map(|step| format!("*/{step}")),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (number.clone(), number).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

fn crons() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
        .prop_filter("comes true", |text| Cron::parse(text).is_ok())
}

const ZONES: [&str; 3] = ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"];

fn zoned(cron: &str, zone: &str) -> Schedule {
    schedule(&format!("cron {cron} in {zone}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn times_equal_those_found_minute_by_minute(cron in crons(), zone in prop::sample::select(ZONES.to_vec())) {
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-02T00:00:00Z"));
        let expected = brute_force(&Cron::parse(&cron).unwrap(), &TimeZone::get(zone).unwrap(), from, to);
        let just_before = from.checked_sub(1.second()).unwrap();
        let found: Vec<Timestamp> =
            zoned(&cron, zone).times(just_before).take_while(|time| *time < to).collect();
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn times_rise_and_previous_finds_them(
        cron in crons(),
        zone in prop::sample::select(ZONES.to_vec()),
        second in 1_760_000_000_i64..1_830_000_000,
    ) {
        let schedule = zoned(&cron, zone);
        let mut last = Timestamp::from_second(second).unwrap();
        for time in schedule.times(last).take(12) {
            prop_assert!(time > last, "{time} after {last}");
            prop_assert_eq!(schedule.previous(time), Some(time));
            if last.as_second() != second {
                prop_assert_eq!(schedule.previous(time.checked_sub(1.nanosecond()).unwrap()), Some(last));
            }
            last = time;
        }
    }
}
