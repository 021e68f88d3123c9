//! Looking at streams without replicating them: whether they can be read, and what their records look like.

use std::collections::HashMap;

use achub_api::{
    decode::segment_match,
    stream::{Read, Stream},
};
use achub_client::Get;
use achub_core::{
    Batch, Error, StreamName,
    port::source::{Page, PageSink, Source, Wanted},
};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use crate::activecampaign::{
    ActiveCampaignSource, find,
    pages::{Fetched, Pages, Query},
    wide,
};

/// What one request told about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Records the account says it has; `None` where it does not say.
    pub rows: Option<u64>,
    /// From sending the request to the last byte of its answer, milliseconds.
    pub ms: u64,
}

impl ActiveCampaignSource {
    /// Asks for one record of each of `streams`, in their order, several at a time within the budget.
    ///
    /// One request per stream; a stream that is read parent by parent takes another one for the first parent, and where
    /// there is none its rows are 0. Errors, per stream: `CF-101` for a name that is not offered, `AC-106` where the key's
    /// user lacks the right, and the others of reading.
    pub async fn probe(&self, streams: &[StreamName]) -> Vec<(StreamName, Result<Probe, Error>)> {
        let probes = streams.iter().map(|name| async move { (name.clone(), self.probe_one(name).await) });
        stream::iter(probes).buffered(self.client.in_flight_wanted()).collect().await
    }

    /// Up to `count` records of a stream, as a run would read them.
    ///
    /// Sends no more requests than a run limited to so many records. Errors: those of reading.
    pub async fn sample(&self, stream: &StreamName, count: u64) -> Result<Batch, Error> {
        let wanted = Wanted { row_limit: Some(count), ..Wanted::all(stream.clone()) };
        let schema = match wide::is_wide(stream) {
            true => self.wide.last(&self.client, &self.facts()).await?.schema().clone(),
            false => achub_api::decode::schema(find(stream)?),
        };
        let mut samples = Samples { stream, batch: Batch::new(schema) };
        let opened = self.open(&[wanted], &HashMap::new()).await?;
        for walk in opened.walks {
            walk.read(&mut samples).await?;
        }
        Ok(samples.batch)
    }

    async fn probe_one(&self, name: &StreamName) -> Result<Probe, Error> {
        let stream = find(name)?;
        match stream.read {
            Read::Keyset | Read::Offset => told(self.first(stream, stream.path.to_owned()).await?),
            Read::With { stream: carrier } => {
                let carrier = find(&StreamName::new(carrier))?;
                let pages = Pages::new(&self.client, vec![carrier, stream], Vec::new());
                let fetched = pages.get(carrier.path, one_record(carrier), |_| Ok(())).await?;
                // The total is that of the carrier.
                Ok(Probe { rows: None, ms: milliseconds(&fetched) })
            }
            Read::PageNumber => told(self.first(stream, stream.path.to_owned()).await?),
            Read::PerParent { parent } => match self.first_parent(parent).await? {
                Ok(path) => told(self.first(stream, filled(stream, &path)).await?),
                Err(empty) => Ok(empty),
            },
            Read::SegmentMatch { parent } => match self.first_parent(parent).await? {
                Ok(segment) => self.probe_segment(stream, &segment).await,
                Err(empty) => Ok(empty),
            },
        }
    }

    /// The key of a parent, or what its absence tells.
    async fn first_parent(&self, parent: &str) -> Result<Result<String, Probe>, Error> {
        let parent = find(&StreamName::new(parent))?;
        let fetched = self.first(parent, parent.path.to_owned()).await?;
        if fetched.main().is_empty() {
            return Ok(Err(Probe { rows: Some(0), ms: milliseconds(&fetched) }));
        }
        let key: Vec<String> = fetched.main().key(0).map(achub_core::Value::display).collect();
        Ok(Ok(key.join(",")))
    }

    async fn first(&self, stream: &'static Stream, path: String) -> Result<Fetched, Error> {
        let pages = Pages::new(&self.client, vec![stream], Vec::new());
        pages.get(&path, one_record(stream), |_| Ok(())).await
    }

    async fn probe_segment(&self, stream: &'static Stream, segment: &str) -> Result<Probe, Error> {
        let request = Get::new(format!("segmentMatchAll/{segment}")).with("page", 1).with("page_size", 1);
        let answer = self.client.get(&request, |body| segment_match::read(body, stream, segment)).await?;
        // An evaluation that has only begun says nothing about its size.
        Ok(Probe { rows: None, ms: answer.latency.as_millis() as u64 })
    }
}

fn told(fetched: Fetched) -> Result<Probe, Error> {
    Ok(Probe { rows: fetched.decoded.total, ms: milliseconds(&fetched) })
}

fn milliseconds(fetched: &Fetched) -> u64 {
    fetched.latency.as_millis() as u64
}

fn one_record(stream: &Stream) -> Query {
    let parameters = match stream.read {
        Read::PageNumber => [("page", "1"), ("page_size", "1")],
        _ => [("limit", "1"), ("offset", "0")],
    };
    parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn filled(stream: &Stream, parent: &str) -> String {
    crate::activecampaign::offset::fill(stream.path, parent)
}

/// Keeps the records of one stream.
struct Samples<'a> {
    stream: &'a StreamName,
    batch: Batch,
}

#[async_trait]
impl PageSink for Samples<'_> {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        for part in page.parts.into_iter().filter(|part| part.stream == *self.stream) {
            for (values, extra) in part.batch.rows() {
                self.batch.push(values.to_vec(), extra.map(Into::into));
            }
        }
        Ok(())
    }
}
