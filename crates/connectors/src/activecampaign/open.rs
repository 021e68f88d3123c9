//! Choosing walks for what is wanted, and sending the first request of each.

mod by_id;
mod by_offset;
mod people;
mod riders;
mod stages;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_api::{
    decode,
    stream::{Read, Sideload},
};
use achub_client::Client;
use achub_core::{
    Error, SharedSchema, StreamName, WalkName,
    port::{
        clock::Clock,
        source::{OpenWalk, Opened, Position, Price, Walk, WalkStream, Wanted},
    },
};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::activecampaign::{
    contacts::FieldTags,
    facts::Facts,
    find,
    group::{Group, groups},
    intake::Intake,
    left::LeftOut,
    mark::Mark,
    numbered::{self, NumberedWalk},
    offset::Place,
    pages::{Fetched, Pages},
    reading::Reading,
    segments::{self, SegmentsWalk},
    whole,
    wide::{self, Layout},
};

/// What opening needs.
pub(super) struct Opening<'a> {
    client: &'a Client,
    facts: Facts,
    clock: &'a dyn Clock,
    reading: Reading,
    positions: &'a HashMap<WalkName, Position>,
    field_tags: FieldTags,
    /// How contacts are laid out with their custom fields, where that is wanted, or why they cannot be.
    layout: Option<Result<Arc<Layout>, Error>>,
    /// The first page of pipelines: a walk of its own and the control query for stages both need it.
    pipelines: OnceCell<Fetched>,
    /// Streams that could not be opened though others of their group could.
    failed: Mutex<Vec<(Vec<StreamName>, Error)>>,
}

pub(super) use people::AskedPeople;

pub(super) type OpenedWalk = Box<dyn OpenWalk>;

