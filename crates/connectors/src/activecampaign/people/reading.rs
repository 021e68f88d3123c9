//! A reading of people, stage by stage.

use std::collections::VecDeque;

use achub_core::{
    Error,
    port::{
        incoming::{IncomingPage, IncomingPlan, OpenPeople},
        source::{Part, Price, WalkReport},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::activecampaign::{
    open::OpenedWalk,
    pages::Pages,
    people::{
        OpenedStages, Pulled,
        assembly::{self, Pick, Records},
        by_ids::ByIds,
        catalogue::Known,
        companies::Companies,
        mark::Mark,
    },
};

/// A stage that is open.
pub(super) struct Run {
    /// Its place among all stages.
    pub(super) number: usize,
    /// People it will show, where that is known.
    pub(super) people: Option<u64>,
    /// What it takes.
    pub(super) price: Price,
    /// How it reads, for people.
    pub(super) how: String,
    /// ActiveCampaign's clock when it was opened.
    pub(super) as_of: Option<Timestamp>,
    pub(super) way: Way,
}

/// How a stage reads.
pub(super) enum Way {
    Walk(OpenedWalk, Pick),
    Ids(Vec<i64>),
}

/// A stage that is being read.
enum Current {
    Walk(Pulled, Pick),
    Ids(ByIds),
    /// Contacts whose companies had not come along.
    Again(ByIds),
}

/// A reading of people.
pub(super) struct PeopleReading {
    plan: IncomingPlan,
    known: Known,
    companies: Companies,
    runs: VecDeque<Run>,
    current: Option<Current>,
    mark: Mark,
    pages: Pages,
    /// People that may still be shown.
    room: u64,
    /// Whether it has still to be looked at whether all companies came along.
    counts: bool,
}

impl PeopleReading {
    pub(super) fn new(
        opened: OpenedStages,
        known: Known,
        companies: Companies,
        limit: Option<u64>,
    ) -> PeopleReading {
        let OpenedStages { runs, plan, mark, pages, counts } = opened;
        let room = limit.unwrap_or(u64::MAX);
        PeopleReading { plan, known, companies, runs: runs.into(), current: None, mark, pages, room, counts }
    }

    /// Begins the next stage. False where there is none.
    async fn begin(&mut self) -> Result<bool, Error> {
        let number = match self.runs.pop_front() {
            Some(run) => {
                self.current = Some(match run.way {
                    Way::Walk(walk, pick) => Current::Walk(Pulled::new(walk), pick),
                    Way::Ids(ids) => Current::Ids(ByIds::new(&self.pages, ids)),
                });
                run.number
            }
            None => {
                let ids = if std::mem::take(&mut self.counts) {
                    self.companies.left_out().await?
                } else {
                    Vec::new()
                };
                self.told();
                if ids.is_empty() {
                    return Ok(false);
                }
                // No position names this: taken up again, the last walk finds at its end what it found before.
                self.current = Some(Current::Again(ByIds::new(&self.pages, ids)));
                return Ok(true);
            }
        };
        if number != self.mark.stage {
            self.mark = Mark { stage: number, walk: None, after: None, ..self.mark.clone() };
        }
        Ok(true)
    }

    /// The records that come next of the stage that is being read; `None` at its end.
    async fn records(&mut self) -> Result<Option<(Vec<Part>, Pick)>, Error> {
        match &mut self.current {
            None => Ok(None),
            Some(Current::Ids(by_ids)) => {
                let Some((last, parts)) = by_ids.next().await? else { return Ok(None) };
                self.mark.after = Some(last);
                Ok(Some((parts, Pick::All)))
            }
            Some(Current::Again(by_ids)) => match by_ids.next().await? {
                Some((_, parts)) => Ok(Some((parts, Pick::All))),
                None => self.companies.remember(false).await.map(|()| None),
            },
            Some(Current::Walk(pulled, pick)) => match pulled.next().await? {
                Ok(page) => {
                    self.mark.walk = Some(page.position);
                    Ok(Some((page.parts, pick.clone())))
                }
                Err(report) => {
                    self.plan.notes.extend(told(&report));
                    Ok(None)
                }
            },
        }
    }

    /// Takes over what companies have to tell.
    fn told(&mut self) {
        let known = &self.plan.notes;
        let new: Vec<String> =
            self.companies.notes.iter().filter(|note| !known.contains(note)).cloned().collect();
        self.plan.notes.extend(new);
    }

    async fn page(&mut self, parts: &[Part], pick: &Pick) -> Result<IncomingPage, Error> {
        let records = Records::new(parts);
        let companies = self.companies.of(&records).await?;
        self.mark.companies = self.companies.came;
        self.told();
        let mut people = assembly::people(&records, &self.known, pick, &companies);
        people.truncate(usize::try_from(self.room).unwrap_or(usize::MAX));
        self.room -= people.len() as u64;
        Ok(IncomingPage { people, position: self.mark.position() })
    }
}

#[async_trait]
impl OpenPeople for PeopleReading {
    fn plan(&self) -> &IncomingPlan {
        &self.plan
    }

    async fn next(&mut self) -> Result<Option<IncomingPage>, Error> {
        loop {
            if self.room == 0 {
                return Ok(None);
            }
            if self.current.is_none() && !self.begin().await? {
                return Ok(None);
            }
            match self.records().await? {
                Some((parts, pick)) => return self.page(&parts, &pick).await.map(Some),
                None => self.current = None,
            }
        }
    }
}

/// What a walk has to tell at its end.
fn told(report: &WalkReport) -> Vec<String> {
    let contacts = achub_core::StreamName::new("contacts");
    let missing =
        report.missing.get(&contacts).filter(|count| **count > 0).map(|count| {
            format!("{count} people the account says it has were not shown, after looking twice")
        });
    let refused = report.passed_over.get(&contacts).filter(|count| **count > 0).map(|count| {
        format!("{count} requests were refused and passed over by a rule; their people are missing")
    });
    missing.into_iter().chain(refused).chain(report.notes.iter().cloned()).collect()
}
