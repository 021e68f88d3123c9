//! Contacts with what comes along, in id ranges read beside each other.
//!
//! The first request asks for the newest ids. It tells how many contacts there are and how far the ids go, and is itself
//! the last page of the walk; what lies below is cut into ranges. Ids do not move, so nothing a person does in
//! ActiveCampaign meanwhile can push a contact past us.

use std::collections::HashSet;

use achub_api::decode::{Decoded, Kind, Unreadable};
use achub_core::{
    Code, Error, StreamName,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport, Wide},
};
use async_trait::async_trait;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    columns::{self, FieldNames},
    intake::{self, Intake},
    offset::{self, OffsetWalk, Place},
    pages::{Fetched, Pages, Query, filter_time},
    ranges::{Range, Ranges},
};

/// Where a walk over contacts stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What the walk reads; a position of another walk does not fit.
    pub(super) signature: String,
    /// From when on it reads.
    pub(super) since: Option<Timestamp>,
    /// ActiveCampaign's clock at the first opening.
    pub(super) as_of: Timestamp,
    /// What has still to be read.
    left: Vec<Range>,
    /// The largest id at the opening.
    newest: i64,
    /// Contacts seen so far.
    seen: u64,
    /// Contacts there were at the opening.
    pub(super) total: u64,
    /// Whether this is the second look.
    second_look: bool,
}

/// A walk over contacts, opened or taken up again.
pub(super) struct ContactsWalk {
    pub(super) walk: Walk,
    pub(super) pages: Pages,
    pub(super) intake: Intake,
    pub(super) mark: Mark,
    /// The page that opened it, still to be passed on.
    pub(super) opening: Option<Fetched>,
    /// Contacts a page holds as this server grants them.
    pub(super) page_size: u32,
    /// Names of custom fields, where another walk has met them all.
    pub(super) field_names: FieldNames,
}

impl Mark {
    /// The mark after an opening page, the newest ids first.
    pub(super) fn opened(
        signature: String,
        since: Option<Timestamp>,
        as_of: Timestamp,
        opening: &Decoded,
        page_size: u32,
    ) -> Mark {
        let ids = intake::ids(&opening.parts[0].batch);
        let total = opening.total.unwrap_or(ids.len() as u64);
        let lowest = ids.iter().copied().min().unwrap_or(0);
        let is_everything = (ids.len() as u64) < u64::from(page_size);
        let left = if is_everything || lowest <= 1 {
            Vec::new()
        } else {
            vec![Range { after: 0, before: Some(lowest) }]
        };
        Mark {
            signature,
            since,
            as_of,
            left,
            newest: ids.iter().copied().max().unwrap_or(0),
            seen: 0,
            total,
            second_look: false,
        }
    }

    /// Contacts still to be read, for the price.
    pub(super) fn records_left(&self) -> u64 {
        if self.left.is_empty() { 0 } else { self.total.saturating_sub(self.seen) }
    }
}

/// The query for the page that opens a walk.
pub(super) fn opening_query(since: Option<Timestamp>, page_size: u32) -> Query {
    let mut query = base_query(since, page_size);
    query.push(("orders[id]".to_owned(), "DESC".to_owned()));
    query
}

/// Whether the server orders by id when asked to: the opening page must come newest first.
pub(super) fn is_ordered(opening: &Decoded) -> bool {
    let ids = intake::ids(&opening.parts[0].batch);
    ids.windows(2).all(|pair| pair[0] > pair[1])
}

fn base_query(since: Option<Timestamp>, page_size: u32) -> Query {
    let mut query = vec![("limit".to_owned(), page_size.to_string())];
    if let Some(since) = since {
        query.push(("filters[updated_after]".to_owned(), filter_time(since)));
    }
    query
}

fn range_query(since: Option<Timestamp>, page_size: u32, range: Range) -> Query {
    let mut query = base_query(since, page_size);
    query.push(("orders[id]".to_owned(), "ASC".to_owned()));
    query.push(("id_greater".to_owned(), range.after.to_string()));
    if let Some(before) = range.before {
        query.push(("id_less".to_owned(), before.to_string()));
    }
    query
}

