//! Streams read by offset: one series of pages, or one series per parent.

use achub_api::{
    decode::{Decoded, Kind, Unreadable},
    stream::{Read, Stream},
};
use achub_client::rule::Leave;
use achub_core::{
    Code, Error, StreamName,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    ahead::{Ahead, Turn},
    facts::Facts,
    intake::{self, Intake},
    left::{Left, LeftOut, Reply},
    pages::{Fetched, Pages, Query, key_hashes},
    series::{Series, Step},
    span::Span,
    wide::{self, Beside},
};

/// Where a walk by offset stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What the walk reads; a position of another walk does not fit.
    pub(super) signature: String,
    /// From when on it reads.
    pub(super) since: Option<Timestamp>,
    /// Until when it reads.
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
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
    /// Requests that were passed over.
    #[serde(default)]
    left_out: LeftOut,
}

/// A walk by offset, opened or taken up again.
pub(super) struct OffsetWalk {
    walk: Walk,
    pages: Pages,
    intake: Intake,
    /// The query but for limit and offset.
    query: Query,
    /// What a parent is put into.
    place: Place,
    mark: Mark,
    /// The page that opened it, still to be passed on.
    opening: Option<Fetched>,
    /// How its records are laid out as columns, where they are values of custom fields.
    laid_out: Option<(&'static Beside, Facts)>,
}

/// Where the key of a parent goes in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// There is no parent.
    Nowhere,
    /// Instead of `{…}` in the path.
    Path,
    /// As the value of this parameter.
    Filter(&'static str),
}

impl Mark {
    pub(super) fn new(signature: String, span: Span, as_of: Timestamp, parents: Vec<String>) -> Mark {
        Mark {
            signature,
            since: span.since,
            until: span.until,
            as_of,
            parents_done: 0,
            parents,
            series: Series::default(),
            second_look: false,
            seen: 0,
            total: Some(0),
            missing: 0,
            left_out: LeftOut::default(),
        }
    }
}

/// The query of a walk by offset over what changed in a span, but for limit and offset.
pub(super) fn query(stream: &Stream, span: Span) -> Query {
    let mut query = span.filters(stream);
    // The order of contacts belongs to their id ranges; whoever reads them by offset does so because it was not kept.
    if let Some((parameter, direction)) = stream.order.filter(|_| stream.read != Read::Keyset) {
        query.push((parameter.to_owned(), direction.to_owned()));
    }
    query
}

/// The next page of a series, held against the one before.
pub(super) async fn fetch(
    pages: &Pages,
    query: &Query,
    place: Place,
    parent: Option<&str>,
    series: &Series,
) -> Result<Reply, Error> {
    let (path, query) = request(pages, query, place, parent, series.offset);
    let check = |decoded: &Decoded| {
        check(pages, decoded, series.offset)?;
        if series.is_stuck(&key_hashes(&decoded.parts[0].batch), decoded.total) {
            return Err(Unreadable::new(
                Kind::WrongPage,
                format!("offset {} shows the page before it", series.offset),
            ));
        }
        Ok(())
    };
    pages.ask(&path, query, check).await
}

/// A page that may be far from the one before.
async fn fetch_ahead(pages: Pages, path: String, query: Query, offset: u64) -> Result<Reply, Error> {
    pages.ask(&path, query, |decoded| check(&pages, decoded, offset)).await
}

fn request(pages: &Pages, query: &Query, place: Place, parent: Option<&str>, offset: u64) -> (String, Query) {
    let mut query = query.clone();
    query.push(("limit".to_owned(), pages.main().page_size.to_string()));
    query.push(("offset".to_owned(), offset.to_string()));
    let mut path = pages.main().path.to_owned();
    match (place, parent) {
        (Place::Path, Some(parent)) => path = fill(&path, parent),
        (Place::Filter(name), Some(parent)) => query.push((name.to_owned(), parent.to_owned())),
        _ => {}
    }
    (path, query)
}

fn check(pages: &Pages, decoded: &Decoded, offset: u64) -> Result<(), Unreadable> {
    if decoded.parts[0].batch.is_empty() && decoded.total.is_some_and(|total| total > offset) {
        return Err(Unreadable::new(Kind::Empty, "no records where the total says there are some"));
    }
    pages.check_sideloads(decoded)
}

/// `path` with the key of a parent in its place.
pub(super) fn fill(path: &str, parent: &str) -> String {
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
        let mut ahead = Ahead::default();
        let mut report = WalkReport::default();
        while self.is_more() {
            let reply = match self.opening.take() {
                Some(opening) => Reply::Page(opening),
                None => self.next_page(&mut ahead).await?,
            };
            match reply {
                Reply::Page(fetched) => {
                    self.settle(&fetched)?;
                    self.pass_on(fetched, sink).await?;
                }
                Reply::Left(left) => self.go_on_without(&left),
            }
            self.lay_out(&mut report).await?;
            if self.intake.is_full() {
                break;
            }
        }
        let name = StreamName::new(self.pages.main().name);
        if let Some(total) = self.mark.total {
            report.totals.insert(name.clone(), total);
        }
        if self.mark.missing > 0 {
            report.missing.insert(name, self.mark.missing);
        }
        self.mark.left_out.report(&self.intake.streams(), &mut report);
        self.intake.report(&mut report);
        if report.limited {
            report.missing.clear();
            report.totals.clear();
        }
        Ok(report)
    }
}

