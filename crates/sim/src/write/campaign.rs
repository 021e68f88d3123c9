//! Campaigns, whose writes have addresses and flat answers of their own.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, create::insert};
use crate::answer::{Answer, single::find_row};

/// Answers `POST /campaign`: flat, and the id is a number.
pub(super) fn create(write: &mut Write<'_>) -> Answer {
    let named = |name: &str| write.body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(name) = named("name") else {
        return Answer::value(StatusCode::BAD_REQUEST, &json!({"errors": ["Field name is required"]}));
    };
    let kind = named("type").unwrap_or("single");
    let split = write.body.get("canSplitContent").and_then(Value::as_bool).unwrap_or(false);
    let (name, kind) = (name.to_owned(), kind.to_owned());
    let id = draft(write, &name, &kind);
    Answer::ok(&json!({"id": id, "name": name, "type": kind, "canSplitContent": split}))
}

/// Answers `POST /campaigns/{id}/copy`.
pub(super) fn copy(write: &mut Write<'_>, id: &str) -> Answer {
    let Some(row) = find_row(write.account, write.account.table("campaigns"), id) else {
        return Answer::value(StatusCode::BAD_REQUEST, &json!("Campaign could not be copied."));
    };
    let text =
        |field: &str| write.account.value("campaigns", row, field).as_str().unwrap_or_default().to_owned();
    let (name, kind) = (format!("{} (copy)", text("name")), text("type"));
    let id = draft(write, &name, &kind);
    Answer::ok(&json!({"succeeded": 1, "message": "Campaign draft copied.", "newCampaignId": id}))
}

/// Answers `DELETE /campaigns/{id}/delete`: 200 whether the campaign was there or not.
pub(super) fn delete(write: &mut Write<'_>, id: &str) -> Answer {
    let found = find_row(write.account, write.account.table("campaigns"), id);
    if let Some(row) = found {
        write.account.delete("campaigns", &[row]);
    }
    let text = if found.is_some() { "Campaign deleted." } else { "Campaign could not be deleted." };
    Answer::ok(&json!({"succeeded": u8::from(found.is_some()), "message": text}))
}

fn draft(write: &mut Write<'_>, name: &str, kind: &str) -> u64 {
    let sent = json!({"name": name, "type": kind, "status": "0"});
    let none = Map::new();
    insert(write, "campaigns", sent.as_object().unwrap_or(&none)).0
}
