//! Recorded answers against ours: to the same kind of request, the same keys with the same JSON types.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Map, Value};

use crate::{
    app::App,
    variants::{OTHER_REQUESTS, allowed},
};

/// Where the recorded answers are, when they are there.
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    folder.join("manifest.json").exists().then_some(folder)
}

#[tokio::test]
async fn answers_have_the_shape_of_recorded_ones() {
    let Some(folder) = folder() else {
        println!("skipped: no recorded answers beside the workspace");
        return;
    };
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let (mut compared, mut findings) = (0, Vec::new());
    for entry in manifest["entries"].as_array().unwrap() {
        let file = entry["file"].as_str().unwrap();
        if entry["body_kind"] != "json" || OTHER_REQUESTS.iter().any(|(part, _)| file.contains(part)) {
            continue;
        }
        let recorded: Value = serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
        let ours = answer_to(entry).await;
        compared += 1;
        let mut found = Vec::new();
        compare("", &recorded, &ours, &mut found);
        findings.extend(found.into_iter().filter(|at| !allowed(file, at)).map(|at| format!("{file}: {at}")));
    }
    assert!(compared > 180, "only {compared} recorded answers were compared");
    assert!(findings.is_empty(), "{} of {compared} compared:\n{}", findings.len(), findings.join("\n"));
}

/// Our answer to the kind of request an entry of the manifest records. A fresh account each, so that no request depends
/// on another.
async fn answer_to(entry: &Value) -> Value {
    let reduced = std::num::NonZeroU64::MIN;
    let app = App::new();
    let recorded_reduced = entry["file"] == "deals--nango--2.json";
    if recorded_reduced {
        app.control.set_switches(&serde_json::json!({"deal_reduced_every": reduced})).unwrap();
    }
    let method = entry["method"].as_str().unwrap();
    let missing = matches!(entry["status"].as_u64(), Some(403 | 404));
    let url = entry["url"].as_str().unwrap().trim_start_matches("/api/3");
    let path = address(url, missing);
    let body = match &entry["request_body"] {
        // Recorded for an address that was known already.
        _ if entry["file"] == "contact-sync--nango--1.json" => {
            let known = app.get("/contacts/7").await["contact"]["email"].clone();
            Some(serde_json::json!({"contact": {"email": known, "firstName": "Sync", "lastName": "Test"}}))
        }
        Value::Null => None,
        body => Some(pointing_at_rows(body)),
    };
    if body.as_ref().is_some_and(|body| body.to_string().contains("1001")) {
        app.ask("POST", "/contacts", Some(serde_json::json!({"contact": {"email": "fresh@example.com"}})))
            .await;
    }
    if method == "POST" && entry["status"] == 200 {
        // Recorded with a record that was there already: the second time it is here as well.
        app.ask(method, &path, body.clone()).await;
    }
    app.ask(method, &path, body).await.1
}

/// The path with ids of rows we have; for errors, of rows we have not.
fn address(url: &str, missing: bool) -> String {
    let (path, query) =
        url.split_once('?').map_or((url, String::new()), |(path, query)| (path, format!("?{query}")));
    let query = query.replace("Text%20field%20value", "import-3");
    let mut previous = "";
    let mut segments = Vec::new();
    for segment in path.split('/') {
        let is_id = segment.starts_with('{') || segment.parse::<u64>().is_ok();
        segments.push(match (is_id, previous, missing) {
            (true, _, true) => "99999999".to_owned(),
            // A contact with everything hanging off it.
            (true, "email", _) => "hokus@example.com".to_owned(),
            (true, "contacts", _) => "120".to_owned(),
            (true, "fields", _) => "4".to_owned(),
            (true, "schemas", _) => "10000000-0000-4000-8000-000000000001".to_owned(),
            (true, "records", _) => "10000000-0000-4000-8000-000000000001".to_owned(),
            (true, "10000000-0000-4000-8000-000000000001", _) => {
                "20000000-0000-4000-8000-000000000001".to_owned()
            }
            (true, _, _) => "1".to_owned(),
            (false, "email", _) => "hokus@example.com".to_owned(),
            _ => segment.to_owned(),
        });
        previous =
            if is_id && previous == "records" { "10000000-0000-4000-8000-000000000001" } else { segment };
    }
    segments.join("/") + &query
}

/// The body with ids of rows we have.
fn pointing_at_rows(body: &Value) -> Value {
    match body {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), row_we_have(name, value));
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(pointing_at_rows).collect()),
        other => other.clone(),
    }
}

fn row_we_have(name: &str, value: &Value) -> Value {
    let id: u64 = match name {
        // A contact made just before, so that pairs with it are new.
        "contact" => 1_001,
        "list" | "listid" | "tag" | "field" | "group" | "groupid" | "account" | "owner" | "relid"
        | "dealId" | "customFieldId" => 2,
        "stage" => 6,
        _ => return pointing_at_rows(value),
    };
    match value {
        Value::Number(_) => id.into(),
        Value::String(text) if text.parse::<u64>().is_ok() => id.to_string().into(),
        other => pointing_at_rows(other),
    }
}

/// Where the shapes differ: the path, and how.
fn compare(path: &str, recorded: &Value, ours: &Value, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(recorded), Value::Object(ours)) => compare_members(path, recorded, ours, found),
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(recorded), Some(ours)) = (merged(recorded), merged(ours)) {
                compare(&format!("{path}[]"), &recorded, &ours, found);
            }
        }
        _ if kind(recorded) == kind(ours) => {}
        _ => found.push(format!("{path} is {} recorded, {} here", kind(recorded), kind(ours))),
    }
}

fn compare_members(
    path: &str,
    recorded: &Map<String, Value>,
    ours: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    // Keyed by currency: the values are what is compared.
    if path.ends_with("currencies") {
        return compare(
            &format!("{path}.*"),
            recorded.values().next().unwrap_or(&Value::Null),
            ours.values().next().unwrap_or(&Value::Null),
            found,
        );
    }
    for name in recorded.keys().filter(|name| !ours.contains_key(*name)) {
        found.push(format!("{path}.{name} is missing"));
    }
    for name in ours.keys().filter(|name| !recorded.contains_key(*name)) {
        found.push(format!("{path}.{name} is ours alone"));
    }
    for (name, value) in recorded {
        if let Some(other) = ours.get(name) {
            compare(&format!("{path}.{name}"), value, other, found);
        }
    }
}

/// One value that has every member of the items, each with a value that is not null where there is one. Rows reduced
/// for want of permission are left out.
fn merged(items: &[Value]) -> Option<Value> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let rows = items.iter().filter(|item| item["isDisabled"] != true);
    for row in rows.clone() {
        let Value::Object(row) = row else { return items.first().cloned() };
        for (name, value) in row {
            let known = all.entry(name.clone()).or_insert(Value::Null);
            if known.is_null() {
                *known = value.clone();
            }
        }
    }
    rows.clone().next().map(|_| Value::Object(all.into_iter().collect()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