impl OffsetWalk {
    /// A walk that goes on from `mark`.
    pub(super) fn new(walk: Walk, pages: Pages, intake: Intake, place: Place, mark: Mark) -> OffsetWalk {
        let query = query(pages.main(), Span { since: mark.since, until: mark.until });
        OffsetWalk { walk, pages, intake, query, place, mark, opening: None, laid_out: None }
    }

    /// The same walk, whose first page is there already.
    pub(super) fn opened_by(mut self, opening: Option<Fetched>) -> OffsetWalk {
        self.opening = opening;
        self
    }

    /// The same walk, which also tells how its records are laid out, where they are values of custom fields.
    pub(super) fn laying_out(mut self, facts: &Facts) -> OffsetWalk {
        self.laid_out = wide::of_values(self.pages.main().name).map(|beside| (beside, facts.clone()));
        self
    }

    /// Asks for the definitions of custom fields. Not before the first page is passed on: rows come first; and not behind
    /// the last: nothing else would use the budget meanwhile.
    async fn lay_out(&mut self, report: &mut WalkReport) -> Result<(), Error> {
        let Some((beside, facts)) = self.laid_out.take() else { return Ok(()) };
        match beside.asked_for(self.pages.client(), &facts).await? {
            Ok(wide) => report.wide = Some(wide),
            Err(why) => report.notes.push(why),
        }
        Ok(())
    }

    fn is_more(&self) -> bool {
        self.mark.parents_done < self.mark.parents.len().max(1)
            && (self.place == Place::Nowhere || !self.mark.parents.is_empty())
    }

    fn parent(&self) -> Option<&str> {
        self.mark.parents.get(self.mark.parents_done).map(String::as_str)
    }

    /// The page whose turn it is; the ones after it are asked for beside it.
    async fn next_page(&mut self, ahead: &mut Ahead) -> Result<Reply, Error> {
        let parent = self.mark.parents_done;
        let is_useless = |turn: Turn| {
            turn.parent < parent || turn.parent == parent && !self.mark.series.could_join(turn.offset)
        };
        if ahead.first().is_some_and(is_useless) {
            ahead.clear();
        }
        self.ask_ahead(ahead);
        if let Some(turn) = ahead.first().filter(|turn| turn.parent == parent)
            && let Some(reply) = ahead.pop().await
        {
            let reply = reply?;
            self.mark.series.take_at(turn.offset);
            let is_stuck = match &reply {
                Reply::Page(page) => self.mark.series.is_stuck(&key_hashes(page.main()), page.decoded.total),
                Reply::Left(_) => false,
            };
            if !is_stuck {
                return Ok(reply);
            }
        }
        fetch(&self.pages, &self.query, self.place, self.parent(), &self.mark.series).await
    }

    /// Asks for pages that are most likely next, as many as the budget wants in flight.
    fn ask_ahead(&self, ahead: &mut Ahead) {
        let most = self.pages.client().in_flight_wanted();
        while ahead.len() < most {
            let Some(turn) = self.turn_after(ahead.last()) else { break };
            let parent = self.mark.parents.get(turn.parent).map(String::as_str);
            let (path, query) = request(&self.pages, &self.query, self.place, parent, turn.offset);
            ahead.push(turn, Box::pin(fetch_ahead(self.pages.clone(), path, query, turn.offset)));
        }
    }

    /// The turn after `last`, where one can be foreseen: the next page of a series whose total is known, the first page of
    /// the next parent.
    fn turn_after(&self, last: Option<Turn>) -> Option<Turn> {
        let series = &self.mark.series;
        let this = Turn { parent: self.mark.parents_done, offset: series.offset };
        if self.place != Place::Nowhere {
            if self.intake.room().is_some() {
                // Whether the next parents are needed depends on how much this one has.
                return None;
            }
            let next = last.map_or(this, |last| Turn { parent: last.parent + 1, offset: 0 });
            return (next.parent < self.mark.parents.len()).then_some(next);
        }
        let Some(last) = last else { return series.is_steady().then_some(this) };
        let page_size = u64::from(self.pages.main().page_size);
        let end =
            self.intake.room().map_or(series.expected(), |room| series.expected().map(|end| end.min(room)));
        // A page that is not full, or brings all that is wanted, is the last one.
        (last.offset + page_size <= end?)
            .then(|| Turn { offset: last.offset + page_size - series.overlap(), ..last })
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
        if short > 0 && !self.mark.second_look && !self.mark.series.has_gaps() {
            self.mark.second_look = true;
            self.intake.forget_reduced();
            self.mark.series = Series::default();
            return;
        }
        self.leave_series(total);
    }

    /// What a refusal means that a rule says to go on from.
    fn go_on_without(&mut self, left: &Left) {
        self.mark.left_out.add(left, self.place == Place::Path);
        let page_size = self.pages.main().page_size;
        match left.leave {
            Leave::Skip if self.mark.series.step_over(page_size) => {}
            Leave::Skip | Leave::Break => self.leave_series(self.mark.series.expected()),
            Leave::Stop => {
                self.leave_series(self.mark.series.expected());
                self.mark.parents_done = self.mark.parents.len().max(1);
            }
        }
    }

    /// Counts a series that ends here, whether or not all of it was seen, and turns to the next.
    fn leave_series(&mut self, total: Option<u64>) {
        let seen = self.mark.series.seen;
        self.mark.missing += total.map_or(0, |total| total.saturating_sub(seen));
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
