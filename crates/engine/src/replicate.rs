//! Replication over the ports: what is wanted, opened, fed walk by walk, and summed up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use achub_core::{
    Code, Error, RunId, StreamName, WalkName,
    code::Class,
    port::{
        clock::Clock,
        journal::Level,
        progress::{Event, Progress},
        source::{OpenWalk, Opened, Price, Source, StreamInfo, Walk, Wanted},
        state::{RunRecord, RunStatus, StateStore},
        target::{Checkpoints, LoadSpec, Target},
    },
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    feed::{self, Fed},
    hub::{Hub, PlannedStream, PlannedWalk, Preview, Stop, Summary},
    interrupted::{self, SoFar},
    journal::Journal,
    replication::{Anchor, Mode, Replication, StreamTask},
    summary,
    tables::{self, Placed},
    wide,
};

/// How far an incremental run reads back behind the start of the one before: changes that ActiveCampaign made visible
/// late, and clocks that differ, fall into it.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// Walks read at a time. The account's budget is shared by all of them, so more would only wait for each other.
const WALKS_AT_A_TIME: usize = 4;

/// A replication held against what the source offers and the target remembers.
struct Prepared<'a> {
    replication: &'a Replication,
    placed: HashMap<StreamName, Placed>,
    wanted: Vec<Wanted>,
    checkpoints: Checkpoints,
}

pub(crate) async fn preview(
    replication: &Replication,
    source: &dyn Source,
    target: &dyn Target,
    clock: &dyn Clock,
) -> Result<Preview, Error> {
    let prepared = prepare(replication, source, target, clock).await?;
    let sent_before = source.requests_sent();
    let opened = open(&prepared, source).await?;
    let mut unavailable = Vec::new();
    for (streams, error) in opened.failed {
        if !streams.iter().all(|stream| summary::is_unavailable(replication, stream, &error)) {
            return Err(error);
        }
        let code = error.code().id().to_owned();
        unavailable.extend(streams.into_iter().map(|stream| (stream, code.clone(), error.to_string())));
    }
    let walks: Vec<PlannedWalk> = opened.walks.iter().map(|open| planned(open.walk(), &prepared)).collect();
    Ok(Preview {
        price: total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second),
        walks,
        requests_per_second: opened.requests_per_second,
        requests_spent: source.requests_sent() - sent_before,
        unavailable,
    })
}

pub(crate) async fn start(
    hub: &Hub,
    replication: &Replication,
    source: &dyn Source,
    target: &dyn Target,
    stop: &Stop,
) -> Result<Summary, Error> {
    let (state, clock) = (&*hub.state, &*hub.clock);
    let started_at = clock.now();
    let mut prepared = prepare(replication, source, target, clock).await?;
    let finished_before =
        interrupted::finished(replication, &prepared.checkpoints, state, started_at).await?;
    prepared.wanted.retain(|wanted| !finished_before.contains(&wanted.stream));
    let run = RunId::generate();
    let sent_before = source.requests_sent();
    state.put_run(&running(&run, replication, started_at)).await?;
    let (clock_of_log, watcher) = (hub.clock.clone(), hub.progress.clone());
    let journal = Arc::new(Journal::new(run.clone(), hub.journal.clone(), clock_of_log, watcher));
    journal.tell(Level::Info, None, format!("run of {} began", replication.name));
    let opened = match open(&prepared, source).await {
        Ok(opened) => opened,
        Err(error) => {
            journal.tell(Level::Error, None, format!("nothing could be read: {} {error}", error.code().id()));
            journal.close().await;
            let failed = summary::failed(&run, replication, &error);
            state.put_run(&finished(&failed, started_at, clock.now())).await?;
            return Err(error);
        }
    };
    let so_far = tokio::sync::Mutex::new(SoFar { finished: finished_before.iter().cloned().collect() });
    let progress: Arc<dyn Progress> = journal.clone();
    let context = Context {
        run,
        started_at,
        prepared: &prepared,
        target,
        stop,
        progress: &progress,
        journal: &journal,
        state,
        so_far,
    };
    context.remember(&[]).await?;
    let sent_to_open = source.requests_sent() - sent_before;
    let mut summary = feed_all(opened, &context).await;
    if !finished_before.is_empty() {
        let count = finished_before.len();
        summary
            .notes
            .push(format!("{count} streams were finished by the run that was interrupted, not read again"));
    }
    summary.requests = source.requests_sent() - sent_before;
    summary.requests_expected += sent_to_open;
    let ended_at = clock.now();
    summary.seconds = seconds_between(started_at, ended_at);
    journal.settle();
    for stream in &summary.streams {
        let (level, message) = summary::told(stream);
        journal.tell(level, Some(&stream.stream), message);
    }
    journal.tell(Level::Info, None, format!("run ended after {} requests", summary.requests));
    journal.close().await;
    state.put_run(&finished(&summary, started_at, ended_at)).await?;
    Ok(summary)
}