impl<'a> Opening<'a> {
    pub(super) fn new(
        client: &'a Client,
        facts: Facts,
        clock: &'a dyn Clock,
        reading: Reading,
        positions: &'a HashMap<WalkName, Position>,
    ) -> Opening<'a> {
        Opening {
            client,
            facts,
            clock,
            reading,
            positions,
            field_tags: FieldTags::default(),
            layout: None,
            pipelines: OnceCell::new(),
            failed: Mutex::default(),
        }
    }

    /// The same opening, laying out contacts.
    pub(super) fn with_wide(mut self, layout: Result<Arc<Layout>, Error>) -> Opening<'a> {
        if let Ok(layout) = &layout {
            // Nobody has met the fields before: the cell is new.
            let _ = self.field_tags.set(layout.tags().to_vec());
        }
        self.layout = Some(layout);
        self
    }

    /// How contacts are laid out; `None` where that is not wanted or not possible.
    fn layout(&self) -> Option<Arc<Layout>> {
        self.layout.as_ref().and_then(|layout| layout.as_ref().ok()).cloned()
    }

    /// What becomes of the records of `group` that come with `includes`.
    fn intake(&self, group: &Group, includes: &[&'static Sideload]) -> Intake {
        let layout = self.layout().filter(|_| group.wants_wide());
        Intake::new(group.feeds(includes)).laying_out(layout)
    }

    /// Opens all walks beside each other. Fails as a whole only where nothing could be opened.
    pub(super) async fn all(mut self, wanted: &[Wanted]) -> Result<Opened, Error> {
        let mut wanted = wanted.to_vec();
        if let Some(Err(error)) = self.layout.take_if(|layout| layout.is_err()) {
            wanted.retain(|wanted| !wide::is_wide(&wanted.stream));
            self.fail(vec![StreamName::new(wide::NAME)], error);
        }
        let groups = self.with_riders(groups(&wanted)?).await?;
        let opened = join_all(groups.iter().map(|group| self.group(group))).await;
        let mut walks = Vec::new();
        for (group, result) in groups.iter().zip(opened) {
            match result {
                Ok(opened) => walks.extend(opened),
                Err(error) => self.fail(group.names(), error),
            }
        }
        let mut failed = self.failed.into_inner().expect("nothing panics while it holds the lock");
        if walks.is_empty()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        Ok(Opened { walks, requests_per_second: self.client.requests_per_second(), failed })
    }

    fn fail(&self, streams: Vec<StreamName>, error: Error) {
        self.failed.lock().expect("nothing panics while it holds the lock").push((streams, error));
    }

    async fn group(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        match group.main.read {
            Read::Keyset => self.contacts(group).await,
            Read::Offset | Read::With { .. } if group.main.name == "deal_stages" => self.stages(group).await,
            Read::Offset | Read::With { .. } => self.offset(group, Vec::new(), Place::Nowhere).await.map(one),
            Read::PageNumber => self.numbered(group).await.map(one),
            Read::PerParent { parent } => self.per_parent(group, parent, Place::Path).await.map(one),
            Read::SegmentMatch { parent } => self.segments(group, parent).await.map(one),
        }
    }

    async fn per_parent(&self, group: &Group, parent: &str, place: Place) -> Result<OpenedWalk, Error> {
        let parents = Pages::new(self.client, vec![find(&StreamName::new(parent))?], Vec::new());
        let (keys, _) = whole::keys(&parents).await?;
        self.offset(group, keys, place).await
    }

    async fn numbered(&self, group: &Group) -> Result<OpenedWalk, Error> {
        let pages = Pages::new(self.client, vec![group.main], Vec::new());
        let how = "page numbers".to_owned();
        let intake = self.intake(group, &[]);
        if let Some(mark) = self.position::<numbered::Mark>(group) {
            let walk = resumed(self.walk(group, how, 1, None, mark.as_of));
            return Ok(Box::new(NumberedWalk { walk, pages, intake, mark, opening: None }));
        }
        let fetched = numbered::fetch(&pages, 1).await?.page()?;
        let as_of = fetched.date.unwrap_or_else(|| self.clock.now());
        let mark =
            numbered::Mark { signature: group.signature(), as_of, page: 1, left_out: LeftOut::default() };
        let walk = self.walk(group, how, 0, fetched.decoded.total, as_of);
        Ok(Box::new(NumberedWalk { walk, pages, intake, mark, opening: Some(fetched) }))
    }

    async fn segments(&self, group: &Group, parent: &str) -> Result<OpenedWalk, Error> {
        let how = "evaluated per segment".to_owned();
        let (stream, client) = (group.main, self.client.clone());
        let intake = self.intake(group, &[]);
        if let Some(mark) = self.position::<segments::Mark>(group) {
            let walk = resumed(self.walk(group, how, mark.left.len() as u64, None, mark.as_of));
            return Ok(Box::new(SegmentsWalk { walk, client, stream, intake, mark }));
        }
        let parents = Pages::new(self.client, vec![find(&StreamName::new(parent))?], Vec::new());
        let (left, date) = whole::keys(&parents).await?;
        let as_of = date.unwrap_or_else(|| self.clock.now());
        let requests = 2 * left.len() as u64;
        let mark = segments::Mark { signature: group.signature(), as_of, left, left_out: LeftOut::default() };
        let walk = self.walk(group, how, requests, None, as_of);
        Ok(Box::new(SegmentsWalk { walk, client, stream, intake, mark }))
    }

    /// The position of an unfinished walk over the same streams that reads at least what is wanted now.
    fn position<M: Mark>(&self, group: &Group) -> Option<M> {
        let position = self.positions.get(&WalkName::new(group.main.name))?;
        let mark: M = serde_json::from_value(position.0.clone()).ok()?;
        let (read, wanted) = (mark.span(), group.span());
        let reaches_back = match (read.since, wanted.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(read), Some(wanted)) => read <= wanted,
        };
        let fits = mark.signature() == group.signature() && reaches_back && read.until == wanted.until;
        fits.then_some(mark)
    }

    fn walk(&self, group: &Group, how: String, requests: u64, rows: Option<u64>, as_of: Timestamp) -> Walk {
        let latency = self.client.latency().max(Duration::from_millis(1)).as_secs_f64();
        let side_by_side = if group.main.read == Read::Keyset { self.client.in_flight_wanted() } else { 1 };
        let seconds = requests as f64 * latency / side_by_side.max(1) as f64;
        let streams = group
            .wanted
            .iter()
            .map(|wanted| WalkStream {
                name: wanted.stream.clone(),
                schema: self.schema(&wanted.stream),
                rows: rows.filter(|_| is_main(group, &wanted.stream)),
                left_out: None,
            })
            .collect();
        Walk {
            name: WalkName::new(group.main.name),
            streams,
            how,
            price: Price { requests, seconds },
            resumed: false,
            as_of,
        }
    }

    fn schema(&self, stream: &StreamName) -> SharedSchema {
        match self.layout().filter(|_| wide::is_wide(stream)) {
            Some(layout) => layout.schema().clone(),
            None => decode::schema(find(stream).expect("groups hold known streams")),
        }
    }

    /// Says how many records are older than a start date; one more request for each stream that has one.
    async fn add_left_out(&self, group: &Group, walk: &mut Walk, total: u64) -> Result<(), Error> {
        let is_counted =
            group.wanted.iter().any(|wanted| wanted.count_left_out && is_main(group, &wanted.stream));
        if !is_counted || group.span().since.is_none() {
            return Ok(());
        }
        let pages = Pages::new(self.client, vec![group.main], Vec::new());
        let all = pages.get(group.main.path, vec![("limit".to_owned(), "1".to_owned())], |_| Ok(())).await?;
        let left_out = all.decoded.total.unwrap_or(total).saturating_sub(total);
        for stream in walk.streams.iter_mut().filter(|stream| is_main(group, &stream.name)) {
            stream.left_out = Some(left_out);
        }
        Ok(())
    }
}

/// Whether `stream` has the main stream's own records, as they are or laid out.
fn is_main(group: &Group, stream: &StreamName) -> bool {
    stream.as_str() == group.main.name || wide::is_wide(stream)
}

fn one(walk: OpenedWalk) -> Vec<OpenedWalk> {
    vec![walk]
}

fn resumed(mut walk: Walk) -> Walk {
    walk.resumed = true;
    walk
}
