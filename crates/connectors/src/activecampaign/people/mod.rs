//! People of an account for the hub's own store: contacts with their lists, values and companies.
//!
//! Nothing is read here that replication does not read: the walk over contacts brings people with what belongs to them,
//! and what arrives is put together. What takes how many requests (N people, P = 100 to a page, or 300 to a block of ids
//! where the account was shown to allow it):
//!
//! | reading | requests |
//! |---|---|
//! | lists and fields, at every opening | 1 per hundred of each |
//! | everybody | N/P, and 1 that tells how many companies are due |
//! | what changed | changed/100, at least 1 |
//! | everybody again, for list changes that move no time | as everybody |
//! | a list or a tag | its people/100 and 1 control query; everybody where the account ignores the filter |
//! | a segment | 1 per ten thousand people and the looks until it is computed, then its people/100 |
//!
//! A change of a membership may leave `udate` of its contact alone, and nothing else tells of it: `/contactLists` takes no
//! filter, and counts of lists stay the same where one person leaves and another joins. So a sweep reads everybody with
//! lists and all else, which takes as many requests as lists alone would, and finds whatever else moved no time.

mod assembly;
mod attributes;
mod by_ids;
mod catalogue;
mod companies;
mod mark;
mod membership;
mod pulled;
mod reading;
mod selecting;

use std::{collections::HashMap, sync::Arc};

