//! How long and how much the client puts up with.

use std::time::Duration;

use crate::backoff::Backoff;

/// Limits of one request and of its repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From looking the name up to a secure connection.
    pub connect: Duration,
    /// From sending to the first byte of the answer, connecting included.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// From sending to the last byte.
    pub total: Duration,
    /// The largest answer, bytes after decompression.
    pub body_bytes: usize,
    /// How much of an error's body is read, bytes.
    pub error_body_bytes: usize,
    /// How often one request is sent before its failure is final. Being asked to slow down does not count.
    pub attempts: u32,
    /// How pauses between the sendings grow where the other side does not say how long to wait.
    pub backoff: Backoff,
    /// How long one request may be held back in all because the other side asks to slow down.
    pub wait_total: Duration,
}

impl Default for Limits {
    /// Reliability rules R15 and R16: a page of the heaviest stream takes a few seconds, ten times that is a fault.
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(300),
            body_bytes: 64 << 20,
            error_body_bytes: 64 << 10,
            attempts: 8,
            backoff: Backoff::default(),
            wait_total: Duration::from_secs(3600),
        }
    }
}

impl Limits {
    /// For a person who waits for a connection test: an answer or a named failure within five seconds.
    pub fn for_check() -> Limits {
        Limits {
            connect: Duration::from_secs(3),
            first_byte: Duration::from_secs(4),
            idle: Duration::from_secs(4),
            total: Duration::from_millis(4500),
            attempts: 1,
            wait_total: Duration::from_secs(4),
            ..Limits::default()
        }
    }
}
