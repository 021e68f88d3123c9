//! `contacts_wide`: contacts with a typed column for each custom field (issue 3, C).

use std::collections::BTreeMap;

use achub_core::{
    Code, FieldType, StreamName,
    port::{source::Source, target::Evolution},
};
use achub_engine::{
    Summary,
    replication::{FullCheck, Mode},
};
use serde_json::{Value, json};

use crate::activecampaign::{
    rig::{Rig, StopAfter, assert_done, replicating},
    warehouse::{TextRow, Warehouse},
};

const WIDE: &str = "contacts_wide";

/// An account and the databases it is replicated into.
struct Bench {
    rig: Rig,
    warehouses: Vec<Warehouse>,
}

impl Bench {
    async fn with_contacts(contacts: u64) -> Bench {
        let warehouses = Warehouse::all().await;
        Bench { rig: Rig::with_contacts(contacts), warehouses }
    }

    /// Runs `streams` into each database.
    async fn run(&self, streams: &[&str], mode: Mode) -> Vec<Summary> {
        let mut summaries = Vec::new();
        for warehouse in &self.warehouses {
            let target = warehouse.open().await;
            summaries.push(self.rig.run_into(&*target, &replicating(streams, mode)).await);
        }
        summaries
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.rig.account.api("POST", &format!("/api/3/{path}"), Some(body)).await
    }

    /// Makes a custom field; gives its id.
    async fn field(&self, title: &str, ty: &str) -> i64 {
        let made = self.post("fields", json!({"field": {"title": title, "type": ty}})).await;
        number(&made["field"]["id"])
    }

    async fn option(&self, field: i64, value: &str, label: &str) {
        let option =
            json!({"field": field.to_string(), "value": value, "label": label, "orderid": 1, "isdefault": 0});
        self.post("fieldOption/bulk", json!({"fieldOptions": [option]})).await;
    }

    async fn value(&self, contact: i64, field: i64, text: &str) {
        let value = json!({"contact": contact.to_string(), "field": field.to_string(), "value": text});
        self.post("fieldValues", json!({"fieldValue": value})).await;
    }

    /// The only row of `contact` in each database.
    async fn rows(&self, contact: i64) -> Vec<TextRow> {
        let mut rows = Vec::new();
        for warehouse in &self.warehouses {
            let mut found = warehouse.query(&format!("SELECT * FROM {WIDE} WHERE id = {contact}")).await;
            assert_eq!(found.len(), 1, "contact {contact} has one row");
            rows.push(found.remove(0));
        }
        rows
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).expect("an id")
}

fn text(row: &TextRow, column: &str) -> Option<String> {
    row.get(column).unwrap_or_else(|| panic!("there is a column {column}")).clone()
}

/// Text of a JSON column, without regard to white space.
fn array(row: &TextRow, column: &str) -> Option<Value> {
    text(row, column).map(|text| serde_json::from_str(&text).expect("a JSON document"))
}

/// What a column is expected to hold, by the raw text of the field value.
fn expected(kind: &str, raw: &str) -> Option<Value> {
    match kind {
        "text" | "textarea" | "hidden" => Some(json!(raw)),
        _ if raw.is_empty() => None,
        "number" => Some(json!(raw.parse::<f64>().expect("seeded numbers are numbers"))),
        "listbox" | "checkbox" => {
            Some(raw.split("||").filter(|value| !value.is_empty()).map(Value::from).collect())
        }
        // A day, a choice; moments are held to their minute below.
        _ => Some(json!(raw)),
    }
}

/// What a column holds.
fn held(kind: &str, row: &TextRow, column: &str) -> Option<Value> {
    let held = text(row, column)?;
    Some(match kind {
        "number" => json!(held.parse::<f64>().expect("a number")),
        "listbox" | "checkbox" => serde_json::from_str(&held).expect("a JSON document"),
        "datetime" => json!(format!("{}T02:45:00-05:00", &held[..10])),
        _ => json!(held),
    })
}

