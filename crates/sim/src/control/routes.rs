//! The control interface over HTTP, under `/_sim`.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::Control;
use crate::{
    answer::{Answer, Query},
    error::Error,
    fault::FaultRule,
    serve::{Shared, body::plain},
};

/// How many requests `GET /_sim/requests` shows one by one when it is not told.
const RECENT_DEFAULT: u64 = 100;

/// What there is, for whoever asks for something else.
const KNOWN: &str = "GET ledger, GET requests?recent=N, GET|POST|DELETE faults, POST|DELETE mutate, GET|POST switches, GET truth?stream=X, POST reset";

/// Answers a request to the control interface.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Response {
    let control = Control::new(Arc::clone(shared));
    let query = Query::parse(query);
    let done = match (method, path.trim_end_matches('/')) {
        (&Method::GET, "truth") => return truth(&control, &query),
        (&Method::GET, "ledger") => Ok(control.ledger()),
        (&Method::GET, "requests") => {
            Ok(control.requests(query.number("recent").unwrap_or(RECENT_DEFAULT) as usize))
        }
        (&Method::GET, "faults") => Ok(control.faults()),
        (&Method::POST, "faults") => add_faults(&control, body),
        (&Method::DELETE, "faults") => {
            control.clear_faults();
            Ok(json!({}))
        }
        (&Method::POST, "mutate") => json_body(body).and_then(|wish| control.mutate(&wish)),
        (&Method::DELETE, "mutate") => {
            control.rest();
            Ok(json!({}))
        }
        (&Method::GET, "switches") => Ok(json!(control.switches())),
        (&Method::POST, "switches") => {
            json_body(body).and_then(|changes| control.set_switches(&changes)).map(|all| json!(all))
        }
        (&Method::POST, "reset") => control.reset().map(|()| json!({})),
        _ => {
            return plain(Answer::value(
                StatusCode::NOT_FOUND,
                &json!({"error": format!("known here: {KNOWN}")}),
            ));
        }
    };
    plain(match done {
        Ok(value) => Answer::ok(&value),
        Err(error) => refusal(&error),
    })
}

fn refusal(error: &Error) -> Answer {
    Answer::value(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()}))
}

fn json_body(body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Control(format!("the body is not JSON: {error}")))
}

fn add_faults(control: &Control, body: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Error::Control(format!("the body is not text: {error}")))?;
    let rules = FaultRule::read_text(text)?;
    control.add_faults(rules);
    Ok(control.faults())
}

fn truth(control: &Control, query: &Query) -> Response {
    let rows = match control.truth(query.get("stream").unwrap_or_default()) {
        Ok(rows) => rows,
        Err(error) => return plain(refusal(&error)),
    };
    let lines = rows.map(|row| Ok::<Bytes, std::convert::Infallible>(Bytes::from(row + "\n")));
    let mut response = Response::new(Body::from_stream(stream::iter(lines)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}
