//! What can go wrong with one request, before it is decided what follows.

use achub_api::decode::{Kind, Unreadable};
use http::StatusCode;
use jiff::Timestamp;

use crate::{
    rule::Action,
    transport::{Stage, TransportError},
};

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
    /// What the rules of the endpoint say about it.
    pub action: Option<Action>,
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
    #[error("{}", unreadable_text(.0))]
    Unreadable(#[source] Unreadable),
}

impl Failure {
    /// The error status it came with, where one did.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Failure::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether it tells that the other side does not work. A refusal tells that it does.
    pub(crate) fn is_disturbance(&self) -> bool {
        match self {
            Failure::Transport(error) => error.stage() != Stage::Address,
            Failure::Refused(refusal) => {
                refusal.status.is_server_error() || refusal.status == StatusCode::REQUEST_TIMEOUT
            }
            Failure::Redirected { .. } => false,
            Failure::Page | Failure::TooLarge { .. } | Failure::Unreadable(_) => true,
        }
    }
}

fn refusal_text(refusal: &Refusal) -> String {
    let status = refusal.status.as_u16();
    match refusal.words.as_str() {
        "" => format!("refused with status {status}"),
        words => format!("refused with status {status}: {words}"),
    }
}

fn unreadable_text(unreadable: &Unreadable) -> &'static str {
    match unreadable.kind() {
        Kind::CutOff => "the answer was cut off",
        Kind::Empty => "the answer is empty where records were due",
        Kind::NotJson { .. } => "the answer is not JSON",
        Kind::Shape => "the answer has another shape than expected",
        Kind::TooDeep => "the answer is nested too deep",
        Kind::WrongPage => "the answer is not the page that was asked for",
    }
}
