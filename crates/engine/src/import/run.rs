//! A run of an import, from its record to its last line.

use std::sync::Arc;

use achub_core::{
    Code, Error, ReplicationName, RunId, StreamName, WalkName, failpoint,
    port::{
        activity::Activity,
        incoming::{Incoming, IncomingPlan, OpenPeople},
        journal::Level,
        people::{Advance, Author, ChangeBatch, ImportProgress, RefusedPerson},
        progress::{Event, Progress},
        source::Position,
        state::{RunRecord, RunStatus},
    },
};
use jiff::Timestamp;

use crate::{
    hub::{Hub, Stop},
    import::{
        catalogue::Names,
        definition::{Import, ImportEnds, ImportTicket},
        desk::{Desk, Round, Tally},
        start::Start,
        summary::{ImportSummary, of_unknown_lists},
        telling::Telling,
    },
    journal::Journal,
    once::Once,
};

/// People who are stored together, if as many have come: a transaction costs the same for one as for many.
const TOGETHER: usize = 500;

/// How often people are looked at again because somebody changed them meanwhile.
const LOOKS_MAX: u32 = 5;

/// What the log calls the people of an import.
const PEOPLE: &str = "people";

/// A run while it works.
struct Course<'a> {
    hub: &'a Hub,
    import: &'a Import,
    ends: &'a ImportEnds<'a>,
    ticket: &'a ImportTicket,
    run: RunId,
    journal: Arc<Journal>,
    telling: Telling<'a>,
    desk: Desk<'a>,
    tally: Tally,
    /// The last position that is stored.
    position: Option<Position>,
}

/// Carries an import out.
pub(super) async fn start(
    hub: &Hub,
    import: &Import,
    ends: &ImportEnds<'_>,
    ticket: &ImportTicket,
    stop: &Stop,
) -> Result<ImportSummary, Error> {
    let progress = ends.people.import_progress(&import.job).await?;
    let run = run_of(ticket, &progress);
    let started_at = hub.clock.now();
    let journal =
        Arc::new(Journal::new(run.clone(), hub.journal.clone(), hub.clock.clone(), hub.progress.clone()));
    let begun = Begun { hub, import, ends, ticket, run, started_at, journal };
    begun.put_run(&ImportSummary::new(begun.run.clone(), import)).await?;
    begun.carry_out(progress, stop).await
}

/// The name of the run: the one it was queued under, else that of the run it takes up, else a new one.
fn run_of(ticket: &ImportTicket, progress: &ImportProgress) -> RunId {
    let unfinished = progress.unfinished.as_ref().map(|(run, ..)| run.clone());
    ticket.run.clone().or(unfinished).unwrap_or_else(RunId::generate)
}

/// A run whose record is written.
struct Begun<'a> {
    hub: &'a Hub,
    import: &'a Import,
    ends: &'a ImportEnds<'a>,
    ticket: &'a ImportTicket,
    run: RunId,
    started_at: Timestamp,
    journal: Arc<Journal>,
}

