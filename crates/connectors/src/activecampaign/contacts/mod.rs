//! Contacts with what comes along, in id ranges read beside each other.
//!
//! The first request asks for the newest ids. It tells how many contacts there are and how far the ids go, and is itself
//! the last page of the walk; what lies below is cut into ranges. Ids do not move, so nothing a person does in
//! ActiveCampaign meanwhile can push a contact past us. On accounts that were shown to allow it a range is read in blocks
//! of ids, and streams of their own ride along.

pub(super) mod blocks;
mod completeness;
pub(super) mod latency;
mod mark;
pub(super) mod query;
pub(super) mod riders;

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use achub_client::rule::Leave;
use achub_core::{
    Code, Error,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport, Wide},
};
use async_trait::async_trait;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::activecampaign::{
    contacts::{
        blocks::{Blocks, Lasting, Verdict},
        latency::Latency,
        query::Direction,
        riders::RiderWalk,
    },
    facts::{self, Facts},
    intake::{self, Intake},
    left::{Left, Reply},
    offset::{self, OffsetWalk, Place},
    pages::{Fetched, Pages},
    ranges::{Range, Ranges},
    span::Span,
    wide::{CONTACTS, Definitions, Names},
};

pub(super) use mark::Mark;

/// Id and name of each custom field, set by whoever meets them first.
pub(super) type FieldTags = Arc<OnceLock<Vec<(i64, String)>>>;

/// A walk over contacts, opened or taken up again.
pub(super) struct ContactsWalk {
    pub(super) walk: Walk,
    pub(super) pages: Pages,
    pub(super) intake: Intake,
    pub(super) mark: Mark,
    /// The page that opened it, still to be passed on.
    pub(super) opening: Option<Fetched>,
    /// The block by which it was tried whether blocks work, still to be passed on.
    pub(super) control: Option<Control>,
    /// Contacts a page holds as this server grants them.
    pub(super) page_size: u32,
    /// Custom fields, where another walk has met them all.
    pub(super) field_tags: FieldTags,
    /// How blocks of ids are asked for; `None` where pages are.
    pub(super) blocks: Option<Blocks>,
    /// Streams of their own that come along.
    pub(super) riders: Vec<RiderWalk>,
    pub(super) facts: Facts,
    /// How long its requests take, which is longer than what others ask for.
    pub(super) latency: Latency,
    /// What is to be told at the end.
    pub(super) notes: Vec<String>,
}

/// The answer to the control query.
pub(super) struct Control {
    pub(super) block: Range,
    pub(super) page: Fetched,
}

/// What was asked for, and what came.
struct Asked {
    /// The number of the range it belongs to.
    number: usize,
    range: Range,
    is_block: bool,
    result: Result<Reply, Error>,
}

#[async_trait]
impl OpenWalk for ContactsWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(mut self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        if self.walk.resumed {
            // Contacts made since the first attempt lie above everything it meant to read.
            let newer = Range { after: self.mark.newest, before: None };
            // A run that was stopped before it came to them has left them already.
            if !self.mark.left.contains(&newer) {
                self.mark.left.push(newer);
            }
        }
        // Before anything else: from the first position on, the contacts of the opening count as read.
        if let Some(opening) = self.opening.take() {
            self.mark.seen += opening.main().len() as u64;
            self.count_riders(&opening, None);
            self.pass_on(opening, sink).await?;
        }
        self.pass_on_riders(sink).await?;
        if let Some(Control { block, page }) = self.control.take() {
            self.mark.seen += page.main().len() as u64;
            self.count_riders(&page, None);
            // Not earlier: a position that comes before this block must still have its ids to read.
            self.mark.cut_above(block);
            self.pass_on(page, sink).await?;
        }
        let mut report = WalkReport { wide: self.wide().await?, ..WalkReport::default() };
        match self.read_ranges(sink).await {
            // An account that ignores the bounds of a range shows the same page for each of them.
            Err(error) if error.code() == Code::PageStuck => {
                return self.read_by_offset(report, sink).await;
            }
            result => result?,
        }
        if !self.intake.is_limited() {
            self.look_again_if_short(sink, &mut report).await?;
        }
        self.riders_alone(sink, &mut report).await?;
        report.notes.append(&mut self.notes);
        self.mark.left_out.report(&self.intake.streams(), &mut report);
        self.intake.report(&mut report);
        Ok(report)
    }
}

impl ContactsWalk {
    fn span(&self) -> Span {
        Span { since: self.mark.since, until: self.mark.until }
    }

