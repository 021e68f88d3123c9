//! What can go wrong with one request, before it is decided what follows.

use std::fmt;

use achub_api::decode;
use http::StatusCode;
use jiff::Timestamp;

use crate::transport::TransportError;

/// An answer that arrived and cannot be used. Returned by whoever reads an answer; the answer then counts as a failure
/// and is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Unreadable {
    /// Which kind.
    pub kind: UnreadableKind,
    /// What was met and where, without values of records.
    pub detail: String,
}

impl Unreadable {
    /// An unreadable answer; `detail` says what was met and where.
    pub fn new(kind: UnreadableKind, detail: impl Into<String>) -> Unreadable {
        Unreadable { kind, detail: detail.into() }
    }
}

impl From<decode::Unreadable> for Unreadable {
    fn from(unreadable: decode::Unreadable) -> Unreadable {
        let kind = match unreadable.kind() {
            decode::Kind::CutOff => UnreadableKind::CutOff,
            decode::Kind::Empty => UnreadableKind::Empty,
            decode::Kind::NotJson { .. } => UnreadableKind::NotJson,
            decode::Kind::Shape => UnreadableKind::Shape,
            decode::Kind::TooDeep => UnreadableKind::TooDeep,
            decode::Kind::WrongPage => UnreadableKind::WrongPage,
        };
        Unreadable::new(kind, unreadable.to_string())
    }
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadableKind {
    /// It ends in the middle.
    CutOff,
    /// Nothing is there where records were due.
    Empty,
    /// It is not JSON; a web page for instance.
    NotJson,
    /// It is JSON of another shape.
    Shape,
    /// It is nested deeper than allowed.
    TooDeep,
    /// It is a page that was had before, or not the one that was asked for.
    WrongPage,
}

impl fmt::Display for UnreadableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnreadableKind::CutOff => "the answer was cut off",
            UnreadableKind::Empty => "the answer is empty where records were due",
            UnreadableKind::NotJson => "the answer is not JSON",
            UnreadableKind::Shape => "the answer has another shape than expected",
            UnreadableKind::TooDeep => "the answer is nested too deep",
            UnreadableKind::WrongPage => "the answer is not the page that was asked for",
        })
    }
}

/// A refusal in the other side's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    /// Its words, cleaned and shortened; empty where it gave none.
    pub words: String,
    /// `Retry-After` as sent, whatever it says.
    pub retry_after: Option<String>,
    /// The other side's clock, for a date in `retry_after`.
    pub date: Option<Timestamp>,
    /// Whether a 400 means a bulk import was sent too early (activecampaign-api.md §10).
    pub is_bulk_rate_limit: bool,
    /// Whether the body is a web page.
    pub is_page: bool,
}

/// Why one sending of a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was not sent, or its answer did not arrive.
    #[error("{0}")]
    Transport(#[source] TransportError),
    /// An error status.
    #[error("{}", refusal_text(.0))]
    Refused(Refusal),
    /// Directed elsewhere, which is never followed.
    #[error("the answer points to {location:?} instead of answering")]
    Redirected { location: String },
    /// A web page with a status of success.
    #[error("the answer is a web page")]
    Page,
    /// Larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// Arrived and cannot be used.
    #[error("{0}")]
    Unreadable(#[source] Unreadable),
}

fn refusal_text(refusal: &Refusal) -> String {
    let status = refusal.status.as_u16();
    match refusal.words.as_str() {
        "" => format!("refused with status {status}"),
        words => format!("refused with status {status}: {words}"),
    }
}
