//! Answers that cannot be read.

use std::fmt;

use serde_json::error::Category;
use thiserror::Error;

/// In what way an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// JSON that ends too early: the connection was cut.
    CutOff,
    /// No bytes, `{}`, or JSON without the expected key. The caller knows whether rows were due.
    Empty,
    /// Not JSON, for example a sign-in page.
    NotJson {
        /// Whether it looks like a page for a browser.
        html: bool,
    },
    /// JSON of another shape than the endpoint's.
    Shape,
    /// JSON nested deeper than [`super::DEPTH_MAX`].
    TooDeep,
    /// A readable page, but not the one that was asked for. Found by the caller, never by this crate.
    WrongPage,
}

/// An answer that cannot be read: in what way and where. Never holds any of its content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct Unreadable {
    kind: Kind,
    detail: String,
}

impl Unreadable {
    /// An answer unreadable as `kind`; `detail` says what was expected, lower case, no content of the answer.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Unreadable {
        Unreadable { kind, detail: detail.into() }
    }

    /// In what way it is unreadable.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn shape(expected: impl fmt::Display) -> Unreadable {
        Unreadable::new(Kind::Shape, format!("answer has another shape: expected {expected}"))
    }

    /// What a failed pass over `body` means; `expected` was being read when it failed.
    pub(super) fn from_json(error: &serde_json::Error, body: &[u8], expected: &str) -> Unreadable {
        let place = format!("line {} column {}", error.line(), error.column());
        let cut_off = || {
            let detail = format!("answer of {} bytes ends in the middle of {expected}", body.len());
            Unreadable::new(Kind::CutOff, detail)
        };
        match error.classify() {
            Category::Eof => cut_off(),
            // The parser calls the beginning of a number an invalid one.
            Category::Syntax if ends_in_number(error, body) => cut_off(),
            // The cause is left out: it may quote a value.
            Category::Data => Unreadable::shape(format!("{expected} at {place}")),
            Category::Syntax | Category::Io => not_json(body, &place),
        }
    }

    /// What is wrong with `body` before it is parsed: nothing in it, or a page for a browser.
    pub(super) fn before_parsing(body: &[u8]) -> Option<Unreadable> {
        match body.trim_ascii_start().first() {
            None => Some(Unreadable::new(Kind::Empty, "answer has no body")),
            Some(b'<') => Some(not_json(body, "its first byte")),
            Some(_) => None,
        }
    }
}

/// Whether the parser stopped at the last byte, in what may become a number.
fn ends_in_number(error: &serde_json::Error, body: &[u8]) -> bool {
    let last_line = body.rsplit(|byte| *byte == b'\n').next().unwrap_or(body);
    let at_end = error.column() >= last_line.len();
    at_end && matches!(body.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E'))
}

fn not_json(body: &[u8], place: &str) -> Unreadable {
    let html = body.trim_ascii_start().first() == Some(&b'<');
    let what = if html { "a page for a browser" } else { "not json" };
    Unreadable::new(
        Kind::NotJson { html },
        format!("answer of {} bytes is {what}, from {place} on", body.len()),
    )
}
