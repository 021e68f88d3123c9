//! Reading from an account in trouble: right, or stopped with the right code, never short.

use achub_core::code::Class;
use achub_engine::replication::Mode;
use serde_json::{Value, json};

use crate::activecampaign::rig::{Rig, assert_done, replicating};

const STREAMS: [&str; 4] = ["contacts", "field_values", "deals", "tags"];

/// Requests when nothing is in the way: 5 pages of contacts, 1 of custom fields, 2 of deals, 1 of tags.
const UNDISTURBED: u64 = 9;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=2;

async fn rig_with(contacts: u64, rules: Value) -> Rig {
    let rig = Rig::with_contacts(contacts);
    rig.account.faults(rules).await;
    rig
}

/// SL-41, SL-42, SL-44: refusals, forbidden answers, server errors, cut and empty bodies all pass.
#[tokio::test(start_paused = true)]
async fn storms_of_passing_faults_end_right() {
    let faults = [
        (0.3, json!({"rate_limited": {"retry_after": "2"}})),
        (0.3, json!({"rate_limited": {"retry_after": null}})),
        (0.05, json!({"status": 403, "body": "json"})),
        (0.2, json!({"status": 503, "body": "html"})),
        (0.2, json!({"cut_at": "half"})),
        (0.2, json!({"empty_body": true})),
        (0.2, json!({"empty_object": true})),
        (0.1, json!({"drop": true})),
    ];
    for (probability, fault) in faults {
        let mut requests = 0;
        for seed in SEEDS {
            println!("seed {seed}, {fault}");
            let rule = json!({"match": {"probability": probability}, "seed": seed, "fault": fault});
            let rig = rig_with(500, json!([rule])).await;

            let summary = rig.run(&replicating(&STREAMS, Mode::FullRefresh)).await;

            assert_done(&summary);
            rig.assert_equal(&STREAMS).await;
            requests += rig.requests().await;
        }
        assert!(requests > UNDISTURBED * SEEDS.count() as u64, "{fault} hit nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn lasting_faults_stop_with_their_code() {
    let cases = [
        (json!({"status": 500, "body": "html"}), "AC-203", Class::Unreachable),
        (json!({"status": 402, "body": "json"}), "AC-108", Class::Credentials),
        (json!({"cut_at": "half"}), "AC-206", Class::Unreachable),
        (json!({"empty_object": true}), "AC-205", Class::Failed),
        (json!({"empty_body": true}), "AC-205", Class::Failed),
        (json!({"repeat_page": true}), "AC-204", Class::Failed),
        (json!({"html": true}), "AC-104", Class::Usage),
    ];
    for (fault, code, class) in cases {
        // Pages are asked for side by side, each several times.
        let after_the_first: Vec<u64> = (2..60).collect();
        let rule = json!({"match": {"path": "/api/3/deals", "nth": after_the_first}, "fault": fault});
        let rig = rig_with(1_000, json!([rule])).await;

        let summary = rig.run(&replicating(&["deals"], Mode::FullRefresh)).await;

        let error = summary.streams[0].error.as_ref().map(|(code, _)| code.as_str());
        assert_eq!((error, summary.class()), (Some(code), Some(class)), "{fault}");
        assert!(rig.target.rows("deals").is_empty(), "{fault}: a short table");
    }
}

/// A stream that the key may not read is reported; the others go on.
#[tokio::test(start_paused = true)]
async fn forbidden_stream_leaves_the_others_alone() {
    let rig = rig_with(
        1_000,
        json!([{"match": {"path": "/api/3/deals"}, "fault": {"status": 403, "body": "json"}}]),
    )
    .await;

    let summary = rig.run(&replicating(&STREAMS, Mode::FullRefresh)).await;

    let errors: Vec<_> =
        summary.streams.iter().map(|stream| stream.error.as_ref().map(|(code, _)| code.as_str())).collect();
    assert_eq!(errors, [None, None, Some("AC-106"), None]);
    rig.assert_equal(&["contacts", "field_values", "tags"]).await;
}

/// Whoever names no stream gets what the account has; what it lacks is told and no failure.
#[tokio::test(start_paused = true)]
async fn missing_optional_streams_are_no_failure() {
    let rig = rig_with(
        300,
        json!([
            {"match": {"path": "/api/3/deals"}, "fault": {"status": 403, "body": "json"}},
            {"match": {"path": "/api/3/tags"}, "fault": {"status": 404, "body": "json"}},
        ]),
    )
    .await;
    let mut replication = replicating(&STREAMS, Mode::FullRefresh);
    replication.streams.iter_mut().for_each(|task| task.optional = true);

    let summary = rig.run(&replication).await;

    assert_done(&summary);
    let code = |index: usize| summary.streams[index].unavailable.as_ref().map(|(code, _)| code.as_str());
    assert_eq!([code(0), code(1), code(2), code(3)], [None, None, Some("AC-106"), Some("AC-202")]);
    rig.assert_equal(&["contacts", "field_values"]).await;
}
