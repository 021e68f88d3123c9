//! What is due, what follows a failure, how often is suggested.

use achub_core::{Code, JobName, port::jobs::ScheduleState};

use super::{at, schedule};
use crate::schedule::{
    Due, Failure, Impact, MISSED_MAX, Measured, Moved, Then, adopt, after_failure, decide_due, resume,
    suggest,
};

fn state(line: &str, next: &str, last: Option<&str>) -> ScheduleState {
    ScheduleState {
        job: JobName::new("import:shop"),
        definition: schedule(line).to_json(),
        next_at: Some(at(next)),
        last_at: last.map(at),
        paused: false,
    }
}

fn start(due: &str, missed: u64, next: &str) -> Due {
    Due::Start { due_at: at(due), missed, next: Some(at(next)) }
}

/// I-03: what is due after being on time, late, asleep, and paused.
#[test]
fn due_times_start_once_or_are_skipped() {
    let hourly = "every hour";
    let skip = "every hour, missed: skip";
    let daily = "daily at 02:30 in Europe/Berlin";
    for (line, next, last, now, expected) in [
        (hourly, "2026-03-01T11:00:00Z", None, "2026-03-01T10:59:59Z", Due::NotYet),
        (
            hourly,
            "2026-03-01T11:00:00Z",
            None,
            "2026-03-01T11:00:00Z",
            start("2026-03-01T11:00:00Z", 0, "2026-03-01T12:00:00Z"),
        ),
        // Asleep for eight hours.
        (
            hourly,
            "2026-03-01T11:00:00Z",
            None,
            "2026-03-01T19:20:00Z",
            start("2026-03-01T19:00:00Z", 8, "2026-03-01T20:00:00Z"),
        ),
        (
            skip,
            "2026-03-01T11:00:00Z",
            None,
            "2026-03-01T19:20:00Z",
            Due::Skipped {
                missed: 9,
                last: at("2026-03-01T19:00:00Z"),
                next: Some(at("2026-03-01T20:00:00Z")),
            },
        ),
        // Awake within five minutes of a due time: that one is on time.
        (
            skip,
            "2026-03-01T11:00:00Z",
            None,
            "2026-03-01T19:05:00Z",
            start("2026-03-01T19:00:00Z", 8, "2026-03-01T20:00:00Z"),
        ),
        // Over the change of clocks.
        (
            daily,
            "2026-03-29T01:30:00Z",
            Some("2026-03-28T01:30:00Z"),
            "2026-03-29T01:30:01Z",
            start("2026-03-29T01:30:00Z", 0, "2026-03-30T00:30:00Z"),
        ),
    ] {
        let due = decide_due(&state(line, next, last), &schedule(line), at(now));
        assert_eq!(due, expected, "{line} at {now}");
    }
}

#[test]
fn pause_holds_and_is_not_made_up() {
    let mut paused = state("every hour", "2026-03-01T11:00:00Z", None);
    paused.paused = true;
    let (hourly, now) = (schedule("every hour"), at("2026-03-03T09:10:00Z"));

    assert_eq!(decide_due(&paused, &hourly, now), Due::NotYet);
    let resumed = resume(&paused, &hourly, now);
    assert_eq!(resumed.next_at, Some(at("2026-03-03T10:00:00Z")));
    assert_eq!(decide_due(&resumed, &hourly, now), Due::NotYet);
}

#[test]
fn missed_times_are_counted_up_to_a_limit() {
    let line = "every 1 minute";
    let due =
        decide_due(&state(line, "2020-01-01T00:00:00Z", None), &schedule(line), at("2026-01-01T00:00:00Z"));

    assert_eq!(due, start("2026-01-01T00:00:00Z", MISSED_MAX, "2026-01-01T00:01:00Z"));
}

/// I-01: a clock that goes back starts nothing twice, and one that was years ahead does not stop a schedule for years.
#[test]
fn clock_that_jumps_neither_doubles_nor_stalls() {
    let line = "every hour";
    let started = state(line, "2026-03-01T12:00:00Z", Some("2026-03-01T11:00:00Z"));
    let decide = |state: &ScheduleState, now| decide_due(state, &schedule(line), at(now));

    assert_eq!(decide(&started, "2026-03-01T10:10:00Z"), Due::NotYet);
    assert_eq!(decide(&started, "2026-03-01T11:00:00Z"), Due::NotYet);
    assert_eq!(
        decide(&started, "2026-03-01T12:00:00Z"),
        start("2026-03-01T12:00:00Z", 0, "2026-03-01T13:00:00Z")
    );
    let next = Some(at("2000-01-01T01:00:00Z"));
    let back = decide(&started, "2000-01-01T00:10:00Z");
    assert_eq!(back, Due::Moved { next, why: Moved::ClockWentBack });
    // Moved once, it stays until it is due; the start that lies ahead no longer counts.
    let moved = back.remembered(&started);
    assert_eq!(decide(&moved, "2000-01-01T00:20:00Z"), Due::NotYet);
    assert_eq!(
        decide(&moved, "2000-01-01T01:00:10Z"),
        start("2000-01-01T01:00:00Z", 0, "2000-01-01T02:00:00Z")
    );
}

