//! A run from its beginning to its end: what is wanted is opened, fed walk by walk, compared and summed up.

use std::sync::Arc;

use achub_core::{
    Error, RunId, StreamName, failpoint,
    port::{
        hooks::{Hooks, Moment, Verdict},
        journal::Level,
        progress::{Event, Progress},
        source::{Opened, Source, Wanted},
        state::RunRecord,
        target::Target,
    },
};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    context::{Context, running},
    definition, drift,
    ending::Ending,
    feed::Fed,
    hub::{Hub, Stop},
    interrupted::{self, SoFar},
    journal::Journal,
    moments::Moments,
    opening::{self, total_price},
    prepare::{self, Prepared},
    reading::Reading,
    replication::Replication,
    summary::{self, Summary},
    walks::{self, Ended},
    wide,
};

/// The two sides of a run, and whoever has a say in it.
pub(crate) struct Ends<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) target: &'a dyn Target,
    pub(crate) hooks: &'a dyn Hooks,
    pub(crate) stop: &'a Stop,
    /// The name a queue has announced; a new one where there is none.
    pub(crate) run: Option<&'a RunId>,
}

/// A run that has a name and a journal.
struct Course<'a> {
    hub: &'a Hub,
    ends: &'a Ends<'a>,
    replication: &'a Replication,
    run: RunId,
    started_at: Timestamp,
    sent_before: u64,
    journal: Arc<Journal>,
}

/// Carries `replication` out. See [`Hub::start_with`].
pub(crate) async fn start(hub: &Hub, replication: &Replication, ends: &Ends<'_>) -> Result<Summary, Error> {
    let started_at = hub.clock.now();
    let ending = Ending::new(ends.stop, replication.working.time_limit);
    ending.watch(begin(hub, replication, ends, &ending, started_at)).await
}

async fn begin(
    hub: &Hub,
    replication: &Replication,
    ends: &Ends<'_>,
    ending: &Ending<'_>,
    started_at: Timestamp,
) -> Result<Summary, Error> {
    // Describing streams may take requests too.
    let sent_before = ends.source.requests_sent();
    let mut prepared = prepare_patiently(hub, replication, ends, ending).await?;
    let finished_before =
        interrupted::finished(replication, &prepared.checkpoints, &*hub.state, started_at).await?;
    prepared.wanted.retain(|wanted| !finished_before.contains(&wanted.stream));
    let regressed = prepared.recall.regressed(replication, &prepared.checkpoints, &prepared.wanted);
    let run = ends.run.cloned().unwrap_or_else(RunId::generate);
    hub.state.put_run(&running(&run, replication, started_at)).await?;
    let (clock, watcher) = (hub.clock.clone(), hub.progress.clone());
    let journal = Arc::new(Journal::new(run.clone(), hub.journal.clone(), clock, watcher));
    journal.tell(Level::Info, None, format!("run of {} began", replication.name));
    let course = Course { hub, ends, replication, run, started_at, sent_before, journal };
    let mut summary = summary::of(&course.run, replication, &ends.target.info());
    summary.notes = regressed;
    if !finished_before.is_empty() {
        let count = finished_before.len();
        let note = format!("{count} streams were finished by the run that was interrupted, not read again");
        summary.notes.push(note);
    }
    let moments = Moments::new(ends.hooks, course.run.clone(), &*hub.clock);
    let so_far = SoFar { finished: finished_before.into_iter().collect() };
    course.carry_out(summary, &prepared, &moments, ending, so_far).await
}

/// Prepares; where the target cannot be reached for the moment, as often as a walk is tried.
async fn prepare_patiently<'a>(
    hub: &Hub,
    replication: &'a Replication,
    ends: &Ends<'_>,
    ending: &Ending<'_>,
) -> Result<Prepared<'a>, Error> {
    let working = &replication.working;
    let mut tries_left = working.tries.max(1);
    loop {
        tries_left -= 1;
        match prepare::prepare(replication, ends.source, ends.target, &*hub.clock, &*hub.state).await {
            Err(error) if tries_left > 0 && walks::passes_by_itself(&error) && !ending.is_requested() => {
                let message = walks::trying_again("the target", &error, working.try_delay, tries_left);
                hub.progress.event(Event::Warning { message });
                ending.pause(working.try_delay).await?;
            }
            result => return result,
        }
    }
}