impl Begun<'_> {
    async fn carry_out(&self, progress: ImportProgress, stop: &Stop) -> Result<ImportSummary, Error> {
        let sent_before = self.ends.source.requests_sent();
        let start = Start::of(self.import, &progress, self.started_at);
        let mut summary = ImportSummary::new(self.run.clone(), self.import);
        summary.is_first = start.is_first;
        summary.swept = start.is_full();
        let (position, outcomes) = match progress.unfinished {
            Some((_, position, outcomes)) => (position, outcomes),
            None => Default::default(),
        };
        let opening = self.ends.source.open(&start.wanted, position.as_ref());
        let mut open = tokio::select! {
            opened = opening => match opened {
                Ok(open) => open,
                Err(error) => return self.fail(summary, error, sent_before).await,
            },
            () = stop.requested() => {
                summary.status = RunStatus::Stopped;
                summary.outcomes = outcomes;
                return self.close(summary, sent_before, &[]).await;
            }
        };
        summary.opened(open.plan(), self.ends.source.requests_sent() - sent_before);
        let resumed = open.plan().resumed;
        let so_far = if resumed { outcomes } else { Default::default() };
        let mut course =
            match self.course(&mut summary, open.plan(), so_far, position.filter(|_| resumed)).await {
                Ok(course) => course,
                Err(error) => return self.fail(summary, error, sent_before).await,
            };
        let told = open.plan().notes.len();
        let read = course.read(&mut *open, stop).await;
        summary.count(&course.tally);
        for note in open.plan().notes.iter().skip(told) {
            self.journal.event(Event::Warning { message: note.clone() });
            summary.notes.push(note.clone());
        }
        summary.notes.extend(of_unknown_lists(&course.tally));
        let ended = match read {
            Ok(Ended::Whole) => {
                failpoint::pass("import-result");
                summary.end();
                let end = start.end(self.import, self.ticket, self.run.clone(), open.plan());
                self.ends.people.end_import(&end).await
            }
            Ok(Ended::Stopped) => {
                summary.status = RunStatus::Stopped;
                Ok(())
            }
            Err(error) => Err(error),
        };
        match ended {
            // Somebody else writes this run's records now.
            Err(error) if error.code() == Code::LostLease => return Err(error),
            Err(error) => summary.fail(&error),
            Ok(()) => {}
        }
        let lines = course.telling.of_end(self.hub.clock.now(), &summary);
        self.close(summary, sent_before, &lines).await
    }

    /// Adopts lists, fields and the tag, and tells that it begins.
    async fn course<'c>(
        &'c self,
        summary: &mut ImportSummary,
        plan: &IncomingPlan,
        so_far: achub_core::Outcomes,
        position: Option<Position>,
    ) -> Result<Course<'c>, Error> {
        let author = author(self.import, &self.run, self.hub.clock.now());
        let adopted = self.ends.people.adopt(&self.import.connection, &plan.catalogue, &author).await?;
        summary.notes.extend(adopted.notes.iter().cloned());
        let tag = match &self.import.tag {
            Some(name) => Some(self.ends.people.tag(name).await?.id),
            None => None,
        };
        let (requests, seconds) = (plan.price.requests, plan.price.seconds);
        self.journal.event(Event::Opened { walks: 1, requests, seconds, later: 0 });
        self.journal.event(Event::WalkStarted {
            walk: WalkName::new(PEOPLE),
            streams: vec![StreamName::new(PEOPLE)],
            resumed: plan.resumed,
            requests,
        });
        for note in &summary.notes {
            self.journal.event(Event::Warning { message: note.clone() });
        }
        self.journal.store().await;
        Ok(Course {
            hub: self.hub,
            import: self.import,
            ends: self.ends,
            ticket: self.ticket,
            run: self.run.clone(),
            journal: self.journal.clone(),
            telling: Telling::new(self.import, self.run.clone(), &so_far),
            desk: Desk {
                import: self.import,
                people: self.ends.people,
                names: Names::new(&plan.catalogue, &adopted),
                tag,
                seen: Once::default(),
            },
            tally: Tally { outcomes: so_far, ..Tally::default() },
            position,
        })
    }

    /// Ends a run before anybody was read.
    async fn fail(
        &self,
        mut summary: ImportSummary,
        error: Error,
        sent_before: u64,
    ) -> Result<ImportSummary, Error> {
        summary.fail(&error);
        let telling = Telling::new(self.import, self.run.clone(), &summary.outcomes);
        let line = telling.of_failure(self.hub.clock.now(), &error);
        self.close(summary, sent_before, &[line]).await?;
        Err(error)
    }

    /// Writes down how the run ended.
    async fn close(
        &self,
        mut summary: ImportSummary,
        sent_before: u64,
        lines: &[Activity],
    ) -> Result<ImportSummary, Error> {
        let ended_at = self.hub.clock.now();
        summary.requests = self.ends.source.requests_sent() - sent_before;
        summary.seconds = ended_at.duration_since(self.started_at).as_secs_f64();
        tell(self.ends, &self.journal, lines).await;
        self.journal.event(Event::StreamFinished {
            stream: StreamName::new(PEOPLE),
            outcomes: summary.outcomes,
            rows: summary.outcomes.total(),
            seconds: summary.seconds,
        });
        self.journal.settle();
        if let Some((code, message)) = &summary.error {
            self.journal.tell(Level::Error, None, format!("the import ended early: {code} {message}"));
        }
        self.journal.tell(Level::Info, None, told(&summary));
        self.journal.close().await;
        self.put_run(&summary).await?;
        Ok(summary)
    }

    async fn put_run(&self, summary: &ImportSummary) -> Result<(), Error> {
        let is_over = summary.status != RunStatus::Running;
        let record = RunRecord {
            id: self.run.clone(),
            replication: ReplicationName::new(self.import.job.as_str()),
            started_at: self.started_at,
            finished_at: is_over.then(|| self.hub.clock.now()),
            status: summary.status,
            summary: serde_json::to_value(summary).expect("a summary has only text keys and finite numbers"),
        };
        self.hub.state.put_run(&record).await
    }
}

/// How far a reading came.
enum Ended {
    Whole,
    Stopped,
}

