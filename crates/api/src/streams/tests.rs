//! The table against itself, against the index of the API and against recorded answers.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Map, Value};

use super::{all, find};
use crate::stream::{Confidence, Group, Matching, Read, Role, Stream, Type, Wire};

/// The streams Sling offers, in the order of its documentation.
const SLING: [&str; 15] = [
    "contacts",
    "lists",
    "tags",
    "contact_tags",
    "custom_fields",
    "forms",
    "deals",
    "deal_pipelines",
    "deal_stages",
    "accounts",
    "notes",
    "tasks",
    "campaigns",
    "automations",
    "users",
];

/// A file of the folder with facts about the API, or `None` where that folder is not there.
fn shared(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(_) => {
            println!("skipped: ../shared/{name} is not there");
            None
        }
    }
}

fn assert_stream(stream: &Stream, name: &str) -> &'static Stream {
    find(name).unwrap_or_else(|| panic!("{} names {name}, which is not a stream", stream.name))
}

#[test]
fn names_are_unique_snake_case() {
    let mut names = BTreeSet::new();
    for stream in all() {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(stream.name.chars().all(plain), "{} is not snake case", stream.name);
        assert!(names.insert(stream.name), "{} is there twice", stream.name);
        assert!(!stream.path.starts_with('/') && !stream.page.is_empty(), "{}", stream.name);
    }
    assert_eq!(names.len(), 67, "66 streams of the index and deal_group_users");
}

#[test]
fn fields_are_unique_within_stream() {
    for stream in all() {
        let mut names = BTreeSet::new();
        for field in stream.fields {
            assert!(names.insert(field.name), "{}.{} is there twice", stream.name, field.name);
        }
    }
}

/// Keys and cursors have to be columns, so a field that is dropped or comes only with `include` will not do.
#[test]
fn keys_and_cursors_are_data_fields() {
    for stream in all() {
        assert!(!stream.key.is_empty(), "{} has no key", stream.name);
        let cursor = stream.cursor.map(|cursor| cursor.field);
        let parent = stream.parent.map(|parent| parent.field);
        for name in stream.key.iter().copied().chain(cursor).chain(parent) {
            let field = stream.field(name).unwrap_or_else(|| panic!("{} lacks {name}", stream.name));
            assert_eq!(field.role, Role::Data, "{}.{name}", stream.name);
        }
        for key in stream.key {
            assert!(!stream.field(key).is_some_and(|field| field.nullable), "{}.{key}", stream.name);
        }
    }
}

#[test]
fn cursor_filters_are_listed_filters() {
    for stream in all() {
        let asked = [stream.cursor.and_then(|c| c.filter), stream.parent.and_then(|p| p.filter)];
        for parameter in asked.into_iter().flatten() {
            assert!(
                stream.filters.iter().any(|filter| filter.parameter == parameter),
                "{} uses the filter {parameter} and does not list it",
                stream.name
            );
        }
    }
}

#[test]
fn filters_name_fields_of_stream() {
    for stream in all() {
        for filter in stream.filters {
            let field = match filter.matching {
                Matching::Exact(field)
                | Matching::Contains(field)
                | Matching::StartsWith(field)
                | Matching::AtOrAfter(field)
                | Matching::Before(field)
                | Matching::AtLeast(field)
                | Matching::AtMost(field) => field,
                Matching::Other => continue,
            };
            assert!(stream.field(field).is_some(), "{}: {} names {field}", stream.name, filter.parameter);
        }
    }
}

#[test]
fn twins_are_timestamps_of_stream() {
    for stream in all() {
        for field in stream.fields {
            if let Type::LocalTimestamp { twin } = field.ty {
                let twin = stream.field(twin).unwrap_or_else(|| panic!("{} lacks {twin}", stream.name));
                assert_eq!(twin.ty, Type::Timestamp, "{}.{}", stream.name, field.name);
            }
        }
    }
}

#[test]
fn named_streams_exist_with_fields() {
    for stream in all() {
        match stream.read {
            Read::With { stream: carrier } => {
                assert_eq!(assert_stream(stream, carrier).path, stream.path, "{}", stream.name);
            }
            Read::PerParent { parent } | Read::SegmentMatch { parent } => {
                assert_stream(stream, parent);
                assert!(stream.path.contains("{id}"), "{}", stream.name);
            }
            Read::Keyset | Read::Offset | Read::PageNumber => {}
        }
        if let Some(parent) = stream.parent {
            assert_stream(stream, parent.stream);
        }
        for sideload in stream.sideloads {
            let rows = assert_stream(stream, sideload.stream);
            assert_eq!(rows.envelope, sideload.include, "{}", stream.name);
            assert!(rows.field(sideload.parent_field).is_some(), "{}.{}", rows.name, sideload.parent_field);
            assert!(stream.field(sideload.include).is_some(), "{} has no ids of {}", stream.name, rows.name);
        }
    }
}