    /// How field values are laid out as columns. Asked for before the pages: at their end nothing else would use the
    /// budget meanwhile.
    async fn wide(&self) -> Result<Option<Wide>, Error> {
        if !self.intake.feeds().iter().any(|feed| feed.stream.name == "field_values") {
            return Ok(None);
        }
        let tags = match self.field_tags.get() {
            Some(tags) => tags.clone(),
            None => Definitions::read(self.pages.client()).await?.tags(),
        };
        Ok(Some(Names::given(&CONTACTS, &self.facts, &tags).await?.view(&CONTACTS, &tags)))
    }

    /// Reads everything in `mark.left`, as many requests in flight as the budget asks for.
    async fn read_ranges(&mut self, sink: &mut dyn PageSink) -> Result<(), Error> {
        let left = std::mem::take(&mut self.mark.left);
        let mut ranges = match &self.blocks {
            Some(blocks) => Ranges::in_blocks(left, blocks.size),
            None => Ranges::new(left, self.page_size, self.mark.total.saturating_sub(self.mark.seen)),
        };
        let mut in_flight = FuturesUnordered::new();
        while !self.intake.is_full() {
            while in_flight.len() < self.latency.in_flight_wanted(self.pages.client()) {
                let Some((number, range)) = ranges.take() else { break };
                in_flight.push(self.ask(number, range));
            }
            let Some(asked) = in_flight.next().await else { break };
            if let Ok(Reply::Page(fetched)) = &asked.result {
                self.latency.observe(fetched.latency);
            }
            let (next, came) = self.settle(&mut ranges, asked).await?;
            if let Some((number, range)) = next {
                in_flight.push(self.ask(number, range));
            }
            self.mark.left = ranges.left();
            if let Some(came) = came {
                self.pass_on(came, sink).await?;
            }
        }
        Ok(())
    }

