//! Custom fields of contacts: options and values.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, create::insert, echo, respond};
use crate::{
    account::number,
    answer::{Answer, error_body},
};

/// The personalisation tag of a new field: the given one without spaces, or the title with underscores; upper case.
pub(super) fn perstag(sent: &Map<String, Value>) -> String {
    let text = |name: &str| sent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match text("perstag") {
        Some(given) => given.replace(' ', "").to_uppercase(),
        None => text("title").unwrap_or_default().replace(' ', "_").to_uppercase(),
    }
}

/// Answers `POST /fieldOption/bulk`.
pub(super) fn options(write: &mut Write<'_>) -> Answer {
    let Some(Value::Array(given)) = write.body.get("fieldOptions") else {
        let text = "Bulk operation failed. Request must contain an array of fieldOption objects.";
        return Answer::value(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": text}));
    };
    let mut rows = Vec::new();
    for option in given.iter().filter_map(Value::as_object) {
        let (_, object) = insert(write, "fieldOptions", option);
        rows.push(Value::Object(object));
    }
    Answer::value(StatusCode::CREATED, &json!({"fieldOptions": rows}))
}

/// Answers `POST /fieldValues`: one value per contact and field, so a second one replaces the first.
pub(super) fn value(write: &mut Write<'_>, sent: &Map<String, Value>) -> Answer {
    let (contact, field) = (sent.get("contact").map_or(0, number), sent.get("field").map_or(0, number));
    if !write.account.has("fields", field) {
        return error_body::message(StatusCode::FORBIDDEN, "Field id not valid");
    }
    if !write.account.has("contacts", contact) {
        return error_body::missing(&write.account.switches, "contacts", "contact", &contact.to_string());
    }
    let (row, mut object) = save(write, sent);
    write.account.touch_contact(contact);
    object.insert("owner".to_owned(), json!(contact.to_string()));
    if object.get("links").is_none() {
        object = write.loaded("fieldValues", row);
        echo::overlay(write.account.table("fieldValues"), &mut object, sent);
    }
    let mut beside = Map::new();
    write.put_beside(&mut beside, "contacts", contact);
    respond(StatusCode::CREATED, &beside, "fieldValue", object)
}

/// Stores a value; gives the row and, where it is new, what a create echoes.
pub(super) fn save(write: &mut Write<'_>, sent: &Map<String, Value>) -> (u64, Map<String, Value>) {
    let (contact, field) = (sent.get("contact").map_or(0, number), sent.get("field").map_or(0, number));
    let rows = write.account.children("fieldValues", "contact", contact);
    let existing = rows.into_iter().find(|row| write.account.pointer("fieldValues", *row, "field") == field);
    match existing {
        Some(row) => {
            let mut values = echo::stored(write.account.table("fieldValues"), sent);
            values.insert("udate".to_owned(), json!(write.account.now_iso()));
            write.account.change("fieldValues", row, values);
            (row, Map::new())
        }
        None => {
            let mut owned = sent.clone();
            owned.insert("owner".to_owned(), json!(contact.to_string()));
            insert(write, "fieldValues", &owned)
        }
    }
}
