//! Reading: envelopes, pages, filters, sideloads.

use achub_api::{stream::Read, streams};

use crate::app::{App, id, ids};

#[tokio::test]
async fn every_stream_has_rows_of_declared_types() {
    let app = App::new();
    for stream in streams::all() {
        let path = match stream.read {
            Read::With { .. } | Read::Offset | Read::Keyset | Read::PageNumber => stream.path.to_owned(),
            Read::PerParent { .. } => stream.path.replace("{id}", "10000000-0000-4000-8000-000000000001"),
            Read::SegmentMatch { .. } => continue,
        };
        let answer = app.get(&format!("/{path}?limit=100&page_size=100")).await;
        let rows = answer[stream.envelope].as_array().unwrap_or_else(|| panic!("{}: {answer}", stream.name));
        assert!(!rows.is_empty(), "{} has no rows", stream.name);
    }
}

#[tokio::test]
async fn sideloaded_page_holds_what_belongs_to_it() {
    let app = App::new();
    let answer = app.get("/contacts?limit=100&orders[id]=ASC&id_greater=100&include=contactLists,contactTags.tag,fieldValues").await;

    assert_eq!(ids(&answer, "contacts"), (101..=200).collect::<Vec<_>>());
    assert_eq!(answer["contactTags"].as_array().unwrap().len(), 300);
    assert_eq!(answer["contactLists"].as_array().unwrap().len(), 200);
    assert_eq!(answer["fieldValues"].as_array().unwrap().len(), 1000);
    let contact = &answer["contacts"][7];
    let tags: Vec<u64> = answer["contactTags"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tag| tag["contact"] == contact["id"])
        .map(id)
        .collect();
    assert_eq!(
        contact["contactTags"],
        serde_json::json!(tags.iter().map(u64::to_string).collect::<Vec<_>>())
    );
    let mut known = ids(&answer, "tags");
    known.dedup();
    assert_eq!(known.len(), answer["tags"].as_array().unwrap().len(), "a shared row comes once");
}
