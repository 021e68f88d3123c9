//! The bodies of refusals.

use http::StatusCode;
use serde_json::{Value, json};

use super::Answer;
use crate::switches::Switches;

/// Model names in `No Result found for <Model> with id <n>`, by the key of the array.
const MODELS: &[(&str, &str)] = &[
    ("contacts", "Subscriber"),
    ("contactTags", "SubscriberTag"),
    ("contactLists", "SubscriberList"),
    ("contactAutomations", "SubscriberSeries"),
    ("contactDeals", "SubscriberDeal"),
    ("accounts", "CustomerAccount"),
    ("accountContacts", "CustomerAccountSubscriber"),
    ("fieldValues", "FieldValue"),
    ("fields", "Field"),
    ("fieldRels", "FieldRel"),
    ("fieldOptions", "FieldOption"),
    ("tags", "Tag"),
    ("lists", "_List"),
    ("listGroups", "ListGroup"),
    ("configs", "ConfigResult"),
    ("dealTasktypes", "DealTasktype"),
    ("geoIps", "GeoIp"),
];

/// Collections whose missing records the vendor's documents answer with 403.
const DOCUMENTED_403: &[&str] = &["contactAutomations", "fieldValues", "lists", "notes", "forms", "groups"];

/// Collections whose missing records are answered by the newer service.
const NEWER: &[&str] =
    &["accountCustomFieldMeta", "accountCustomFieldData", "dealCustomFieldMeta", "dealCustomFieldData"];

/// No such record.
pub(crate) fn missing(switches: &Switches, envelope: &str, item: &str, id: &str) -> Answer {
    if NEWER.contains(&envelope) {
        return errors(StatusCode::NOT_FOUND, json!({"status": 404, "title": "Not Found"}));
    }
    let forbidden = switches.missing_is_forbidden && DOCUMENTED_403.contains(&envelope);
    let status = if forbidden { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
    let id = if id.is_empty() { "0" } else { id };
    Answer::value(
        status,
        &json!({"message": format!("No Result found for {} with id {id}", model(envelope, item))}),
    )
}

/// The name of the model behind a collection: a known one, else the item with a capital.
fn model(envelope: &str, item: &str) -> String {
    if let Some((_, model)) = MODELS.iter().find(|(of, _)| *of == envelope) {
        return (*model).to_owned();
    }
    let mut letters = item.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `{"errors":[…]}` with one entry.
pub(crate) fn errors(status: StatusCode, error: Value) -> Answer {
    Answer::value(status, &json!({"errors": [error]}))
}

/// A refusal of an attribute: 422 with title, code and the attribute it is about.
pub(crate) fn invalid(title: &str, code: &str, attribute: &str) -> Answer {
    let pointer = format!("/data/attributes/{attribute}");
    errors(
        StatusCode::UNPROCESSABLE_ENTITY,
        json!({"title": title, "detail": "", "code": code, "source": {"pointer": pointer}}),
    )
}

/// The refusal of an address.
pub(crate) fn email_invalid() -> Answer {
    errors(
        StatusCode::UNPROCESSABLE_ENTITY,
        json!({
            "title": "Contact Email Address is not valid.",
            "detail": "",
            "code": "email_invalid",
            "error": "must_be_valid_email_address",
            "source": {"pointer": "/data/attributes/email"},
        }),
    )
}

/// `{"message": …}`.
pub(crate) fn message(status: StatusCode, text: &str) -> Answer {
    Answer::value(status, &json!({"message": text}))
}

/// The page a front server answers with when an address is too long.
pub(crate) fn too_long() -> Answer {
    Answer::html(
        StatusCode::BAD_REQUEST,
        "<html>\r\n<head><title>400 Request Header Or Cookie Too Large</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
    )
}

/// The log-in page some accounts answer with, status 200, when the key is not accepted.
pub(crate) fn log_in_page() -> Answer {
    Answer::html(
        StatusCode::OK,
        "<!DOCTYPE html>\n<html><head><title>Login</title></head><body><form method=\"post\"><input name=\"user\"><input name=\"pass\" type=\"password\"></form></body></html>\n",
    )
}
