//! First imports: everybody, right to the last field, for few requests.

use std::sync::{Arc, atomic::AtomicU64};

use achub_core::{
    person::Mark,
    port::{people::PeopleStore, progress::Silent, state::RunStatus},
};
use achub_engine::Stop;
use serde_json::json;

use crate::activecampaign::{importing::rig::Importing, rig::StopAfter};

/// SX-1…10, SX-15, SX-18, SX-22, AB-93: 2,000 contacts, field by field, whichever way they are read.
#[tokio::test(start_paused = true)]
async fn first_import_equals_the_account() {
    for importing in [Importing::of(2_000), Importing::of(2_000).accelerated()] {
        let summary = importing.run().await;

        importing.assert_equal().await;
        assert_eq!((summary.status, summary.outcomes.added), (RunStatus::Done, 2_000), "{summary:?}");
        let people = importing.people().await;
        assert!(people.iter().any(|person| person.is_marked(Mark::Bounced)), "nobody bounced: no test");
        assert!(people.iter().any(|person| !person.companies.is_empty()), "no companies: no test");
    }
}

/// SX-31: the price is known before, and is that of the pages: 500 of them and 20 others for 50,000 people.
#[tokio::test(start_paused = true)]
async fn first_import_takes_a_request_a_page() {
    for (importing, pages) in [(Importing::of(5_000), 50), (Importing::of(5_000).accelerated(), 17)] {
        let preview = importing.preview(Some(100)).await;
        let before = importing.rig.requests().await;

        let summary = importing.run().await;

        let requests = importing.rig.requests().await - before;
        assert_eq!((summary.requests, summary.requests_expected), (requests, requests), "{summary:?}");
        assert!(requests <= pages + 6, "{requests} requests for {pages} pages");
        // The control query of a first look is remembered.
        assert!(preview.price.requests.abs_diff(requests) <= 1, "{} were foretold", preview.price.requests);
    }
}

/// Stopped after each of its commits and taken up again, an import lands everybody once.
#[tokio::test(start_paused = true)]
async fn stopped_import_goes_on() {
    let importing = Importing::of(3_000);
    for _ in 0..3 {
        let stop = Stop::default();
        let watcher = Arc::new(StopAfter { commits: AtomicU64::new(1), stop: stop.clone() });
        let summary = importing.start(watcher, &stop).await.expect("a stop is no failure");
        assert_eq!(summary.status, RunStatus::Stopped);
    }
    let before = importing.rig.requests().await;

    let summary = importing.run().await;

    assert!(summary.resumed);
    importing.assert_equal().await;
    let progress = importing.rig.store.import_progress(&importing.import.job).await;
    assert_eq!(progress.expect("the store is in memory").unfinished, None);
    assert_eq!((importing.people().await.len(), summary.outcomes.total()), (3_000, 3_000));
    assert!(importing.rig.requests().await - before <= 21, "what was stored was read again");
}

/// An account that fails ends the run, and the next one goes on.
#[tokio::test(start_paused = true)]
async fn broken_import_goes_on() {
    let importing = Importing::of(2_000);
    let later: Vec<u64> = (13..=400).collect();
    let rule = json!([{"match": {"path": "/api/3/contacts", "nth": later}, "fault": {"status": 500}}]);
    importing.rig.account.faults(rule).await;
    let broken = importing.start(Arc::new(Silent), &Stop::default()).await.expect("people were read");
    assert_eq!(broken.error.map(|(code, _)| code).as_deref(), Some("AC-203"));
    importing.rig.account.calm().await;

    let summary = importing.run().await;

    importing.assert_equal().await;
    assert!(summary.resumed && summary.outcomes.added == 2_000, "{summary:?}");
}

/// While everybody is read, contacts are made, changed and deleted; the next two looks find the rest.
#[tokio::test(start_paused = true)]
async fn churn_between_pages_loses_nobody() {
    for seed in [3, 8, 21] {
        println!("seed {seed}");
        let importing = Importing::of(1_500);
        let churn = json!({
            "collection": "contacts", "create": 2, "change": 3, "delete": 2, "seed": seed, "between_pages": true
        });
        importing.rig.account.mutate(churn).await;
        importing.run().await;
        importing.rig.account.calm().await;
        importing.wait(1).await;

        importing.run().await;

        importing.assert_equal().await;
    }
}