impl Course<'_> {
    /// Stores everybody who is shown.
    async fn read(&mut self, open: &mut dyn OpenPeople, stop: &Stop) -> Result<Ended, Error> {
        let mut room = self.import.limit.unwrap_or(u64::MAX);
        let (mut people, mut position, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = tokio::select! {
                page = open.next() => page?,
                () = stop.requested() => return Ok(Ended::Stopped),
            };
            let is_over = page.is_none();
            if let Some(page) = page {
                let count = usize::try_from(room).unwrap_or(usize::MAX).min(page.people.len());
                room -= count as u64;
                people.extend(page.people.into_iter().take(count));
                position = Some(page.position);
                pages += 1;
            }
            let is_last = is_over || room == 0;
            if (is_last || people.len() >= TOGETHER)
                && let Some(position) = position.take()
            {
                self.store(std::mem::take(&mut people), position, std::mem::take(&mut pages)).await?;
            }
            if is_last {
                return Ok(Ended::Whole);
            }
            if stop.is_requested() {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// Stores people of some pages, and the position behind them. Those who get in each other's way are stored one after
    /// the other; position and counts go with the last of them.
    async fn store(&mut self, people: Vec<Incoming>, position: Position, pages: u64) -> Result<(), Error> {
        let count = people.len() as u64;
        let (mut waiting, refused) = self.desk.take(people);
        let mut pending = Tally::default();
        pending.refuse(refused.len());
        let mut looks = 0;
        loop {
            let mut round = self.desk.round(waiting).await?;
            let later = std::mem::take(&mut round.later);
            let is_last = later.is_empty();
            match self.commit(&round, is_last.then_some((&position, &refused)), &mut pending).await {
                Ok(()) => {}
                Err(error) if error.code() == Code::ChangedMeanwhile && looks < LOOKS_MAX => {
                    looks += 1;
                    waiting = round.now.into_iter().map(|(shown, _)| shown).chain(later).collect();
                    continue;
                }
                Err(error) => return Err(error),
            }
            waiting = later;
            if is_last {
                break;
            }
        }
        self.position = Some(position);
        let rows = vec![(StreamName::new(PEOPLE), count)];
        self.journal.event(Event::Committed { walk: WalkName::new(PEOPLE), rows, pages });
        self.journal.store().await;
        Ok(())
    }

    /// Stores one round in one transaction. `last`: with it the position moves, and `pending` becomes part of the counts.
    async fn commit(
        &mut self,
        round: &Round,
        last: Option<(&Position, &Vec<RefusedPerson>)>,
        pending: &mut Tally,
    ) -> Result<(), Error> {
        let at = self.hub.clock.now();
        let companies = self.desk.companies(round).await?;
        let all = self.desk.decide(round, &companies, at);
        let mut tally = pending.clone();
        for ((shown, _), decided) in round.now.iter().zip(&all) {
            tally.add(shown, decided);
        }
        let mut total = self.tally.clone();
        if last.is_some() {
            total.join(tally.clone());
        }
        let left_out =
            round.now.iter().filter(|(shown, _)| shown.counts).flat_map(|(shown, _)| &shown.left_out);
        let refused = last.map(|(_, refused)| refused.as_slice()).unwrap_or_default();
        let batch = ChangeBatch {
            author: author(self.import, &self.run, at),
            changes: all.iter().filter_map(|decided| decided.change.clone()).collect(),
            refused: refused.iter().chain(left_out).cloned().collect(),
            advance: Some(Advance {
                job: self.import.job.clone(),
                run: self.run.clone(),
                fence: self.ticket.fence,
                position: last.map(|(position, _)| position).or(self.position.as_ref()).cloned(),
                outcomes: total.outcomes,
            }),
        };
        let ids = self.ends.people.apply(&batch).await?;
        failpoint::pass("import-between-batches");
        (self.tally, *pending) = if last.is_some() { (total, Tally::default()) } else { (total, tally) };
        let mut ids = ids.into_iter();
        let mut lines = self.telling.of_refused(at, refused);
        for ((shown, found), decided) in round.now.iter().zip(&all) {
            let known = found.by_email.as_ref().or(found.by_link.as_ref()).map(|person| person.id);
            let id = if decided.change.is_some() { ids.next() } else { known };
            lines.extend(self.telling.of_person(at, shown, decided, id, &self.desk.names));
        }
        tell(self.ends, &self.journal, &lines).await;
        Ok(())
    }
}

/// Appends to the activity log. What cannot be written there is told and fails nothing: people are where they belong, with
/// their history.
async fn tell(ends: &ImportEnds<'_>, journal: &Journal, lines: &[Activity]) {
    if lines.is_empty() {
        return;
    }
    if let Err(error) = ends.activity.append_activity(lines).await {
        let message = format!("{} lines of the activity log could not be written: {error}", lines.len());
        journal.event(Event::Warning { message });
    }
}

fn author(import: &Import, run: &RunId, at: Timestamp) -> Author {
    Author { run: Some(run.clone()), connection: Some(import.connection.clone()), at }
}

/// The last line of the log.
fn told(summary: &ImportSummary) -> String {
    let outcomes = summary.outcomes;
    format!(
        "import ended after {} requests: {} people, {} added, {} changed, {} same, {} refused, {} skipped, {} held",
        summary.requests,
        outcomes.total(),
        outcomes.added,
        outcomes.changed,
        outcomes.same,
        outcomes.refused,
        outcomes.skipped,
        outcomes.held
    )
}
