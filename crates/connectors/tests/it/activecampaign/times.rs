//! Times that go backwards: rows with older ones, a clock that is set back, an account restored from a backup.

use std::time::Duration;

use achub_core::code::Class;
use achub_engine::{
    Replication,
    hub::Drift,
    replication::{FullCheck, Mode},
};
use serde_json::{Map, Value, json};

use crate::activecampaign::{
    place::Place,
    rig::{Rig, assert_done, checking, replicating},
};

const STREAMS: [&str; 2] = ["contacts", "deals"];

fn changes_only() -> Replication {
    Replication { full_check: FullCheck::Never, ..replicating(&STREAMS, Mode::Incremental) }
}

/// Puts the account's clock wrong by so many seconds; takes a request.
async fn set_clock(rig: &Rig, seconds: i64) {
    rig.account.calm().await;
    rig.account.faults(json!([{"match": {"times": 1}, "fault": {"clock_offset_seconds": seconds}}])).await;
    rig.account.api("GET", "/api/3/users/me", None).await;
}

/// E-07: rows whose times go backwards with a change are seen by no run that reads changes; the full check lands them and
/// tells how many there were.
#[tokio::test(start_paused = true)]
async fn older_times_are_found_by_the_check() {
    for place in [Place::memory(), Place::sqlite(), Place::postgres().await] {
        let rig = Rig::with_contacts(300);
        assert_done(&rig.run_into(&*place.open().await, &changes_only()).await);
        tokio::time::advance(Duration::from_secs(86_400)).await;
        let older = |field: &str, time: &str| -> Map<String, Value> {
            let row = |id: u64| {
                (id.to_string(), json!({field: format!("before {id}"), time: "2019-01-02T03:04:05-06:00"}))
            };
            (3..13).map(row).collect()
        };
        rig.account.mutate(json!({"collection": "contacts", "set": older("firstName", "udate")})).await;
        rig.account.mutate(json!({"collection": "deals", "set": older("title", "mdate")})).await;

        let changes = rig.run_into(&*place.open().await, &changes_only()).await;
        assert_done(&changes);
        let check = rig.run_into(&*place.open().await, &checking(&STREAMS)).await;

        assert_eq!(place.found(&rig, &STREAMS).await, "");
        assert_eq!(check.drift, Drift { different: 20, ..Drift::default() });
        assert_eq!(check.class(), Some(Class::Refused), "it is told");
        let quiet = rig.run_into(&*place.open().await, &checking(&STREAMS)).await;
        assert_done(&quiet);
    }
}

/// E-07, D-13: what changes after a clock that was ahead is set right is read by the next run, although it carries times
/// before those of the last one.
#[tokio::test(start_paused = true)]
async fn clock_set_back_hides_no_change() {
    let rig = Rig::with_contacts(300);
    set_clock(&rig, 5 * 3_600).await;
    assert_done(&rig.run(&changes_only()).await);
    tokio::time::advance(Duration::from_secs(1_200)).await;
    set_clock(&rig, 0).await;
    rig.account.mutate(json!({"collection": "contacts", "change": 25, "create": 5, "seed": 3})).await;
    rig.account.mutate(json!({"collection": "deals", "change": 7, "create": 2, "seed": 3})).await;
    tokio::time::advance(Duration::from_secs(1_200)).await;

    let next = rig.run(&changes_only()).await;

    assert_done(&next);
    rig.assert_equal(&STREAMS).await;
    assert_eq!((next.streams[0].outcomes.added, next.streams[0].outcomes.changed), (5, 25));
}

/// E-07: an account that was restored from a backup shows rows as they were, lacks some, and gives their ids away again.
#[tokio::test(start_paused = true)]
async fn restored_account_is_made_good_by_two_checks() {
    for place in [Place::memory(), Place::sqlite(), Place::postgres().await] {
        let lived = Rig::with_contacts(200);
        let change = json!({"collection": "contacts", "change": 20, "create": 9, "delete": 6, "seed": 5});
        lived.account.mutate(change).await;
        lived.account.mutate(json!({"collection": "deals", "change": 9, "create": 4, "seed": 5})).await;
        assert_done(&lived.run_into(&*place.open().await, &checking(&STREAMS)).await);
        // The same account from its beginning, and other people with the ids that were given since.
        let restored = Rig::with_contacts(200);
        restored.account.mutate(json!({"collection": "contacts", "create": 2, "seed": 7})).await;

        rig_after(&restored, &place).await;

        assert_eq!(place.found(&restored, &STREAMS).await, "");
    }
}

/// A run that reads changes and two that compare everything.
async fn rig_after(rig: &Rig, place: &Place) {
    for replication in [changes_only(), checking(&STREAMS), checking(&STREAMS)] {
        let summary = rig.run_into(&*place.open().await, &replication).await;
        let failed: Vec<_> = summary.streams.iter().filter_map(|stream| stream.error.as_ref()).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }
}