use achub_core::{
    Error,
    port::{
        incoming::{IncomingPlan, OpenPeople, PeopleSource, Selection, WantedPeople},
        progress::Progress,
        source::{Position, Price},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::activecampaign::{
    ActiveCampaignSource,
    open::{AskedPeople, OpenedWalk, Opening},
    pages::Pages,
    people::{
        assembly::Pick,
        by_ids::ByIds,
        catalogue::Known,
        companies::Companies,
        mark::Mark,
        pulled::Pulled,
        reading::{PeopleReading, Run},
        selecting::{Selected, Selecting, Stage},
    },
    reading::Reading,
};

/// The tag by which imported people are known (SX-10). It is a tag of the hub and never written to ActiveCampaign.
pub const TAG: &str = "via_activecampaign";

/// The people of an ActiveCampaign account.
///
/// Lists, contacts and what they say of themselves come; tags, automations and campaigns do not (SX-11…13).
pub struct ActiveCampaignPeople {
    source: ActiveCampaignSource,
    progress: Arc<dyn Progress>,
}

impl ActiveCampaignPeople {
    /// People of the account that `source` reads; `progress` is told what is waited for.
    pub fn new(source: ActiveCampaignSource, progress: Arc<dyn Progress>) -> ActiveCampaignPeople {
        ActiveCampaignPeople { source, progress }
    }
}

#[async_trait]
impl PeopleSource for ActiveCampaignPeople {
    async fn open(
        &self,
        wanted: &WantedPeople,
        position: Option<&Position>,
    ) -> Result<Box<dyn OpenPeople>, Error> {
        let client = &self.source.client;
        let known = Known::read(client).await?;
        let now = self.source.clock.now();
        let selecting = Selecting { client, known: &known, progress: &self.progress, now };
        let selected = selecting.selected(&wanted.selection).await?;
        // Who is in a segment may change though nobody in it does.
        let since = wanted.since.filter(|_| !wanted.sweep && !is_segments(&wanted.selection));
        let asked = words(&selected.stages, since, wanted.limit);
        let mark = Mark::of(position, &asked);
        let counts = selected.stages.iter().any(is_everybody) && since.is_none() && wanted.limit.is_none();
        let came = mark.as_ref().map_or(0, |mark| mark.companies);
        let companies = Companies::open(client, self.source.facts(), counts, came).await?;
        let ways = Ways { people: self, since, known: &known, companies: &companies, now };
        let opened = ways.opened(selected, asked, mark, wanted.limit, counts).await?;
        Ok(Box::new(PeopleReading::new(opened, known, companies, wanted.limit)))
    }

    fn requests_sent(&self) -> u64 {
        self.source.client.requests_sent()
    }
}

/// A reading whose walks are open.
struct OpenedStages {
    runs: Vec<Run>,
    plan: IncomingPlan,
    mark: Mark,
    /// Pages of contacts of known ids.
    pages: Pages,
    /// Whether everybody is read, so that companies can be counted.
    counts: bool,
}

/// What opening stages needs.
struct Ways<'a> {
    people: &'a ActiveCampaignPeople,
    since: Option<Timestamp>,
    known: &'a Known,
    companies: &'a Companies,
    now: Timestamp,
}

impl Ways<'_> {
    async fn opened(
        &self,
        selected: Selected,
        asked: String,
        mark: Option<Mark>,
        limit: Option<u64>,
        counts: bool,
    ) -> Result<OpenedStages, Error> {
        let pages = self.asked(&[], false).pages(&self.people.source.client)?;
        let mut plan = IncomingPlan {
            catalogue: self.known.catalogue.clone(),
            people: Some(0),
            price: Price::default(),
            how: String::new(),
            as_of: mark.as_ref().map_or(self.now, |mark| mark.as_of),
            resumed: mark.is_some(),
            notes: [selected.notes, self.companies.notes.clone()].concat(),
        };
        let from = mark.as_ref().map_or(0, |mark| mark.stage);
        let (mut runs, mut hows) = (Vec::new(), Vec::new());
        for (number, stage) in selected.stages.into_iter().enumerate().skip(from) {
            let reached = mark.as_ref().filter(|mark| mark.stage == number);
            let (run, is_first) = (self.run(stage, number, reached, &pages).await?, runs.is_empty());
            plan.people = plan.people.zip(run.people).map(|(sum, more)| sum + more);
            plan.price.requests += run.price.requests;
            plan.price.seconds += run.price.seconds;
            if let Some(as_of) = run.as_of.filter(|_| is_first && mark.is_none()) {
                plan.as_of = as_of;
            }
            if !hows.contains(&run.how) {
                hows.push(run.how.clone());
            }
            runs.push(run);
        }
        plan.how = hows.join("; ");
        limit_price(&mut plan, limit, pages.main().page_size);
        let companies = self.companies.came;
        let mark =
            mark.unwrap_or(Mark { asked, as_of: plan.as_of, stage: 0, walk: None, after: None, companies });
        Ok(OpenedStages { runs, plan, mark, pages, counts })
    }

    fn asked(&self, also: &[(String, String)], with_tags: bool) -> AskedPeople {
        AskedPeople {
            since: self.since,
            also: also.to_vec(),
            with_tags,
            with_companies: self.companies.ride(),
        }
    }

    /// Opens a stage, from where `reached` says where it does.
    async fn run(
        &self,
        stage: Stage,
        number: usize,
        reached: Option<&Mark>,
        pages: &Pages,
    ) -> Result<Run, Error> {
        let with_tags = stage.needs_tags();
        let (also, pick) = match stage {
            Stage::Walk { also, pick } => (also, pick),
            Stage::Ids(ids) => return Ok(self.by_ids(ids, number, reached, pages)),
        };
        let position = reached.and_then(|mark| mark.walk.as_ref());
        let walk = self.walk(&self.asked(&also, with_tags), position).await?;
        let described = walk.walk();
        // Who of everybody is on a list is not known before they were read.
        let is_exact = pick == Pick::All || !also.is_empty();
        Ok(Run {
            number,
            people: described.streams.first().and_then(|stream| stream.rows).filter(|_| is_exact),
            price: described.price,
            how: described.how.clone(),
            as_of: Some(described.as_of),
            way: reading::Way::Walk(walk, pick),
        })
    }

    fn by_ids(&self, ids: Vec<i64>, number: usize, reached: Option<&Mark>, pages: &Pages) -> Run {
        let after = reached.and_then(|mark| mark.after);
        let left: Vec<i64> = ids.iter().copied().filter(|id| after.is_none_or(|after| *id > after)).collect();
        let client = &self.people.source.client;
        let requests = ByIds::requests(left.len(), pages.main().page_size);
        let at_once = client.in_flight_wanted().max(1) as f64;
        let seconds = requests as f64 * client.latency().as_secs_f64() / at_once;
        Run {
            number,
            people: Some(ids.len() as u64),
            price: Price { requests, seconds },
            how: "contacts by id".to_owned(),
            as_of: None,
            way: reading::Way::Ids(left),
        }
    }

    async fn walk(&self, asked: &AskedPeople, position: Option<&Position>) -> Result<OpenedWalk, Error> {
        let source = &self.people.source;
        // Blocks of ids know of no filter.
        let reading = if asked.also.is_empty() { source.reading } else { Reading::Documented };
        let positions = HashMap::new();
        let mut opening = Opening::new(&source.client, source.facts(), &*source.clock, reading, &positions);
        if let Some(tags) = self.known.tags() {
            opening = opening.with_field_tags(tags.to_vec());
        }
        opening.people(asked, position).await
    }
}

fn is_segments(selection: &Selection) -> bool {
    matches!(selection, Selection::Segments(_))
}

fn is_everybody(stage: &Stage) -> bool {
    matches!(stage, Stage::Walk { also, pick: Pick::All } if also.is_empty())
}

/// What is read, in words: a position fits where they are the same.
fn words(stages: &[Stage], since: Option<Timestamp>, limit: Option<u64>) -> String {
    let stages: Vec<String> = stages.iter().map(Stage::words).collect();
    let since = since.map(|since| since.to_string()).unwrap_or_default();
    format!("{} since {since} limit {limit:?}", stages.join("; "))
}

fn limit_price(plan: &mut IncomingPlan, limit: Option<u64>, page_size: u32) {
    let Some(limit) = limit else { return };
    let requests = limit.div_ceil(u64::from(page_size.max(1)));
    if requests < plan.price.requests {
        plan.price.seconds *= requests as f64 / plan.price.requests as f64;
        plan.price.requests = requests;
    }
    plan.people = plan.people.map(|people| people.min(limit));
}
