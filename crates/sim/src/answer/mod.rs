//! Answers to reading requests.

mod condition;
pub(crate) mod error_body;
pub(crate) mod filter;
pub(crate) mod include;
pub(crate) mod list;
mod meta;
mod order;
pub(crate) mod query;
pub(crate) mod row;
pub(crate) mod single;
pub(crate) mod special;
pub(crate) mod subcollection;

use http::{HeaderMap, HeaderValue, StatusCode, header};

pub(crate) use query::Query;

/// An answer before rate headers, compression and faults.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Boxed, because refusals travel as errors and should be small.
    pub(crate) headers: Box<HeaderMap>,
    pub(crate) body: Vec<u8>,
    /// How many rows it holds, sideloaded ones included.
    pub(crate) rows: u64,
    /// Which rows it holds: collection and ascending ids. Only rows that were read, not those a write echoes.
    pub(crate) issued: Vec<(&'static str, Vec<u64>)>,
    /// What a write did to somebody's consent.
    pub(crate) consent: Option<serde_json::Value>,
}

impl Answer {
    pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Answer {
        Answer::typed(status, "application/json", body)
    }

    pub(crate) fn value(status: StatusCode, value: &serde_json::Value) -> Answer {
        Answer::json(status, value.to_string().into_bytes())
    }

    pub(crate) fn ok(value: &serde_json::Value) -> Answer {
        Answer::value(StatusCode::OK, value)
    }

    pub(crate) fn html(status: StatusCode, body: &str) -> Answer {
        Answer::typed(status, "text/html; charset=UTF-8", body.as_bytes().to_vec())
    }

    pub(crate) fn typed(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Answer {
        let mut headers = Box::new(HeaderMap::new());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Answer { status, headers, body, rows: 0, issued: Vec::new(), consent: None }
    }
}
