//! Reads what an error answer says.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{failure::Refusal, headers};

/// More of the other side's words does not help anybody, characters.
const WORDS_MAX: usize = 300;

/// The refusal that an answer with an error status is.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let words = serde_json::from_slice(body).map(|value| words(&value)).unwrap_or_default();
    Refusal {
        status,
        is_bulk_rate_limit: status == StatusCode::BAD_REQUEST
            && words.to_ascii_lowercase().contains("rate limit"),
        words: presentable(&words),
        retry_after: headers::retry_after(headers),
        is_page: is_page(body),
    }
}

/// Whether `body` is a web page, whatever its `Content-Type` says: JSON was seen labelled as a page and the other way
/// round (activecampaign-api.md §2.5, §4.8).
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Where a redirect points to: scheme, host and path, the query left out.
pub(crate) fn location(headers: &HeaderMap) -> String {
    let value = headers.get(http::header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let location = value.as_deref().unwrap_or("nowhere");
    presentable(location.split(['?', '#']).next().unwrap_or(location))
}

/// The words of the error shapes of activecampaign-api.md §4.8.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => joined(items.iter().map(words)),
        Value::Object(_) => {
            let named = ["message", "errors", "title", "detail", "failureReasons"];
            joined(named.iter().filter_map(|name| value.get(name)).map(words))
        }
        _ => String::new(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Without control characters, so that it can neither forge a log line nor steer a terminal, and not too long.
fn presentable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WORDS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}
