//! Mistakes planted on purpose: each is found by the same look that finds nothing without it. The list is
//! `docs/planted-bugs.md`.

use std::{sync::Arc, time::Duration};

use achub_client::Pace;
use achub_core::{
    Value,
    planted::{Bug, plant},
    port::progress::Silent,
};
use achub_engine::{
    Stop,
    replication::{FullCheck, Landing, Mode, Range},
};
use achub_sim::{Latency, Rate, Settings};
use achub_testkit::crash::{Crashing, Fuse, Moment};
use serde_json::json;

use crate::activecampaign::{
    rig::{Rig, replicating},
    warehouse::Warehouse,
};

/// `look` finds nothing as the code is, and something where `bug` is planted.
async fn check_found(bug: Bug, look: impl AsyncFn() -> String) {
    let sound = look().await;
    assert_eq!(sound, "", "without {}", bug.name());
    let planted = plant(bug);
    let found = look().await;
    drop(planted);
    println!("{}: {found}", bug.name());
    assert_ne!(found, "", "nobody notices {}", bug.name());
}

/// What the oracle says about the tables of `streams`.
async fn found_in(rig: &Rig, streams: &[&str]) -> String {
    let mut found = String::new();
    for stream in streams {
        found.push_str(&rig.findings(stream).await.brief());
    }
    found
}

/// Runs that die before each of their first commits, and are taken up again.
async fn look_after_crashes() -> String {
    let streams = ["contacts", "contact_tags", "deals"];
    let mut found = String::new();
    for nth in 1..=8 {
        let rig = Rig::with_contacts(1_200);
        let replication = replicating(&streams, Mode::FullRefresh);
        let fuse = Fuse::at(Moment::BeforeWrite, nth);
        let crashing = Crashing { target: &rig.target, fuse: Arc::clone(&fuse) };
        let survived = fuse.guard(rig.run_into(&crashing, &replication)).await;
        assert!(survived.is_none() || nth > 3, "commit {nth} did not come");
        rig.run(&replication).await;
        found.push_str(&found_in(&rig, &streams).await);
    }
    found
}

/// Planted bug 1; P3 of the promises.
#[tokio::test(start_paused = true)]
async fn cursor_committed_before_rows_is_found() {
    check_found(Bug::CursorBeforeRows, look_after_crashes).await;
}

/// Planted bug 4; P3 of the promises.
#[tokio::test(start_paused = true)]
async fn rows_that_lag_behind_cursor_are_found() {
    check_found(Bug::RowsEveryThirdPage, look_after_crashes).await;
}

/// A backfill from the very second of a change holds the record that changed then, also where the account reads
/// `updated_after` as later than.
async fn look_at_first_moment() -> String {
    let rig = Rig::with_contacts(300);
    rig.account.switches(json!({"updated_after_exclusive": true})).await;
    let truth = rig.truth("contacts").await;
    let column = truth.schema().index_of("udate").expect("contacts say when they changed");
    let changed = |row: usize| match truth.row(row)[column] {
        Value::Timestamp(moment) => moment,
        _ => panic!("contact without a time"),
    };
    let from = changed(150);
    let wanted = (0..truth.len()).filter(|&row| changed(row) >= from).count();
    let mut replication = replicating(&["contacts"], Mode::Backfill);
    replication.streams[0].range = Some(Range { from: Some(from), until: None, step: None });

    rig.run(&replication).await;

    let landed = rig.target.rows("contacts").len();
    if landed == wanted { String::new() } else { format!("{landed} of {wanted} since {from}") }
}

/// Planted bug 2; E-03, E-04 of the fault tests.
#[tokio::test(start_paused = true)]
async fn span_without_its_first_moment_is_found() {
    check_found(Bug::AfterInsteadOfFrom, look_at_first_moment).await;
}