/// Every contact has a row, and every value of every kind is in its column, on both databases.
#[tokio::test]
async fn every_kind_lands_in_its_type() {
    let bench = Bench::with_contacts(400).await;

    for summary in bench.run(&["contacts", WIDE], Mode::FullRefresh).await {
        assert_done(&summary);
    }

    let definitions = bench.rig.account.truth("custom_fields").await;
    let fields: BTreeMap<i64, (String, String)> = definitions
        .iter()
        .map(|field| {
            let word = |name: &str| field[name].as_str().expect("a text").to_owned();
            (number(&field["id"]), (word("perstag").to_lowercase(), word("type")))
        })
        .collect();
    let values: BTreeMap<(i64, i64), Option<String>> = bench
        .rig
        .account
        .truth("field_values")
        .await
        .iter()
        .map(|value| {
            let key = (number(&value["contact"]), number(&value["field"]));
            (key, value["value"].as_str().map(str::to_owned))
        })
        .collect();
    let kinds: std::collections::BTreeSet<&str> = fields.values().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds.len(), 10, "the account has every kind: {kinds:?}");
    for warehouse in &bench.warehouses {
        let rows = warehouse.query(&format!("SELECT * FROM {WIDE}")).await;
        assert_eq!(rows.len(), 400);
        for row in &rows {
            let contact: i64 = text(row, "id").expect("a key").parse().expect("a number");
            for (id, (column, kind)) in &fields {
                let raw = values.get(&(contact, *id)).and_then(Option::as_deref);
                let expected = raw.and_then(|raw| expected(kind, raw));
                assert_eq!(held(kind, row, column), expected, "{column} of {contact}");
            }
            assert!(text(row, "email").is_some_and(|email| email.contains('@')), "contacts' own fields");
        }
    }
    let types = bench.warehouses[1].columns(WIDE).await;
    for (column, ty) in [
        ("company_size", "double precision"),
        ("birthday", "date"),
        ("last_demo", "timestamp with time zone"),
        ("colours", "jsonb"),
        ("interests", "jsonb"),
        ("plan", "text"),
        ("contact_by", "text"),
        ("about", "text"),
    ] {
        assert_eq!(types[column], ty, "{column}");
    }
}

/// It comes with contacts and costs as many requests as field values do: one for the definitions.
#[tokio::test(start_paused = true)]
async fn wide_contacts_cost_one_more_request() {
    for accelerated in [false, true] {
        let mut requests = Vec::new();
        for streams in [&["contacts"][..], &[WIDE], &["contacts", WIDE], &["contacts", "field_values", WIDE]]
        {
            let rig = Rig::with_contacts(2_000);
            let rig = if accelerated { rig.accelerated() } else { rig };
            let summary = rig.run(&replicating(streams, Mode::Incremental)).await;
            assert_done(&summary);
            assert!(summary.streams.iter().all(|stream| stream.rows >= 2_000), "{summary:?}");
            assert_eq!(summary.requests, rig.requests().await, "all requests are told");
            requests.push(rig.requests().await);
        }
        let contacts = requests[0];
        assert_eq!(requests[1..], [contacts + 1; 3], "contacts alone take {contacts}");
    }
}

/// Options are shown by their labels, and what fits no type is kept as it came and counted.
#[tokio::test]
async fn options_are_decoded_and_misfits_kept() {
    let bench = Bench::with_contacts(20).await;
    let (plan, colours) = (bench.field("Tariff", "dropdown").await, bench.field("Paint", "checkbox").await);
    for (value, label) in [("p1", "Basic"), ("p2", "Gold \"plus\"")] {
        bench.option(plan, value, label).await;
        bench.option(colours, value, label).await;
    }
    let (size, day) = (bench.field("Shoe size", "number").await, bench.field("Joined", "date").await);
    for (field, text) in [(plan, "p2"), (colours, "||p1||gone||"), (size, "about 43"), (day, "19.05.2020")] {
        bench.value(7, field, text).await;
    }
    bench.value(8, size, "43.5").await;

    let summaries = bench.run(&[WIDE], Mode::Incremental).await;

    for (summary, row) in summaries.iter().zip(bench.rows(7).await) {
        assert_done(summary);
        assert_eq!(text(&row, "tariff").as_deref(), Some("Gold \"plus\""));
        assert_eq!(array(&row, "paint"), Some(json!(["Basic", "gone"])));
        assert_eq!((text(&row, "shoe_size"), text(&row, "joined")), (None, None));
        let extra = array(&row, "_achub_extra").expect("what did not fit is kept");
        assert_eq!(extra["shoe_size__raw"], "about 43");
        assert_eq!(extra["joined__raw"], "19.05.2020");
        let drift: BTreeMap<&str, u64> =
            summary.streams[0].type_drift.iter().map(|(field, count)| (field.as_str(), *count)).collect();
        assert_eq!((drift["shoe_size"], drift["joined"]), (1, 1), "{drift:?}");
    }
    for row in bench.rows(8).await {
        assert_eq!(text(&row, "shoe_size").as_deref(), Some("43.5"));
    }
}