/// SL-13 … SL-27: Sling's fifteen streams under Sling's names.
#[test]
fn streams_of_sling_are_present() {
    for name in SLING {
        assert!(find(name).is_some(), "{name} is missing");
    }
    let incremental: Vec<_> = SLING
        .into_iter()
        .filter(|name| find(name).and_then(|s| s.cursor).is_some_and(|cursor| cursor.filter.is_some()))
        .collect();
    assert_eq!(incremental, ["contacts", "deals"]);
}

/// SL-28: the four groups under which Sling shows its streams.
#[test]
fn groups_of_sling_are_kept() {
    let groups: BTreeSet<_> = SLING.into_iter().filter_map(find).map(|stream| stream.group.title()).collect();
    let expected = [Group::ContactManagement, Group::Crm, Group::Marketing, Group::Account];
    assert_eq!(groups, expected.map(Group::title).into());
}

#[test]
fn every_stream_of_index_is_declared() {
    let Some(text) = shared("activecampaign-api.index.json") else { return };
    let index: Value = serde_json::from_str(&text).expect("the index is JSON");
    let rows = index["streams"].as_array().expect("the index lists streams");
    assert_eq!(rows.len(), 66);
    for row in rows {
        let name = match row["stream"].as_str().expect("a stream has a name") {
            "fields" => "custom_fields",
            "deal_groups" => "deal_pipelines",
            "deal_tasks" => "tasks",
            name => name,
        };
        let stream = find(name).unwrap_or_else(|| panic!("{name} of the index is missing"));
        let path = row["path"].as_str().expect("a stream has a path").trim_start_matches('/');
        let path = path.replace("{segmentId}", "{id}").replace("{schemaId}", "{id}");
        assert_eq!(stream.path, path, "{name}");
        assert_eq!(row["envelope_key"], stream.envelope, "{name}");
        assert_eq!(row["singular_key"].as_str(), stream.item, "{name}");
        let confidence = if row["confidence"] == "seen" { Confidence::Seen } else { Confidence::Spec };
        assert_eq!(stream.confidence, confidence, "{name}");
    }
}

/// Nothing that is known to be in a list answer may land among the unknown members.
#[test]
fn recorded_list_members_are_declared() {
    let rows = for_recorded_rows(|stream, row, entry| {
        for name in row.keys() {
            assert!(
                stream.field(name).is_some(),
                "{}: {}.{name} is not declared",
                entry["file"],
                stream.name
            );
        }
    });
    assert!(rows.is_none_or(|rows| rows > 200), "only {rows:?} rows were looked at");
}

/// The simulator answers in the declared wire types, so they have to be those of the real answers.
#[test]
fn recorded_list_values_have_declared_wire_types() {
    for_recorded_rows(|stream, row, entry| {
        // Answers made up by hand are in whatever types their author liked.
        if entry["trust"] == "low" {
            return;
        }
        for (name, value) in row {
            let Some(field) = stream.field(name) else { continue };
            let fits = match value {
                Value::Null => field.nullable,
                Value::Bool(_) => field.wire == Wire::Bool,
                Value::Number(_) => matches!(field.wire, Wire::Int | Wire::Float),
                Value::String(_) => field.wire == Wire::String,
                // A stream without relations has an empty array for its links.
                Value::Array(items) => {
                    field.wire == Wire::Array || (field.role == Role::Noise && items.is_empty())
                }
                Value::Object(_) => field.wire == Wire::Object,
            };
            assert!(fits, "{}: {}.{name} is {value}, declared {field:?}", entry["file"], stream.name);
        }
    });
}

/// Calls `check` with every row of every recorded list answer and its entry of the manifest; `None` where no recording is there.
fn for_recorded_rows(check: impl Fn(&Stream, &Map<String, Value>, &Value)) -> Option<usize> {
    let manifest: Value = serde_json::from_str(&shared("recorded/manifest.json")?).expect("it is JSON");
    let entries = manifest["entries"].as_array().expect("the manifest has entries");
    let mut count = 0;
    for entry in entries.iter().filter(|entry| entry["kind"] == "list" && entry["body_kind"] == "json") {
        let file = entry["file"].as_str().expect("an entry names its file");
        let text = shared(&format!("recorded/{file}")).expect("a listed file is there");
        let body: Value = serde_json::from_str(&text).expect("a JSON body parses");
        // The neutral key `data` does not tell which resource it holds.
        for stream in all().filter(|stream| stream.envelope != "data") {
            let rows = body.get(stream.envelope).and_then(Value::as_array);
            for row in rows.into_iter().flatten().filter_map(Value::as_object) {
                check(stream, row, entry);
                count += 1;
            }
        }
    }
    Some(count)
}
