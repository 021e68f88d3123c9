//! What carries requests: a port, so that tests and rehearsals need no network.

use std::{error::Error as StdError, fmt};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// The pieces of an answer's body, decompressed, in order. Ends early only with an error.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// Sends requests and nothing else: no retry, no redirect, no limit on the answer.
///
/// Called from many tasks at once. Dropping the returned future or the body gives the request up.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, whose address is absolute, and returns once the head of the answer is there.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError>;
}

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The address is not allowed; nothing was sent.
    Address,
    /// The name was not found; nothing was sent.
    Name,
    /// No connection; nothing was sent.
    Connect,
    /// No secure connection; nothing was sent.
    Secure,
    /// Sent, at least in part, and the connection broke before an answer.
    Answer,
    /// Sent, and no answer within the limit.
    FirstByte,
    /// The answer stopped for longer than the limit.
    Idle,
    /// The answer took longer than the limit in all.
    Total,
    /// The answer broke off.
    Body,
}

impl Stage {
    /// Whether the other side surely did not get the request.
    pub fn surely_unsent(self) -> bool {
        matches!(self, Stage::Address | Stage::Name | Stage::Connect | Stage::Secure)
    }
}

/// A request that got no complete answer. The text names no address.
#[derive(Debug)]
pub struct TransportError {
    stage: Stage,
    reason: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// A failure at `stage`.
    pub fn new(stage: Stage) -> TransportError {
        TransportError { stage, reason: None, source: None }
    }

    /// Adds the cause, which must not contain the address with its query.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> TransportError {
        self.source = Some(source.into());
        self
    }

    /// Adds what exactly is wrong, in a few words.
    pub(crate) fn because(mut self, reason: &'static str) -> TransportError {
        self.reason = Some(reason);
        self
    }

    /// How far the request got.
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Address => "the address is not allowed",
            Stage::Name => "the host name was not found",
            Stage::Connect => "no connection could be made",
            Stage::Secure => "no secure connection could be made",
            Stage::Answer => "the connection broke before an answer",
            Stage::FirstByte => "no answer in time",
            Stage::Idle => "the answer stopped half-way",
            Stage::Total => "the answer took too long",
            Stage::Body => "the answer was cut off",
        })?;
        self.reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