/// A renamed field keeps its column, a new one gets one, a removed one keeps what was landed.
#[tokio::test]
async fn fields_keep_their_columns_between_runs() {
    let bench = Bench::with_contacts(50).await;
    let (kept, gone) = (bench.field("Nickname", "text").await, bench.field("Fax", "text").await);
    for contact in [3, 4] {
        bench.value(contact, kept, "before").await;
        bench.value(contact, gone, "0049").await;
    }
    for summary in bench.run(&[WIDE], Mode::Incremental).await {
        assert_done(&summary);
    }

    let renamed = json!({"field": {"title": "Call name", "perstag": "CALLNAME"}});
    bench.rig.account.api("PUT", &format!("/api/3/fields/{kept}"), Some(renamed)).await;
    bench.rig.account.api("DELETE", &format!("/api/3/fields/{gone}"), None).await;
    let added = bench.field("Nickname", "text").await;
    bench.value(3, kept, "after").await;
    bench.value(3, added, "new").await;
    for summary in bench.run(&[WIDE], Mode::Incremental).await {
        assert_done(&summary);
        let outcomes = &summary.streams[0].outcomes;
        assert_eq!((outcomes.added, outcomes.changed), (0, 1), "only contact 3 differs: {outcomes:?}");
    }

    let new = format!("nickname_{added}");
    for row in bench.rows(3).await {
        assert_eq!(text(&row, "nickname").as_deref(), Some("after"), "the id decides");
        assert_eq!(text(&row, &new).as_deref(), Some("new"));
        assert_eq!(text(&row, "fax").as_deref(), Some("0049"), "nothing landed is lost");
        assert!(!row.contains_key("callname"));
    }
    for row in bench.rows(4).await {
        assert_eq!((text(&row, "nickname").as_deref(), text(&row, &new)), (Some("before"), None));
    }
}

/// A new field is a new column, so a policy that allows none stops the stream.
#[tokio::test]
async fn new_field_obeys_the_policy() {
    let bench = Bench::with_contacts(20).await;
    for summary in bench.run(&[WIDE], Mode::Incremental).await {
        assert_done(&summary);
    }
    let added = bench.field("Later", "number").await;
    bench.value(5, added, "12").await;

    for warehouse in &bench.warehouses {
        let mut replication = replicating(&[WIDE], Mode::Incremental);
        replication.landing.evolution = Evolution::Stop;
        let summary = bench.rig.run_into(&*warehouse.open().await, &replication).await;

        let (code, _) = summary.streams[0].error.as_ref().expect("the stream is stopped");
        assert_eq!(code, Code::ColumnsDiffer.id());
    }
}

/// Changes alone are read again, and contacts that are gone are marked by a full check.
#[tokio::test(start_paused = true)]
async fn later_runs_read_changes_alone() {
    let rig = Rig::with_contacts(1_000);
    assert_done(&rig.run(&replicating(&["contacts", WIDE], Mode::Incremental)).await);
    let first = rig.requests().await;
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    rig.account
        .mutate(json!({"collection": "contacts", "change": 25, "create": 5, "delete": 3, "seed": 3}))
        .await;

    let second = rig.run(&replicating(&["contacts", WIDE], Mode::Incremental)).await;

    assert_done(&second);
    for stream in &second.streams {
        assert_eq!((stream.outcomes.added, stream.outcomes.changed), (5, 25), "{}", stream.stream);
    }
    assert!(rig.requests().await - first <= 4, "{} requests", rig.requests().await - first);
    let mut rows = Vec::new();
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
        let mut replication = replicating(&["contacts", WIDE], Mode::Incremental);
        replication.full_check = FullCheck::Now;
        let check = rig.run(&replication).await;
        assert_done(&check);
        let gone: Vec<u64> = check.streams.iter().map(|stream| stream.rows).collect();
        rows.push(gone);
    }
    assert_eq!(rows, [[1_005, 1_005], [1_002, 1_002]], "a second sighting marks what is gone");
}

