//! Whole answers in, records out.

use std::time::{Duration, Instant};

use achub_core::Value;
use proptest::prelude::*;

use super::{Decoded, Kind, Options, Unreadable, item, page, schema};
use crate::{encode, stream::Stream, streams};

const DATA: Options = Options { noise: false };

fn stream(name: &str) -> &'static Stream {
    streams::find(name).unwrap_or_else(|| panic!("{name} is a stream"))
}

fn read(body: &str, wanted: &[&str]) -> Result<Decoded, Unreadable> {
    let wanted: Vec<_> = wanted.iter().map(|name| stream(name)).collect();
    page(body.as_bytes(), &wanted, DATA)
}

fn kind(body: &str) -> Kind {
    read(body, &["contacts"]).expect_err(body).kind()
}

/// The value of `field` in record `row` of the first part.
fn value(decoded: &Decoded, row: usize, field: &str) -> Value {
    let batch = &decoded.parts[0].batch;
    batch.row(row)[batch.schema().index_of(field).expect(field)].clone()
}

#[test]
fn records_come_with_total_and_meta() {
    let body = r#"{"scoreValues":[],"tags":[{"tag":"a","id":"1"},{"id":2,"tag":"b"}],"meta":{"total":"14"}}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    assert_eq!((decoded.total, decoded.meta.as_deref()), (Some(14), Some(r#"{"total":"14"}"#)));
    let ids = [value(&decoded, 0, "id"), value(&decoded, 1, "id")];
    assert_eq!(ids, [Value::Integer(1), Value::Integer(2)]);
    assert_eq!(value(&decoded, 1, "tag"), Value::text("b"));
    assert_eq!(value(&decoded, 0, "cdate"), Value::Null);
}