async fn prepare<'a>(
    replication: &'a Replication,
    source: &dyn Source,
    target: &dyn Target,
    clock: &dyn Clock,
) -> Result<Prepared<'a>, Error> {
    let infos: HashMap<StreamName, StreamInfo> =
        source.streams().into_iter().map(|info| (info.name.clone(), info)).collect();
    tables::refuse_shared_tables(replication)?;
    let mut placed = HashMap::new();
    for task in &replication.streams {
        let info = infos.get(&task.stream).ok_or_else(|| {
            Error::new(Code::UnknownStream, format!("the source offers no stream {}", task.stream))
        })?;
        let load = tables::table_load(task, &info.schema, &replication.landing)?;
        placed.insert(task.stream.clone(), Placed { load, schema: info.schema.clone() });
    }
    let checkpoints = target.checkpoints(replication.state_schema.as_deref(), &replication.name).await?;
    let mut wanted = Vec::new();
    for task in &replication.streams {
        let placed = &placed[&task.stream];
        wanted
            .push(want(task, &infos[&task.stream], placed, replication, &checkpoints, target, clock).await?);
    }
    Ok(Prepared { replication, placed, wanted, checkpoints })
}

/// What to ask of the source for one task: everything, or changes since where the last run ended.
async fn want(
    task: &StreamTask,
    info: &StreamInfo,
    placed: &Placed,
    replication: &Replication,
    checkpoints: &Checkpoints,
    target: &dyn Target,
    clock: &dyn Clock,
) -> Result<Wanted, Error> {
    let everything = Wanted { row_limit: task.row_limit, ..Wanted::all(task.stream.clone()) };
    // A stream that follows another is only read incrementally where its rows are replaced parent by parent, which needs
    // rows that land with every commit.
    let follows = info.follows.is_some() && replication.landing.as_you_go;
    if task.mode != Mode::Incremental || (info.cursor.is_none() && !follows) {
        return Ok(everything);
    }
    let remembered = match checkpoints.cursors.get(&task.stream) {
        Some(cursor) => Some(*cursor),
        None if is_new_here(checkpoints, replication) => newest_landed(task, info, placed, target).await?,
        None => None,
    };
    Ok(match (remembered, replication.anchor) {
        (Some(cursor), _) => Wanted { since: Some(cursor.min(clock.now())), ..everything },
        (None, Anchor::Since(anchor)) => Wanted { since: Some(anchor), count_left_out: true, ..everything },
        (None, Anchor::Everything) => everything,
    })
}

/// Whether rows that are there were landed by somebody else. Rows of ours that land with every commit may be those of an
/// interrupted run, in any order: their newest says nothing about what is missing.
fn is_new_here(checkpoints: &Checkpoints, replication: &Replication) -> bool {
    !replication.landing.as_you_go && checkpoints.walks.is_empty() && checkpoints.cursors.is_empty()
}

