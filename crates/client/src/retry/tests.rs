//! The table of decisions, case by case.

use std::time::Duration;

use achub_api::decode::{Kind, Unreadable};
use achub_core::Code;
use http::{HeaderMap, Method, StatusCode};

use super::{Decision, Repeat, Tried, decide};
use crate::{
    chance::Chance,
    failure::Failure,
    limits::Limits,
    refusal,
    transport::{Stage, TransportError},
};

/// What is expected, with the longest pause in seconds.
#[derive(Debug, PartialEq)]
enum Expected {
    Wait(u64),
    Again(f64),
    Never(Code),
}

fn refused(status: u16, retry_after: Option<&str>, body: &str) -> Failure {
    let mut headers = HeaderMap::new();
    if let Some(said) = retry_after {
        headers.insert("retry-after", said.parse().unwrap());
    }
    Failure::Refused(refusal::read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes()))
}

fn broken(stage: Stage) -> Failure {
    Failure::Transport(TransportError::new(stage))
}

fn unreadable(kind: Kind) -> Failure {
    Failure::Unreadable(Unreadable::new(kind, "in a test"))
}

fn check(failure: &Failure, method: &Method, tried: Tried, expected: Expected) {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let limits = Limits::default();
    for seed in 0..50 {
        let decision = decide(failure, Repeat::of(method), tried, &limits, now, &Chance::seeded(seed));
        let as_expected = match (&decision, &expected) {
            (Decision::Wait(wait), Expected::Wait(seconds)) => *wait == Duration::from_secs(*seconds),
            (Decision::Again { pause, .. }, Expected::Again(most)) => pause.as_secs_f64() <= *most,
            (Decision::Never(code), Expected::Never(expected)) => code == expected,
            _ => false,
        };
        assert!(as_expected, "{failure:?} after {tried:?}, seed {seed}: {decision:?}, not {expected:?}");
    }
}

fn worked(attempts: u32) -> Tried {
    Tried { attempts, connection_worked: true, ..Tried::default() }
}

/// SL-41, SL-44, AB-141: what is passing on reading, and for how long.
#[test]
fn passing_failures_are_tried_again() {
    let cases = [
        (refused(500, None, ""), 1, Expected::Again(1.0)),
        (refused(502, None, "<html>"), 2, Expected::Again(2.0)),
        (refused(503, None, ""), 3, Expected::Again(4.0)),
        (refused(504, None, ""), 7, Expected::Again(64.0)),
        (refused(504, None, ""), 8, Expected::Never(Code::ServerError)),
        (refused(520, None, ""), 8, Expected::Never(Code::ServerError)),
        (refused(408, None, ""), 1, Expected::Again(1.0)),
        (refused(408, None, ""), 8, Expected::Never(Code::NetworkBlocked)),
        (refused(403, None, ""), 1, Expected::Again(0.5)),
        (refused(403, None, ""), 3, Expected::Again(2.0)),
        (refused(403, None, ""), 4, Expected::Never(Code::IntermittentlyForbidden)),
        (broken(Stage::Name), 1, Expected::Again(1.0)),
        (broken(Stage::Name), 8, Expected::Never(Code::NameNotFound)),
        (broken(Stage::Connect), 1, Expected::Again(1.0)),
        (broken(Stage::Idle), 8, Expected::Never(Code::NetworkBlocked)),
        (broken(Stage::Body), 1, Expected::Again(1.0)),
        (broken(Stage::Body), 8, Expected::Never(Code::AnswerCutOff)),
        (unreadable(Kind::CutOff), 1, Expected::Again(1.0)),
        (unreadable(Kind::NotJson { html: false }), 8, Expected::Never(Code::AnswerCutOff)),
        (unreadable(Kind::Shape), 8, Expected::Never(Code::AnswerCutOff)),
        (unreadable(Kind::Empty), 8, Expected::Never(Code::EmptyAnswer)),
        (unreadable(Kind::WrongPage), 3, Expected::Never(Code::PageStuck)),
        (unreadable(Kind::TooDeep), 2, Expected::Never(Code::AnswerTooLarge)),
        (Failure::TooLarge { limit: 1 }, 2, Expected::Never(Code::AnswerTooLarge)),
        (Failure::Page, 7, Expected::Again(64.0)),
        (Failure::Page, 8, Expected::Never(Code::NotTheApi)),
    ];
    for (failure, attempts, expected) in cases {
        check(&failure, &Method::GET, worked(attempts), expected);
    }
}

