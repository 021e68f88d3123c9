//! Fewer requests where the account was shown to allow it, and the documented way wherever it does not.

use std::{
    collections::HashSet,
    num::NonZeroU64,
    sync::{Arc, atomic::AtomicU64},
};

use achub_client::Pace;
use achub_core::{Batch, Value, port::state::RunStatus};
use achub_engine::{Stop, Summary, replication::Mode};
use achub_sim::{Rate, Settings};
use serde_json::json;

use crate::activecampaign::rig::{Rig, StopAfter, THE_TEN, assert_done, replicating};

const STREAMS: [&str; 5] = ["contacts", "contact_tags", "field_values", "deals", "tags"];

fn key(records: &Batch, row: usize) -> String {
    records.key(row).map(Value::display).collect()
}

async fn full_run(rig: &Rig, streams: &[&str]) -> Summary {
    let summary = rig.run(&replicating(streams, Mode::FullRefresh)).await;
    assert_done(&summary);
    rig.assert_equal(streams).await;
    summary
}

/// 10,000 contacts: the page that opens the walk, the control query that is a block itself, 32 more blocks of 300 ids, the
/// names of custom fields, 5 small streams; deals come along but for their first page, which tells the total.
#[tokio::test(start_paused = true)]
async fn ten_thousand_contacts_cost_41_requests() {
    let rig = Rig::with_contacts(10_000).accelerated();

    let first = rig.run(&replicating(&THE_TEN, Mode::Incremental)).await;

    assert_done(&first);
    assert_eq!(first.requests, 1 + 1 + 32 + 1 + 5 + 1);
    assert_eq!(first.requests, first.requests_expected, "the price was told before the work began");
    rig.assert_equal(&["deals"]).await;
    for (table, rows) in [("contacts", 10_000), ("field_values", 100_000), ("deals", 2_000)] {
        assert_eq!(rig.target.rows(table).len(), rows, "{table}");
    }
}

/// The bar of 62 requests holds without deals coming along.
#[tokio::test(start_paused = true)]
async fn deals_that_stay_behind_are_read_alone() {
    let rig = Rig::with_contacts(10_000).accelerated();
    rig.account.switches(json!({"include_leaves_out_every": 9})).await;

    let first = rig.run(&replicating(&THE_TEN, Mode::FullRefresh)).await;
    let second = rig.run(&replicating(&THE_TEN, Mode::FullRefresh)).await;

    assert_done(&first);
    rig.assert_equal(&["deals"]).await;
    assert!(first.notes.iter().any(|note| note.contains("deals came along")), "{:?}", first.notes);
    // The first run reads deals again from their first page on.
    assert!(first.requests <= 62, "{} requests", first.requests);
    assert_done(&second);
    assert!(second.notes.is_empty(), "{:?}", second.notes);
    assert_eq!(second.requests, 1 + 33 + 1 + 21 + 5);
}

/// Memberships in companies and automations come along too. 1,500 contacts: the page that opens the walk, the control query,
/// 4 blocks, and the first page of each of the three that tells its total.
#[tokio::test(start_paused = true)]
async fn other_streams_come_along_with_contacts() {
    let streams = ["contacts", "deals", "account_contacts", "contact_automations"];
    let documented = full_run(&Rig::with_contacts(1_500), &streams).await;

    let summary = full_run(&Rig::with_contacts(1_500).accelerated(), &streams).await;

    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
    assert_eq!(summary.requests, 1 + 1 + 4 + 3);
    assert!(documented.requests > 3 * summary.requests, "{} requests", documented.requests);
}

#[tokio::test(start_paused = true)]
async fn known_account_needs_no_control_query() {
    let rig = Rig::with_contacts(3_000).accelerated();
    full_run(&rig, &STREAMS).await;
    let before = rig.requests().await;

    let second = full_run(&rig, &STREAMS).await;

    // The opening page and 2,900 ids in 10 blocks; custom fields, tags, the first page of deals.
    assert_eq!(second.requests, 1 + 10 + 1 + 1 + 1);
    assert_eq!(rig.requests().await - before, second.requests);
}

#[tokio::test(start_paused = true)]
async fn documented_reading_asks_for_no_blocks() {
    let rig = Rig::with_contacts(1_000);
    rig.account.switches(json!({"ids_refused": true, "include_leaves_out_every": 2})).await;

    let summary = full_run(&rig, &STREAMS).await;

    assert_eq!(summary.requests, 10 + 1 + 3 + 1);
    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
}

