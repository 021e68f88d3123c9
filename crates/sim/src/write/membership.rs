//! Tags and list memberships of contacts: both are upserts by pair.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, create::insert, echo, respond};
use crate::{
    account::number,
    answer::{Answer, error_body},
};

/// Answers `POST /contactTags`: 201 with the contact when new, 200 without when already there.
pub(super) fn tag(write: &mut Write<'_>, sent: &Map<String, Value>) -> Answer {
    let (contact, tag) = match named(write, sent, "contactTags", "tag") {
        Ok(pair) => pair,
        Err(refusal) => return refusal,
    };
    if let Some(row) = existing(write, "contactTags", "tag", contact, tag) {
        let object = write.loaded("contactTags", row);
        return respond(StatusCode::OK, &Map::new(), "contactTag", object);
    }
    let (_, mut object) = insert(write, "contactTags", sent);
    // Recorded answers show both as strings, whatever was sent.
    object.insert("contact".to_owned(), json!(contact.to_string()));
    object.insert("tag".to_owned(), json!(tag.to_string()));
    write.account.touch_contact(contact);
    let mut beside = Map::new();
    write.put_beside(&mut beside, "contacts", contact);
    respond(StatusCode::CREATED, &beside, "contactTag", object)
}

/// Answers `POST /contactLists`: 201 when new, 200 when it was there, with the contact when something changed.
pub(super) fn list(write: &mut Write<'_>, sent: &Map<String, Value>) -> Answer {
    let (contact, list) = match named(write, sent, "contactLists", "list") {
        Ok(pair) => pair,
        Err(refusal) => return refusal,
    };
    let status = sent.get("status").map_or(1, number);
    let row = existing(write, "contactLists", "list", contact, list);
    let before = row.map(|row| write.account.pointer("contactLists", row, "status"));
    write.consent = Some(json!({
        "contact": contact,
        "list": list,
        "from": before,
        "to": status,
        "effect": effect(before, status),
    }));
    let mut beside = Map::new();
    match row {
        None => {
            let object = subscribe(write, sent, contact, status);
            if write.account.switches.list_change_bumps_udate {
                write.account.touch_contact(contact);
            }
            write.put_beside(&mut beside, "contacts", contact);
            respond(StatusCode::CREATED, &beside, "contactList", object)
        }
        Some(row) => {
            if before != Some(status) {
                move_to(write, row, sent, status);
                if write.account.switches.list_change_bumps_udate {
                    write.account.touch_contact(contact);
                }
                write.put_beside(&mut beside, "contacts", contact);
            }
            let mut object = write.loaded("contactLists", row);
            echo_status(&mut object, sent);
            respond(StatusCode::OK, &beside, "contactList", object)
        }
    }
}

/// A repeated membership shows the row, with `status` as it was sent.
fn echo_status(object: &mut Map<String, Value>, sent: &Map<String, Value>) {
    if let Some(status) = sent.get("status") {
        object.insert("status".to_owned(), status.clone());
    }
}

fn subscribe(
    write: &mut Write<'_>,
    sent: &Map<String, Value>,
    contact: u64,
    status: u64,
) -> Map<String, Value> {
    let mut full = sent.clone();
    full.entry("status").or_insert(json!(status));
    // A caller that sends null means the default.
    full.retain(|name, value| name != "sourceid" || !value.is_null());
    let first = write.account.value("contacts", contact, "firstName");
    let last = write.account.value("contacts", contact, "lastName");
    full.insert("first_name".to_owned(), first);
    full.insert("last_name".to_owned(), last);
    insert(write, "contactLists", &full).1
}

fn move_to(write: &mut Write<'_>, row: u64, sent: &Map<String, Value>, status: u64) {
    let mut values = echo::stored(write.account.table("contactLists"), sent);
    values.retain(|name, value| name != "sourceid" || !value.is_null());
    values.insert("status".to_owned(), json!(status.to_string()));
    // The last opt-in and the last opt-out; the row's own timestamps stay where they were.
    let moved = if status == 2 { "udate" } else { "sdate" };
    values.insert(moved.to_owned(), json!(write.account.now_iso()));
    write.account.change("contactLists", row, values);
}

/// What a status does to consent: 1 is the only one that allows mail.
fn effect(before: Option<u64>, after: u64) -> &'static str {
    match (before, after) {
        (Some(before), after) if before == after => "same",
        (Some(2), 1) => "resubscribed",
        (_, 1) => "raised",
        (Some(1), _) => "lowered",
        _ => "same",
    }
}

/// Contact and the other half of the pair, both there.
fn named(
    write: &Write<'_>,
    sent: &Map<String, Value>,
    envelope: &'static str,
    other: &'static str,
) -> Result<(u64, u64), Answer> {
    let id = |name: &str| sent.get(name).map_or(0, number);
    if id(other) == 0 {
        let item = write.account.table(envelope).item();
        let parameter = format!("{item}.{other}");
        let error = json!({
            "title": format!("Invalid value for query parameter {parameter}"),
            "detail": format!("No {other} id provided"),
            "source": {"parameter": parameter},
        });
        return Err(error_body::errors(StatusCode::BAD_REQUEST, error));
    }
    if id("contact") == 0 {
        let error = json!({"status": 422, "title": "Missing attribute", "source": {"pointer": "/data/attributes/contact"}});
        return Err(error_body::errors(StatusCode::UNPROCESSABLE_ENTITY, error));
    }
    let kinds: [(&'static str, &str, &str); 2] = [
        ("contacts", "contact", "Contact"),
        if other == "tag" { ("tags", "tag", "Tag") } else { ("lists", "list", "List") },
    ];
    for (of, name, title) in kinds {
        if !write.account.has(of, id(name)) {
            let error = json!({"status": 404, "title": "Not Found", "detail": format!("{title} not found")});
            return Err(error_body::errors(StatusCode::NOT_FOUND, error));
        }
    }
    Ok((id("contact"), id(other)))
}

fn existing(write: &Write<'_>, envelope: &'static str, field: &str, contact: u64, other: u64) -> Option<u64> {
    let rows = write.account.children(envelope, "contact", contact);
    rows.into_iter().find(|row| write.account.pointer(envelope, *row, field) == other)
}
