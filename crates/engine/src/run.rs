//! A run from its beginning to its end: what is wanted is opened, fed walk by walk, compared and summed up.

use std::sync::Arc;

use achub_core::{
    Error, RunId, StreamName, failpoint,
    port::{
        hooks::{Hooks, Moment, Verdict},
        journal::Level,
        progress::{Event, Progress},
        source::{Opened, Source},
        state::RunRecord,
        target::Target,
    },
};
use jiff::Timestamp;

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
    let run = RunId::generate();
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
        let first = self.open(prepared, 0, &summary).await?;
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
        };
        context.remember(&[]).await?;
        let mut ended = self.definitions(&context, &mut summary).await;
        let mut opened = first;
        for round in 0..prepared.rounds() {
            if round > 0 {
                opened = self.open_further(prepared, round, &mut summary).await;
            }
            if let Some(opened) = opened.take() {
                ended.extend(self.feed(opened, round, &context, &mut summary).await);
            }
        }
        let feds: Vec<&Fed> = ended.iter().flat_map(|ended| &ended.fed).collect();
        self.compare(&feds, prepared, &mut summary).await;
        self.lay_out(&feds, prepared, &mut summary).await;
        Ok(summary)
    }

    /// Opens what is wanted in `round` and did not fail before; `None` where that is nothing.
    async fn open(
        &self,
        prepared: &Prepared<'_>,
        round: usize,
        summary: &Summary,
    ) -> Result<Option<Opened>, Error> {
        let mut wanted = prepared.wanted_in(round);
        wanted.retain(|wanted| {
            let mut streams = summary.streams.iter();
            !streams.any(|stream| stream.stream == wanted.stream && !stream.goes_on())
        });
        if wanted.is_empty() {
            return Ok(None);
        }
        opening::open(prepared, &prepared.checkpoints, self.ends.source, &wanted, round).await.map(Some)
    }

    /// Opens a further window. Where that fails the streams of the window do.
    async fn open_further(
        &self,
        prepared: &Prepared<'_>,
        round: usize,
        summary: &mut Summary,
    ) -> Option<Opened> {
        match self.open(prepared, round, summary).await {
            Ok(opened) => opened,
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

    /// Feeds the walks of one round.
    async fn feed(
        &self,
        opened: Opened,
        round: usize,
        context: &Context<'_>,
        summary: &mut Summary,
    ) -> Vec<Ended> {
        let price = total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second);
        if round == 0 || summary.requests_expected == 0 {
            let sent_to_open = self.ends.source.requests_sent() - self.sent_before;
            summary.requests_expected += sent_to_open;
            let (walks, requests, seconds) = (opened.walks.len(), price.requests, price.seconds);
            context.progress.event(Event::Opened { walks, requests, seconds });
        }
        summary.requests_expected += price.requests;
        summary.seconds_expected += price.seconds;
        for (streams, error) in &opened.failed {
            summary::add_failure(summary, self.replication, streams, error);
        }
        let all = walks::feed_all(opened.walks, round, context).await;
        for ended in &all {
            summary::add(summary, ended, context.prepared);
        }
        all
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
