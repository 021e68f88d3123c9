//! Recorded answers of the API: where they are, and that each can be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use achub_api::{
    decode::{self, Kind, Options},
    error::{self, Acknowledgement, Headers, Shape},
    model::{self, Model},
    stream::Stream,
    streams,
};
use serde_json::{Map, Value};

use crate::round_trip;

/// Members of answers that belong to no stream of the table, so that a new one is noticed.
const OUTSIDE: &[&str] = &[
    "automationEntryCounts",
    "batchId",
    "canSplitContent",
    "channel",
    "contactGoals",
    "contactLogs",
    "css",
    "dealGroupGroups",
    "ecomOrderDiscounts",
    "geoAddress",
    "geoIps",
    "groupLimits",
    "groupMember",
    "hidden",
    "html",
    "id",
    "matchPhrase",
    "matchType",
    "message",
    "name",
    "organization",
    "outstanding",
    "personalization",
    "personalizations",
    "plusAppend",
    "queued_contacts",
    "recentlyCompleted",
    "scoreValues",
    "siteTracking",
    "succeeded",
    "success",
    "taskOutcome",
    "taskOutcomes",
    "tasktypeOutcomeRel",
    "trackingLogs",
    "type",
    "userConversationsPermissions",
    "userGroups",
    "webhookEvents",
];

/// Fields with values that do not fit: `XX` and times without a blank in samples of the vendor, hours of one digit in
/// samples made by hand, and a deal's fraction of a cent that a creation echoes and the account does not store.
const UNFIT: &[&str] = &[
    "contact_lists.ip4Sub",
    "contacts.created_utc_timestamp",
    "contacts.id",
    "contacts.organization",
    "contacts.orgid",
    "contacts.updated_utc_timestamp",
    "deals.contact",
    "deals.value",
    "ecom_orders.createdDate",
    "ecom_orders.externalCreatedDate",
    "ecom_orders.orderDate",
    "ecom_orders.tstamp",
    "ecom_orders.updatedDate",
];

/// One recorded answer.
struct Answer {
    /// Where it is, for messages.
    name: String,
    status: u16,
    body: Vec<u8>,
    headers: Map<String, Value>,
}

impl Answer {
    fn headers(&self) -> Headers<'_> {
        let header = |wanted: &str| {
            let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.and_then(|(_, value)| value.as_str())
        };
        Headers { content_type: header("content-type"), ac_error: header("x-ac-error") }
    }
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    if !folder.exists() {
        println!("skipped: ../shared/recorded is not there");
        return None;
    }
    Some(folder)
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All recorded answers, those inside recorded sequences included; `None` where the folder is not there.
fn answers() -> Option<Vec<Answer>> {
    let folder = folder()?;
    let manifest = json(&folder.join("manifest.json"));
    let mut answers = Vec::new();
    for entry in manifest["entries"].as_array().expect("the manifest has entries") {
        let name = entry["file"].as_str().expect("an entry names its file").to_owned();
        let path = folder.join(&name);
        match entry["body_kind"].as_str().expect("an entry has a body kind") {
            "keyset" => {}
            "sequence" => answers.extend(interactions(&name, &json(&path))),
            "json" => {
                let body = fs::read(&path).expect("a listed file is there");
                answers.push(answer(name, entry, body));
            }
            // The file holds the text of the body as a JSON string.
            "text" | "empty" => {
                let body = json(&path).as_str().expect("the file holds a string").as_bytes().to_vec();
                answers.push(answer(name, entry, body));
            }
            other => panic!("{name}: unknown body kind {other}"),
        }
    }
    Some(answers)
}

fn interactions(name: &str, sequence: &Value) -> Vec<Answer> {
    let interactions = sequence["interactions"].as_array().expect("a sequence has interactions");
    let numbered = interactions.iter().enumerate();
    numbered
        .map(|(number, interaction)| {
            let body = interaction["response_text"].as_str().expect("an interaction has a body");
            answer(format!("{name} interaction {number}"), interaction, body.as_bytes().to_vec())
        })
        .collect()
}

fn answer(name: String, entry: &Value, body: Vec<u8>) -> Answer {
    let status = entry["status"].as_u64().and_then(|status| status.try_into().ok());
    let headers = entry.get("response_headers").and_then(Value::as_object).cloned().unwrap_or_default();
    Answer { name, status: status.expect("an answer has a status"), body, headers }
}

