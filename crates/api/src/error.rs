//! Refusals: what the API says when it does not do what was asked, in all the shapes it says it in.
//!
//! Source: `activecampaign-api.md` §4.8 and §10.1, recorded errors of 2020 to 2026.

mod acknowledgement;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Map, Value as Json};

pub use acknowledgement::Acknowledgement;

/// The headers that belong to a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `Content-Type`. The API sends JSON as `text/html` too, so the body decides.
    pub content_type: Option<&'a str>,
    /// `X-Ac-Error`: `Code 9001`, seen with an empty body and status 200.
    pub ac_error: Option<&'a str>,
}

/// The shape of the body of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `{"message": "…"}`: lookups and rights.
    Message,
    /// `{"errors": [{…}]}`: validation.
    Errors,
    /// `{"errors": "…"}`: bulk creation of field options.
    ErrorText,
    /// `{"errors": ["…"]}`: creation of campaigns.
    ErrorTexts,
    /// `{"success": 0, "message": "…", "failureReasons": […]}`, also with `succeeded`: imports and campaigns.
    Success,
    /// `"…"`: copying of campaigns.
    BareText,
    /// `{"title": "…", "status": …, "detail": "…"}`: the gateway in front of the API.
    Gateway,
    /// A page for a browser: a gateway, or the sign-in page where the key is refused.
    Html,
    /// No body or `{}`.
    Empty,
    /// None of these.
    Other,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// `duplicate`, `field_missing`, `field_invalid`, `related_missing`, `email_invalid`, `422`, …
    pub code: Option<String>,
    /// What is wrong, in a few words.
    pub title: Option<String>,
    /// What is wrong, longer; empty texts are left out.
    pub detail: Option<String>,
    /// Where in the body: `/data/attributes/email`.
    pub pointer: Option<String>,
    /// Which query parameter: `contactTag.tag`.
    pub parameter: Option<String>,
    /// The status of this problem, sent as a number or a string.
    pub status: Option<u16>,
}

/// Why one row of an import was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The index of the contact in the request, from 0, where the reason is about one.
    pub contact: Option<usize>,
    /// What is wrong with it.
    pub text: String,
}

/// An answer that says no.
///
/// Texts are the API's own; they may quote values of the request, such as an address or a company's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status. It may be 200.
    pub status: u16,
    /// The code of the first problem that has one, else that of `X-Ac-Error`.
    pub code: Option<String>,
    /// The title of the first problem, or the message.
    pub title: Option<String>,
    /// The detail of the first problem that has one.
    pub detail: Option<String>,
    /// Where in the body the first problem is.
    pub pointer: Option<String>,
    /// Which query parameter the first problem is about.
    pub parameter: Option<String>,
    /// Rows of an import that were refused.
    pub reasons: Vec<Reason>,
    /// All problems.
    pub all: Vec<Problem>,
    /// The shape in which it came.
    pub shape: Shape,
}

impl Refusal {
    /// Whether an import was refused for its rate: status 400, and nothing but the text tells.
    pub fn is_import_rate(&self) -> bool {
        self.shape == Shape::Success
            && self.title.as_deref().is_some_and(|title| title.to_ascii_lowercase().starts_with("rate limit"))
    }

    /// Whether it came with a good status.
    pub fn is_disguised(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn new(status: u16, headers: &Headers<'_>, shape: Shape, all: Vec<Problem>) -> Refusal {
        let first =
            |pick: fn(&Problem) -> &Option<String>| all.iter().find_map(|problem| pick(problem).clone());
        Refusal {
            status,
            code: first(|problem| &problem.code).or_else(|| headers.ac_error.map(str::to_owned)),
            title: first(|problem| &problem.title),
            detail: first(|problem| &problem.detail),
            pointer: first(|problem| &problem.pointer),
            parameter: first(|problem| &problem.parameter),
            reasons: Vec::new(),
            all,
            shape,
        }
    }
}

/// Title and detail joined by a colon, else the status.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.title, &self.detail) {
            (Some(title), Some(detail)) if title != detail => write!(f, "{title}: {detail}"),
            (Some(text), _) | (None, Some(text)) => f.write_str(text),
            (None, None) => write!(f, "status {} without a reason", self.status),
        }
    }
}

