//! Contacts of known ids, a page's worth at a time. `ids[]` is documented, with a `limit` of as many.

use std::collections::{HashSet, VecDeque};

use achub_api::decode::{Decoded, Kind, Unreadable};
use achub_core::{Error, StreamName, port::source::Part};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use crate::activecampaign::{
    intake,
    pages::{Fetched, Pages, Query},
};

/// A reading of contacts by id, in the order of ids.
pub(super) struct ByIds {
    answers: BoxStream<'static, (i64, Result<Fetched, Error>)>,
}

impl ByIds {
    /// Reads these `ids`, several requests in flight.
    pub(super) fn new(pages: &Pages, ids: Vec<i64>) -> ByIds {
        let in_flight = pages.client().in_flight_wanted().max(1);
        let chunks = chunks(ids, pages.main().page_size as usize);
        let pages = pages.clone();
        let asked = stream::iter(chunks).map(move |ids| {
            let pages = pages.clone();
            async move {
                let last = ids.last().copied().unwrap_or(0);
                (last, fetch(&pages, &ids).await)
            }
        });
        ByIds { answers: asked.buffered(in_flight).boxed() }
    }

    /// Requests it takes to read so many.
    pub(super) fn requests(count: usize, page_size: u32) -> u64 {
        count.div_ceil(page_size.max(1) as usize) as u64
    }

    /// The next contacts, and the last id that was asked for. An id that is not there any more shows nobody.
    pub(super) async fn next(&mut self) -> Result<Option<(i64, Vec<Part>)>, Error> {
        let Some((last, answer)) = self.answers.next().await else { return Ok(None) };
        Ok(Some((last, parts(answer?.decoded))))
    }
}

fn chunks(ids: Vec<i64>, size: usize) -> VecDeque<Vec<i64>> {
    ids.chunks(size.max(1)).map(<[i64]>::to_vec).collect()
}

async fn fetch(pages: &Pages, ids: &[i64]) -> Result<Fetched, Error> {
    let wanted: HashSet<i64> = ids.iter().copied().collect();
    let check = |decoded: &Decoded| {
        let came = intake::ids(&decoded.parts[0].batch);
        if let Some(id) = came.iter().find(|id| !wanted.contains(id)) {
            let message = format!("contact {id} came without being asked for");
            return Err(Unreadable::new(Kind::WrongPage, message));
        }
        pages.check_sideloads(decoded)
    };
    let mut query: Query = vec![("limit".to_owned(), pages.main().page_size.to_string())];
    query.extend(ids.iter().map(|id| ("ids[]".to_owned(), id.to_string())));
    pages.get(pages.main().path, query, check).await
}

/// The records of an answer by stream.
fn parts(decoded: Decoded) -> Vec<Part> {
    let part = |part: achub_api::decode::DecodedPart| Part {
        stream: StreamName::new(part.stream.name),
        batch: part.batch,
        scope: None,
    };
    decoded.parts.into_iter().map(part).collect()
}
