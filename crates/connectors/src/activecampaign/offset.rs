//! Streams read by offset: one series of pages, or one series per parent.

use achub_api::{
    decode::{Decoded, Kind, Unreadable},
    stream::{Read, Stream},
};
use achub_core::{
    Code, Error, StreamName,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    intake::{self, Intake},
    pages::{Fetched, Pages, Query, filter_time, key_hashes},
    series::{Series, Step},
};

/// Where a walk by offset stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What the walk reads; a position of another walk does not fit.
    pub(super) signature: String,
    /// From when on it reads.
    pub(super) since: Option<Timestamp>,
    /// ActiveCampaign's clock at the first opening.
    pub(super) as_of: Timestamp,
    /// Parents that were read to the end; stays 0 where there is one series only.
    pub(super) parents_done: usize,
    /// The parents, in the order in which they are read. Empty where there is one series only.
    pub(super) parents: Vec<String>,
    /// The series being read.
    pub(super) series: Series,
    /// Whether the series is read for the second time.
    second_look: bool,
    /// Records seen in all series that ended.
    pub(super) seen: u64,
    /// Records the server says there are, in all series that ended.
    total: Option<u64>,
    /// Records that did not show up even in a second look.
    missing: u64,
}

/// A walk by offset, opened or taken up again.
pub(super) struct OffsetWalk {
    pub(super) walk: Walk,
    pub(super) pages: Pages,
    pub(super) intake: Intake,
    /// The query but for limit and offset.
    pub(super) query: Query,
    /// What a parent is put into.
    pub(super) place: Place,
    pub(super) mark: Mark,
    /// The page that opened it, still to be passed on.
    pub(super) opening: Option<Fetched>,
}

/// Where the key of a parent goes in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// There is no parent.
    Nowhere,
    /// Instead of `{…}` in the path.
    Path,
    /// As the value of this parameter.
    Filter(&'static str),
}

impl Mark {
    pub(super) fn new(
        signature: String,
        since: Option<Timestamp>,
        as_of: Timestamp,
        parents: Vec<String>,
    ) -> Mark {
        Mark {
            signature,
            since,
            as_of,
            parents_done: 0,
            parents,
            series: Series::default(),
            second_look: false,
            seen: 0,
            total: Some(0),
            missing: 0,
        }
    }
}

/// The query of a walk by offset over what changed since a moment, but for limit and offset.
pub(super) fn query(stream: &Stream, since: Option<Timestamp>) -> Query {
    let mut query = Query::new();
    if let (Some(since), Some(filter)) = (since, stream.cursor.and_then(|cursor| cursor.filter)) {
        query.push((filter.to_owned(), filter_time(since)));
    }
    // The order of contacts belongs to their id ranges; whoever reads them by offset does so because it was not kept.
    if let Some((parameter, direction)) = stream.order.filter(|_| stream.read != Read::Keyset) {
        query.push((parameter.to_owned(), direction.to_owned()));
    }
    query
}

/// One page of the series of `parent` at `offset`.
pub(super) async fn fetch(
    pages: &Pages,
    query: &Query,
    place: &Place,
    parent: Option<&str>,
    series: &Series,
) -> Result<Fetched, Error> {
    let mut query = query.clone();
    query.push(("limit".to_owned(), pages.main().page_size.to_string()));
    query.push(("offset".to_owned(), series.offset.to_string()));
    let mut path = pages.main().path.to_owned();
    match (place, parent) {
        (Place::Path, Some(parent)) => path = fill(&path, parent),
        (Place::Filter(name), Some(parent)) => query.push(((*name).to_owned(), parent.to_owned())),
        _ => {}
    }
    let check = |decoded: &Decoded| {
        let main = &decoded.parts[0].batch;
        if main.is_empty() && decoded.total.is_some_and(|total| total > series.offset) {
            return Err(Unreadable::new(Kind::Empty, "no records where the total says there are some"));
        }
        if series.is_stuck(&key_hashes(main), decoded.total) {
            return Err(Unreadable::new(
                Kind::WrongPage,
                format!("offset {} shows the page before it", series.offset),
            ));
        }
        pages.check_sideloads(decoded)
    };
    pages.get(&path, query, check).await
}

fn fill(path: &str, parent: &str) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(from), Some(to)) if from < to => format!("{}{parent}{}", &path[..from], &path[to + 1..]),
        _ => path.to_owned(),
    }
}

#[async_trait]
impl OpenWalk for OffsetWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(mut self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        while self.is_more() {
            let fetched = match self.opening.take() {
                Some(opening) => opening,
                None => {
                    fetch(&self.pages, &self.query, &self.place, self.parent(), &self.mark.series).await?
                }
            };
            self.settle(&fetched)?;
            self.pass_on(fetched, sink).await?;
            if self.intake.is_full() {
                break;
            }
        }
        let name = StreamName::new(self.pages.main().name);
        let mut report = WalkReport::default();
        if let Some(total) = self.mark.total {
            report.totals.insert(name.clone(), total);
        }
        if self.mark.missing > 0 {
            report.missing.insert(name, self.mark.missing);
        }
        self.intake.report(&mut report);
        if report.limited {
            report.missing.clear();
            report.totals.clear();
        }
        Ok(report)
    }
}

impl OffsetWalk {
    fn is_more(&self) -> bool {
        self.mark.parents_done < self.mark.parents.len().max(1)
            && !(self.place != Place::Nowhere && self.mark.parents.is_empty())
    }

    fn parent(&self) -> Option<&str> {
        self.mark.parents.get(self.mark.parents_done).map(String::as_str)
    }

    fn settle(&mut self, fetched: &Fetched) -> Result<(), Error> {
        let total = fetched.decoded.total;
        let keys = key_hashes(fetched.main());
        match self.mark.series.page(&keys, self.pages.main().page_size, total) {
            Step::Next | Step::Back => Ok(()),
            Step::End => {
                self.end_series(total);
                Ok(())
            }
            Step::Lost => {
                let message = format!("the pages of {} do not join and do not end", self.pages.main().name);
                Err(Error::new(Code::PageStuck, message))
            }
        }
    }

    /// A series that shows less than the server says there is, is read once more; what is missing then stays missing.
    fn end_series(&mut self, total: Option<u64>) {
        let seen = self.mark.series.seen;
        let short = total.map_or(0, |total| total.saturating_sub(seen));
        if short > 0 && !self.mark.second_look {
            self.mark.second_look = true;
            self.mark.series = Series::default();
            return;
        }
        self.mark.missing += short;
        self.mark.seen += seen;
        self.mark.total = self.mark.total.zip(total).map(|(before, total)| before + total);
        self.mark.second_look = false;
        self.mark.series = Series::default();
        self.mark.parents_done += 1;
    }

    async fn pass_on(&mut self, fetched: Fetched, sink: &mut dyn PageSink) -> Result<(), Error> {
        let parents = intake::ids(fetched.main());
        let parts = self.intake.take(fetched.decoded, &parents);
        let position = serde_json::to_value(&self.mark).expect("a mark has only text keys");
        sink.page(Page { parts, position: Position(position) }).await
    }
}
