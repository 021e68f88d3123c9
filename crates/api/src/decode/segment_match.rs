//! The contacts a segment matches: one run, polled until it is ready, then read page by page.

use std::{collections::BTreeMap, sync::Arc};

use achub_core::{Batch, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    decode::{DecodedPart, Kind, Unreadable, depth, layout, row::count, text::unescaped},
    stream::Stream,
};

/// An answer of `segmentMatchAll/{id}`.
///
/// Source: vendor reference, "Match all contacts in a segment"; no recorded answer.
#[derive(Debug, Clone)]
pub struct SegmentMatch {
    /// The run, to ask again with.
    pub run: Option<String>,
    /// How far it is.
    pub state: RunState,
    /// The number of the last page, from 1, where the answer says so.
    pub last_page: Option<u64>,
    /// Contacts that match, all pages together, where the answer says so.
    pub total: Option<u64>,
    /// The contacts of this page: segment and contact.
    pub part: DecodedPart,
}

/// How far the evaluation of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// The matches are those of the answer.
    Ready,
    /// Still evaluating: ask again with the run.
    Pending,
    /// It ended without a result: start a new run.
    Failed,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Vec<Resource<'a>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: BTreeMap<String, &'a RawValue>,
}

/// Reads an answer about `segment`, whose matches become records of `stream`.
///
/// Errors: as [`super::page`]; a match that is no contact id is [`Kind::Shape`].
pub fn read(body: &[u8], stream: &'static Stream, segment: &str) -> Result<SegmentMatch, Unreadable> {
    if let Some(unreadable) = Unreadable::before_parsing(body) {
        return Err(unreadable);
    }
    depth::check(body)?;
    let parsed: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| Unreadable::from_json(&error, body, "the run of a segment"))?;
    let Some(Resource { attributes }) = parsed.data.into_iter().next() else {
        return Err(Unreadable::new(Kind::Empty, "answer has no run of the segment"));
    };
    let raw = |name: &str| attributes.get(name).map(|raw| raw.get()).filter(|raw| *raw != "null");
    let page: BTreeMap<String, &RawValue> =
        raw("page").and_then(|page| serde_json::from_str(page).ok()).unwrap_or_default();
    let page_number = |name: &str| page.get(name).and_then(|raw| count(raw.get()));
    let state = match raw("is_ready") {
        Some("true" | "1" | "\"1\"") => RunState::Ready,
        _ if raw("run_id_end").is_some() => RunState::Failed,
        _ => RunState::Pending,
    };
    Ok(SegmentMatch {
        run: raw("run_id").map(|run| unescaped(run).into_owned()),
        state,
        last_page: page_number("last_page"),
        total: page_number("total"),
        part: part(stream, segment, raw("matches").unwrap_or("[]"))?,
    })
}

fn part(stream: &'static Stream, segment: &str, matches: &str) -> Result<DecodedPart, Unreadable> {
    let shape = || Unreadable::shape("an array of contact ids in `matches`");
    let matches: Vec<&RawValue> = serde_json::from_str(matches).map_err(|_| shape())?;
    let mut batch = Batch::new(Arc::clone(&layout::of(stream).schema));
    for contact in matches {
        let contact = count(contact.get()).and_then(|id| i64::try_from(id).ok()).ok_or_else(shape)?;
        batch.push([Value::text(segment), Value::Integer(contact)], None);
    }
    let (type_drift, sideload_ids) = Default::default();
    Ok(DecodedPart { stream, batch, present: true, type_drift, sideload_ids })
}

#[cfg(test)]
mod tests {
    use achub_core::Value;

    use super::{Kind, RunState, SegmentMatch, Unreadable, read};
    use crate::streams;

    fn check(attributes: &str) -> Result<SegmentMatch, Unreadable> {
        let stream = streams::find("segment_match_all").expect("it is a stream");
        let body = format!(r#"{{"data":[{{"id":"1","type":"matchAll","attributes":{attributes}}}]}}"#);
        read(body.as_bytes(), stream, "7")
    }

    #[test]
    fn matches_become_segment_and_contact() {
        let answer = check(
            r#"{"run_id":"r1","is_ready":true,"matches":[2345,"12"],
                "page":{"current_page":1,"last_page":3,"per_page":2,"total":"5"}}"#,
        );
        let answer = answer.expect("it is readable");
        assert_eq!(answer.state, RunState::Ready);
        assert_eq!((answer.run.as_deref(), answer.last_page, answer.total), (Some("r1"), Some(3), Some(5)));
        let rows: Vec<_> = answer.part.batch.rows().map(|(row, _)| row.to_vec()).collect();
        let row = |contact| vec![Value::text("7"), Value::Integer(contact)];
        assert_eq!(rows, [row(2345), row(12)]);
    }

    #[test]
    fn unready_run_is_pending_until_it_ended() {
        let state = |attributes| check(attributes).expect("it is readable").state;
        assert_eq!(state(r#"{"run_id":"r1","is_ready":false,"run_id_end":null}"#), RunState::Pending);
        assert_eq!(state(r#"{"is_ready":false,"run_id_end":"2026-05-28T00:00:00Z"}"#), RunState::Failed);
    }

    #[test]
    fn match_without_contact_id_is_refused() {
        let refused = check(r#"{"is_ready":true,"matches":[{}]}"#).expect_err("it has no id");
        assert_eq!(refused.kind(), Kind::Shape);
    }
}
