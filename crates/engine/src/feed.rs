//! One walk on its way into its tables: pages are read ahead a little, and committed together as they come.

use achub_core::{
    Code, Error, StreamName, WalkName,
    port::{
        progress::Event,
        source::{OpenWalk, Page, PageSink, Walk, WalkReport},
        target::{Closing, Load, Quarantined, TableReport, Written},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::replicate::Context;

/// Pages that wait for the target. Together with the pages in one commit this bounds what a walk holds in memory.
const PAGES_WAITING: usize = 4;

/// Pages committed together at the most, when the source is faster than the target. A commit has costs of its own, on
/// PostgreSQL mostly waiting (see `postgres::session`); at the pace of a real account pages are committed one by one.
const PAGES_PER_COMMIT: usize = 8;

/// Rows put aside that a walk remembers for the summary; the counts cover all.
pub(crate) const QUARANTINED_KEPT: usize = 100;

/// A walk that has landed.
pub(crate) struct Fed {
    pub(crate) walk: Walk,
    pub(crate) report: WalkReport,
    pub(crate) tables: Vec<TableReport>,
    pub(crate) quarantined: Vec<Quarantined>,
}

/// Reads `open` to its end and lands it.
pub(crate) async fn walk(open: Box<dyn OpenWalk>, context: &Context<'_>) -> Result<Fed, Error> {
    let walk = open.walk().clone();
    let streams: Vec<StreamName> = walk.streams.iter().map(|stream| stream.name.clone()).collect();
    let mut load = context.target().load(context.load_spec(&walk)).await?;
    context.progress.event(Event::WalkStarted {
        walk: walk.name.clone(),
        streams: streams.clone(),
        resumed: walk.resumed,
        requests: walk.price.requests,
    });
    let (pages, mut waiting) = mpsc::channel(PAGES_WAITING);
    let reader = Reader(tokio::spawn(async move { open.read(&mut Sender(pages)).await }));
    let mut quarantined = Vec::new();
    while let Some(pages) = next(&mut waiting, context).await? {
        let count = pages.len() as u64;
        let written = load.write(pages).await?;
        tell(context, &walk.name, count, &written);
        context.journal.put_aside(&written.quarantined);
        let room = QUARANTINED_KEPT.saturating_sub(quarantined.len());
        quarantined.extend(written.quarantined.into_iter().take(room));
    }
    let report = reader.finish().await?;
    let tables = finish(load, &streams, context.cursor(&walk), &report).await?;
    context.progress.event(Event::WalkFinished { walk: walk.name.clone() });
    Ok(Fed { walk, report, tables, quarantined })
}

/// The error of a run that was asked to end.
pub(crate) fn stopped() -> Error {
    Error::new(Code::StoppedSafely, "stopped at a safe point")
}

/// The pages that are there, at least one; `None` when the reader is done. Being asked to stop is an error here, between
/// two commits, and nowhere else.
async fn next(waiting: &mut mpsc::Receiver<Page>, context: &Context<'_>) -> Result<Option<Vec<Page>>, Error> {
    let first = tokio::select! {
        biased;
        () = context.stop.requested() => return Err(stopped()),
        first = waiting.recv() => first,
    };
    let Some(first) = first else { return Ok(None) };
    let mut pages = vec![first];
    while pages.len() < PAGES_PER_COMMIT
        && let Ok(page) = waiting.try_recv()
    {
        pages.push(page);
    }
    Ok(Some(pages))
}

fn tell(context: &Context<'_>, walk: &WalkName, pages: u64, written: &Written) {
    let mut rows: Vec<(StreamName, u64)> =
        written.rows.iter().map(|(stream, count)| (stream.clone(), *count)).collect();
    rows.sort();
    context.progress.event(Event::Committed { walk: walk.clone(), rows, pages });
}

/// A limited walk moves no cursor: what it left out would never be read.
async fn finish(
    load: Box<dyn Load>,
    streams: &[StreamName],
    cursor: Timestamp,
    report: &WalkReport,
) -> Result<Vec<TableReport>, Error> {
    let mut closing = Closing::default();
    if !report.limited {
        closing.cursors = streams.iter().map(|stream| (stream.clone(), cursor)).collect();
    }
    load.finish(&closing).await
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
        self.0.send(page).await.map_err(|_| stopped())
    }
}
