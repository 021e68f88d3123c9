//! Records into models.

use serde_json::json;

use super::{
    Contact, Deal, DealStatus, FieldValue, ImportState, ImportStatus, Membership, MembershipStatus, Model,
    Tag, item, list,
};
use crate::{decode::Kind, wire::Money};

fn read<M: Model>(object: serde_json::Value) -> M {
    let serde_json::Value::Object(object) = object else { panic!("a record is an object") };
    M::from_object(object).expect("it has an id")
}

#[test]
fn contact_keeps_what_it_does_not_know() {
    let contact: Contact = read(json!({
        "id": "1", "email": "a@example.com", "ip": "2130706433", "deleted": 0, "bounced_hard": "many",
        "contactTags": ["7", 8], "udate": "2026-05-28T03:05:54-05:00", "orgid": "0", "firstName": null,
    }));
    assert_eq!((contact.id, contact.deleted, contact.first_name), (1, Some(false), None));
    assert_eq!(contact.ip.expect("it has an address").to_string(), "127.0.0.1");
    assert_eq!(contact.contact_tags, Some(vec![7, 8]));
    assert_eq!(contact.updated.expect("it has a time").to_string(), "2026-05-28T08:05:54Z");
    assert_eq!(serde_json::Value::Object(contact.others), json!({ "bounced_hard": "many", "orgid": "0" }));
}

/// An opt-out must not be lost by a status nobody has heard of.
#[test]
fn unknown_status_is_never_active() {
    for number in -5..200 {
        let membership: Membership = read(json!({ "id": 1, "status": number.to_string() }));
        let status = membership.status.expect("a number is a status");
        assert_eq!(status == MembershipStatus::Active, number == 1, "{number}");
        assert_eq!(status.number(), number);
    }
    for odd in [json!(true), json!("subscribed"), json!([1]), json!(null), json!("")] {
        let membership: Membership = read(json!({ "id": 1, "status": odd }));
        assert_eq!(membership.status, None, "{odd}");
    }
}

#[test]
fn deal_amount_is_in_cents() {
    let deal: Deal = read(json!({ "id": "21", "value": "1234500", "currency": "usd", "status": "1" }));
    assert_eq!(deal.amount(), Some(Money::new(1_234_500, "USD").expect("it is money")));
    assert_eq!(deal.status, Some(DealStatus::Won));
    let reduced: Deal = read(json!({ "id": "21", "title": "x", "isDisabled": true }));
    assert_eq!((reduced.amount(), reduced.disabled), (None, Some(true)));
}

#[test]
fn choices_are_read_from_field_value() {
    let value: FieldValue = read(json!({ "id": "5", "value": "||red||blue||" }));
    assert_eq!(value.choices().values(), ["red", "blue"]);
}

#[test]
fn answers_are_read_by_their_keys() {
    let tag: Tag = item(br#"{"tag":{"id":"3","tag":"vip"}}"#).expect("it is readable");
    assert_eq!(tag.name.as_deref(), Some("vip"));
    let tags: Vec<Tag> = list(br#"{"tags":[{"id":3}],"meta":{}}"#).expect("it is readable");
    assert_eq!(tags.len(), 1);
    let kind = |body: &[u8]| list::<Tag>(body).expect_err("it is unreadable").kind();
    assert_eq!(
        (kind(b"{}"), kind(br#"{"tags":{}}"#), kind(br#"{"tags":[{}]}"#)),
        (Kind::Empty, Kind::Shape, Kind::Shape)
    );
    assert_eq!((kind(b""), kind(br#"{"tags":["#)), (Kind::Empty, Kind::CutOff));
}

#[test]
fn import_states_are_told_apart() {
    let read = |body: &str| ImportStatus::read(body.as_bytes());
    let status =
        read(r#"{"status":"completed","success":["103"],"failure":["bad@x"],"x":1}"#).expect("readable");
    assert_eq!((status.state, status.created), (ImportState::Completed, vec![103]));
    assert_eq!((status.refused, status.others.len()), (vec!["bad@x".to_owned()], 1));
    let state = |body| read(body).expect("readable").state;
    assert_eq!(state(r#"{"status":false,"success":[],"failure":[]}"#), ImportState::Unknown);
    assert_eq!(state(r#"{"status":"odd"}"#), ImportState::Other("odd".to_owned()));
    assert!(ImportState::Failed.is_final() && !ImportState::Active.is_final());
    assert_eq!(read("{}").expect_err("no status").kind(), Kind::Shape);
}