impl Course<'_> {
    /// From the hooks at the start to those at the end.
    async fn carry_out(
        &self,
        summary: Summary,
        prepared: &Prepared<'_>,
        moments: &Moments<'_>,
        ending: &Ending<'_>,
        so_far: SoFar,
    ) -> Result<Summary, Error> {
        let verdict = match moments.of_run(Moment::RunStart).await {
            Ok(verdict) => verdict,
            Err(error) => return self.fail(summary, error).await,
        };
        let result = match verdict {
            Verdict::GoOn => self.work(summary.clone(), prepared, moments, ending, so_far).await,
            Verdict::Skip | Verdict::Break => Ok(without_streams(summary.clone())),
        };
        let end = moments.of_run(Moment::RunEnd).await;
        let mut summary = match result {
            Ok(summary) => summary,
            Err(error) => return self.fail(summary, error).await,
        };
        if let Err(error) = end {
            summary.error = Some((error.code().id().to_owned(), error.to_string()));
        }
        summary.status = summary::status(&summary, ending.is_requested());
        self.close(summary).await
    }

    /// Everything between the hooks. An error means that nothing could be read.
    async fn work(
        &self,
        mut summary: Summary,
        prepared: &Prepared<'_>,
        moments: &Moments<'_>,
        ending: &Ending<'_>,
        so_far: SoFar,
    ) -> Result<Summary, Error> {
        let wanted = self.wanted_in(prepared, 0, &summary);
        let parts = if wanted.is_empty() { Vec::new() } else { self.ends.source.parts(&wanted) };
        let mut parts = parts.into_iter();
        let first = self.open_first(prepared, &mut parts, &mut summary).await?;
        let progress: Arc<dyn Progress> = self.journal.clone();
        let context = Context {
            run: self.run.clone(),
            started_at: self.started_at,
            prepared,
            source: self.ends.source,
            target: self.ends.target,
            moments,
            ending,
            progress: &progress,
            journal: &self.journal,
            state: &*self.hub.state,
            clock: &*self.hub.clock,
            so_far: tokio::sync::Mutex::new(so_far),
            walking: Semaphore::new(self.replication.working.walks_at_a_time.max(1)),
        };
        context.remember(&[]).await?;
        let mut ended = self.definitions(&context, &mut summary).await;
        if let Some(first) = first {
            ended.extend(self.feed_parts(first, parts, &context, &mut summary).await);
        }
        for round in 1..prepared.rounds() {
            if let Some(opened) = self.open_further(prepared, round, &mut summary).await {
                ended.extend(self.feed(opened, round, &context, &mut summary).await);
            }
        }
        let feds: Vec<&Fed> = ended.iter().flat_map(|ended| &ended.fed).collect();
        self.compare(&feds, prepared, &mut summary).await;
        self.lay_out(&feds, prepared, &mut summary).await;
        Ok(summary)
    }

    /// What is wanted in `round` and did not fail before.
    fn wanted_in(&self, prepared: &Prepared<'_>, round: usize, summary: &Summary) -> Vec<Wanted> {
        let mut wanted = prepared.wanted_in(round);
        wanted.retain(|wanted| {
            let mut streams = summary.streams.iter();
            !streams.any(|stream| stream.stream == wanted.stream && !stream.goes_on())
        });
        wanted
    }

    /// Opens the first part of which anything can be read; what cannot is among the failures. `None` where nothing is
    /// wanted.
    ///
    /// Errors: no part can be opened, or no other would fare better.
    async fn open_first(
        &self,
        prepared: &Prepared<'_>,
        parts: &mut Parts,
        summary: &mut Summary,
    ) -> Result<Option<Opened>, Error> {
        while let Some(part) = parts.next() {
            match self.open(prepared, &part, 0).await {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) if parts.len() == 0 || walks::ends_the_run(&error) => return Err(error),
                Err(error) => summary::add_failure(summary, self.replication, &streams_of(part), &error),
            }
        }
        Ok(None)
    }

    async fn open(&self, prepared: &Prepared<'_>, wanted: &[Wanted], round: usize) -> Result<Opened, Error> {
        opening::open(prepared, &prepared.checkpoints, self.ends.source, wanted, round).await
    }

    /// Opens a further window. Where that fails the streams of the window do.
    async fn open_further(
        &self,
        prepared: &Prepared<'_>,
        round: usize,
        summary: &mut Summary,
    ) -> Option<Opened> {
        let wanted = self.wanted_in(prepared, round, summary);
        if wanted.is_empty() {
            return None;
        }
        match self.open(prepared, &wanted, round).await {
            Ok(opened) => Some(opened),
            Err(error) => {
                let streams: Vec<StreamName> = prepared.streams_of(round).into_iter().cloned().collect();
                summary::add_failure(summary, self.replication, &streams, &error);
                None
            }
        }
    }

    /// Tables that are made without reading, and those that are left alone.
    async fn definitions(&self, context: &Context<'_>, summary: &mut Summary) -> Vec<Ended> {
        for stream in &mut summary.streams {
            let placed = &context.prepared.placed[&stream.stream];
            stream.table = placed.placement.load.table.full_name();
            if placed.reading == Reading::LeftAlone {
                stream.skipped = Some("left alone: its table is there".to_owned());
            }
        }
        let mut all = Vec::new();
        for placed in context.prepared.definitions() {
            let ended = definition::make(placed, context).await;
            summary::add(summary, &ended, context.prepared);
            all.push(ended);
        }
        all
    }

    /// Feeds the walks of the first part, and meanwhile opens and feeds the others.
    async fn feed_parts(
        &self,
        first: Opened,
        mut parts: Parts,
        context: &Context<'_>,
        summary: &mut Summary,
    ) -> Vec<Ended> {
        let sent_to_open = self.ends.source.requests_sent() - self.sent_before;
        let later = parts.as_slice().iter().map(Vec::len).sum();
        let others = async {
            let mut fed = Vec::new();
            while let Some(part) = parts.next() {
                fed.push(self.feed_further(part, parts.as_slice(), context).await);
            }
            fed
        };
        let (first, others) = tokio::join!(self.feed_opened(first, 0, sent_to_open, later, context), others);
        let mut ended = Vec::new();
        for fed in std::iter::once(first).chain(others) {
            ended.extend(self.add(fed, context, summary));
        }
        ended
    }

    /// Opens and feeds a further part, behind which come `others`.
    async fn feed_further(
        &self,
        part: Vec<Wanted>,
        others: &[Vec<Wanted>],
        context: &Context<'_>,
    ) -> FedPart {
        if context.ending.is_near() {
            return FedPart::failed(part, context.ending.error());
        }
        match self.open(context.prepared, &part, 0).await {
            Ok(opened) => {
                // Each walk had a first request.
                let sent_to_open = opened.walks.len() as u64;
                let later = others.iter().map(Vec::len).sum();
                self.feed_opened(opened, 0, sent_to_open, later, context).await
            }
            Err(error) => {
                if walks::ends_the_run(&error) {
                    context.ending.abandon();
                }
                FedPart::failed(part, error)
            }
        }
    }

    /// Feeds the walks of a window.
    async fn feed(
        &self,
        opened: Opened,
        round: usize,
        context: &Context<'_>,
        summary: &mut Summary,
    ) -> Vec<Ended> {
        let fed = self.feed_opened(opened, round, 0, 0, context).await;
        self.add(fed, context, summary)
    }

    /// Feeds what was opened by `sent_to_open` requests; the walks of `later` streams are not open yet.
    async fn feed_opened(
        &self,
        opened: Opened,
        round: usize,
        sent_to_open: u64,
        later: usize,
        context: &Context<'_>,
    ) -> FedPart {
        let price = total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second);
        let (walks, requests, seconds) = (opened.walks.len(), price.requests, price.seconds);
        context.progress.event(Event::Opened { walks, requests, seconds, later });
        FedPart {
            requests: sent_to_open + requests,
            seconds,
            failed: opened.failed,
            ended: walks::feed_all(opened.walks, round, context).await,
        }
    }

    /// Adds a part to the summary.
    fn add(&self, fed: FedPart, context: &Context<'_>, summary: &mut Summary) -> Vec<Ended> {
        summary.requests_expected += fed.requests;
        summary.seconds_expected += fed.seconds;
        for (streams, error) in &fed.failed {
            summary::add_failure(summary, self.replication, streams, error);
        }
        for ended in &fed.ended {
            summary::add(summary, ended, context.prepared);
        }
        fed.ended
    }

    /// Compares the tables with what the source told by the way.
    async fn compare(&self, feds: &[&Fed], prepared: &Prepared<'_>, summary: &mut Summary) {
        match drift::of_told(prepared, feds, self.ends.target).await {
            Ok(findings) => {
                for (stream, finding) in findings {
                    summary::add_finding(summary, &stream, &finding);
                }
            }
            Err(error) => summary.notes.push(format!("rows could not be counted to compare them: {error}")),
        }
    }

    /// Lays custom fields out as columns.
    async fn lay_out(&self, feds: &[&Fed], prepared: &Prepared<'_>, summary: &mut Summary) {
        if !self.replication.landing.wide_view {
            return;
        }
        for view in feds.iter().filter_map(|fed| fed.report.wide.as_ref()) {
            if let Err(error) = wide::make(view, &prepared.placed, self.ends.target).await {
                summary.notes.push(format!("the view {} was not made: {error}", view.name));
            }
        }
    }

    /// Ends a run before anything was read.
    async fn fail(&self, summary: Summary, error: Error) -> Result<Summary, Error> {
        let message = format!("nothing could be read: {} {error}", error.code().id());
        self.journal.tell(Level::Error, None, message);
        self.journal.close().await;
        let failed = summary::failed(summary, self.replication, &error);
        let ended_at = self.hub.clock.now();
        self.hub.state.put_run(&finished(&failed, self.started_at, ended_at)).await?;
        Err(error)
    }

    /// Writes down how the run ended.
    async fn close(&self, mut summary: Summary) -> Result<Summary, Error> {
        summary.requests = self.ends.source.requests_sent() - self.sent_before;
        let ended_at = self.hub.clock.now();
        summary.seconds = ended_at.duration_since(self.started_at).as_secs_f64();
        self.journal.settle();
        for stream in &summary.streams {
            let (level, message) = summary::told(stream);
            self.journal.tell(level, Some(&stream.stream), message);
        }
        self.journal.tell(Level::Info, None, format!("run ended after {} requests", summary.requests));
        self.journal.close().await;
        failpoint::pass("run-close");
        self.hub.state.put_run(&finished(&summary, self.started_at, ended_at)).await?;
        Ok(summary)
    }
}