impl std::error::Error for Refusal {}

/// Reads a refusal, whatever its shape. Never fails: what is not understood has [`Shape::Other`].
pub fn refusal(status: u16, headers: &Headers<'_>, body: &[u8]) -> Refusal {
    let body = body.trim_ascii();
    let plain = |shape| Refusal::new(status, headers, shape, Vec::new());
    if body.is_empty() {
        return plain(Shape::Empty);
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) if object.is_empty() => plain(Shape::Empty),
        Ok(Json::Object(object)) => from_object(status, headers, &object),
        Ok(Json::String(text)) => Refusal::new(status, headers, Shape::BareText, vec![titled(&text)]),
        Ok(_) => plain(Shape::Other),
        Err(_) if is_html(headers, body) => plain(Shape::Html),
        Err(_) => plain(Shape::Other),
    }
}

fn is_html(headers: &Headers<'_>, body: &[u8]) -> bool {
    body.first() == Some(&b'<')
        || headers
            .content_type
            .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn from_object(status: u16, headers: &Headers<'_>, object: &Map<String, Json>) -> Refusal {
    let message = || text(object, "message").map(|message| titled(&message));
    if let Some(errors) = object.get("errors") {
        let (shape, all) = errors_shape(errors);
        return Refusal::new(status, headers, shape, all);
    }
    if ["success", "Success", "succeeded"].iter().any(|name| object.contains_key(*name)) {
        let mut refusal = Refusal::new(status, headers, Shape::Success, message().into_iter().collect());
        let reasons = object.get("failureReasons").and_then(Json::as_array);
        refusal.reasons = reasons.into_iter().flatten().map(reason).collect();
        return refusal;
    }
    if let Some(message) = message() {
        return Refusal::new(status, headers, Shape::Message, vec![message]);
    }
    let shape = if object.contains_key("title") { Shape::Gateway } else { Shape::Other };
    let all = if shape == Shape::Gateway { vec![problem(object)] } else { Vec::new() };
    Refusal::new(status, headers, shape, all)
}

fn errors_shape(errors: &Json) -> (Shape, Vec<Problem>) {
    match errors {
        Json::String(text) => (Shape::ErrorText, vec![titled(text)]),
        Json::Array(errors) if errors.first().is_some_and(Json::is_string) => {
            (Shape::ErrorTexts, errors.iter().filter_map(Json::as_str).map(titled).collect())
        }
        Json::Array(errors) => {
            (Shape::Errors, errors.iter().filter_map(Json::as_object).map(problem).collect())
        }
        Json::Object(error) => (Shape::Errors, vec![problem(error)]),
        _ => (Shape::Other, Vec::new()),
    }
}

fn problem(error: &Map<String, Json>) -> Problem {
    let source = error.get("source").and_then(Json::as_object);
    let place = |name| source.and_then(|source| text(source, name));
    // Custom objects spell it `{"type": "pointer", "value": "…"}`.
    let typed = |kind| (place("type").as_deref() == Some(kind)).then(|| place("value")).flatten();
    Problem {
        code: text(error, "code").or_else(|| text(error, "error")),
        title: text(error, "title"),
        detail: text(error, "detail"),
        pointer: place("pointer").or_else(|| typed("pointer")),
        parameter: place("parameter").or_else(|| typed("parameter")),
        status: text(error, "status").and_then(|status| status.parse().ok()),
    }
}

fn reason(reason: &Json) -> Reason {
    let Json::Object(object) = reason else {
        return Reason {
            contact: None,
            text: reason.as_str().map_or_else(|| reason.to_string(), str::to_owned),
        };
    };
    Reason {
        contact: text(object, "contact").and_then(|index| index.parse().ok()),
        text: text(object, "failureReason").unwrap_or_else(|| reason.to_string()),
    }
}

fn titled(title: &str) -> Problem {
    Problem { title: Some(title.to_owned()), ..Problem::default() }
}

/// The text or number called `name`; the empty text is none.
fn text(object: &Map<String, Json>, name: &str) -> Option<String> {
    match object.get(name)? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