/// A run that was stopped goes on from where it was.
#[tokio::test(start_paused = true)]
async fn stopped_walk_goes_on() {
    let rig = Rig::with_contacts(3_000);
    let replication = replicating(&[WIDE], Mode::Incremental);
    let stop = achub_engine::Stop::default();
    let watch = StopAfter { commits: 2.into(), stop: stop.clone() };
    let stopped = rig.start(&replication, achub_client::Pace::Off, &stop, std::sync::Arc::new(watch)).await;
    assert!(stopped.expect("the run starts").class().is_some(), "the run was stopped");
    assert_eq!(rig.target.unfinished(), 1);
    let before = rig.requests().await;

    let summary = rig.run(&replication).await;

    assert_done(&summary);
    assert_eq!(summary.streams[0].rows, 3_000);
    assert!(rig.requests().await - before < 33, "{} requests", rig.requests().await - before);
}

/// More fields than a table has columns: the others are together in `_rest`, in the table and in the view.
#[tokio::test]
async fn fields_without_room_go_into_the_rest() {
    let bench = Bench::with_contacts(30).await;
    let mut last = 0;
    for index in 0..1_700 {
        last = bench.field(&format!("Field {index}"), "text").await;
    }
    bench.value(9, last, "far out").await;
    bench.value(9, 15, "near").await;
    bench.value(10, last - 1, "next to it").await;

    let table = bench.run(&[WIDE], Mode::Incremental).await;

    for summary in &table {
        assert_done(summary);
        assert!(summary.notes.iter().any(|note| note.contains("_rest")), "{:?}", summary.notes);
    }
    let rest = |row: &TextRow| array(row, "_rest");
    for row in bench.rows(9).await {
        assert_eq!(rest(&row), Some(json!({last.to_string(): "far out"})));
        assert_eq!(text(&row, "field_0").as_deref(), Some("near"));
    }
    for row in bench.rows(11).await {
        assert_eq!(rest(&row), None);
    }

    let other = Bench { warehouses: Warehouse::all().await, ..bench };
    for summary in other.run(&["contacts", "field_values"], Mode::Incremental).await {
        assert_done(&summary);
        assert!(!summary.notes.iter().any(|note| note.contains("not made")), "{:?}", summary.notes);
    }
    for row in other.rows(9).await {
        assert_eq!(rest(&row), Some(json!({last.to_string(): "far out"})));
        assert_eq!(text(&row, "field_0").as_deref(), Some("near"));
    }
    for row in other.rows(10).await {
        assert_eq!(rest(&row), Some(json!({(last - 1).to_string(): "next to it"})));
    }
}

/// Where the view of an earlier run is, the table takes its place; the view is not made beside it.
#[tokio::test]
async fn table_takes_the_place_of_the_view() {
    let bench = Bench::with_contacts(20).await;
    for streams in [&["contacts", "field_values"][..], &["contacts", "field_values", WIDE]] {
        for summary in bench.run(streams, Mode::Incremental).await {
            assert_done(&summary);
            assert_eq!(summary.notes, Vec::<String>::new());
        }
    }

    let catalogues = [
        ("SELECT type AS kind FROM sqlite_master WHERE name", "table"),
        ("SELECT CAST(relkind AS text) AS kind FROM pg_class WHERE relname", "r"),
        ("SELECT table_type AS kind FROM information_schema.tables WHERE table_name", "BASE TABLE"),
    ];
    for (warehouse, (catalogue, kind)) in bench.warehouses.iter().zip(catalogues) {
        let found = warehouse.query(&format!("{catalogue} = '{WIDE}'")).await;
        assert_eq!(text(&found[0], "kind").as_deref(), Some(kind));
    }
}