/// However the account treats what is not documented, from the start or from the middle of the run on: everything lands,
/// once, and the next run does not try again.
#[tokio::test(start_paused = true)]
async fn accounts_that_behave_otherwise_are_read_whole() {
    let ways = [
        json!({"ids_ignored": true}),
        json!({"ids_refused": true}),
        json!({"ids_clamped": true}),
        json!({"ids_leave_out_every": 7}),
        json!({"ids_leave_out_every": 299}),
        json!({"include_leaves_out_every": 5}),
        json!({"page_clamped_to_20": true}),
        json!({"orders_id_ignored": true}),
        json!({"total_counts_all": true}),
    ];
    for way in ways {
        for after in [0, 4] {
            println!("{way} after {after} requests");
            let rig = Rig::with_contacts(1_000).accelerated();
            let switches = match after {
                0 => way.clone(),
                requests => json!({"later": {"requests": requests, "switches": way}}),
            };
            rig.account.switches(switches).await;

            let streams = ["contacts", "contact_tags", "deals"];
            full_run(&rig, &streams).await;
            assert_done(&rig.run(&replicating(&streams, Mode::FullRefresh)).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn change_in_mid_run_is_told_and_remembered() {
    for way in
        [json!({"ids_ignored": true}), json!({"ids_refused": true}), json!({"ids_leave_out_every": 40})]
    {
        println!("{way}");
        let rig = Rig::with_contacts(3_000).accelerated();
        rig.account.switches(json!({"later": {"requests": 6, "switches": way}})).await;

        let first = full_run(&rig, &["contacts", "contact_tags"]).await;
        let second = full_run(&rig, &["contacts", "contact_tags"]).await;

        assert!(first.notes.iter().any(|note| note.contains("instead of blocks")), "{:?}", first.notes);
        assert!(first.requests < 40, "{} requests: what had landed was not read again", first.requests);
        assert!(second.notes.is_empty(), "{:?}", second.notes);
        assert_eq!(second.requests, 30);
    }
}

/// Contacts nobody would miss in a block of sparse ids: pages are cheaper there, and what a block shows is held to them.
#[tokio::test(start_paused = true)]
async fn gaps_between_ids_lose_nothing() {
    for (gap_every, most) in [(10, 14), (3, 17), (2, 18)] {
        println!("every {gap_every}th id is missing");
        let settings = Settings {
            contacts: 3_000,
            rate: Rate::Off,
            gap_every: NonZeroU64::new(gap_every),
            ..Settings::default()
        };
        let rig = Rig::playing(settings).accelerated();

        let summary = full_run(&rig, &["contacts", "contact_tags"]).await;

        assert!(summary.requests <= most, "{} requests", summary.requests);
        assert!(summary.notes.is_empty(), "{:?}", summary.notes);
    }
}

/// I8 of the invariants, with blocks: contacts deleted between every two of them.
#[tokio::test(start_paused = true)]
async fn deletions_between_blocks_lose_nothing() {
    for seed in 1..=3 {
        println!("seed {seed}");
        let rig = Rig::with_contacts(3_000).accelerated();
        let before = rig.truth("contacts").await;
        let known: HashSet<String> = (0..before.len()).map(|row| key(&before, row)).collect();
        let mutation = |collection: &str| json!({"collection": collection, "delete": 5, "change": 5, "create": 3, "seed": seed, "between_pages": true});
        for collection in ["contacts", "deals"] {
            rig.account.mutate(mutation(collection)).await;
        }

        let summary = rig.run(&replicating(&["contacts", "deals"], Mode::FullRefresh)).await;

        assert!(summary.streams.iter().all(|stream| stream.error.is_none()), "{summary:?}");
        for stream in ["contacts", "deals"] {
            let findings = rig.findings(stream).await;
            assert!(findings.doubled.is_empty(), "{stream}: {:?}", findings.doubled);
        }
        let lost = rig.findings("contacts").await.missing.into_iter().filter(|key| known.contains(key));
        assert_eq!(lost.count(), 0, "contacts that were there from start to end are missing");
    }
}

/// P2, P3: runs in blocks that are stopped and taken up end the same.
#[tokio::test(start_paused = true)]
async fn stopped_runs_go_on_in_blocks() {
    for way in [json!({}), json!({"include_leaves_out_every": 3})] {
        println!("{way}");
        let rig = Rig::with_contacts(3_000).accelerated();
        rig.account.switches(way).await;
        let (mut stops, mut requests) = (0, 0);
        let last = loop {
            let stop = Stop::default();
            let progress = Arc::new(StopAfter { commits: AtomicU64::new(2), stop: stop.clone() });
            let replication = replicating(&STREAMS, Mode::FullRefresh);
            let summary = rig.start(&replication, Pace::Off, &stop, progress).await.expect("the run starts");
            requests += summary.requests;
            if summary.status != RunStatus::Stopped {
                break summary;
            }
            stops += 1;
            // Each run commits at least a page: fewer than 30 of contacts, and those of the streams beside them.
            assert!(stops < 120, "the runs do not come to an end");
        };

        assert_done(&last);
        assert!(stops > 1, "{stops} stops are no test");
        rig.assert_equal(&STREAMS).await;
        assert!(requests < 30 * (stops + 1), "{requests} requests in {stops} runs");
    }
}
