//! What a replication costs.

use achub_engine::replication::Mode;
use serde_json::json;

use crate::activecampaign::rig::{Rig, THE_TEN, assert_done, replicating};

/// SL-13, SL-14, SL-15, SL-16, SL-19, SL-20, SL-21, SL-27: the streams land, each record once and as it is.
#[tokio::test(start_paused = true)]
async fn the_ten_land_for_what_they_must_cost() {
    let rig = Rig::with_contacts(2_000);

    let summary = rig.run(&replicating(&THE_TEN, Mode::FullRefresh)).await;

    assert_done(&summary);
    rig.assert_equal(&THE_TEN).await;
    // 20 pages of contacts with what comes along; names of custom fields 1; 400 deals in pages of 100 that overlap by 2
    // take 5; lists, tags, pipelines, stages and users 1 each. The control query for stages needs no page of its own.
    assert_eq!(rig.requests().await, 20 + 1 + 5 + 5);
    assert_eq!(summary.requests, rig.requests().await);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_contacts_cost_127_requests() {
    let rig = Rig::with_contacts(10_000);

    let summary = rig.run(&replicating(&THE_TEN, Mode::Incremental)).await;

    assert_done(&summary);
    // 100 pages of contacts, 1 of custom fields, 21 of deals, 5 of the small streams; the bar is 128.
    assert_eq!(summary.requests, 100 + 1 + 21 + 5);
    assert_eq!(summary.requests, summary.requests_expected, "the price was told before the work began");
    for (table, rows) in
        [("contacts", 10_000), ("contact_tags", 30_000), ("field_values", 100_000), ("deals", 2_000)]
    {
        assert_eq!(rig.target.rows(table).len(), rows, "{table}");
    }
}

/// SL-29, SL-30: stages are fetched pipeline by pipeline where the flat listing shows something else, and the pipelines
/// are read for that without being stored.
#[tokio::test(start_paused = true)]
async fn stages_alone_find_their_pipelines() {
    let rig = Rig::with_contacts(100);

    let summary = rig.run(&replicating(&["deal_stages"], Mode::FullRefresh)).await;

    assert_done(&summary);
    rig.assert_equal(&["deal_stages"]).await;
    assert!(rig.target.rows("deal_pipelines").is_empty());
}

#[tokio::test(start_paused = true)]
async fn includes_that_are_ignored_are_read_separately() {
    let rig = Rig::with_contacts(300);
    rig.account.switches(json!({"include_ignored": true})).await;
    let streams = ["contacts", "contact_tags", "contact_lists"];

    let summary = rig.run(&replicating(&streams, Mode::FullRefresh)).await;

    assert_done(&summary);
    rig.assert_equal(&streams).await;
}

#[tokio::test(start_paused = true)]
async fn pages_smaller_than_asked_are_read_to_the_end() {
    let rig = Rig::with_contacts(250);
    rig.account.switches(json!({"page_clamped_to_20": true})).await;
    let streams = ["contacts", "field_values", "deals", "tags"];

    let summary = rig.run(&replicating(&streams, Mode::FullRefresh)).await;

    assert_done(&summary);
    rig.assert_equal(&streams).await;
}

/// What the account does not do is noticed, and another documented way is taken.
#[tokio::test(start_paused = true)]
async fn accounts_that_ignore_parameters_are_read_whole() {
    let switches = [
        json!({"orders_id_ignored": true}),
        json!({"id_window_ignored": true}),
        json!({"id_window_ignored": true, "orders_id_ignored": true}),
        json!({"total_counts_all": true}),
        json!({"filters_ignored": true}),
        json!({"stage_filter_ignored": true}),
    ];
    let streams = ["contacts", "contact_tags", "field_values", "deal_stages"];
    for switches in switches {
        println!("{switches}");
        let rig = Rig::with_contacts(750);
        rig.account.switches(switches).await;

        let summary = rig.run(&replicating(&streams, Mode::FullRefresh)).await;

        assert_done(&summary);
        rig.assert_equal(&streams).await;
    }
}

/// A trial run reads no more than it was asked for, and its price says so.
#[tokio::test(start_paused = true)]
async fn limited_run_costs_what_it_reads() {
    let rig = Rig::with_contacts(1_000);
    let mut replication = replicating(&["contacts", "deals"], Mode::Incremental);
    replication.streams.iter_mut().for_each(|task| task.row_limit = Some(150));

    let summary = rig.run(&replication).await;

    assert_done(&summary);
    assert_eq!((rig.target.rows("contacts").len(), rig.target.rows("deals").len()), (150, 150));
    assert_eq!((summary.requests, summary.requests_expected), (4, 4));
}
