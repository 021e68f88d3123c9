//! What is asked for, and what comes back.

use std::{fmt, time::Duration};

use achub_core::Error;
use jiff::Timestamp;

use crate::rule::Leave;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// Below `/api/3/`, without encoding: `contacts`, `contacts/12/contactTags`.
    pub path: String,
    /// Parameters in order, without encoding: `("filters[updated_after]", "2026-01-01")`.
    pub query: Vec<(String, String)>,
}

impl Get {
    /// Reads `path` without parameters.
    pub fn new(path: impl Into<String>) -> Get {
        Get { path: path.into(), query: Vec::new() }
    }

    /// Adds a parameter.
    pub fn with(mut self, name: impl Into<String>, value: impl fmt::Display) -> Get {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// What is asked for, in words that carry no value of a parameter.
    pub(crate) fn target(&self) -> String {
        format!("GET {}", self.path)
    }
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What the reader made of it.
    pub value: T,
    /// The account's clock when it answered, whole seconds; `None` where it does not tell.
    pub date: Option<Timestamp>,
    /// Bytes of the body after decompression.
    pub byte_count: usize,
    /// From sending to the last byte, of the sending that succeeded.
    pub latency: Duration,
    /// Sendings it took, those that were asked to slow down included.
    pub sendings: u32,
}

/// What became of a request under the rules of its endpoint.
#[derive(Debug)]
pub enum Reply<T> {
    /// It was answered.
    Read(Answer<T>),
    /// It was refused in a way that its endpoint's rules say how to go on from. `error` is what [`Client::get`] would
    /// have returned.
    ///
    /// [`Client::get`]: crate::Client::get
    Left {
        /// How to go on.
        leave: Leave,
        /// The status of the refusal.
        status: u16,
        /// What it was refused with.
        error: Error,
    },
}