/// Where a table that another tool filled ends, less the overlap.
async fn newest_landed(
    task: &StreamTask,
    info: &StreamInfo,
    placed: &Placed,
    target: &dyn Target,
) -> Result<Option<Timestamp>, Error> {
    let Some(field) = task.update_key.as_ref().or(info.cursor.as_ref()) else { return Ok(None) };
    let Some(column) = placed.column(field) else { return Ok(None) };
    let newest = target.newest(task.schema.as_deref(), &task.table, column).await?;
    Ok(newest.map(|newest| newest - OVERLAP))
}

/// Opens the walks. Those with a row limit never continue an unfinished one: they would stop in its middle.
async fn open(prepared: &Prepared<'_>, source: &dyn Source) -> Result<Opened, Error> {
    let none = HashMap::new();
    let positions = if prepared.is_limited() { &none } else { &prepared.checkpoints.walks };
    source.open(&prepared.wanted, positions).await
}

/// What all walks of a run share.
pub(crate) struct Context<'a> {
    run: RunId,
    started_at: Timestamp,
    prepared: &'a Prepared<'a>,
    target: &'a dyn Target,
    pub(crate) stop: &'a Stop,
    pub(crate) progress: &'a Arc<dyn Progress>,
    pub(crate) journal: &'a Journal,
    state: &'a dyn StateStore,
    so_far: tokio::sync::Mutex<SoFar>,
}

impl Context<'_> {
    /// Remembers that `streams` have landed, for the run that takes this one up if it is interrupted.
    async fn remember(&self, streams: &[StreamName]) -> Result<(), Error> {
        let mut so_far = self.so_far.lock().await;
        so_far.finished.extend_from_slice(streams);
        let mut record = running(&self.run, self.prepared.replication, self.started_at);
        record.summary = serde_json::to_value(&*so_far).expect("names of streams are text");
        self.journal.store().await;
        self.state.put_run(&record).await
    }

    /// The load a walk needs.
    pub(crate) fn load_spec(&self, walk: &Walk) -> LoadSpec {
        LoadSpec {
            replication: self.prepared.replication.name.clone(),
            state_schema: self.prepared.replication.state_schema.clone(),
            walk: self.load_name(&walk.name),
            run: self.run.clone(),
            started_at: self.started_at,
            tables: walk
                .streams
                .iter()
                .map(|stream| self.prepared.placed[&stream.name].load.clone())
                .collect(),
            resume: walk.resumed,
        }
    }

    /// Where the next incremental run of the walk's streams reads from.
    pub(crate) fn cursor(&self, walk: &Walk) -> Timestamp {
        walk.as_of - OVERLAP
    }

    pub(crate) fn target(&self) -> &dyn Target {
        self.target
    }

    /// A limited walk keeps its position apart, so that it does not stand for the unlimited one.
    fn load_name(&self, walk: &WalkName) -> WalkName {
        if self.prepared.is_limited() { WalkName::new(format!("{walk}:limited")) } else { walk.clone() }
    }
}

impl Prepared<'_> {
    fn is_limited(&self) -> bool {
        self.wanted.iter().any(|wanted| wanted.row_limit.is_some())
    }

    fn task(&self, stream: &StreamName) -> &StreamTask {
        let mut tasks = self.replication.streams.iter();
        tasks.find(|task| task.stream == *stream).expect("a walk feeds only streams that were wanted")
    }
}

