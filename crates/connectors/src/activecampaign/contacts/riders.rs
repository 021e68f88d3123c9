//! Streams of their own whose records come along with contacts: deals, memberships in companies, automations.
//!
//! Whether *all* of them come along is not documented, and a deal of a company alone cannot. So what came is counted
//! against the total of the stream's own address; where they differ, the stream is read from there after all.

use std::collections::HashSet;

use achub_api::stream::Sideload;
use achub_core::{
    Error, StreamName, Value,
    port::source::{OpenWalk, Page, PageSink, Walk, WalkReport},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    contacts::{ContactsWalk, Mark},
    facts,
    group::Group,
    intake::Intake,
    offset::{self, OffsetWalk, Place},
    pages::{Fetched, Pages},
};

/// A stream that comes along, and how far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::activecampaign) struct Rider {
    /// Its name.
    pub(super) stream: String,
    /// Records that came along with the contact they belong to.
    pub(super) came: u64,
    /// Records its own address says there are.
    total: u64,
    /// Where reading it from its own address stands, once that is needed.
    alone: Option<offset::Mark>,
}

/// What it takes to read a rider from its own address.
pub(in crate::activecampaign) struct RiderWalk {
    /// The stream and what is wanted of it.
    pub(in crate::activecampaign) group: Group,
    /// By what it comes along.
    pub(in crate::activecampaign) include: &'static Sideload,
    /// The first page from its own address, which told the total; still to be passed on.
    pub(in crate::activecampaign) opening: Option<Fetched>,
}

impl Rider {
    /// A rider of which nothing has come yet.
    pub(in crate::activecampaign) fn new(stream: &str, total: u64) -> Rider {
        Rider { stream: stream.to_owned(), came: 0, total, alone: None }
    }
}

impl ContactsWalk {
    /// Passes on the pages that told how many records the riders have.
    pub(super) async fn pass_on_riders(&mut self, sink: &mut dyn PageSink) -> Result<(), Error> {
        let openings: Vec<Fetched> =
            self.riders.iter_mut().filter_map(|rider| rider.opening.take()).collect();
        for opening in openings {
            let parts = self.intake.take(opening.decoded, &[]);
            sink.page(Page { parts, position: self.position() }).await?;
        }
        Ok(())
    }

    /// Counts what came along with the contacts whose ids are `inside`, with all of the page where `None`. A record that
    /// belongs to another contact comes along with that one again.
    pub(super) fn count_riders(&mut self, fetched: &Fetched, inside: Option<&HashSet<i64>>) {
        let all = inside
            .is_none()
            .then(|| crate::activecampaign::intake::ids(fetched.main()).into_iter().collect());
        let inside: &HashSet<i64> = match (inside, &all) {
            (Some(inside), _) => inside,
            (None, Some(all)) => all,
            (None, None) => return,
        };
        for rider in &mut self.mark.riders {
            let include = self.riders.iter().find(|walk| walk.include.stream == rider.stream);
            let part = fetched.decoded.parts.iter().find(|part| part.stream.name == rider.stream);
            let (Some(include), Some(part)) = (include, part) else { continue };
            let Some(column) = part.batch.schema().index_of(include.include.parent_field) else { continue };
            let belongs =
                |values: &[Value]| matches!(values[column], Value::Integer(id) if inside.contains(&id));
            rider.came += part.batch.rows().filter(|(values, _)| belongs(values)).count() as u64;
        }
    }

    /// Reads from its own address each rider of which not everything came along.
    pub(super) async fn riders_alone(
        &mut self,
        sink: &mut dyn PageSink,
        report: &mut WalkReport,
    ) -> Result<(), Error> {
        for index in 0..self.mark.riders.len() {
            let rider = &self.mark.riders[index];
            let name = StreamName::new(rider.stream.clone());
            if rider.alone.is_none() {
                if rider.came == rider.total {
                    report.totals.insert(name, rider.total);
                    self.facts.remember(&facts::rides(&rider.stream), true).await?;
                    continue;
                }
                self.notes.push(format!(
                    "{} of {} {name} came along with contacts, so they were read from their own address",
                    rider.came, rider.total
                ));
            }
            self.rider_alone(index, sink, report).await?;
        }
        Ok(())
    }

    async fn rider_alone(
        &mut self,
        index: usize,
        sink: &mut dyn PageSink,
        report: &mut WalkReport,
    ) -> Result<(), Error> {
        let rider = &self.mark.riders[index];
        let Some(walk) = self.riders.iter().find(|walk| walk.include.stream == rider.stream) else {
            return Ok(());
        };
        let group = &walk.group;
        let is_fresh = rider.alone.is_none();
        let before = rider.total;
        let mark = rider.alone.clone().unwrap_or_else(|| {
            offset::Mark::new(group.signature(), group.span(), self.mark.as_of, Vec::new())
        });
        let pages = Pages::new(self.pages.client(), vec![group.main], Vec::new());
        let intake = Intake::new(group.feeds(&[]));
        let alone = OffsetWalk::new(self.walk.clone(), pages, intake, Place::Nowhere, mark);
        let mut relay = Relay { sink, mark: &mut self.mark, index };
        let read = Box::new(alone).read(&mut relay).await?;
        let rider = &self.mark.riders[index];
        // Only a stream that did not move meanwhile says something about the account.
        let stood_still = read.totals.get(&StreamName::new(rider.stream.clone())) == Some(&before);
        if is_fresh && stood_still {
            self.facts.remember(&facts::rides(&rider.stream), false).await?;
        }
        merge(report, read);
        Ok(())
    }
}

fn merge(report: &mut WalkReport, other: WalkReport) {
    report.totals.extend(other.totals);
    report.missing.extend(other.missing);
    report.left_out.extend(other.left_out);
    report.reduced.extend(other.reduced);
    report.passed_over.extend(other.passed_over);
    report.notes.extend(other.notes);
    for (field, count) in other.type_drift {
        *report.type_drift.entry(field).or_default() += count;
    }
}

/// Passes pages of a rider's own walk on as pages of the walk over contacts.
struct Relay<'a> {
    sink: &'a mut dyn PageSink,
    mark: &'a mut Mark,
    index: usize,
}

#[async_trait]
impl PageSink for Relay<'_> {
    async fn page(&mut self, mut page: Page) -> Result<(), Error> {
        self.mark.riders[self.index].alone =
            serde_json::from_value(page.position.0).expect("a walk by offset has a position of its own kind");
        page.position.0 = serde_json::to_value(&*self.mark).expect("a mark has only text keys");
        self.sink.page(page).await
    }
}

/// A walk that only carries its description.
pub(in crate::activecampaign) fn rows_of(walk: &mut Walk, rider: &Rider) {
    if let Some(stream) = walk.streams.iter_mut().find(|stream| stream.name.as_str() == rider.stream) {
        stream.rows = Some(rider.total);
    }
}