/// A second run holds what changed behind the back of the first one.
async fn look_behind_the_back() -> String {
    let latency = Latency { base: Duration::from_secs(1), per_row: Duration::ZERO };
    let rig = Rig::playing(Settings { contacts: 2_000, rate: Rate::Off, latency, ..Settings::default() });
    let moving = json!({"collection": "contacts", "change": 8, "seed": 5, "between_pages": true});
    rig.account.mutate(moving).await;
    let mut replication = replicating(&["contacts"], Mode::Incremental);
    replication.full_check = FullCheck::Never;
    rig.run(&replication).await;
    rig.account.calm().await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    rig.run(&replication).await;
    found_in(&rig, &["contacts"]).await
}

/// Planted bug 3; E-02 of the fault tests.
#[tokio::test(start_paused = true)]
async fn newest_seen_as_cursor_is_found() {
    check_found(Bug::CursorIsNewestSeen, look_behind_the_back).await;
}

/// A table that somebody else filled, with one date in the far future, is brought up to date.
async fn look_behind_future_date() -> String {
    let rig = Rig::with_contacts(300);
    let warehouse = Warehouse::sqlite();
    let mut replication = replicating(&["contacts"], Mode::Incremental);
    replication.full_check = FullCheck::Never;
    replication.landing = Landing { as_you_go: false, ..Landing::ours() };
    rig.run_into(&*warehouse.open().await, &replication).await;
    warehouse.query("DROP TABLE _achub_state").await;
    let future = "UPDATE contacts SET udate = '2036-11-20 00:00:00+00:00' WHERE id = 7";
    warehouse.query(future).await;
    rig.account.mutate(json!({"collection": "contacts", "change": 25, "create": 5, "seed": 3})).await;

    rig.run_into(&*warehouse.open().await, &replication).await;

    let found = rig.compared("contacts", &warehouse.landed("contacts").await).await;
    found.brief()
}

/// Planted bug 5; E-06 of the fault tests.
#[tokio::test]
async fn cursor_from_the_future_is_found() {
    check_found(Bug::FutureCursorKept, look_behind_future_date).await;
}

/// Two runs at once stay within what the account takes.
async fn look_at_most_in_a_second() -> String {
    let latency = Latency { base: Duration::from_millis(300), per_row: Duration::ZERO };
    let rig =
        Rig::playing(Settings { contacts: 1_500, rate: Rate::PerSecond(5), latency, ..Settings::default() });
    let (contacts, deals) =
        (replicating(&["contacts"], Mode::FullRefresh), replicating(&["deals"], Mode::FullRefresh));
    let stop = Stop::default();
    let (first, second) = tokio::join!(
        rig.start(&contacts, Pace::Auto, &stop, Arc::new(Silent)),
        rig.start(&deals, Pace::Auto, &stop, Arc::new(Silent)),
    );
    assert!(first.is_ok() && second.is_ok(), "both runs start");
    let refused = rig.account.requests().await["by_status"]["429"].as_u64().unwrap_or(0);
    if refused == 0 { String::new() } else { format!("{refused} requests over the limit") }
}

/// Planted bug 8; P9 of the promises, I7 of the invariants.
#[tokio::test(start_paused = true)]
async fn budget_of_each_run_alone_is_found() {
    check_found(Bug::BudgetPerRun, look_at_most_in_a_second).await;
}

async fn look_through(fault: serde_json::Value) -> String {
    let rig = Rig::with_contacts(1_000);
    let rule = json!({"match": {"path": "/api/3/deals", "probability": 0.5}, "seed": 7, "fault": fault});
    rig.account.faults(json!([rule])).await;
    rig.run(&replicating(&["deals"], Mode::FullRefresh)).await;
    found_in(&rig, &["deals"]).await
}

/// Planted bug 9; D-04 of the fault tests.
#[tokio::test(start_paused = true)]
async fn empty_body_as_the_end_is_found() {
    check_found(Bug::EmptyBodyIsEnd, async || look_through(json!({"empty_body": true})).await).await;
}

/// Planted bug 10; D-04, D-05 of the fault tests.
#[tokio::test(start_paused = true)]
async fn any_answer_as_a_page_is_found() {
    check_found(Bug::AnyAnswerIsPage, async || {
        let failed = json!({"status": 200, "body": "{\"success\":0,\"message\":\"could not read\"}"});
        format!("{}{}", look_through(failed).await, look_through(json!({"empty_object": true})).await)
    })
    .await;
}