/// What is opened one after the other.
type Parts = std::vec::IntoIter<Vec<Wanted>>;

/// A part of what is wanted, fed.
struct FedPart {
    /// Requests that were expected.
    requests: u64,
    /// Seconds that were expected.
    seconds: f64,
    /// What could not be opened.
    failed: Vec<(Vec<StreamName>, Error)>,
    /// What its walks ended with.
    ended: Vec<Ended>,
}

impl FedPart {
    /// One of which nothing could be opened.
    fn failed(part: Vec<Wanted>, error: Error) -> FedPart {
        let failed = vec![(streams_of(part), error)];
        FedPart { requests: 0, seconds: 0.0, failed, ended: Vec::new() }
    }
}

fn streams_of(part: Vec<Wanted>) -> Vec<StreamName> {
    part.into_iter().map(|wanted| wanted.stream).collect()
}

fn without_streams(mut summary: Summary) -> Summary {
    for stream in &mut summary.streams {
        stream.skipped = Some("left out by a hook".to_owned());
    }
    summary
}

fn finished(summary: &Summary, started_at: Timestamp, finished_at: Timestamp) -> RunRecord {
    RunRecord {
        id: summary.run.clone(),
        replication: summary.replication.clone(),
        started_at,
        finished_at: Some(finished_at),
        status: summary.status,
        summary: serde_json::to_value(summary).expect("a summary has only text keys and finite numbers"),
    }
}
