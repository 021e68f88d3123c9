//! Reads what an error answer says.

use achub_api::error::{self, Headers};
use http::{HeaderMap, HeaderName, StatusCode, header};

use crate::{failure::Refusal, headers};

/// More of the other side's words does not help anybody, characters.
const WORDS_MAX: usize = 300;

/// The refusal that an answer with an error status is.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let told = Headers {
        content_type: text(header::CONTENT_TYPE),
        ac_error: text(HeaderName::from_static("x-ac-error")),
    };
    let refusal = error::refusal(status.as_u16(), &told, body);
    let has_words = refusal.title.is_some() || refusal.detail.is_some();
    Refusal {
        status,
        words: if has_words { presentable(&refusal.to_string()) } else { String::new() },
        retry_after: headers::retry_after(headers),
        date: headers::date(headers),
        is_bulk_rate_limit: status == StatusCode::BAD_REQUEST && refusal.is_import_rate(),
        is_page: is_page(body),
        action: None,
    }
}

/// Whether `body` is a web page, whatever its `Content-Type` says: JSON was seen labelled as a page and the other way
/// round (activecampaign-api.md §2.5, §4.8).
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Where a redirect points to: scheme, host and path, the query left out.
pub(crate) fn location(headers: &HeaderMap) -> String {
    let value = headers.get(header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let location = value.as_deref().unwrap_or("nowhere");
    presentable(location.split(['?', '#']).next().unwrap_or(location))
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
