//! Rules of endpoints in runs: what is gone on without is told, and is neither gone nor passed for ever.

use achub_client::rule::{Action, Rule};
use achub_core::code::Class;
use achub_engine::replication::{FullCheck, Mode};
use serde_json::json;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

fn rule(endpoint: &'static str, action: Action) -> Vec<Rule> {
    vec![Rule::new(endpoint, 400..=599, action)]
}

/// Everything below this path fails from the `from`-th request on, to the last.
async fn refuse(rig: &Rig, path: &str, status: u16, from: u64) {
    let nth: Vec<u64> = (from..from + 200).collect();
    rig.account
        .faults(json!([{"match": {"path": path, "nth": nth}, "fault": {"status": status, "body": "json"}}]))
        .await;
}

/// SL-43: what the account does not have is told where a rule stops it, and fails nothing.
#[tokio::test(start_paused = true)]
async fn stopped_endpoints_are_not_to_be_had() {
    let mut rig = Rig::with_contacts(300);
    rig.rules = rule("scores", Action::Stop);
    refuse(&rig, "/api/3/scores", 404, 1).await;

    let summary = rig.run(&replicating(&["tags", "scores"], Mode::FullRefresh)).await;

    assert_done(&summary);
    let (code, message) = summary.streams[1].unavailable.as_ref().expect("is told");
    assert_eq!(code, "AC-110");
    assert!(message.contains("AC-202") && message.contains("scores"), "{message}");
    rig.assert_equal(&["tags"]).await;
}

/// SL-43: a schema whose records are not there is passed by a built-in rule; a connection's rule comes before it.
#[tokio::test(start_paused = true)]
async fn rules_of_connections_come_before_known_ones() {
    for (rules, error) in
        [(Vec::new(), None), (rule("customObjects/records/*", Action::Fail), Some("AC-202"))]
    {
        let mut rig = Rig::with_contacts(300);
        rig.rules = rules;
        refuse(&rig, "/api/3/customObjects/records", 404, 1).await;

        let summary = rig.run(&replicating(&["tags", "custom_object_records"], Mode::FullRefresh)).await;

        let told = summary.streams[1].error.as_ref().map(|(code, _)| code.as_str());
        assert_eq!(told, error, "{summary:?}");
        let is_noted = summary.notes.iter().any(|note| note.contains("parents were gone"));
        assert_eq!(is_noted, error.is_none(), "{:?}", summary.notes);
    }
}

/// SL-43: fail ends at once what would be tried eight times, retry tries eight times what would end at once.
#[tokio::test(start_paused = true)]
async fn fail_and_retry_change_tries_of_runs() {
    for (status, action, code, sent) in [
        (500, Action::Fail, "AC-203", 1),
        (422, Action::Fail, "AC-202", 1),
        (422, Action::Retry, "AC-202", 8),
    ] {
        let mut rig = Rig::with_contacts(300);
        rig.rules = rule("tags", action);
        refuse(&rig, "/api/3/tags", status, 1).await;

        let summary = rig.run(&replicating(&["deals", "tags"], Mode::FullRefresh)).await;

        let error = summary.streams[1].error.as_ref().map(|(code, _)| code.as_str());
        assert_eq!(error, Some(code), "{status} {action:?}");
        let counted = rig.account.requests().await["by_status"][status.to_string()].as_u64();
        assert_eq!(counted, Some(sent), "{status} {action:?}");
    }
}

/// SL-43: skip goes on behind the page, break and stop end the stream; what is missing is counted and told.
#[tokio::test(start_paused = true)]
async fn skipped_pages_are_told_as_missing() {
    for action in [Action::Skip, Action::Break, Action::Stop] {
        for path in ["deals", "contacts"] {
            let mut rig = Rig::with_contacts(2_000);
            rig.rules = rule(path, action);
            let third = json!([{"match": {"path": format!("/api/3/{path}"), "nth": 3},
                "fault": {"status": 422, "body": "json"}}]);
            rig.account.faults(third).await;

            let summary = rig.run(&replicating(&["deals", "contacts", "tags"], Mode::FullRefresh)).await;

            let stream =
                summary.streams.iter().find(|stream| stream.stream.as_str() == path).expect("is told");
            assert_eq!((&stream.error, summary.class()), (&None, Some(Class::Refused)), "{action:?} {path}");
            let landed = rig.target.rows(path).len() as u64;
            let there = rig.truth(path).await.len() as u64;
            assert!(landed < there && stream.drift.missing == there - landed, "{action:?} {path} {stream:?}");
            if action == Action::Skip && path == "deals" {
                assert!(there - landed <= 100, "one page is skipped, {} are missing", there - landed);
            }
            assert!(
                summary.notes.iter().any(|note| note.contains("passed over") && note.contains("AC-202")),
                "{:?}",
                summary.notes
            );
            rig.assert_equal(&["tags"]).await;
        }
    }
}

/// SL-43: what was not shown because of a rule is not gone, and the next run reads it again.
#[tokio::test(start_paused = true)]
async fn skipped_pages_delete_no_rows() {
    let mut rig = Rig::with_contacts(2_000);
    let mut replication = replicating(&["deals", "contacts"], Mode::Incremental);
    assert_done(&rig.run(&replication).await);
    replication.full_check = FullCheck::Now;
    rig.rules = [rule("deals", Action::Stop), rule("contacts", Action::Break)].concat();
    for _ in 0..3 {
        refuse(&rig, "/api/3/deals", 422, 2).await;
        refuse(&rig, "/api/3/contacts", 422, 3).await;
        let summary = rig.run(&replication).await;
        for stream in &summary.streams {
            let waiting = stream.check.map(|check| (check.waiting, check.gone));
            assert_eq!(
                (&stream.error, stream.outcomes.removed, stream.cursor),
                (&None, 0, None),
                "{stream:?}"
            );
            assert!(matches!(waiting, None | Some((0, 0))), "{stream:?}");
        }
        rig.assert_equal(&["deals", "contacts"]).await;
        rig.account.calm().await;
    }

    rig.rules.clear();
    assert_done(&rig.run(&replication).await);
    rig.assert_equal(&["deals", "contacts"]).await;
}

/// SL-43: with continue the answer is read whatever its status; one that is no page fails as such.
#[tokio::test(start_paused = true)]
async fn continued_refusals_are_read_as_answers() {
    let mut rig = Rig::with_contacts(300);
    rig.rules = rule("tags", Action::Continue);
    refuse(&rig, "/api/3/tags", 422, 1).await;

    let summary = rig.run(&replicating(&["deals", "tags"], Mode::FullRefresh)).await;

    let error = summary.streams[1].error.as_ref().map(|(code, _)| code.as_str());
    assert_eq!(error, Some("AC-205"), "{summary:?}");
}