#[async_trait]
impl OpenWalk for ContactsWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(mut self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        if self.walk.resumed {
            // Contacts made since the first attempt lie above everything it meant to read.
            self.mark.left.push(Range { after: self.mark.newest, before: None });
        }
        if let Some(opening) = self.opening.take() {
            self.mark.seen += opening.main().len() as u64;
            self.pass_on(opening, sink).await?;
        }
        let mut report = WalkReport { wide: self.wide().await?, ..WalkReport::default() };
        match self.read_ranges(sink).await {
            // An account that ignores the bounds of a range shows the same page for each of them.
            Err(error) if error.code() == Code::PageStuck => {
                return self.read_by_offset(report.wide, sink).await;
            }
            result => result?,
        }
        if !self.intake.is_limited() {
            self.look_again_if_short(sink, &mut report).await?;
        }
        self.intake.report(&mut report);
        Ok(report)
    }
}

impl ContactsWalk {
    /// How field values are laid out as columns. Asked for before the pages: at their end nothing else would use the
    /// budget meanwhile.
    async fn wide(&self) -> Result<Option<Wide>, Error> {
        if !self.intake.feeds().iter().any(|feed| feed.stream.name == "field_values") {
            return Ok(None);
        }
        let names = match self.field_names.get() {
            Some(names) => names.clone(),
            None => columns::names(self.pages.client()).await?,
        };
        Ok(Some(columns::wide(names)))
    }

    /// Reads everything in `mark.left`, as many pages in flight as the budget asks for.
    async fn read_ranges(&mut self, sink: &mut dyn PageSink) -> Result<(), Error> {
        let left = std::mem::take(&mut self.mark.left);
        let mut ranges = Ranges::new(left, self.page_size, self.mark.total.saturating_sub(self.mark.seen));
        let mut in_flight = FuturesUnordered::new();
        while !self.intake.is_full() {
            while in_flight.len() < self.pages.client().in_flight_wanted() {
                let Some((number, range)) = ranges.take() else { break };
                in_flight.push(fetch(self.pages.clone(), self.mark.since, self.page_size, number, range));
            }
            let Some((number, fetched)) = in_flight.next().await else { break };
            let mut fetched = fetched?;
            if let Some(range) = self.settle(&mut ranges, number, &mut fetched) {
                in_flight.push(fetch(self.pages.clone(), self.mark.since, self.page_size, number, range));
            }
            self.mark.left = ranges.left();
            self.pass_on(fetched, sink).await?;
        }
        Ok(())
    }

    /// Reads all contacts once more, by offset: the documented way that needs no ranges.
    async fn read_by_offset(
        self: Box<Self>,
        wide: Option<Wide>,
        sink: &mut dyn PageSink,
    ) -> Result<WalkReport, Error> {
        let Mark { signature, since, as_of, .. } = self.mark;
        let walk = OffsetWalk {
            walk: self.walk,
            query: offset::query(self.pages.main(), since),
            pages: self.pages,
            intake: self.intake,
            place: Place::Nowhere,
            mark: offset::Mark::new(signature, since, as_of, Vec::new()),
            opening: None,
        };
        let report = Box::new(walk).read(sink).await?;
        Ok(WalkReport { wide, ..report })
    }

    /// Notes what a page has covered of its range. Tells what is left of the range.
    fn settle(&mut self, ranges: &mut Ranges, number: usize, fetched: &mut Fetched) -> Option<Range> {
        let ids = intake::ids(fetched.main());
        let range = ranges.get(number)?;
        // The range may have been cut while the page was on its way; what lies beyond is read by somebody else.
        let inside: HashSet<i64> = ids.iter().copied().filter(|&id| range.contains(id)).collect();
        let is_cut = inside.len() < ids.len();
        if is_cut {
            intake::keep_only(&mut fetched.decoded, self.intake.feeds(), &inside);
        }
        // Contacts made since the opening are not part of the total.
        self.mark.seen += inside.iter().filter(|&&id| id <= self.mark.newest).count() as u64;
        let is_full = ids.len() as u64 >= u64::from(self.page_size);
        match (Direction::of(&ids), inside.iter().min(), inside.iter().max()) {
            // The page reaches up to the cut, or there was nothing more.
            (Some(Direction::Up), _, Some(&last)) if is_full && !is_cut => ranges.advance(number, last),
            (Some(Direction::Down), Some(&lowest), _) if is_full => ranges.retreat(number, lowest),
            // All of it lies above the cut, so it says nothing about what is below.
            (Some(Direction::Down), None, _) if is_full => Some(range),
            _ => {
                ranges.finish(number);
                None
            }
        }
    }

