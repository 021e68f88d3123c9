//! The control interface: ledger, mutations, truth, reset, and the account that is kept between starts.

use std::collections::BTreeSet;

use achub_sim::{Error, Settings, Sim};
use http::Method;
use serde_json::{Value, json};

use crate::app::{App, ids, settings};

#[tokio::test]
async fn offset_reader_loses_rows_while_rows_are_deleted() {
    let app = App::new();
    let rule = json!({"collection": "contact_tags", "delete": 7, "change": 3, "create": 5, "seed": 4, "between_pages": true});
    app.control.mutate(&rule).unwrap();
    let before: BTreeSet<u64> = rows(&app, "contact_tags");

    let mut read = BTreeSet::new();
    let mut offset = 0;
    loop {
        let page = ids(&app.get(&format!("/contactTags?limit=100&offset={offset}")).await, "contactTags");
        if page.is_empty() {
            break;
        }
        offset += page.len();
        read.extend(page);
    }

    let after = rows(&app, "contact_tags");
    let still: BTreeSet<u64> = before.intersection(&after).copied().collect();
    assert!(
        still.difference(&read).next().is_some(),
        "offset over a moving table loses rows: this is the point of the rule"
    );
    assert!(after.len() < before.len());
    let ledger = app.control.ledger();
    assert!(ledger["mutations"].as_array().unwrap().len() > 20);
    app.control.rest();
    let pages = ledger["mutations"].as_array().unwrap().len();
    app.get("/contactTags").await;
    assert_eq!(app.control.ledger()["mutations"].as_array().unwrap().len(), pages);
}

fn rows(app: &App, name: &str) -> BTreeSet<u64> {
    let id =
        |row: String| serde_json::from_str::<Value>(&row).unwrap()["id"].as_str().unwrap().parse().unwrap();
    app.control.truth(name).unwrap().map(id).collect()
}

#[tokio::test]
async fn every_collection_can_be_made_changed_and_deleted() {
    let app = App::new();
    for stream in achub_api::streams::all() {
        if matches!(stream.read, achub_api::stream::Read::SegmentMatch { .. }) {
            continue;
        }
        let before = app.control.count(stream.name).unwrap();
        let wish = json!({"collection": stream.name, "create": 3, "change": 2, "delete": 1});
        let done = app.control.mutate(&wish).unwrap();
        assert_eq!(done["created"].as_array().unwrap().len(), 3, "{}", stream.name);
        assert_eq!(app.control.count(stream.name).unwrap(), before + 2, "{}", stream.name);
        assert_eq!(app.control.truth(stream.name).unwrap().count() as u64, before + 2, "{}", stream.name);
    }
}

#[tokio::test]
async fn created_contact_comes_with_what_contacts_have() {
    let app = App::new();
    let made = app.control.mutate(&json!({"collection": "contacts", "create": 1})).unwrap();
    assert_eq!(made["created"], json!([1001]));
    let answer = app.get("/contacts?id_greater=1000&include=contactTags,contactLists,fieldValues").await;
    let count = |key: &str| answer[key].as_array().unwrap().len();
    assert_eq!((count("contactTags"), count("contactLists"), count("fieldValues")), (3, 2, 10));
    let email = answer["contacts"][0]["email"].as_str().unwrap();
    assert_eq!(ids(&app.get(&format!("/contacts?email={email}")).await, "contacts"), [1001]);
}

#[tokio::test]
async fn ledger_knows_what_was_issued_and_in_which_state() {
    let app = App::new();
    app.get("/contacts?limit=50&include=contactTags").await;
    let changed = app.control.mutate(&json!({"collection": "contacts", "change": 1, "seed": 9})).unwrap();
    app.get("/contacts?limit=10").await;

    let ledger = app.control.ledger();
    let runs = ledger["issued"]["contacts"].as_array().unwrap();
    assert_eq!((&runs[0]["from"], &runs[0]["to"], &runs[1]["to"]), (&json!(1), &json!(10), &json!(50)));
    assert!(runs[0]["revision"].as_u64() > runs[1]["revision"].as_u64());
    assert_eq!(ledger["issued"]["contactTags"][0]["to"], 150);
    assert_eq!(ledger["changed"]["contacts"][0]["id"], changed["changed"][0]);
    assert_eq!(ledger["changed"]["contacts"][0]["version"], 1);
}

