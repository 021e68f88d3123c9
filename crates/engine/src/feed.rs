//! One walk on its way into its tables: pages are read ahead a little, and committed together as they come.

use std::collections::HashMap;

use achub_core::{
    Code, Error, Outcomes, StreamName, WalkName, failpoint,
    port::{
        hooks::{Moment, Verdict},
        progress::Event,
        source::{OpenWalk, Page, PageSink, Walk, WalkReport},
        target::{Closing, Load, Quarantined, TableReport, Written},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    context::Context,
    intake::{Intake, Taken},
    moments::Begun,
    passes::Pass,
    planting::{self, Planting},
    reading::{OVERLAP, Reading},
    replication::Mode,
};

/// Pages that wait for the target. Together with the pages in one commit this bounds what a walk holds in memory.
const PAGES_WAITING: usize = 1;

/// Rows after which no further page is put into a commit, when the source is faster than the target: three pages of a
/// hundred contacts with all that comes along, or one block of three hundred. A commit has costs of its own, its
/// durability above all, but memory grows with it; at the pace of a real account pages are committed one by one.
const ROWS_PER_COMMIT: usize = 4_500;

/// Rows put aside that a walk remembers for the summary; the counts cover all.
pub(crate) const QUARANTINED_KEPT: usize = 100;

/// A walk that has landed.
pub(crate) struct Fed {
    pub(crate) walk: Walk,
    pub(crate) report: WalkReport,
    /// Empty where a hook left the collected rows where they were.
    pub(crate) tables: Vec<TableReport>,
    pub(crate) taken: HashMap<StreamName, Taken>,
    pub(crate) quarantined: Vec<Quarantined>,
    pub(crate) closing: Closing,
    /// Streams whose rows have landed, and whose hook failed afterwards.
    pub(crate) failed: HashMap<StreamName, Error>,
}

/// What is known of a walk before its first page.
pub(crate) struct Order<'a> {
    /// What kind of a pass it is.
    pub(crate) pass: Pass,
    /// Those of its streams that are landed.
    pub(crate) begun: &'a [(StreamName, Begun)],
}

impl Order<'_> {
    fn streams(&self) -> Vec<StreamName> {
        self.begun.iter().map(|(stream, _)| stream.clone()).collect()
    }
}

/// Reads `open` to its end and lands it.
pub(crate) async fn walk(
    open: Box<dyn OpenWalk>,
    order: &Order<'_>,
    context: &Context<'_>,
) -> Result<Fed, Error> {
    let walk = open.walk().clone();
    let streams = order.streams();
    let began = context.clock.now();
    let mut ways = ways(&walk, &streams, context)?;
    let mut load = context.target.load(context.load_spec(&walk, &order.pass, &streams)).await?;
    context.progress.event(Event::WalkStarted {
        walk: walk.name.clone(),
        streams: streams.clone(),
        resumed: walk.resumed,
        requests: walk.price.requests,
    });
    let mut planting = Planting::default();
    let (report, quarantined) = pump(open, &mut *load, &mut ways, &mut planting, context).await?;
    let next_start = planting.next_start(next_start(&walk, context.started_at));
    let closing = closing(&walk, next_start, &streams, &report, context);
    let (tables, failed) = finish(load, order, &closing, context).await?;
    let seconds = context.clock.now().duration_since(began).as_secs_f64();
    for table in &tables {
        let (stream, outcomes, rows) = (table.stream.clone(), table.outcomes, table.rows);
        context.progress.event(Event::StreamFinished { stream, outcomes, rows, seconds });
    }
    context.progress.event(Event::WalkFinished { walk: walk.name.clone() });
    let taken = ways.into_iter().map(|(stream, way)| (stream, way.taken())).collect();
    Ok(Fed { walk, report, tables, taken, quarantined, closing, failed })
}