/// What nothing but a person can mend is not tried again.
#[test]
fn final_failures_are_not_repeated() {
    let cases = [
        (refused(400, None, r#"{"message":"no"}"#), Code::RequestRefused),
        (refused(401, None, ""), Code::KeyRefused),
        (refused(402, None, ""), Code::AccountSuspended),
        (refused(404, None, ""), Code::RequestRefused),
        (refused(407, None, ""), Code::NetworkBlocked),
        (refused(422, None, ""), Code::RequestRefused),
        (broken(Stage::Address), Code::AddressNotAllowed),
        (Failure::Redirected { location: String::new() }, Code::NotTheApi),
    ];
    for (failure, code) in cases {
        check(&failure, &Method::GET, worked(1), Expected::Never(code));
    }
}

/// A connection that never worked gives up sooner where a wrong address or key is likelier than a disturbance.
#[test]
fn fresh_connection_gives_up_sooner() {
    let fresh = |attempts| Tried { attempts, ..Tried::default() };
    let cases = [
        (refused(403, None, ""), 2, Expected::Again(1.0)),
        (refused(403, None, ""), 3, Expected::Never(Code::KeyRefused)),
        (refused(404, None, "<html>"), 1, Expected::Never(Code::NotTheApi)),
        (Failure::Page, 2, Expected::Never(Code::NotTheApi)),
        (broken(Stage::Name), 2, Expected::Never(Code::NameNotFound)),
        (broken(Stage::Secure), 2, Expected::Never(Code::CertificateRefused)),
        (broken(Stage::Connect), 7, Expected::Again(64.0)),
    ];
    for (failure, attempts, expected) in cases {
        check(&failure, &Method::GET, fresh(attempts), expected);
    }
}

/// SL-41, C-04: a wish to slow down waits as told and never counts; only the sum of the waits ends it.
#[test]
fn wishes_to_slow_down_are_obeyed() {
    let bulk = r#"{"success":0,"message":"Rate limit exceeded.","failureReasons":["too many"]}"#;
    let invalid = r#"{"success":0,"message":"Contact data is invalid.","failureReasons":[]}"#;
    let cases = [
        (refused(429, Some("5"), ""), Expected::Wait(5)),
        (refused(429, None, ""), Expected::Wait(4)),
        (refused(429, Some("86400"), ""), Expected::Wait(900)),
        (refused(503, Some("3"), ""), Expected::Wait(3)),
        (refused(400, None, bulk), Expected::Wait(4)),
        (refused(400, None, invalid), Expected::Never(Code::RequestRefused)),
    ];
    for (failure, expected) in cases {
        // Two wishes before, and more attempts than any other failure is given.
        let tried = Tried { attempts: 99, waits: 2, ..worked(99) };
        check(&failure, &Method::POST, tried, expected);
    }
    let mut dated = refused(429, Some("Fri, 20 Nov 2026 18:00:20 GMT"), "");
    if let Failure::Refused(refusal) = &mut dated {
        // Their clock is six hours ahead of ours.
        refusal.date = "2026-11-20T18:00:00Z".parse().ok();
    }
    check(&dated, &Method::GET, worked(1), Expected::Wait(20));
    let patient = Tried { waited: Duration::from_secs(3_590), ..worked(1) };
    check(&refused(429, Some("10"), ""), &Method::GET, patient, Expected::Wait(10));
    check(&refused(429, Some("11"), ""), &Method::GET, patient, Expected::Never(Code::SlowDown));
}

/// Invariant 6: after a lost answer only what can be repeated is repeated.
#[test]
fn creations_are_not_repeated_after_lost_answer() {
    let lost = [broken(Stage::Answer), broken(Stage::FirstByte), broken(Stage::Body), refused(502, None, "")];
    for failure in &lost {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            check(failure, &method, worked(1), Expected::Again(1.0));
        }
        for method in [Method::POST, Method::PATCH] {
            let now = "2026-11-20T12:00:00Z".parse().unwrap();
            let chance = Chance::seeded(1);
            let decision = decide(failure, Repeat::of(&method), worked(1), &Limits::default(), now, &chance);
            assert!(matches!(decision, Decision::Never(_)), "{method} after {failure}");
        }
    }
    for unsent in [broken(Stage::Connect), broken(Stage::Name), broken(Stage::Secure), refused(403, None, "")]
    {
        check(&unsent, &Method::POST, worked(1), Expected::Again(1.0));
    }
}

/// Pauses are spread over the whole range, or readers that failed together would come back together.
#[test]
fn pauses_are_spread_evenly() {
    let chance = Chance::seeded(7);
    let pauses: Vec<f64> = (0..1_000).map(|_| chance.up_to(Duration::from_secs(1)).as_secs_f64()).collect();
    for tenth in 0..10 {
        let from = f64::from(tenth) / 10.0;
        let within = pauses.iter().filter(|pause| (from..from + 0.1).contains(*pause)).count();
        assert!((60..=140).contains(&within), "{within} of 1000 in the {tenth}th tenth, seed 7");
    }
}