/// A view somebody else made is left alone.
#[tokio::test]
async fn view_of_somebody_else_stays() {
    let bench = Bench::with_contacts(20).await;
    for (index, warehouse) in bench.warehouses.iter().enumerate() {
        drop(warehouse.open().await);
        if index == 0 {
            let target = warehouse.open().await;
            bench.rig.run_into(&*target, &replicating(&["lists"], Mode::FullRefresh)).await;
        }
        warehouse.query(&format!("CREATE VIEW {WIDE} AS SELECT 1 AS one")).await;

        let summary =
            bench.rig.run_into(&*warehouse.open().await, &replicating(&[WIDE], Mode::Incremental)).await;

        let (code, _) = summary.streams[0].error.as_ref().expect("the view is in the way");
        assert_eq!(code, Code::TableChanged.id());
        assert_eq!(warehouse.query(&format!("SELECT one FROM {WIDE}")).await.len(), 1);

        // Nor does our own view take its place.
        let both = replicating(&["contacts", "field_values"], Mode::Incremental);
        let summary = bench.rig.run_into(&*warehouse.open().await, &both).await;
        assert!(summary.notes.iter().any(|note| note.contains("somebody else")), "{:?}", summary.notes);
        assert_eq!(warehouse.query(&format!("SELECT one FROM {WIDE}")).await.len(), 1);
    }
}

/// Parquet takes the table with its types; a folder of files has no views.
#[cfg(feature = "parquet")]
#[tokio::test]
async fn wide_contacts_land_in_parquet() {
    let rig = Rig::with_contacts(60);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = achub_connectors::FolderTarget::parquet(folder.path()).expect("the folder is there");

    let summary = rig.run_into(&target, &replicating(&["contacts", WIDE], Mode::Incremental)).await;

    assert_done(&summary);
    assert_eq!(summary.streams.iter().map(|stream| stream.rows).collect::<Vec<_>>(), [60, 60]);
    let (contacts, wide) = (target.rows("contacts").await, target.rows(WIDE).await);
    let (contacts, wide) = (contacts.expect("the table is there"), wide.expect("the table is there"));
    assert_eq!(wide.len(), 60);
    assert!(wide[0].len() > contacts[0].len(), "there are columns for custom fields");
}

/// An account that sends no field values along, with and without an order by id, fails this stream and no other.
#[tokio::test(start_paused = true)]
async fn account_without_includes_fails_one_stream() {
    for unordered in [false, true] {
        let rig = Rig::with_contacts(500);
        rig.account.switches(json!({"include_ignored": true, "orders_id_ignored": unordered})).await;

        let summary = rig.run(&replicating(&["contacts", WIDE], Mode::FullRefresh)).await;

        assert_eq!(summary.streams[0].error, None);
        let (code, message) = summary.streams[1].error.as_ref().expect("it cannot be made");
        assert_eq!(code, Code::RequestRefused.id());
        assert!(message.contains("field values"), "{message}");
        rig.assert_equal(&["contacts"]).await;
    }
}

/// Without an order by id contacts are read by offset, with their values.
#[tokio::test(start_paused = true)]
async fn wide_contacts_are_read_by_offset() {
    for switch in ["orders_id_ignored", "id_window_ignored"] {
        for streams in [&[WIDE][..], &["contacts", WIDE]] {
            let rig = Rig::with_contacts(500);
            rig.account.switches(json!({switch: true})).await;
            let summary = rig.run(&replicating(streams, Mode::FullRefresh)).await;
            assert_done(&summary);
            assert_eq!(summary.streams.last().expect("a stream").rows, 500);
            let held = |row: &Vec<Option<String>>| row.iter().flatten().any(|text| text == "pro");
            assert!(rig.target.rows(WIDE).iter().any(held), "values came along");
        }
    }
}

/// A key that may not read custom fields fails this stream and no other.
#[tokio::test(start_paused = true)]
async fn missing_right_fails_one_stream() {
    let rig = Rig::with_contacts(300);
    rig.account
        .faults(json!([{"match": {"path": "/api/3/fields"}, "fault": {"status": 403, "body": "json"}}]))
        .await;

    let summary = rig.run(&replicating(&["contacts", WIDE], Mode::FullRefresh)).await;

    assert_eq!(summary.streams[0].error, None);
    let (code, _) = summary.streams[1].error.as_ref().expect("it cannot be described");
    assert_eq!(code, Code::NotAllowed.id());
    rig.assert_equal(&["contacts"]).await;
}