#[tokio::test]
async fn ledger_tells_what_a_write_did_to_consent() {
    let app = App::new();
    let lists = app.get("/contacts/1/contactLists").await["contactLists"].clone();
    let wish =
        |status: u8| Some(json!({"contactList": {"list": lists[0]["list"], "contact": 1, "status": status}}));
    for status in [2, 2, 1] {
        app.ask("POST", "/contactLists", wish(status)).await;
    }
    let effects: Vec<Value> = app.control.ledger()["writes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|write| write["consent"]["effect"].clone())
        .collect();
    assert_eq!(effects[1..], [json!("same"), json!("resubscribed")]);
}

#[tokio::test]
async fn wrong_wishes_are_refused_by_name() {
    let app = App::new();
    for (path, body, named) in [
        ("mutate", json!({"collection": "contcts"}), "contcts"),
        ("mutate", json!({"collection": "contacts", "destroy": 1}), "destroy"),
        ("mutate", json!({"collection": "contacts", "set": {"1": {"firstNam": "Ada"}}}), "firstNam"),
        ("mutate", json!({"collection": "contacts", "set": {"one": {}}}), "`set`"),
        ("switches", json!({"tagid": true}), "tagid"),
        ("faults", json!({"fault": {"hang": 1}}), "hang"),
        ("nonsense", json!({}), "POST reset"),
    ] {
        let reply = app.call(Method::POST, &format!("/_sim/{path}"), Some(&body)).await;
        assert!(reply.status.is_client_error());
        assert!(reply.json()["error"].as_str().unwrap().contains(named), "{path}: {}", reply.json());
    }
    assert!(matches!(app.control.truth("nobody").err(), Some(Error::Control(_))));
}

/// Single rows take any value as it is, without a trace in their times; rows that are gone are passed over.
#[tokio::test]
async fn single_rows_take_any_value() {
    let app = App::new();
    let before = app.get("/deals/3").await["deal"].clone();
    let wish = json!({"collection": "deals", "set": {"3": {"status": "won?"}, "4711": {"status": "1"}}});

    let done = app.control.mutate(&wish).unwrap();

    let after = app.get("/deals/3").await["deal"].clone();
    assert_eq!((&done["set"], &after["status"]), (&json!([3]), &json!("won?")));
    assert_eq!(after["mdate"], before["mdate"]);
}

#[tokio::test]
async fn truth_is_what_lists_show() {
    let app = App::new();
    let reply = app.call(Method::GET, "/_sim/truth?stream=contact_lists", None).await;
    let rows: Vec<Value> = reply
        .bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2000);
    let mut listed = app.get("/contactLists?limit=2").await["contactLists"][1].clone();
    listed["links"] = rows[1]["links"].clone();
    assert_eq!(rows[1], listed);
}

#[tokio::test]
async fn reset_brings_the_start_back() {
    let app = App::new();
    let start = app.get("/contacts/7").await;
    app.ask("PUT", "/contacts/7", Some(json!({"contact": {"firstName": "Other"}}))).await;
    app.control.set_switches(&json!({"include_ignored": true})).unwrap();
    assert_ne!(app.get("/contacts/7").await, start);

    app.control.reset().unwrap();

    assert_eq!(app.get("/contacts/7").await, start);
    assert_eq!(app.control.requests(0)["total"], 1);
    assert!(!app.control.switches().include_ignored);
}

#[tokio::test]
async fn same_settings_give_the_same_account() {
    let page = "/contacts?limit=100&include=contactTags.tag,contactLists,fieldValues,deals,notes";
    let (one, same) = (App::new().get(page).await, App::new().get(page).await);
    let other = App::with(Settings { seed: 2, ..settings() }).get(page).await;
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[tokio::test]
async fn kept_account_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || Settings { data: Some(folder.path().to_owned()), ..settings() };
    let first = App::with(kept());
    first
        .ask(
            "POST",
            "/contacts",
            Some(json!({"contact": {"email": "kept@example.com", "firstName": "Kept"}})),
        )
        .await;
    first.ask("DELETE", "/contacts/3", None).await;
    first.ask("POST", "/contactTags", Some(json!({"contactTag": {"contact": 1001, "tag": 5}}))).await;
    first.control.set_switches(&json!({"tagid_ignored": true})).unwrap();
    let page = "/contacts?limit=100&orders[id]=DESC&include=contactTags,fieldValues";
    let before = first.get(page).await;
    let counters = first.get("/tags?limit=100").await;
    drop(first);

    let second = App::with(kept());

    assert_eq!(second.get(page).await, before);
    assert_eq!(second.get("/tags?limit=100").await, counters);
    assert_eq!(second.ask("GET", "/contacts/3", None).await.0, 404);
    assert_eq!(
        second.ask("POST", "/contacts", Some(json!({"contact": {"email": "KEPT@example.com"}}))).await.0,
        422
    );
    assert!(second.control.switches().tagid_ignored);
    let other = Sim::new(Settings { seed: 9, ..kept() }).unwrap_err();
    assert!(matches!(other, Error::OtherAccount { name: "seed", stored: 1, asked: 9, .. }));
}

#[tokio::test]
async fn broken_stored_account_is_named_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("account.json"), "{\"contacts\": 10").unwrap();
    let error = Sim::new(Settings { data: Some(folder.path().to_owned()), ..settings() }).unwrap_err();
    assert!(matches!(error, Error::Stored { .. }));
    assert_eq!(std::fs::read_to_string(folder.path().join("account.json")).unwrap(), "{\"contacts\": 10");
}