/// I-05: a next time that was computed by other rules of a zone is computed anew.
#[test]
fn changed_rules_move_the_next_time() {
    let line = "daily at 02:30 in Europe/Berlin";
    let old = state(line, "2026-03-29T00:30:00Z", Some("2026-03-28T01:30:00Z"));

    let due = decide_due(&old, &schedule(line), at("2026-03-28T12:00:00Z"));
    assert_eq!(due, Due::Moved { next: Some(at("2026-03-29T01:30:00Z")), why: Moved::Rules });
}

#[test]
fn changed_schedule_begins_anew() {
    let (job, now) = (JobName::new("import:shop"), at("2026-03-01T10:20:00Z"));
    let old = state("every hour", "2026-02-01T11:00:00Z", Some("2026-02-01T10:00:00Z"));

    assert_eq!(adopt(Some(&old), &job, &schedule("every hour"), now), None);
    let adopted = adopt(Some(&old), &job, &schedule("every 2 hours"), now).unwrap();
    assert_eq!(adopted.next_at, Some(at("2026-03-01T12:00:00Z")));
    assert_eq!(adopted.last_at, old.last_at);
    assert_eq!(adopt(None, &job, &schedule("every hour"), now).unwrap().last_at, None);
}

fn failed(code: Code, minutes_since_first: i64) -> Then {
    let at = at("2026-03-01T10:00:00Z");
    let first_at = at - jiff::SignedDuration::from_mins(minutes_since_first);
    after_failure(&Failure { code, at, first_at, retry_at: None })
}

fn again_at(then: &Then) -> Option<String> {
    match then {
        Then::Again { at, .. } => Some(at.to_string()),
        _ => None,
    }
}

/// AB-141: every 5 minutes for an hour; rate limits wait by themselves; a refused key stops the schedule and says so.
#[test]
fn failures_are_followed_by_what_mends_them() {
    let soon = Some("2026-03-01T10:05:00Z".to_owned());
    for code in [Code::NetworkBlocked, Code::NameNotFound, Code::ServerError, Code::TargetUnreachable] {
        assert_eq!(again_at(&failed(code, 0)), soon, "{}", code.id());
        assert_eq!(again_at(&failed(code, 55)), soon, "{}", code.id());
        assert!(matches!(failed(code, 56), Then::WaitForSchedule { .. }), "{}", code.id());
    }
    assert_eq!(again_at(&failed(Code::SlowDown, 600)), soon);
    for code in [Code::KeyRefused, Code::AccountSuspended, Code::TargetSignIn] {
        assert!(matches!(failed(code, 0), Then::Stop { .. }), "{}", code.id());
    }
    for code in [Code::TableChanged, Code::LostLease, Code::StoppedSafely, Code::TooMuchGone, Code::BadFile] {
        assert!(matches!(failed(code, 0), Then::WaitForSchedule { .. }), "{}", code.id());
    }
    assert_eq!(again_at(&failed(Code::ChangedMeanwhile, 0)), Some("2026-03-01T10:01:00Z".to_owned()));
}

#[test]
fn twelve_tries_fill_the_hour() {
    let first_at = at("2026-03-01T10:00:00Z");
    let (mut tries, mut now) = (0, first_at);
    while let Then::Again { at, .. } =
        after_failure(&Failure { code: Code::NetworkBlocked, at: now, first_at, retry_at: None })
    {
        (tries, now) = (tries + 1, at);
    }

    assert_eq!((tries, now), (12, at("2026-03-01T11:00:00Z")));
}

#[test]
fn named_moment_of_the_other_side_counts() {
    let at = at("2026-03-01T10:00:00Z");
    let retry_at = Some("2026-03-01T10:42:00Z".parse().unwrap());
    let then = after_failure(&Failure { code: Code::SlowDown, at, first_at: at, retry_at });

    assert_eq!(again_at(&then), Some("2026-03-01T10:42:00Z".to_owned()));
}

/// AB-70, AB-71, AB-72.
#[test]
fn size_suggests_how_often() {
    for (people, hours, impact) in [
        (0, (2, 4), Impact::Low),
        (9_999, (2, 4), Impact::Low),
        (10_000, (6, 12), Impact::Medium),
        (50_000, (6, 12), Impact::Medium),
        (50_001, (24, 24), Impact::Managed),
    ] {
        let suggestion = suggest(people, None);
        assert_eq!((suggestion.from_hours, suggestion.to_hours), hours, "{people}");
        assert_eq!((suggestion.impact, suggestion.estimate_minutes), (impact, None), "{people}");
    }
}

#[test]
fn measured_requests_make_our_own_estimate() {
    let estimate =
        |requests| suggest(60_000, Some(&Measured { requests, requests_per_second: 4.0 })).estimate_minutes;
    assert_eq!(estimate(15), Some(15));
    assert_eq!(estimate(521), Some(30));
    assert_eq!(estimate(2_000), Some(120));
    assert_eq!(estimate(1_000_000), Some(1_440));
    let sentence = suggest(60_000, Some(&Measured { requests: 521, requests_per_second: 4.0 })).sentence;
    assert_eq!(
        sentence,
        "for 60000 contacts every 24 hours is usual (managed impact on the API); a run takes 521 requests, about 3 min, so every 30 minutes would use at most 10 % of the account's requests"
    );
}