/// The shape that is told has the custom fields by kind; samples have the same shape.
#[tokio::test(start_paused = true)]
async fn described_shape_is_that_of_samples() {
    let rig = Rig::with_contacts(50);
    let source = rig.source();
    let name = StreamName::new(WIDE);

    let described = source.describe(std::slice::from_ref(&name)).await.expect("it is offered");
    let sample = source.sample(&name, 5).await.expect("it can be read");

    assert_eq!(sample.schema(), &described[0].schema);
    assert_eq!(sample.len(), 5);
    let fixed = source.streams().into_iter().find(|info| info.name == name).expect("it is listed");
    assert_eq!(described[0].schema.fields.len(), fixed.schema.fields.len() + 14);
    let ty = |field: &str| described[0].schema.fields[described[0].schema.index_of(field).expect(field)].ty;
    assert_eq!((ty("birthday"), ty("interests")), (FieldType::Date, FieldType::Json));
    assert_eq!(rig.requests().await, 2, "the definitions and one page");
}

/// Column, as the simulated account tags its fields, by id.
async fn tags(bench: &Bench, stream: &str) -> BTreeMap<i64, String> {
    let name = |field: &Value| {
        let tag = field["personalization"].as_str().filter(|tag| !tag.is_empty());
        let tag = tag.or(field["fieldLabel"].as_str()).expect("a field has a label").to_lowercase();
        tag.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect::<String>()
    };
    let fields = bench.rig.account.truth(stream).await;
    fields.iter().map(|field| (number(&field["id"]), name(field))).collect()
}

/// Deals and companies have their custom fields beside them as columns too, for one request more, which the plan names.
#[tokio::test]
async fn deals_and_companies_are_laid_out() {
    let bench = Bench::with_contacts(400).await;
    let streams = ["deals", "deal_custom_field_data", "accounts", "account_custom_field_data"];

    for summary in bench.run(&streams, Mode::FullRefresh).await {
        assert_done(&summary);
        assert_eq!(summary.requests, summary.requests_expected);
    }

    for (view, values, parent, fields) in [
        ("deals_wide", "deal_custom_field_data", "dealId", "deal_custom_field_meta"),
        ("accounts_wide", "account_custom_field_data", "accountId", "account_custom_field_meta"),
    ] {
        let (tags, values) = (tags(&bench, fields).await, bench.rig.account.truth(values).await);
        assert!(!values.is_empty(), "the account has values for {view}");
        for warehouse in &bench.warehouses {
            let rows = warehouse.query(&format!("SELECT * FROM {view}")).await;
            let by_id: BTreeMap<i64, &TextRow> = rows
                .iter()
                .map(|row| (text(row, "id").expect("a key").parse().expect("an id"), row))
                .collect();
            assert_eq!(by_id.len(), rows.len(), "{view} has a row for each record");
            let mut compared = 0;
            for value in &values {
                let column = &tags[&number(&value["customFieldId"])];
                let Some(row) = by_id.get(&number(&value[parent])) else { continue };
                let expected = match &value["fieldValue"] {
                    Value::String(text) => Some(text.clone()),
                    Value::Null => None,
                    other => Some(other.to_string()),
                };
                assert_eq!(text(row, column), expected, "{view} {column} of {value}");
                compared += 1;
            }
            assert!(compared > 0, "{view} shows values");
        }
    }
}

/// Where the key may not see the definitions the values land all the same, and it is told why there is no view.
#[tokio::test(start_paused = true)]
async fn views_need_definitions_and_values_do_not() {
    let rig = Rig::with_contacts(400);
    let refused =
        json!({"match": {"path": "/api/3/dealCustomFieldMeta"}, "fault": {"status": 403, "body": "json"}});
    rig.account.faults(json!([refused])).await;

    let summary = rig.run(&replicating(&["deals", "deal_custom_field_data"], Mode::FullRefresh)).await;

    assert_done(&summary);
    rig.assert_equal(&["deals", "deal_custom_field_data"]).await;
    let is_told = |note: &String| note.contains("deals_wide is not made") && note.contains("AC-106");
    assert!(summary.notes.iter().any(is_told), "{:?}", summary.notes);
}