    /// Asks for the next block or page of a range.
    fn ask(&self, number: usize, range: Range) -> impl Future<Output = Asked> + Send + 'static {
        let block = self.blocks.as_ref().and_then(|blocks| blocks.next(number, range));
        let (pages, span, page_size) = (self.pages.clone(), self.span(), self.page_size);
        async move {
            let result = match block {
                Some(block) => blocks::fetch(&pages, block).await.map(Reply::Page),
                None => query::fetch(&pages, span, page_size, range).await,
            };
            Asked { number, range: block.unwrap_or(range), is_block: block.is_some(), result }
        }
    }

    /// Takes what came. Tells what to ask for next of the same range, and what of it is to be passed on.
    async fn settle(
        &mut self,
        ranges: &mut Ranges,
        asked: Asked,
    ) -> Result<(Option<(usize, Range)>, Option<Fetched>), Error> {
        let number = asked.number;
        let (left, came) = if asked.is_block {
            self.settle_block(ranges, asked).await?
        } else {
            if ranges.get(number).is_none() {
                // A rule has ended all ranges while the page was on its way; it was counted as not shown.
                return Ok((None, None));
            }
            let mut fetched = match asked.result? {
                Reply::Page(fetched) => fetched,
                Reply::Left(left) => {
                    self.go_on_without(ranges, number, &left);
                    return Ok((None, None));
                }
            };
            let ids = intake::ids(fetched.main());
            let left = self.settle_page(ranges, number, &mut fetched);
            let hidden = match &mut self.blocks {
                Some(blocks) => blocks.page(number, asked.range, &ids, left),
                None => None,
            };
            if let Some(id) = hidden {
                self.distrust(&format!("a block left contact {id} out"), Lasting::Yes).await?;
            }
            (left, Some(fetched))
        };
        Ok((left.map(|left| (number, left)), came))
    }

    /// What a refusal means that a rule says to go on from. Where the next page of a range begins is known by the page
    /// before it only, so the rest of the range goes with the page.
    fn go_on_without(&mut self, ranges: &mut Ranges, number: usize, left: &Left) {
        self.mark.left_out.add(left, false);
        match left.leave {
            Leave::Skip | Leave::Break => ranges.finish(number),
            Leave::Stop => ranges.finish_all(),
        }
    }

    /// Notes what a page has covered of its range. Tells what is left of the range.
    fn settle_page(&mut self, ranges: &mut Ranges, number: usize, fetched: &mut Fetched) -> Option<Range> {
        let ids = intake::ids(fetched.main());
        let range = ranges.get(number)?;
        let inside = self.keep_inside(range, fetched);
        let is_cut = inside.len() < ids.len();
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

    /// Judges a block. One that is not to be believed is dropped, and its range asked for page by page.
    async fn settle_block(
        &mut self,
        ranges: &mut Ranges,
        asked: Asked,
    ) -> Result<(Option<Range>, Option<Fetched>), Error> {
        let (number, block) = (asked.number, asked.range);
        let left = ranges.get(number);
        let mut fetched = match asked.result.and_then(Reply::page) {
            Ok(fetched) => fetched,
            Err(error) => {
                let Some(lasting) = blocks::failure(&error) else { return Err(error) };
                self.distrust(&error.to_string(), lasting).await?;
                return Ok((left, None));
            }
        };
        let ids = intake::ids(fetched.main());
        let due = self.mark.total.saturating_sub(self.mark.seen);
        let elsewhere = ranges.width_but(number, block);
        let verdict = match &mut self.blocks {
            Some(blocks) => blocks.judge(block, &ids, due, elsewhere),
            // Asked for while blocks were still believed.
            None => return Ok((left, None)),
        };
        match verdict {
            Verdict::Complete => {
                let Some(range) = left else { return Ok((None, None)) };
                self.keep_inside(range, &mut fetched);
                let last = block.before.map_or(block.after, |before| before - 1);
                Ok((ranges.advance(number, last), Some(fetched)))
            }
            Verdict::Doubtful => {
                if let Some(blocks) = &mut self.blocks {
                    blocks.doubt(number, block, &ids, due, elsewhere);
                }
                Ok((left, None))
            }
            Verdict::Wrong(why) => {
                self.distrust(&why, Lasting::Yes).await?;
                Ok((left, None))
            }
        }
    }

    /// Keeps what lies inside of a range and counts it. The range may have been cut while its page was on its way; what
    /// lies beyond is read by somebody else.
    fn keep_inside(&mut self, range: Range, fetched: &mut Fetched) -> HashSet<i64> {
        let ids = intake::ids(fetched.main());
        let inside: HashSet<i64> = ids.iter().copied().filter(|&id| range.contains(id)).collect();
        if inside.len() < ids.len() {
            intake::keep_only(&mut fetched.decoded, self.intake.feeds(), &inside);
        }
        // Contacts made since the opening are not part of the total.
        self.mark.seen += inside.iter().filter(|&&id| id <= self.mark.newest).count() as u64;
        self.count_riders(fetched, Some(&inside));
        inside
    }

    /// Asks for no more blocks.
    async fn distrust(&mut self, why: &str, lasting: Lasting) -> Result<(), Error> {
        if self.blocks.take().is_none() {
            return Ok(());
        }
        self.notes.push(format!(
            "contacts were read in pages instead of blocks of ids after {} of {}: {why}",
            self.mark.seen, self.mark.total
        ));
        match lasting {
            Lasting::Yes => self.facts.remember(facts::BLOCKS, false).await,
            Lasting::No => Ok(()),
        }
    }

    /// Reads all contacts once more, by offset: the documented way that needs no ranges.
    async fn read_by_offset(
        mut self: Box<Self>,
        mut report: WalkReport,
        sink: &mut dyn PageSink,
    ) -> Result<WalkReport, Error> {
        let Mark { signature, since, until, as_of, riders, .. } = self.mark;
        let walk = OffsetWalk::new(
            self.walk.clone(),
            self.pages.clone(),
            std::mem::replace(&mut self.intake, Intake::new(Vec::new())),
            Place::Nowhere,
            offset::Mark::new(signature.clone(), Span { since, until }, as_of, Vec::new()),
        );
        let by_offset = Box::new(walk).read(sink).await?;
        report = WalkReport { wide: report.wide, ..by_offset };
        // Nothing was counted on this way, so what rides along is read from its own address.
        self.mark = Mark::finished(signature, Span { since, until }, as_of, riders);
        self.riders_alone(sink, &mut report).await?;
        report.notes.append(&mut self.notes);
        Ok(report)
    }

    async fn pass_on(&mut self, fetched: Fetched, sink: &mut dyn PageSink) -> Result<(), Error> {
        let parents = intake::ids(fetched.main());
        let parts = self.intake.take(fetched.decoded, &parents);
        sink.page(Page { parts, position: self.position() }).await
    }

    fn position(&self) -> Position {
        Position(serde_json::to_value(&self.mark).expect("a mark has only text keys"))
    }
}
