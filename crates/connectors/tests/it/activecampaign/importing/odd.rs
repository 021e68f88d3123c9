//! Accounts that answer otherwise than most, and contacts nobody expected.

use std::sync::Arc;

use achub_core::port::{people::PeopleStore, progress::Silent, state::RunStatus};
use achub_engine::Stop;
use serde_json::json;

use crate::activecampaign::importing::rig::Importing;

/// Companies that do not come along are read from their own address, and nobody stays without hers.
#[tokio::test(start_paused = true)]
async fn companies_left_out_are_read_elsewhere() {
    let importing = Importing::of(800);
    importing.rig.account.switches(json!({"include_leaves_out_every": 3})).await;

    let first = importing.run().await;

    importing.assert_equal().await;
    assert_eq!(first.outcomes.total(), 800, "shown twice, counted once");
    assert!(first.notes.iter().any(|note| note.contains("companies")), "{:?}", first.notes);
    importing.wait(25).await;
    let second = importing.run().await;
    assert_eq!((second.outcomes.changed, second.outcomes.same), (0, 800), "{second:?}");
}

/// Without an order by id, without id windows: the documented offset shows everybody too.
#[tokio::test(start_paused = true)]
async fn accounts_without_order_or_windows_are_read() {
    for switches in
        [json!({"orders_id_ignored": true}), json!({"id_window_ignored": true}), json!({"ids_ignored": true})]
    {
        let importing = Importing::of(450).accelerated();
        importing.rig.account.switches(switches).await;

        importing.run().await;

        importing.assert_equal().await;
    }
}

/// Without lists along with contacts nobody can be judged: nothing is imported.
#[tokio::test(start_paused = true)]
async fn account_without_sideloads_is_refused() {
    let importing = Importing::of(50);
    importing.rig.account.switches(json!({"include_ignored": true})).await;

    let error = importing.start(Arc::new(Silent), &Stop::default()).await.expect_err("nobody can be judged");

    assert_eq!(error.code().id(), "AC-202");
    assert!(importing.people().await.is_empty());
}

/// SX-17: a number that is no address is in the row log; its contact is in the store.
#[tokio::test(start_paused = true)]
async fn wrong_ip_is_in_the_row_log() {
    let importing = Importing::of(50);
    importing.rig.account.mutate(json!({"collection": "contacts", "set": {"7": {"ip": "4294967296"}}})).await;

    let summary = importing.run().await;

    assert_eq!((summary.status, summary.outcomes.added), (RunStatus::DoneSomeRefused, 50));
    let refused = importing.rig.store.refused(&summary.run, 0, 10).await.expect("the store is in memory");
    let (rows, count) = refused;
    assert_eq!((count, rows[0].key.as_str(), rows[0].code.as_str()), (1, "7", "INVALID_FIELD"));
    assert!(rows[0].columns.contains("4294967296"), "{}", rows[0].columns);
}

/// SX-19: two contacts with one address in different case are one person with two links.
#[tokio::test(start_paused = true)]
async fn addresses_in_two_cases_are_one_person() {
    let importing = Importing::of(60);
    let twins = json!({"collection": "contacts", "set": {
        "7": {"email": "Twin@Example.com"}, "31": {"email": "twin@example.COM"}
    }});
    importing.rig.account.mutate(twins).await;

    let first = importing.run().await;
    importing.wait(25).await;
    let second = importing.run().await;

    assert_eq!((importing.people().await.len(), importing.keys().await.len()), (59, 60));
    assert_eq!((first.outcomes.total(), second.outcomes.changed), (60, 0), "{second:?}");
}