fn ways(
    walk: &Walk,
    streams: &[StreamName],
    context: &Context<'_>,
) -> Result<HashMap<StreamName, Intake>, Error> {
    let way = |stream: &StreamName| {
        let intake = Intake::new(&context.prepared.placed[stream], walk.as_of)?;
        Ok((stream.clone(), intake))
    };
    streams.iter().map(way).collect()
}

/// Reads to the end and commits page after page.
async fn pump(
    open: Box<dyn OpenWalk>,
    load: &mut dyn Load,
    ways: &mut HashMap<StreamName, Intake>,
    planting: &mut Planting,
    context: &Context<'_>,
) -> Result<(WalkReport, Vec<Quarantined>), Error> {
    let name = open.walk().name.clone();
    let (pages, mut waiting) = mpsc::channel(PAGES_WAITING);
    let reader = Reader(tokio::spawn(async move { open.read(&mut Sender(pages)).await }));
    let mut quarantined = Vec::new();
    let mut held = None;
    let mut last = None;
    while let Some(pages) = next(&mut waiting, &mut held, context).await? {
        let count = pages.len() as u64;
        pages.iter().for_each(|page| planting.see(page, context));
        last = pages.last().map(planting::without_rows);
        let pages: Result<Vec<Page>, Error> =
            pages.into_iter().map(|page| shaped(page, ways, context)).collect();
        for pages in planting.commits(pages?) {
            let written = load.write(pages).await?;
            tell(context, &name, count, &written);
            context.journal.put_aside(&written.quarantined);
            let room = QUARANTINED_KEPT.saturating_sub(quarantined.len());
            quarantined.extend(written.quarantined.into_iter().take(room));
            failpoint::pass("between-pages");
        }
    }
    if let Some(pages) = planting.rest(last) {
        load.write(pages).await?;
    }
    Ok((reader.finish().await?, quarantined))
}

/// The page as it lands: without streams that are left out, records shaped as somebody asked.
fn shaped(page: Page, ways: &mut HashMap<StreamName, Intake>, context: &Context<'_>) -> Result<Page, Error> {
    let now = context.clock.now();
    let mut parts = Vec::with_capacity(page.parts.len());
    for part in page.parts {
        if let Some(way) = ways.get_mut(&part.stream) {
            let (part, notes) = way.take(part, now)?;
            context.journal.note(notes);
            parts.push(part);
        }
    }
    Ok(Page { parts, position: page.position })
}

/// The pages that are there, at least one; `None` when the reader is done. Nothing waits for more to come, so that what
/// was read can be seen at once however slow the source is. Being asked to stop is an error here, between two commits,
/// and nowhere else.
async fn next(
    waiting: &mut mpsc::Receiver<Page>,
    held: &mut Option<Page>,
    context: &Context<'_>,
) -> Result<Option<Vec<Page>>, Error> {
    if context.ending.is_requested() {
        return Err(context.ending.error());
    }
    let first = match held.take() {
        Some(page) => Some(page),
        None => tokio::select! {
            biased;
            () = context.ending.requested() => return Err(context.ending.error()),
            first = waiting.recv() => first,
        },
    };
    let Some(first) = first else { return Ok(None) };
    let most = context.prepared.replication.working.commit_rows.unwrap_or(u64::MAX);
    let mut rows = rows_of(&first);
    let mut all_rows = all_rows_of(&first);
    let mut pages = vec![first];
    while all_rows < ROWS_PER_COMMIT
        && let Ok(page) = waiting.try_recv()
    {
        rows += rows_of(&page);
        all_rows += all_rows_of(&page);
        if rows > most {
            *held = Some(page);
            break;
        }
        pages.push(page);
    }
    Ok(Some(pages))
}

/// Rows of the stream that has most.
fn rows_of(page: &Page) -> u64 {
    page.parts.iter().map(|part| part.batch.len() as u64).max().unwrap_or(0)
}

/// Rows of all streams: what a page weighs.
fn all_rows_of(page: &Page) -> usize {
    page.parts.iter().map(|part| part.batch.len()).sum()
}