async fn feed_all(opened: Opened, context: &Context<'_>) -> Summary {
    let price = total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second);
    let (walks, Price { requests, seconds }) = (opened.walks.len(), price);
    context.progress.event(Event::Opened { walks, requests, seconds });
    let abandon = Stop::default();
    let results: Vec<(Vec<StreamName>, Result<Fed, Error>)> = stream::iter(opened.walks)
        .map(|open| feed_one(open, context, &abandon))
        .buffer_unordered(WALKS_AT_A_TIME)
        .collect()
        .await;
    let mut summary = summary::of(&context.run, context.prepared.replication, &context.prepared.placed);
    summary.requests_expected = price.requests;
    summary.seconds_expected = price.seconds;
    for (streams, error) in &opened.failed {
        summary::add_failure(&mut summary, context.prepared.replication, streams, error);
    }
    let mut views = Vec::new();
    for (streams, result) in results {
        match result {
            Ok(fed) => {
                views.extend(fed.report.wide.clone());
                summary::add(&mut summary, fed);
            }
            Err(error) => {
                summary::add_failure(&mut summary, context.prepared.replication, &streams, &error);
            }
        }
    }
    if !context.prepared.replication.landing.wide_view {
        views.clear();
    }
    for view in &views {
        if let Err(error) = wide::make(view, &context.prepared.placed, context.target).await {
            summary.notes.push(format!("the view {} was not made: {error}", view.name));
        }
    }
    summary.status = summary::status(&summary, context.stop.is_requested());
    summary
}

async fn feed_one(
    open: Box<dyn OpenWalk>,
    context: &Context<'_>,
    abandon: &Stop,
) -> (Vec<StreamName>, Result<Fed, Error>) {
    let streams: Vec<StreamName> = open.walk().streams.iter().map(|stream| stream.name.clone()).collect();
    if context.stop.is_requested() || abandon.is_requested() {
        return (streams, Err(feed::stopped()));
    }
    let mut result = feed::walk(open, context).await;
    if result.is_ok()
        && let Err(error) = context.remember(&streams).await
    {
        result = Err(error);
    }
    // Whoever cannot reach the other side, or is refused by it, will not fare better with the next stream.
    if let Err(error) = &result
        && ends_the_run(error)
    {
        abandon.request();
    }
    (streams, result)
}

fn ends_the_run(error: &Error) -> bool {
    match error.class() {
        Class::Unreachable => true,
        Class::Credentials => error.code() != Code::NotAllowed,
        Class::Failed | Class::Usage | Class::Refused | Class::Guard | Class::Busy | Class::Interrupted => {
            false
        }
    }
}

/// Walks run beside each other: together they take as long as the budget needs, or the slowest of them.
fn total_price<'a>(walks: impl Iterator<Item = &'a Walk>, requests_per_second: Option<f64>) -> Price {
    let mut price = Price::default();
    for walk in walks {
        price.requests += walk.price.requests;
        price.seconds = price.seconds.max(walk.price.seconds);
    }
    if let Some(pace) = requests_per_second {
        price.seconds = price.seconds.max(price.requests as f64 / pace);
    }
    price
}

fn planned(walk: &Walk, prepared: &Prepared<'_>) -> PlannedWalk {
    let wanted: BTreeMap<&StreamName, &Wanted> =
        prepared.wanted.iter().map(|wanted| (&wanted.stream, wanted)).collect();
    let streams = walk
        .streams
        .iter()
        .map(|stream| {
            let task = prepared.task(&stream.name);
            PlannedStream {
                stream: stream.name.clone(),
                table: prepared.placed[&stream.name].load.table.full_name(),
                mode: task.mode.name(),
                mode_reason: task.mode_reason.clone(),
                rows: stream.rows,
                since: wanted[&stream.name].since,
                left_out: stream.left_out,
            }
        })
        .collect();
    PlannedWalk {
        name: walk.name.clone(),
        how: walk.how.clone(),
        price: walk.price,
        resumed: walk.resumed,
        streams,
    }
}

fn running(run: &RunId, replication: &Replication, started_at: Timestamp) -> RunRecord {
    RunRecord {
        id: run.clone(),
        replication: replication.name.clone(),
        started_at,
        finished_at: None,
        status: RunStatus::Running,
        summary: serde_json::Value::Null,
    }
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

fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
