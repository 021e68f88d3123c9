//! People of lists, tags and segments (AB-82…85): exactly those, whatever the account makes of its filters.

use std::{collections::BTreeSet, sync::Arc};

use achub_core::port::{incoming::Selection, progress::Silent};
use achub_engine::Stop;
use serde_json::json;

use crate::activecampaign::importing::rig::{Importing, Told};

/// Contacts of rows of `stream` whose `column` is one of `wanted`.
async fn contacts(importing: &Importing, stream: &str, column: &str, wanted: &[&str]) -> Vec<i64> {
    let rows = importing.rig.account.truth(stream).await;
    let found = rows.iter().filter(|row| wanted.contains(&row[column].as_str().unwrap_or_default()));
    let contact =
        |row: &serde_json::Value| row["contact"].as_str().unwrap_or_default().parse().expect("an id");
    found.map(contact).collect::<BTreeSet<i64>>().into_iter().collect()
}

fn lists(names: &[&str]) -> Selection {
    Selection::Lists(names.iter().map(ToString::to_string).collect())
}

/// AB-83.
#[tokio::test(start_paused = true)]
async fn chosen_lists_bring_their_people() {
    for ignored in [false, true] {
        let importing = Importing::of(600).selecting(lists(&["1", "2"]));
        importing.rig.account.switches(json!({"listid_ignored": ignored})).await;

        let summary = importing.run().await;

        let expected = contacts(&importing, "contact_lists", "list", &["1", "2"]).await;
        assert!(!expected.is_empty() && expected.len() < 600, "no test");
        assert_eq!(importing.keys().await, expected, "ignored: {ignored}");
        assert_eq!(summary.outcomes.total(), expected.len() as u64);
        assert_eq!(summary.notes.iter().any(|note| note.contains("listid")), ignored, "{:?}", summary.notes);
    }
}

/// AB-84: some accounts ignore the filter and show everybody.
#[tokio::test(start_paused = true)]
async fn chosen_tags_bring_their_people() {
    for ignored in [false, true] {
        let importing = Importing::of(600).selecting(Selection::Tags(vec!["3".to_owned()]));
        importing.rig.account.switches(json!({"tagid_ignored": ignored})).await;

        let summary = importing.run().await;

        let expected = contacts(&importing, "contact_tags", "tag", &["3"]).await;
        assert!(!expected.is_empty() && expected.len() < 600, "no test");
        assert_eq!(importing.keys().await, expected, "ignored: {ignored}");
        assert_eq!(summary.notes.iter().any(|note| note.contains("tagid")), ignored, "{:?}", summary.notes);
    }
}

/// AB-85: the account computes first; the hub waits and says so.
#[tokio::test(start_paused = true)]
async fn chosen_segment_is_waited_for() {
    let importing = Importing::of(600).selecting(Selection::Segments(vec!["1".to_owned()]));
    let told = Arc::new(Told::default());

    let summary = importing.start(told.clone(), &Stop::default()).await.expect("the import starts");

    let keys = importing.keys().await;
    assert_eq!(summary.outcomes.added, keys.len() as u64);
    let answer = importing.rig.account.api("GET", "/api/3/segmentMatchAll/1?page_size=10000", None).await;
    let matches = answer["data"][0]["attributes"]["matches"].as_array().expect("the run is ready").clone();
    let matches: Vec<i64> = matches.iter().map(|id| id.as_i64().expect("an id")).collect();
    assert!(!matches.is_empty() && matches.len() < 600, "no test");
    assert_eq!(keys, matches);
    let told = told.0.lock().expect("nothing panicked").join("\n");
    assert!(told.contains("waits until ActiveCampaign has computed the segment"), "{told}");
}

/// `RN-111`: the wait has an end, and nobody came in.
#[tokio::test(start_paused = true)]
async fn segment_that_never_gets_ready_ends_the_run() {
    let importing = Importing::of(100).selecting(Selection::Segments(vec!["1".to_owned()]));
    importing.rig.account.switches(json!({"segments_never_ready": true})).await;

    let error = importing.start(Arc::new(Silent), &Stop::default()).await.expect_err("it is never ready");

    assert_eq!(error.code().id(), "RN-111");
    assert!(importing.people().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_that_are_not_there_are_refused() {
    for (selection, what) in [
        (lists(&["No such list"]), "no list \"No such list\""),
        (Selection::Tags(vec!["no-such-tag".to_owned()]), "no tag \"no-such-tag\""),
        (Selection::Segments(vec!["No such segment".to_owned()]), "no segment \"No such segment\""),
    ] {
        let importing = Importing::of(20).selecting(selection);
        let error = importing.start(Arc::new(Silent), &Stop::default()).await.expect_err("it is not there");
        assert_eq!(error.code().id(), "CF-106");
        assert!(error.to_string().contains(what), "{error}");
    }
}