/// Every answer is read as a list, a single record or a refusal, and nothing in a record is lost on the way to our
/// record and back.
#[test]
fn every_recorded_answer_is_read() {
    let Some(answers) = answers() else { return };
    let mut unfit = BTreeSet::new();
    let mut records = 0;
    for answer in &answers {
        if answer.status >= 400 {
            assert_refusal(answer);
            continue;
        }
        match serde_json::from_slice(&answer.body) {
            Ok(Value::Object(object)) => records += assert_members(answer, &object, &mut unfit),
            // The list of personalisation tags is a bare array, which no stream is.
            Ok(Value::Array(_)) => assert_eq!(unreadable(answer), Kind::Shape, "{}", answer.name),
            Ok(other) => panic!("{}: {other}", answer.name),
            Err(_) => assert_not_json(answer),
        }
    }
    assert!(answers.len() > 300 && records > 500, "{} answers with {records} records", answers.len());
    let known: BTreeSet<_> = UNFIT.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unfit, known, "fields with values that do not fit");
}

fn assert_refusal(answer: &Answer) {
    let refusal = error::refusal(answer.status, &answer.headers(), &answer.body);
    assert_ne!(refusal.shape, Shape::Other, "{}: {refusal:?}", answer.name);
    assert!(refusal.title.is_some() || refusal.detail.is_some(), "{}: {refusal:?}", answer.name);
}

fn unreadable(answer: &Answer) -> Kind {
    let contacts = streams::find("contacts").expect("contacts is a stream");
    let page = decode::page(&answer.body, &[contacts], Options { noise: false });
    page.expect_err(&answer.name).kind()
}

fn assert_not_json(answer: &Answer) {
    let acknowledged = Acknowledgement::Record("list").check(answer.status, &answer.headers(), &answer.body);
    let shape = acknowledged.expect_err(&answer.name).shape;
    match unreadable(answer) {
        Kind::Empty => assert_eq!(shape, Shape::Empty, "{}", answer.name),
        Kind::NotJson { html: true } => assert_eq!(shape, Shape::Html, "{}", answer.name),
        other => panic!("{}: {other:?}", answer.name),
    }
}

/// Reads every member of an answer that is a stream's; returns how many records there were.
fn assert_members(answer: &Answer, object: &Map<String, Value>, unfit: &mut BTreeSet<String>) -> usize {
    let mut records = 0;
    for (name, member) in object.iter().filter(|(name, _)| *name != "meta") {
        let list = streams::all().find(|stream| stream.envelope == name && name != "data");
        let single = streams::all().find(|stream| stream.item == Some(name));
        let part = match (member, list, single) {
            (Value::Array(rows), Some(stream), _) if rows.iter().all(Value::is_object) => {
                page(answer, stream)
            }
            (Value::Object(_), _, Some(stream)) => {
                decode::item(&answer.body, stream).unwrap_or_else(|error| panic!("{}: {error}", answer.name))
            }
            _ => {
                let known =
                    OUTSIDE.contains(&name.as_str()) || list.is_some() || single.is_some() || name == "data";
                assert!(known, "{}: {name} is neither a stream nor known to be none", answer.name);
                continue;
            }
        };
        let rows = member.as_array().map_or_else(|| vec![member], |rows| rows.iter().collect::<Vec<_>>());
        // Some samples of the vendor have `XX` for an id.
        if rows.iter().all(|row| row["id"].as_str().is_some_and(|id| id.parse::<i64>().is_ok())) {
            assert_models(answer, part.stream.name, member.is_array());
        }
        round_trip::assert_same(&answer.name, &part, &rows);
        unfit.extend(part.type_drift.keys().map(|field| format!("{}.{field}", part.stream.name)));
        records += rows.len();
    }
    records
}

fn page(answer: &Answer, stream: &'static Stream) -> decode::DecodedPart {
    let page = decode::page(&answer.body, &[stream], Options { noise: true });
    page.unwrap_or_else(|error| panic!("{}: {error}", answer.name)).parts.remove(0)
}

fn assert_models(answer: &Answer, stream: &str, is_list: bool) {
    fn read<M: Model>(answer: &Answer, is_list: bool) {
        let error = match is_list {
            true => model::list::<M>(&answer.body).err(),
            false => model::item::<M>(&answer.body).err(),
        };
        assert_eq!(error, None, "{} as {}", answer.name, M::STREAM);
    }
    type Read = fn(&Answer, bool);
    let models: BTreeMap<&str, Read> = BTreeMap::from([
        (model::Contact::STREAM, read::<model::Contact> as Read),
        (model::Membership::STREAM, read::<model::Membership>),
        (model::Tag::STREAM, read::<model::Tag>),
        (model::CustomField::STREAM, read::<model::CustomField>),
        (model::FieldValue::STREAM, read::<model::FieldValue>),
        (model::Company::STREAM, read::<model::Company>),
        (model::Association::STREAM, read::<model::Association>),
        (model::Deal::STREAM, read::<model::Deal>),
        (model::Pipeline::STREAM, read::<model::Pipeline>),
        (model::Stage::STREAM, read::<model::Stage>),
        (model::User::STREAM, read::<model::User>),
    ]);
    if let Some(read) = models.get(stream) {
        read(answer, is_list);
    }
}