#[test]
fn unfit_value_is_kept_and_counted() {
    let body = r#"{"tags":[{"id":"1","subscriber_count":"many"},{"id":"2","subscriber_count":[]}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    assert_eq!(value(&decoded, 0, "subscriber_count"), Value::Null);
    let part = &decoded.parts[0];
    assert_eq!(part.batch.extra(0), Some(r#"{"subscriber_count__raw":"many"}"#));
    assert_eq!(part.type_drift.get("subscriber_count"), Some(&2));
    let object = encode::record(&part.batch, 1);
    assert_eq!(object["subscriber_count"], serde_json::json!([]));
    assert!(!object.contains_key("subscriber_count__raw"));
}

#[test]
fn unknown_members_are_kept_unchanged() {
    let body = r#"{"tags":[{"id":"1","n\u0065w":{"a": [1.50]},"cut":"\ud83d"}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    assert_eq!(decoded.parts[0].batch.extra(0), Some(r#"{"cut":"\ufffd","new":{"a": [1.50]}}"#));
}

/// An unknown member may be called like the place where an unfit value is kept.
#[test]
fn unfit_value_displaces_no_member() {
    let body = r#"{"tags":[{"id":"1","subscriber_count":"x","subscriber_count__raw":1}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    let extra = decoded.parts[0].batch.extra(0);
    assert_eq!(extra, Some(r#"{"subscriber_count__raw":1,"subscriber_count__raw_":"x"}"#));
}

#[test]
fn last_of_equal_members_counts() {
    let body = r#"{"tags":[{"id":"9"}],"tags":[{"id":"x","id":"1","new":1,"new":2}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    let part = &decoded.parts[0];
    assert_eq!((part.batch.len(), value(&decoded, 0, "id")), (1, Value::Integer(1)));
    assert!(part.type_drift.is_empty());
    assert_eq!(part.batch.extra(0), Some(r#"{"new":2}"#));
}

#[test]
fn order_of_members_may_change_between_records() {
    let body = r#"{"tags":[{"id":"1","tag":"a","cdate":null},{"tag":"b","id":"2"},{"cdate":null,"id":"3","tag":"c"}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    let row = |row| (value(&decoded, row, "id"), value(&decoded, row, "tag"));
    let expected = [(1, "a"), (2, "b"), (3, "c")].map(|(id, tag)| (Value::Integer(id), Value::text(tag)));
    assert_eq!([row(0), row(1), row(2)], expected);
}

#[test]
fn links_are_decoded_only_where_wanted() {
    let body = br#"{"tags":[{"id":"1","links":{"a":"b"}},{"id":"2","links":[]}]}"#;
    let tags = stream("tags");
    let links = schema(tags).index_of("links").expect("tags have links");
    let wanted =
        |noise| page(body, &[tags], Options { noise }).expect("it is readable").parts.remove(0).batch;
    assert_eq!(wanted(false).row(0)[links], Value::Null);
    assert_eq!(wanted(true).row(0)[links], Value::Json(r#"{"a":"b"}"#.into()));
}

#[test]
fn sideloads_are_read_and_their_ids_counted() {
    let body = r#"{"contactTags":[{"id":"7","contact":"1"}],
        "contacts":[{"id":"1","contactTags":["7","8"],"fieldValues":["5"]},{"id":"2","contactTags":[]}]}"#;
    let decoded = read(body, &["contacts", "contact_tags", "contact_lists"]).expect("it is readable");
    let [contacts, tags, lists] = &decoded.parts[..] else { panic!("three parts were wanted") };
    assert_eq!((tags.present, tags.batch.len(), lists.present), (true, 1, false));
    assert_eq!(contacts.sideload_ids, [("contactLists", None), ("contactTags", Some(2))]);
    // Field values were not wanted: their ids stay with the contact.
    assert_eq!(contacts.batch.extra(0), Some(r#"{"fieldValues":["5"]}"#));
    assert_eq!(contacts.batch.extra(1), None);
}

#[test]
fn attributes_of_resources_are_fields() {
    let body = r#"{"data":[{"type":"audience","attributes":{"id":"9","name":"VIP","counts":{"a":1},"new":1},"id":"3"}]}"#;
    let decoded = read(body, &["segment_audiences"]).expect("it is readable");
    assert_eq!(value(&decoded, 0, "id"), Value::text("3"));
    assert_eq!(value(&decoded, 0, "name"), Value::text("VIP"));
    assert_eq!(value(&decoded, 0, "counts"), Value::Json(r#"{"a":1}"#.into()));
    assert_eq!(decoded.parts[0].batch.extra(0), Some(r#"{"new":1}"#));
}

#[test]
fn zoneless_twin_borrows_zone() {
    let body = r#"{"tags":[{"id":"1","created_timestamp":"2026-05-28 03:05:54","cdate":"2026-05-28T03:05:54+02:00"}]}"#;
    let decoded = read(body, &["tags"]).expect("it is readable");
    assert_eq!(value(&decoded, 0, "created_timestamp"), value(&decoded, 0, "cdate"));
}

#[test]
fn unreadable_answers_are_told_apart() {
    for body in ["", " \r\n", "{}", r#"{"message":"x"}"#, r#"{"meta":{"total":5}}"#] {
        assert_eq!(kind(body), Kind::Empty, "{body}");
    }
    for body in ["[]", "5", r#""x""#, r#"{"contacts":{}}"#, r#"{"contacts":null}"#, r#"{"contacts":[1]}"#] {
        assert_eq!(kind(body), Kind::Shape, "{body}");
    }
    assert_eq!(kind("<html>login</html>"), Kind::NotJson { html: true });
    for body in ["upstream error", "try again, please", r#"{"contacts":[]} x"#, r#"{"contacts":[{]}"#] {
        assert_eq!(kind(body), Kind::NotJson { html: false }, "{body}");
    }
    assert_eq!(kind(&"[".repeat(100_000)), Kind::TooDeep);
    assert_eq!(
        read(r#"{"contacts":[]}"#, &["contacts"]).expect("it is an empty page").parts[0].batch.len(),
        0
    );
}

/// Reasons are shown to people and written to logs, so they never quote the answer.
#[test]
fn reason_quotes_nothing_of_answer() {
    for body in
        [r#"{"contacts":"ada@example.com"}"#, r#"{"contacts":["ada@example.com"]}"#, "ada@example.com"]
    {
        let reason = read(body, &["contacts"]).expect_err(body).to_string();
        assert!(!reason.contains("ada"), "{reason}");
    }
}

#[test]
fn every_cut_answer_is_noticed() {
    let body = r#"{"contacts":[{"id":"1","email":"a\u00e9","links":{"a":[true,null,-1.5e3]}}],"meta":{"total":"1"}}"#;
    assert!(read(body, &["contacts"]).is_ok());
    for end in 1..body.len() {
        assert_eq!(kind(&body[..end]), Kind::CutOff, "cut at {end}");
    }
}

#[test]
fn single_answer_keeps_related_ids() {
    let body = br#"{"contactLists":[{"id":"5"}],"contact":{"id":"1","contactLists":["5"],"links":{}}}"#;
    let part = item(body, stream("contacts")).expect("it is readable");
    assert_eq!((part.batch.len(), part.batch.extra(0)), (1, Some(r#"{"contactLists":["5"]}"#)));
    assert_eq!(item(b"{}", stream("contacts")).expect_err("it is empty").kind(), Kind::Empty);
    assert_eq!(item(br#"{"contact":[]}"#, stream("contacts")).expect_err("no object").kind(), Kind::Shape);
    assert_eq!(item(b"{}", stream("campaign_lists")).expect_err("no single answer").kind(), Kind::Shape);
}

/// Unknown members are kept in a map: their number must not make the time grow with its square.
#[test]
fn many_unknown_members_are_read_quickly() {
    let members: Vec<_> = (0..100_000).map(|member| format!(r#""m{member}":1"#)).collect();
    let body = format!(r#"{{"tags":[{{{}}}]}}"#, members.join(","));
    let started = Instant::now();
    assert!(read(&body, &["tags"]).is_ok());
    assert!(started.elapsed() < Duration::from_secs(20), "took {:?}", started.elapsed());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let names = "id|tag|cdate|links|meta|total|tags|new|subscriber_count|created_timestamp|[a-z\\\\\"é]{0,3}";
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        // Fractions that any JSON parser reads exactly.
        any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
        ".{0,12}".prop_map(Into::into),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{4})?".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((names, inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_without_panic(json in any_json()) {
        let rows = serde_json::json!({ "tags": [json.clone()] }).to_string();
        for body in [json.to_string(), rows] {
            let _ = read(&body, &["tags", "contacts"]);
            let _ = item(body.as_bytes(), stream("tags"));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for stream in [stream("tags"), stream("segment_match_all")] {
            let _ = page(&bytes, &[stream], DATA);
            let _ = super::segment_match::read(&bytes, stream, "1");
        }
    }

    /// Whatever a member holds, it is in the record afterwards: as a value, or as it came.
    #[test]
    fn any_member_is_found_again(name in "[a-z_]{1,8}", member in any_json()) {
        prop_assume!(!["links", "id"].contains(&name.as_str()));
        let body = serde_json::json!({ "tags": [{ "id": "1", &name: member.clone() }] }).to_string();
        let decoded = read(&body, &["tags"]).expect("it is readable");
        let object = encode::record(&decoded.parts[0].batch, 0);
        if stream("tags").field(&name).is_none() {
            prop_assert_eq!(&object[&name], &member);
        } else {
            prop_assert!(!object[&name].is_null() || member.is_null() || member == "");
        }
    }
}
