//! The connection test: six checks, each failure with its own code, within five seconds.

use std::{collections::HashSet, sync::Arc, time::Duration};

use achub_client::{Check, Checks, Pace, Stage, StepResult, TransportError, check};
use achub_core::Code;
use tokio::time::Instant;

use crate::account::{Account, Process, Received, Reply};

const USER: &str = r#"{"user":{"id":"1","username":"admin","firstName":"Mia","lastName":"Muster"}}"#;

fn about_me(one: &Received) -> bool {
    one.path == "/api/3/users/me"
}

fn rows(one: &Received) -> Reply {
    let stream = one.path.rsplit('/').next().unwrap();
    let total = if stream == "deals" { "7" } else { "\"1204\"" };
    Reply::new(200, format!(r#"{{"{stream}":[{{"id":"1"}}],"meta":{{"total":{total}}}}}"#))
}

fn well(one: &Received) -> Reply {
    if about_me(one) { Reply::new(200, USER).after(Duration::from_millis(312)) } else { rows(one) }
}

async fn checked(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> (Checks, Arc<Account>) {
    let account = Account::new(script);
    let client = Process::new().client(&account, Pace::Auto);
    (check(&client).await, account)
}

fn failed(checks: &Checks) -> Option<(Check, Code)> {
    checks.steps.iter().find_map(|step| match &step.result {
        StepResult::Failed(error) => Some((step.check, error.code())),
        StepResult::Passed(_) | StepResult::NotReached => None,
    })
}

/// A good connection passes all six checks and tells whose key it is and what it sees, for five requests.
#[tokio::test(start_paused = true)]
async fn good_connection_passes_six_checks() {
    let (checks, account) = checked(well).await;

    assert!(checks.passed());
    let told: Vec<String> = checks
        .steps
        .iter()
        .map(|step| match &step.result {
            StepResult::Passed(told) => format!("{}: {told}", step.check),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            "address is allowed: https://acme.api-us1.com",
            "name resolves: acme.api-us1.com",
            "secure connection: yes",
            "ActiveCampaign answers: in 312 ms",
            "key accepted: as Mia Muster",
            "may read: 1204 contacts, 1204 lists, 1204 tags, 7 deals",
        ]
    );
    assert_eq!(account.received().len(), 5);
    assert!(checks.notes.is_empty());
}

/// AB-130, AB-131, AB-132, EV-22, EV-24, EV-25, U4: every cause fails its own check with its own code within 5 s.
#[tokio::test(start_paused = true)]
async fn every_cause_fails_its_own_check() {
    let page = "<!doctype html><title>Sign in</title>";
    let broken = |stage| Reply::broken(TransportError::new(stage));
    type Case = (&'static str, Box<dyn Fn(&Received) -> Reply + Send + Sync>, Check, Code);
    let cases: Vec<Case> = vec![
        (
            "address",
            Box::new(move |_| broken(Stage::Address)),
            Check::AddressAllowed,
            Code::AddressNotAllowed,
        ),
        ("name", Box::new(move |_| broken(Stage::Name)), Check::NameResolves, Code::NameNotFound),
        ("connect", Box::new(move |_| broken(Stage::Connect)), Check::SecureConnection, Code::NetworkBlocked),
        (
            "certificate",
            Box::new(move |_| broken(Stage::Secure)),
            Check::SecureConnection,
            Code::CertificateRefused,
        ),
        (
            "silence",
            Box::new(|_| Reply::ok().after(Duration::from_secs(99))),
            Check::Answers,
            Code::NetworkBlocked,
        ),
        ("page", Box::new(move |_| Reply::new(200, page)), Check::Answers, Code::NotTheApi),
        ("page with 404", Box::new(move |_| Reply::new(404, page)), Check::Answers, Code::NotTheApi),
        ("another API", Box::new(|_| Reply::new(200, r#"{"ok":true}"#)), Check::Answers, Code::NotTheApi),
        ("another API's 404", Box::new(|_| Reply::new(404, "{}")), Check::Answers, Code::NotTheApi),
        ("nothing", Box::new(|_| Reply::new(200, "")), Check::Answers, Code::NotTheApi),
        (
            "redirect",
            Box::new(|_| Reply::new(301, "").with("location", "/")),
            Check::Answers,
            Code::NotTheApi,
        ),
        ("trouble", Box::new(move |_| Reply::new(502, page)), Check::Answers, Code::ServerError),
        ("busy", Box::new(|_| Reply::too_many("30")), Check::Answers, Code::SlowDown),
        (
            "key",
            Box::new(|_| Reply::new(403, r#"{"message":"Forbidden"}"#)),
            Check::KeyAccepted,
            Code::KeyRefused,
        ),
        ("unpaid", Box::new(|_| Reply::new(402, "")), Check::KeyAccepted, Code::AccountSuspended),
    ];
    let mut texts = HashSet::new();
    for (what, script, expected_check, expected_code) in cases {
        let begun = Instant::now();
        let (checks, _) = checked(script).await;

        assert_eq!(failed(&checks), Some((expected_check, expected_code)), "{what}");
        assert!(begun.elapsed() <= Duration::from_secs(5), "{what}: {:?}", begun.elapsed());
        let reached = |step: &achub_client::Step| !matches!(step.result, StepResult::NotReached);
        assert_eq!(
            checks.steps.iter().filter(|step| reached(step)).count(),
            expected_check as usize + 1,
            "{what}"
        );
        texts.insert(expected_code.page().title);
    }
    assert_eq!(texts.len(), 9, "each code has a sentence of its own");
}

/// A first 403 is asked twice more before the key is called dead; one success among them saves it.
#[tokio::test(start_paused = true)]
async fn key_is_refused_after_three_tries() {
    let (dead, account) = checked(|_| Reply::new(403, "")).await;
    let (alive, _) = checked(|one| if one.number < 3 { Reply::new(403, "") } else { well(one) }).await;

    assert_eq!(failed(&dead), Some((Check::KeyAccepted, Code::KeyRefused)));
    assert_eq!(account.received().len(), 3);
    assert!(alive.passed());
}

/// EV-24: a key that works but may not read something says what, and what it may read.
#[tokio::test(start_paused = true)]
async fn missing_right_names_the_stream() {
    let (checks, _) = checked(|one| {
        if one.path.ends_with("/lists") { Reply::new(403, r#"{"errors":[{"status":403,"title":"Forbidden","detail":"You do not have permission to view lists."}]}"#) } else { well(one) }
    })
    .await;

    assert_eq!(failed(&checks), Some((Check::MayRead, Code::NotAllowed)));
    let text = checks.failure().unwrap().to_string();
    assert!(
        text.starts_with("may not read lists: ") && text.contains("You do not have permission"),
        "{text}"
    );
    let readable: Vec<bool> = checks.readable.iter().map(|one| one.records.is_ok()).collect();
    assert_eq!(readable, [true, false, true, true]);
}

/// Reduced deal rows (activecampaign-api.md §11.4) are no failure, but said.
#[tokio::test(start_paused = true)]
async fn reduced_deals_are_noted() {
    let (checks, _) = checked(|one| {
        let reduced = r#"{"deals":[{"id":"1","isDisabled":true}],"meta":{"total":3}}"#;
        if one.path.ends_with("/deals") { Reply::new(200, reduced) } else { well(one) }
    })
    .await;

    assert!(checks.passed());
    assert_eq!(checks.notes, ["the key sees some deals only in part, its user lacks a right in a pipeline"]);
}
