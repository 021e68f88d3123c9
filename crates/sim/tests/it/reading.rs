//! Reading: every stream to its end, filters, sideloads, and an account that is too large to be held.

use std::collections::BTreeSet;

use achub_api::{
    stream::{Read, Role, Stream, Wire},
    streams,
};
use achub_sim::Settings;
use serde_json::{Value, json};

use crate::app::{App, id, ids, settings};

/// Where the list of a stream is.
fn path(stream: &Stream) -> Option<String> {
    match stream.read {
        Read::PerParent { .. } => Some(stream.path.replace("{id}", "10000000-0000-4000-8000-000000000001")),
        Read::SegmentMatch { .. } => None,
        _ => Some(stream.path.to_owned()),
    }
}

#[tokio::test]
async fn every_stream_has_rows_of_declared_types() {
    let app = App::new();
    for stream in streams::all() {
        let Some(path) = path(stream) else { continue };
        let answer = app.get(&format!("/{path}?limit=100&page_size=100")).await;
        let rows = answer[stream.envelope].as_array().unwrap_or_else(|| panic!("{}: {answer}", stream.name));
        assert!(!rows.is_empty(), "{} has no rows", stream.name);
        for row in rows {
            let row = if stream.attributes { flattened(row) } else { row.clone() };
            row_fits(stream, &row);
            if let Some(cursor) = stream.cursor {
                // Readers pass over rows that they cannot place in time.
                assert!(!row[cursor.field].is_null(), "{}.{} is null", stream.name, cursor.field);
            }
        }
    }
}

/// A JSON:API resource as one object.
fn flattened(row: &Value) -> Value {
    let mut flat = row["attributes"].clone();
    for name in ["id", "type"] {
        flat[name] = row[name].clone();
    }
    flat
}

fn row_fits(stream: &Stream, row: &Value) {
    for (name, value) in row.as_object().unwrap() {
        let field = stream.field(name).unwrap_or_else(|| panic!("{} has no field {name}", stream.name));
        let fits = match (field.wire, value) {
            // Recorded: an empty array where a row has no relations.
            (Wire::Object, Value::Array(links)) if field.role == Role::Noise => links.is_empty(),
            (Wire::String, value) => value.is_string(),
            (Wire::Int, value) => value.is_i64() || value.is_u64(),
            (Wire::Float, value) => value.is_number(),
            (Wire::Bool, value) => value.is_boolean(),
            (Wire::Object, value) => value.is_object(),
            (Wire::Array, value) => value.is_array(),
        };
        assert!(fits || (value.is_null() && field.nullable), "{}.{name} is {value}", stream.name);
    }
}

