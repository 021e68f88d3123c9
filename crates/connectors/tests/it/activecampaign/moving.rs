//! Reading while the account moves.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use achub_core::{Batch, Value};
use achub_engine::{Summary, replication::Mode};
use achub_testkit::{
    crash::{Crashing, Fuse, Moment},
    oracle::Findings,
};
use serde_json::json;

use crate::activecampaign::{
    place::Place,
    rig::{Rig, assert_done, checking, replicating},
};

fn keys(records: &Batch) -> BTreeSet<String> {
    (0..records.len()).map(|row| records.key(row).map(Value::display).collect::<Vec<_>>().join(",")).collect()
}

/// SL-36, and P1 of the promises: records that exist at the start and at the end are there, whatever happened between every two pages.
#[tokio::test(start_paused = true)]
async fn nothing_that_stays_is_missing() {
    for seed in 1..=5 {
        println!("seed {seed}");
        let rig = Rig::with_contacts(1_200);
        let streams = ["contacts", "contact_tags", "deals", "notes", "field_values"];
        let mut before = Vec::new();
        for stream in streams {
            before.push(keys(&rig.truth(stream).await));
        }
        for (collection, delete, create) in [("contacts", 9, 4), ("deals", 12, 12), ("notes", 12, 12)] {
            let mutation = json!({"collection": collection, "delete": delete, "change": 12, "create": create,
                "seed": seed, "between_pages": true});
            rig.account.mutate(mutation).await;
        }

        let summary = rig.run(&replicating(&streams, Mode::FullRefresh)).await;

        assert!(summary.streams.iter().all(|stream| stream.error.is_none()), "{summary:?}");
        for (stream, before) in streams.iter().zip(before) {
            let findings = rig.findings(stream).await;
            let lost: Vec<_> = findings.missing.iter().filter(|key| before.contains(*key)).collect();
            // What came along with a contact may have been made after that contact was read.
            assert!(lost.is_empty(), "{stream}: {} of {} are missing: {lost:?}", lost.len(), before.len());
            assert!(findings.doubled.is_empty(), "{stream}: {:?}", findings.doubled);
        }
    }
}

/// Contacts with what comes along, and streams read by offset.
const CHURNED: [&str; 4] = ["contacts", "contact_tags", "deals", "notes"];

/// Reads while about one row in a hundred is changed, made and deleted between every two pages; then everything rests.
/// What was there all the while must have landed, one full check must find all that is there, and a second one remove all
/// that is gone.
async fn churn(seed: u64, place: Place) {
    println!("seed {seed}");
    let rig = Rig::with_contacts(100);
    // Few rows make many pages of twenty.
    rig.account.switches(json!({"page_clamped_to_20": true})).await;
    let mut before = Vec::new();
    for collection in ["deals", "notes"] {
        rig.account.mutate(json!({"collection": collection, "create": 80, "seed": seed})).await;
    }
    for stream in CHURNED {
        before.push(keys(&rig.truth(stream).await));
    }
    for collection in ["contacts", "deals", "notes"] {
        let mutation = json!({"collection": collection, "delete": 1 + seed % 2, "change": 2, "create": 1 + seed % 3,
            "seed": seed, "between_pages": true});
        rig.account.mutate(mutation).await;
    }
    let replication = checking(&CHURNED);

    assert_no_errors(&rig.run_into(&*place.open().await, &replication).await);
    rig.account.calm().await;
    for (stream, before) in CHURNED.iter().zip(before) {
        let findings = rig.compared(stream, &place.landed(stream).await).await;
        let lost: Vec<_> = findings.missing.iter().filter(|key| before.contains(*key)).collect();
        // What came along with a contact may have been made after that contact was read.
        assert!(lost.is_empty() && findings.doubled.is_empty(), "seed {seed}, {stream}: {lost:?}");
    }
    assert_no_errors(&rig.run_into(&*place.open().await, &replication).await);
    for stream in CHURNED {
        let findings = rig.compared(stream, &place.landed(stream).await).await;
        let not_gone = Findings { extra: Vec::new(), ..findings };
        assert!(not_gone.is_clean(), "seed {seed}, {stream} after one check: {}", not_gone.brief());
    }
    assert_no_errors(&rig.run_into(&*place.open().await, &replication).await);
    assert_eq!(place.found(&rig, &CHURNED).await, "", "seed {seed} after two checks");
}

/// No stream failed; a check may have found something.
fn assert_no_errors(summary: &Summary) {
    let failed: Vec<_> = summary.streams.iter().filter_map(|stream| stream.error.as_ref()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// E-01: 160 seeds of 200; the others go into databases.
#[tokio::test(start_paused = true)]
async fn churn_is_made_good_by_two_checks() {
    for seed in 1..=160 {
        churn(seed, Place::memory()).await;
    }
}

/// E-01: 25 seeds into SQLite.
#[tokio::test(start_paused = true)]
async fn churn_is_made_good_in_sqlite() {
    for seed in 1_001..=1_025 {
        churn(seed, Place::sqlite()).await;
    }
}

/// E-01: 15 seeds into PostgreSQL.
#[tokio::test(start_paused = true)]
async fn churn_is_made_good_in_postgres() {
    for seed in 2_001..=2_015 {
        churn(seed, Place::postgres().await).await;
    }
}

/// E-03: ten thousand contacts and two thousand deals that all changed in one second, over a hundred pages, and four
/// deaths while they are read.
#[tokio::test(start_paused = true)]
async fn rows_of_one_moment_all_land() {
    const STREAMS: [&str; 2] = ["contacts", "deals"];
    let rig = Rig::with_contacts(10_000);
    let replication = replicating(&STREAMS, Mode::Incremental);
    assert_done(&rig.run(&replication).await);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    for (collection, rows) in [("contacts", 10_000), ("deals", 2_000)] {
        rig.account.mutate(json!({"collection": collection, "change": rows})).await;
    }
    let truth = rig.truth("contacts").await;
    let changed = truth.schema().index_of("udate").expect("contacts say when they changed");
    let moments: BTreeSet<String> = truth.rows().map(|(row, _)| row[changed].display()).collect();
    assert_eq!(moments.len(), 1, "all changed at one moment");

    for (moment, nth) in [
        (Moment::BeforeWrite, 2),
        (Moment::AfterWrite, 9),
        (Moment::BeforeFinish, 1),
        (Moment::AfterFinish, 1),
    ] {
        let fuse = Fuse::at(moment, nth);
        let crashing = Crashing { target: &rig.target, fuse: Arc::clone(&fuse) };
        assert!(fuse.guard(rig.run_into(&crashing, &replication)).await.is_none(), "{moment:?}");
    }
    assert_done(&rig.run(&replication).await);

    rig.assert_equal(&STREAMS).await;
    // The cursor lies ten minutes before that moment: all of them are read again, and nothing is written.
    let again = rig.run(&replication).await;
    assert_done(&again);
    for stream in &again.streams {
        let outcomes = stream.outcomes;
        assert_eq!((outcomes.added, outcomes.changed), (0, 0), "{}: {outcomes:?}", stream.stream);
    }
    assert_eq!(again.streams[0].outcomes.same, 10_000);
}
