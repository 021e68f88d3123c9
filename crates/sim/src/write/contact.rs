//! Contacts: create, sync, and the custom field values that may come with either.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, create::insert, echo, field, refuse, respond};
use crate::answer::{Answer, error_body};

/// Answers `POST /contacts`.
pub(super) fn create(write: &mut Write<'_>, sent: &Map<String, Value>) -> Answer {
    let email = match email_of(sent) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    if write.account.contact_by_email(email).is_some() {
        return refuse::duplicate_email();
    }
    created(write, sent)
}

/// Answers `POST /contact/sync`: 200 with the loaded row where the address is known, 201 with a sparse one otherwise.
pub(super) fn sync(write: &mut Write<'_>) -> Answer {
    let sent = write.sent("contacts").unwrap_or_default();
    let email = match email_of(&sent) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    match write.account.contact_by_email(email) {
        Some(id) => write.update("contacts", &id.to_string()),
        None => created(write, &sent),
    }
}

fn email_of(sent: &Map<String, Value>) -> Result<&str, Answer> {
    match sent.get("email").and_then(Value::as_str).map(str::trim) {
        Some(email) if refuse::is_email(email) => Ok(email),
        _ => Err(error_body::email_invalid()),
    }
}

fn created(write: &mut Write<'_>, sent: &Map<String, Value>) -> Answer {
    let (id, mut object) = insert(write, "contacts", sent);
    let values = save_values(write, id, sent);
    let mut beside = Map::new();
    if !values.is_empty() {
        let ids: Vec<&Value> = values.iter().map(|value| &value["id"]).collect();
        object.insert("fieldValues".to_owned(), json!(ids));
        beside.insert("fieldValues".to_owned(), Value::Array(values));
    }
    respond(StatusCode::CREATED, &beside, "contact", object)
}

/// Stores the `fieldValues` of a contact body; gives the rows as they are echoed.
pub(super) fn save_values(write: &mut Write<'_>, contact: u64, sent: &Map<String, Value>) -> Vec<Value> {
    let Some(Value::Array(given)) = sent.get("fieldValues") else { return Vec::new() };
    let mut rows = Vec::new();
    for value in given {
        let (Some(id), Some(text)) = (value.get("field").map(crate::account::number), value.get("value"))
        else {
            continue;
        };
        if write.account.has("fields", id) {
            let sent = json!({"contact": contact.to_string(), "field": id.to_string(), "value": text});
            let (row, _) = field::save(write, sent.as_object().expect("the literal is an object"));
            let mut object = write.loaded("fieldValues", row);
            echo::overlay(
                write.account.table("fieldValues"),
                &mut object,
                sent.as_object().expect("the literal is an object"),
            );
            rows.push(Value::Object(object));
        }
    }
    rows
}