    async fn pass_on(&mut self, fetched: Fetched, sink: &mut dyn PageSink) -> Result<(), Error> {
        let parents = intake::ids(fetched.main());
        let parts = self.intake.take(fetched.decoded, &parents);
        let position = serde_json::to_value(&self.mark).expect("a mark has only text keys");
        sink.page(Page { parts, position: Position(position) }).await
    }

    /// Holds what was seen against what the server says there is, and reads everything once more where something is
    /// missing.
    async fn look_again_if_short(
        &mut self,
        sink: &mut dyn PageSink,
        report: &mut WalkReport,
    ) -> Result<(), Error> {
        let name = StreamName::new(self.pages.main().name);
        if self.mark.seen == self.mark.total {
            report.totals.insert(name, self.mark.total);
            return Ok(());
        }
        let mut standing = self.count_standing(sink).await?;
        if self.mark.seen < standing && !self.mark.second_look {
            self.mark.second_look = true;
            self.mark.seen = 0;
            self.mark.total = standing;
            self.mark.left = vec![Range { after: 0, before: Some(self.mark.newest + 1) }];
            self.read_ranges(sink).await?;
            standing = self.count_standing(sink).await?;
        }
        report.totals.insert(name.clone(), standing);
        // Contacts enter a filtered walk when somebody touches them; only an unfiltered one can be held to its total.
        if self.mark.since.is_none() && self.mark.seen < standing {
            report.missing.insert(name, standing - self.mark.seen);
        }
        Ok(())
    }

    /// How many of the contacts there were at the opening are still there. Newer ones are passed on as they are met.
    async fn count_standing(&mut self, sink: &mut dyn PageSink) -> Result<u64, Error> {
        let mut after = self.mark.newest;
        let mut newer = 0;
        loop {
            let range = Range { after, before: None };
            let (_, fetched) = fetch(self.pages.clone(), self.mark.since, self.page_size, 0, range).await;
            let fetched = fetched?;
            let ids = intake::ids(fetched.main());
            newer += ids.len() as u64;
            self.pass_on(fetched, sink).await?;
            match ids.iter().max() {
                Some(&last) if ids.len() as u64 >= u64::from(self.page_size) => after = last,
                _ => break,
            }
        }
        let bare = Pages::new(self.pages.client(), vec![self.pages.main()], Vec::new());
        let now = bare.get(self.pages.main().path, base_query(self.mark.since, 1), |_| Ok(())).await?;
        Ok(now.decoded.total.unwrap_or(self.mark.total).saturating_sub(newer))
    }
}

/// In which order the ids of a page come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// As asked for.
    Up,
    /// An account that ignores `orders[id]` and shows the newest first; its ranges are read from above.
    Down,
}

impl Direction {
    fn of(ids: &[i64]) -> Option<Direction> {
        if ids.windows(2).all(|pair| pair[0] < pair[1]) {
            Some(Direction::Up)
        } else if ids.windows(2).all(|pair| pair[0] > pair[1]) {
            Some(Direction::Down)
        } else {
            None
        }
    }
}

/// One page of a range, held against what was asked for.
async fn fetch(
    pages: Pages,
    since: Option<Timestamp>,
    page_size: u32,
    number: usize,
    range: Range,
) -> (usize, Result<Fetched, Error>) {
    let check = |decoded: &Decoded| {
        let ids = intake::ids(&decoded.parts[0].batch);
        if let Some(id) = ids.iter().find(|&&id| !range.contains(id)) {
            let message = format!("asked for ids above {}, got {id}", range.after);
            return Err(Unreadable::new(Kind::WrongPage, message));
        }
        if Direction::of(&ids).is_none() {
            return Err(Unreadable::new(Kind::WrongPage, "asked for ids in order, got them mixed"));
        }
        pages.check_sideloads(decoded)
    };
    let fetched = pages.get(pages.main().path, range_query(since, page_size, range), check).await;
    (number, fetched)
}
