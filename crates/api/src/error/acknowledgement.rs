//! How an answer with a good status says whether it was done.

use serde_json::{Map, Value as Json};

use super::{Headers, Refusal, refusal};

/// What an endpoint answers when it did what was asked. A status of 200 alone is not enough for any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// The record under this key: creations and updates.
    Record(&'static str),
    /// `success` or `Success` is 1: bulk import.
    Success,
    /// `succeeded` is 1: deletion and copying of campaigns.
    Succeeded,
    /// `{}`, `{"message": "…"}` or `{"meta": {"success": true}}`: deletions.
    Gone,
}

impl Acknowledgement {
    /// Whether the answer says that it was done.
    ///
    /// Errors: the refusal as [`refusal`] reads it. An empty body with `X-Ac-Error` is one even with status 200; that
    /// header was seen in 2020 and 2021 and what it means for the request is not published.
    pub fn check(self, status: u16, headers: &Headers<'_>, body: &[u8]) -> Result<(), Box<Refusal>> {
        let refused = || Err(Box::new(refusal(status, headers, body)));
        if !(200..300).contains(&status) || headers.ac_error.is_some() {
            return refused();
        }
        let object: Map<String, Json> = match serde_json::from_slice(body) {
            Ok(Json::Object(object)) => object,
            Err(_) if self == Acknowledgement::Gone && body.trim_ascii().is_empty() => return Ok(()),
            _ => return refused(),
        };
        let done = match self {
            Acknowledgement::Record(key) => object.get(key).is_some_and(Json::is_object),
            Acknowledgement::Success => is_true(&object, "success") || is_true(&object, "Success"),
            Acknowledgement::Succeeded => is_true(&object, "succeeded"),
            Acknowledgement::Gone => is_gone(&object),
        };
        if done { Ok(()) } else { refused() }
    }
}

fn is_gone(object: &Map<String, Json>) -> bool {
    match object.get("meta").and_then(Json::as_object) {
        Some(meta) => is_true(meta, "success"),
        None => !["errors", "success", "succeeded"].iter().any(|name| object.contains_key(*name)),
    }
}

fn is_true(object: &Map<String, Json>, name: &str) -> bool {
    match object.get(name) {
        Some(Json::Bool(value)) => *value,
        Some(Json::Number(number)) => number.as_i64().is_some_and(|number| number != 0),
        Some(Json::String(text)) => matches!(text.as_str(), "1" | "true"),
        _ => false,
    }
}
