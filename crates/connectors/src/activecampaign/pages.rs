//! One page of an answer: asked for, decoded, and held against what it must be.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    time::Duration,
};

use achub_api::{
    decode::{self, Decoded, Kind, Options, Unreadable},
    stream::{Sideload, Stream},
};
use achub_client::{self as client, Client, Get};
use achub_core::{
    Batch, Code, Error, failpoint,
    planted::{self, Bug},
};
use jiff::Timestamp;

use crate::activecampaign::{
    SATELLITES,
    left::{Left, Reply},
    rights,
};

/// Query parameters in their order.
pub(super) type Query = Vec<(String, String)>;

/// A decoded page.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) decoded: Decoded,
    /// ActiveCampaign's clock when it answered.
    pub(super) date: Option<Timestamp>,
    /// From sending to the last byte.
    pub(super) latency: Duration,
}

impl Fetched {
    /// The main records.
    pub(super) fn main(&self) -> &Batch {
        &self.decoded.parts[0].batch
    }
}

/// Reads pages of one kind.
#[derive(Clone)]
pub(super) struct Pages {
    client: Client,
    streams: Vec<&'static Stream>,
    includes: Vec<&'static Sideload>,
    /// Parameters of every request, which narrow down whose pages these are.
    also: Query,
}

impl Pages {
    /// Pages whose main records are of the first of `streams`; `includes` are asked to come along.
    pub(super) fn new(
        client: &Client,
        streams: Vec<&'static Stream>,
        includes: Vec<&'static Sideload>,
    ) -> Pages {
        Pages { client: client.clone(), streams, includes, also: Query::new() }
    }

    /// The same pages of those records only that `also` asks for.
    pub(super) fn narrowed(self, also: Query) -> Pages {
        Pages { also, ..self }
    }

    /// Pages of the same records with nothing beside them.
    pub(super) fn bare(&self) -> Pages {
        Pages::new(&self.client, vec![self.main()], Vec::new()).narrowed(self.also.clone())
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn main(&self) -> &'static Stream {
        self.streams[0]
    }

    pub(super) fn includes(&self) -> &[&'static Sideload] {
        &self.includes
    }

    /// The same pages without what turned out not to come along.
    pub(super) fn without(mut self, refused: &[&'static Sideload]) -> Pages {
        self.includes.retain(|include| !refused.contains(include));
        self.streams.retain(|stream| !refused.iter().any(|refused| refused.stream == stream.name));
        self
    }

    /// One page, for a caller that cannot go on without it. See [`Pages::ask`].
    ///
    /// Errors: `AC-110` where a rule of the endpoint says to go on without the page.
    pub(super) async fn get(
        &self,
        path: &str,
        query: Query,
        check: impl Fn(&Decoded) -> Result<(), Unreadable> + Send + Sync,
    ) -> Result<Fetched, Error> {
        self.ask(path, query, check).await?.page().map_err(|error| match error.code() {
            Code::PassedOver => error.context(format_args!("reading {}", self.main().name)),
            _ => error,
        })
    }

    /// One page, or how the rules of its endpoint say to go on. `check` says whether a well-formed page can be right; a
    /// page that cannot is asked for again.
    pub(super) async fn ask(
        &self,
        path: &str,
        mut query: Query,
        check: impl Fn(&Decoded) -> Result<(), Unreadable> + Send + Sync,
    ) -> Result<Reply, Error> {
        query.extend(self.also.iter().cloned());
        if !self.includes.is_empty() {
            let names: Vec<&str> = self.includes.iter().map(|include| include.include).collect();
            query.push(("include".to_owned(), names.join(",")));
        }
        let request = Get { path: path.to_owned(), query };
        let answer = self
            .client
            .ask(&request, |body| {
                if let Some(nothing) = self.taken_for_the_end(body) {
                    return Ok(nothing);
                }
                let decoded = decode::page(body, &self.streams, Options { noise: true })?;
                check(&decoded)?;
                Ok(decoded)
            })
            .await
            .map_err(|error| {
                rights::explained(error, self.main()).context(format_args!("reading {}", self.main().name))
            })?;
        failpoint::pass("after-decode");
        Ok(match answer {
            client::Reply::Read(answer) => {
                let (decoded, date, latency) = (answer.value, answer.date, answer.latency);
                Reply::Page(Fetched { decoded, date, latency })
            }
            client::Reply::Left { leave, status, error } => Reply::Left(Left { leave, status, error }),
        })
    }

    /// A page of nothing, where a planted bug takes an answer that is no page for one.
    fn taken_for_the_end(&self, body: &[u8]) -> Option<Decoded> {
        let is_empty = planted::is_planted(Bug::EmptyBodyIsEnd) && body.is_empty();
        let is_unread = planted::is_planted(Bug::AnyAnswerIsPage)
            && decode::page(body, &self.streams, Options { noise: true }).is_err();
        if !is_empty && !is_unread {
            return None;
        }
        let nothing = format!("{{\"{}\":[]}}", self.main().envelope);
        decode::page(nothing.as_bytes(), &self.streams, Options { noise: true }).ok()
    }

    /// What was asked to come along and did not: records are there, but none lists the ids of its children.
    pub(super) fn refused(&self, decoded: &Decoded) -> Vec<&'static Sideload> {
        if decoded.parts[0].batch.is_empty() {
            return Vec::new();
        }
        self.includes.iter().copied().filter(|include| listed(decoded, include).is_none()).collect()
    }

    /// A page whose records list more children than came along was cut somewhere on its way.
    pub(super) fn check_listed(&self, decoded: &Decoded) -> Result<(), Unreadable> {
        for include in self.includes.iter().filter(|include| is_satellite(include)) {
            let came = decoded.parts.iter().find(|part| part.stream.name == include.stream);
            let came = came.map_or(0, |part| part.batch.len() as u64);
            match listed(decoded, include) {
                Some(listed) if listed != came => {
                    return Err(Unreadable::new(
                        Kind::Shape,
                        format!("the records list {listed} {}, {came} came along", include.include),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Like [`Pages::check_listed`], where it is known that everything asked for comes along.
    pub(super) fn check_sideloads(&self, decoded: &Decoded) -> Result<(), Unreadable> {
        if let Some(refused) = self.refused(decoded).into_iter().find(|include| is_satellite(include)) {
            return Err(Unreadable::new(Kind::Shape, format!("{} did not come along", refused.include)));
        }
        self.check_listed(decoded)
    }
}

/// Satellites come along whole. Other streams are counted at the end and may be shared between records, so what one page
/// lists of them proves nothing.
fn is_satellite(include: &Sideload) -> bool {
    SATELLITES.contains(&include.stream)
}

fn listed(decoded: &Decoded, include: &Sideload) -> Option<u64> {
    let lists = &decoded.parts[0].sideload_ids;
    lists.iter().find(|(name, _)| *name == include.include).and_then(|(_, count)| *count)
}

/// Hashes of the keys of a batch, for telling records apart.
pub(super) fn key_hashes(batch: &Batch) -> Vec<u64> {
    (0..batch.len())
        .map(|row| {
            let mut hasher = DefaultHasher::new();
            for value in batch.key(row) {
                value.display().hash(&mut hasher);
            }
            hasher.finish()
        })
        .collect()
}
