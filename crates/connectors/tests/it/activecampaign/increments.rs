//! Later runs: only what changed, and nothing of it missed.

use achub_engine::replication::{Anchor, Mode};
use serde_json::json;

use crate::activecampaign::rig::{Rig, THE_TEN, assert_done, replicating};

const STREAMS: [&str; 4] = ["contacts", "contact_tags", "field_values", "deals"];

/// SL-31, SL-32, SL-34, SL-35: the second run asks for changes since the first began, less an overlap.
#[tokio::test(start_paused = true)]
async fn second_run_reads_what_changed() {
    let rig = Rig::with_contacts(1_000);
    assert_done(&rig.run(&replicating(&STREAMS, Mode::Incremental)).await);
    let first = rig.requests().await;
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    rig.account.mutate(json!({"collection": "contacts", "change": 25, "create": 5, "seed": 3})).await;
    rig.account.mutate(json!({"collection": "deals", "change": 7, "create": 2, "seed": 3})).await;

    let summary = rig.run(&replicating(&STREAMS, Mode::Incremental)).await;

    assert_done(&summary);
    rig.assert_equal(&STREAMS).await;
    let contacts = &summary.streams[0].outcomes;
    assert_eq!((contacts.added, contacts.changed), (5, 25));
    assert!(rig.requests().await - first <= 4, "{} requests", rig.requests().await - first);
}

/// Activities are asked for by `after`, less the overlap.
#[tokio::test(start_paused = true)]
async fn later_activities_are_asked_for_alone() {
    let rig = Rig::with_contacts(1_000);
    let first = rig.run(&replicating(&["activities"], Mode::Incremental)).await;
    assert_done(&first);
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    rig.account.mutate(json!({"collection": "activities", "create": 5, "seed": 3})).await;

    let second = rig.run(&replicating(&["activities"], Mode::Incremental)).await;

    assert_done(&second);
    rig.assert_equal(&["activities"]).await;
    assert!(first.requests > 5, "{} requests are no test", first.requests);
    assert_eq!((second.requests, second.streams[0].outcomes.added), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn run_without_changes_writes_nothing() {
    let rig = Rig::with_contacts(500);
    assert_done(&rig.run(&replicating(&STREAMS, Mode::Incremental)).await);
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;

    let summary = rig.run(&replicating(&STREAMS, Mode::Incremental)).await;

    assert_done(&summary);
    assert!(
        summary.streams.iter().all(|stream| stream.outcomes.added + stream.outcomes.changed == 0),
        "{summary:?}"
    );
}

/// SL-5, SL-33: a start date leaves out older records and says how many.
#[tokio::test(start_paused = true)]
async fn start_date_says_what_it_leaves_out() {
    let rig = Rig::with_contacts(1_000);
    let mut replication = replicating(&["contacts", "deals"], Mode::Incremental);
    let anchor = "2025-11-20T12:00:00Z".parse().expect("a timestamp");
    replication.anchor = Anchor::Since(anchor);

    let summary = rig.run(&replication).await;

    assert_done(&summary);
    for (stream, all) in [(0, 1_000), (1, 200)] {
        let landed = summary.streams[stream].rows;
        let left_out = summary.streams[stream].left_out.expect("the run says how many");
        assert!(landed > 0 && left_out > 0, "{landed} landed, {left_out} left out");
        assert_eq!(landed + left_out, all);
    }
}

/// The bar: 15 requests for the ten of 2,000 contacts. Contacts and deals tell that nothing changed in one request each;
/// the five small streams and the custom fields are read whole.
#[tokio::test(start_paused = true)]
async fn second_run_costs_eight_requests() {
    for rig in [Rig::with_contacts(2_000), Rig::with_contacts(2_000).accelerated()] {
        assert_done(&rig.run(&replicating(&THE_TEN, Mode::Incremental)).await);
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;

        let second = rig.run(&replicating(&THE_TEN, Mode::Incremental)).await;

        assert_done(&second);
        assert_eq!(second.requests, 1 + 1 + 5 + 1);
    }
}

/// The bar: 40 requests where 1 % of 2,000 contacts changed and 100 were deleted, with a sweep over all contacts.
#[tokio::test(start_paused = true)]
async fn sweep_after_small_changes_costs_at_most_40() {
    for (rig, sweep) in [(Rig::with_contacts(2_000), 31), (Rig::with_contacts(2_000).accelerated(), 20)] {
        assert_done(&rig.run(&replicating(&THE_TEN, Mode::Incremental)).await);
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
        rig.account.mutate(json!({"collection": "contacts", "change": 20, "delete": 100, "seed": 9})).await;

        let changes = rig.run(&replicating(&THE_TEN, Mode::Incremental)).await;
        let all = rig.run(&replicating(&THE_TEN, Mode::FullRefresh)).await;

        assert_done(&changes);
        assert_done(&all);
        assert_eq!(changes.streams[0].outcomes.changed, 20);
        rig.assert_equal(&["contacts", "contact_tags", "deals"]).await;
        assert!(changes.requests <= 8, "{} requests for the changes", changes.requests);
        assert!(all.requests <= sweep, "{} requests for the sweep", all.requests);
    }
}