fn tell(context: &Context<'_>, walk: &WalkName, pages: u64, written: &Written) {
    let mut rows: Vec<(StreamName, u64)> =
        written.rows.iter().map(|(stream, count)| (stream.clone(), *count)).collect();
    rows.sort();
    context.progress.event(Event::Committed { walk: walk.clone(), rows, pages });
}

/// What is known at the end of a walk.
///
/// A walk that left records out, or went on without the answer to a request, moves no cursor: they would never be read.
/// Where the source says that it has more than it showed, what was not shown is not gone.
fn closing(
    walk: &Walk,
    next_start: Timestamp,
    streams: &[StreamName],
    report: &WalkReport,
    context: &Context<'_>,
) -> Closing {
    let mut closing = Closing::default();
    for stream in streams {
        let placed = &context.prepared.placed[stream];
        let is_partial = placed.task.row_limit.is_some() || placed.task.skip > 0;
        if report.limited || is_partial || report.passed_over.contains_key(stream) {
            continue;
        }
        if moves_cursor(&placed.reading, placed.task.mode) {
            closing.cursors.insert(stream.clone(), next_start);
        }
        let has_key = !placed.placement.load.table.key.is_empty();
        let is_short = report.missing.get(stream).is_some_and(|missing| *missing > 0);
        if has_key && !is_short && placed.reading.shows_all(walk.resumed) {
            closing.complete.insert(stream.clone());
        }
    }
    closing
}

fn moves_cursor(reading: &Reading, mode: Mode) -> bool {
    match reading {
        Reading::Everything => mode != Mode::Snapshot,
        Reading::Changes | Reading::First { .. } | Reading::Collected | Reading::Compared { .. } => true,
        Reading::DefinitionOnly | Reading::LeftAlone | Reading::KnownRows | Reading::Windows(_) => false,
    }
}

/// Where the next incremental run of the walk's streams reads from: behind the source's clock when the walk was opened,
/// and behind ours when the run began. A source whose clock is ahead and set right later gives times to changes that lie
/// before its own clock of now.
fn next_start(walk: &Walk, started_at: Timestamp) -> Timestamp {
    walk.as_of.min(started_at) - OVERLAP
}

/// Moves the collected rows, with the hooks around it. A hook that skips leaves the rows of the whole walk collected.
async fn finish(
    load: Box<dyn Load>,
    order: &Order<'_>,
    closing: &Closing,
    context: &Context<'_>,
) -> Result<(Vec<TableReport>, HashMap<StreamName, Error>), Error> {
    let mut failed = HashMap::new();
    for (_, begun) in order.begun {
        let before = context.moments.around_merge(Moment::BeforeMerge, begun, Outcomes::default()).await?;
        if before == Verdict::Skip {
            return Ok((Vec::new(), failed));
        }
    }
    let tables = load.finish(closing).await?;
    for (stream, begun) in order.begun {
        let table = tables.iter().find(|table| table.stream == *stream);
        let outcomes = table.map(|table| table.outcomes).unwrap_or_default();
        if let Err(error) = context.moments.around_merge(Moment::AfterMerge, begun, outcomes).await {
            failed.insert(stream.clone(), error);
        }
    }
    Ok((tables, failed))
}

/// The reading half. Dropping it ends the reading, so that a failed write does not leave requests running.
struct Reader(tokio::task::JoinHandle<Result<WalkReport, Error>>);

impl Reader {
    async fn finish(mut self) -> Result<WalkReport, Error> {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(failure) => {
                Err(Error::new(Code::Bug, "the reader of a walk ended in a panic").with_source(failure))
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Sender(mpsc::Sender<Page>);

#[async_trait]
impl PageSink for Sender {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        // The receiver is gone only when the writing half failed or was stopped; its own error is the one that counts.
        let gone = |_| Error::new(Code::StoppedSafely, "nobody takes pages any more");
        self.0.send(page).await.map_err(gone)
    }
}