#[tokio::test]
async fn every_stream_can_be_read_to_its_end() {
    let app = App::with(Settings { contacts: 60, ..settings() });
    for stream in
        streams::all().filter(|stream| matches!(stream.read, Read::Offset | Read::Keyset | Read::With { .. }))
    {
        let mut read = Vec::new();
        loop {
            let answer = app.get(&format!("/{}?limit=100&offset={}", stream.path, read.len())).await;
            let page = answer[stream.envelope].as_array().unwrap().clone();
            if matches!(stream.read, Read::With { .. }) {
                read = page;
                break;
            }
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        let different: BTreeSet<String> =
            read.iter().map(|row| row["id"].to_string() + &row["name"].to_string()).collect();
        assert_eq!(different.len() as u64, app.control.count(stream.name).unwrap(), "{}", stream.name);
        assert_eq!(different.len(), read.len(), "{} repeats rows", stream.name);
    }
}

#[tokio::test]
async fn addresses_are_forgiving_about_slashes() {
    let app = App::new();
    let plain = app.get("/tags?limit=3").await;
    for path in ["/tags/?limit=3", "//tags?limit=3"] {
        assert_eq!(app.get(path).await, plain, "{path}");
    }
    for root in ["", "/"] {
        assert_eq!(app.get(root).await, json!({}));
    }
    assert_eq!(app.ask("GET", "/nothingHere", None).await.0, 404);
}

#[tokio::test]
async fn whole_address_in_process_counts_as_its_path() {
    let app = App::new();
    let reply = app.call(http::Method::GET, "http://account.test:8075/api/3/tags/3", None).await;
    assert!(
        reply.json()["tag"]["links"]["contactGoalTags"]
            .as_str()
            .unwrap()
            .starts_with("http://account.test:8075/api/3/tags/3/")
    );
    let counted = app.control.requests(1);
    assert_eq!(
        (&counted["by_path"][0]["path"], &counted["recent"][0]["uri"]),
        (&json!("/api/3/tags/{id}"), &json!("/api/3/tags/3"))
    );
}

#[tokio::test]
async fn sideloaded_page_holds_what_belongs_to_it() {
    let app = App::new();
    let answer = app.get("/contacts?limit=100&orders[id]=ASC&id_greater=100&include=contactLists.list,contactTags.tag,fieldValues.field,deals").await;

    assert_eq!(ids(&answer, "contacts"), (101..=200).collect::<Vec<_>>());
    for (key, count) in [
        ("contactTags", 300),
        ("contactLists", 200),
        ("fieldValues", 1000),
        ("deals", 20),
        ("lists", 8),
        ("fields", 14),
    ] {
        assert_eq!(answer[key].as_array().unwrap().len(), count, "{key}");
    }
    let contact = &answer["contacts"][7];
    let tags: Vec<String> = rows_of(&answer, "contactTags", contact).map(|tag| id(tag).to_string()).collect();
    assert_eq!(contact["contactTags"], json!(tags));
    let known: BTreeSet<u64> = ids(&answer, "tags").into_iter().collect();
    assert_eq!(known.len(), answer["tags"].as_array().unwrap().len(), "a shared row comes once");
    assert!(
        rows_of(&answer, "contactTags", contact)
            .all(|tag| known.contains(&tag["tag"].as_str().unwrap().parse().unwrap()))
    );
}

fn rows_of<'a>(answer: &'a Value, key: &str, contact: &'a Value) -> impl Iterator<Item = &'a Value> {
    answer[key].as_array().unwrap().iter().filter(move |row| row["contact"] == contact["id"])
}

#[tokio::test]
async fn arrays_come_before_rows_and_meta_last() {
    let app = App::new();
    let reply =
        app.call(http::Method::GET, "/api/3/contacts?include=contactLists,contactTags.tag", None).await;
    let text = String::from_utf8(reply.bytes).unwrap();
    let places: Vec<usize> = [
        "\"contactLists\":[{",
        "\"contactTags\":[{",
        "\"tags\":[{",
        "\"scoreValues\":[{",
        "\"contacts\":[{",
        "\"meta\":{",
    ]
    .iter()
    .map(|key| text.find(key).unwrap_or_else(|| panic!("no {key}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn contact_filters_find_what_they_name() {
    let app = App::new();
    let total = async |query: &str| -> u64 {
        app.get(&format!("/contacts?limit=1&{query}")).await["meta"]["total"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    let contact = app.get("/contacts/77").await["contact"].clone();
    let text = |name: &str| contact[name].as_str().unwrap().replace('+', "%2B");

    assert_eq!(total(&format!("email={}", text("email"))).await, 1);
    assert_eq!(total("email_like=.77@").await, 1);
    assert_eq!(total(&format!("search={}", text("email"))).await, 1);
    assert_eq!(total("exclude=77").await, 999);
    assert_eq!(total("filters[updated_after]=2036-01-01").await, 0);
    assert_eq!(total("filters[created_before]=1990-01-01").await, 0);
    let after = total(&format!("filters[updated_after]={}", text("udate"))).await;
    let before = total(&format!("filters[updated_before]={}", text("udate"))).await;
    assert_eq!(after + before, 1000);
    app.control.set_switches(&json!({"updated_after_exclusive": true})).unwrap();
    assert!(
        total(&format!("filters[updated_after]={}", text("udate"))).await < after,
        "the row itself is left out"
    );
    app.control.set_switches(&json!({"filters_ignored": true})).unwrap();
    assert_eq!(total("filters[updated_after]=2036-01-01").await, 1000);
}

#[tokio::test]
async fn membership_filters_agree_with_rows() {
    let app = App::new();
    let rows: Vec<Value> =
        app.control.truth("contact_lists").unwrap().map(|row| serde_json::from_str(&row).unwrap()).collect();
    for (list, status) in [("1", "1"), ("4", "2"), ("8", "0")] {
        let expected: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row["list"] == list && row["status"] == status)
            .map(|row| row["contact"].as_str().unwrap())
            .collect();
        let answer = app.get(&format!("/contacts?limit=1&listid={list}&status={status}")).await;
        assert_eq!(answer["meta"]["total"], expected.len().to_string(), "list {list} status {status}");
    }
}

#[tokio::test]
async fn other_filters_narrow_where_they_are_known() {
    let app = App::new();
    assert_eq!(ids(&app.get("/dealStages?filters[d_groupid]=2&limit=100").await, "dealStages"), [6, 7, 8]);
    let values = app.get("/fieldValues?filters[fieldid]=4&limit=100").await;
    assert!(values["fieldValues"].as_array().unwrap().iter().all(|row| row["field"] == "4"));
    assert_eq!(ids(&app.get("/accountContacts?filters[contact]=8").await, "accountContacts"), [2]);
    assert_eq!(ids(&app.get("/tags?search=NEWSLETTER").await, "tags"), [1, 11, 21, 31]);
    assert_eq!(ids(&app.get("/tags?filters[search][eq]=newsletter").await, "tags"), [1]);
    assert_eq!(ids(&app.get("/lists?filters[name]=Partners").await, "lists"), [5]);
    let rich = app.get("/deals?filters[minimum_value]=15000&limit=100").await;
    assert!(
        rich["deals"].as_array().unwrap().iter().all(|deal| deal["value"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1_500_000)
    );
    let newest = app.get("/deals?orders[cdate]=DESC&limit=2").await;
    assert_eq!(ids(&newest, "deals"), [200, 199]);
}

#[tokio::test]
async fn window_total_counts_rest_or_all() {
    let app = App::new();
    let total = async || app.get("/contacts?id_greater=900&limit=1").await["meta"]["total"].clone();
    assert_eq!(total().await, "100");
    app.control.set_switches(&json!({"total_counts_all": true})).unwrap();
    assert_eq!(total().await, "1000");
    app.control.set_switches(&json!({"id_window_ignored": true})).unwrap();
    assert_eq!(ids(&app.get("/contacts?id_greater=900&limit=1").await, "contacts"), [1]);
}

#[tokio::test]
async fn page_switches_play_the_other_answer() {
    let app = App::new();
    app.control.set_switches(&json!({"page_clamped_to_20": true, "include_ignored": true, "ids_clamped": true, "subcollections_clamped": true})).unwrap();
    let answer = app.get("/contacts?limit=100&include=contactTags").await;
    assert_eq!((answer["contacts"].as_array().unwrap().len(), answer.get("contactTags")), (20, None));
    let named: String = (1..=50).map(|id| format!("ids[]={id}&")).collect();
    assert_eq!(app.get(&format!("/contacts?{named}")).await["contacts"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn empty_account_answers_empty_arrays() {
    let app = App::with(Settings { contacts: 0, ..settings() });
    let deals = app.get("/deals").await;
    assert_eq!(deals, json!({"deals": [], "meta": {"currencies": [], "total": 0}}));
    let contacts = app.get("/contacts?include=contactTags").await;
    assert_eq!((&contacts["contacts"], &contacts["meta"]["total"]), (&json!([]), &json!("0")));
    assert_eq!(app.get("/lists").await["lists"][0]["active_subscribers"], "0");
}

#[tokio::test]
async fn companies_count_only_when_asked() {
    let app = App::new();
    assert_eq!(app.get("/accounts?limit=1").await["accounts"][0]["contactCount"], "0");
    let counted = app.get("/accounts?limit=1&count_deals=true").await["accounts"][0].clone();
    assert_eq!((&counted["contactCount"], &counted["dealCount"]), (&json!("5"), &json!("1")));
}

#[tokio::test]
async fn segment_answers_from_the_second_look_on() {
    let app = App::new();
    let total = async || app.get("/contacts?segmentid=2&limit=1").await["meta"]["total"].clone();
    assert_eq!(total().await, "0");
    let members = total().await;
    assert_ne!(members, "0");

    let run = app.ask("POST", "/segmentMatchAll", Some(json!({"data": [{"id": "2"}]}))).await.1["data"][0]["attributes"].clone();
    assert_eq!(run["is_ready"], false);
    let ready =
        app.get(&format!("/segmentMatchAll/2/{}?page_size=10000", run["run_id"].as_str().unwrap())).await;
    let attributes = &ready["data"][0]["attributes"];
    assert_eq!(attributes["matches"].as_array().unwrap().len().to_string(), members);
    assert_eq!(app.ask("GET", "/segmentMatchAll/2/unknown", None).await.0, 404);
}

#[tokio::test]
async fn million_contacts_are_listed_from_both_ends() {
    let app = App::with(Settings { contacts: 1_000_000, ..settings() });
    let last =
        app.get("/contacts?limit=100&offset=999950&include=contactTags,contactLists,fieldValues").await;
    assert_eq!(ids(&last, "contacts"), (999_951..=1_000_000).collect::<Vec<_>>());
    assert_eq!(last["fieldValues"].as_array().unwrap().len(), 500);
    assert_eq!(
        ids(&app.get("/fieldValues?limit=2&offset=9999998").await, "fieldValues"),
        [9_999_999, 10_000_000]
    );

    app.ask("DELETE", "/contacts/999999", None).await;

    assert_eq!(
        ids(&app.get("/contacts?limit=3&orders[id]=DESC").await, "contacts"),
        [1_000_000, 999_998, 999_997]
    );
    assert_eq!(
        ids(&app.get("/contactTags?limit=2&offset=2999995").await, "contactTags"),
        [2_999_999, 3_000_000]
    );
}
