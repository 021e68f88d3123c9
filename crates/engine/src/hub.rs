//! The one door to all work: command line, schedule and interfaces see the same runs through it.

use std::sync::Arc;

use achub_core::{
    Error, Outcomes, ReplicationName, RunId, StreamName, WalkName,
    port::{
        clock::Clock,
        journal::JournalStore,
        progress::Progress,
        source::{Price, Source},
        state::{RunRecord, RunStatus, StateStore},
        target::{Quarantined, Target},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::replication::Replication;

/// Starts, previews and lists runs.
pub struct Hub {
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) journal: Arc<dyn JournalStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) progress: Arc<dyn Progress>,
}

/// Asks a run to end at its next safe point. Cloned into signal handlers.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<tokio::sync::Notify>, Arc<std::sync::atomic::AtomicBool>);

/// What a replication would do and cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The walks in order.
    pub walks: Vec<PlannedWalk>,
    /// What it is expected to take in all.
    pub price: Price,
    /// The pace, requests per second, `None` where there is no limit.
    pub requests_per_second: Option<f64>,
    /// Requests the preview itself took.
    pub requests_spent: u64,
    /// Optional streams that are not to be had, with code and message.
    pub unavailable: Vec<(StreamName, String, String)>,
}

/// One walk of a [`Preview`].
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWalk {
    /// Its name.
    pub name: WalkName,
    /// How it reads.
    pub how: String,
    /// What it is expected to take.
    pub price: Price,
    /// Whether it continues an interrupted run.
    pub resumed: bool,
    /// The streams it feeds.
    pub streams: Vec<PlannedStream>,
}

/// One stream of a [`PlannedWalk`].
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStream {
    /// Its name.
    pub stream: StreamName,
    /// Where it lands, `schema.table`.
    pub table: String,
    /// The mode's word.
    pub mode: &'static str,
    /// Why that mode.
    pub mode_reason: String,
    /// Records the source says it has.
    pub rows: Option<u64>,
    /// Only records changed at or after this moment are read.
    pub since: Option<Timestamp>,
    /// Older records the start date leaves out, where that was asked.
    pub left_out: Option<u64>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// What was replicated.
    pub replication: ReplicationName,
    /// How it ended.
    pub status: RunStatus,
    /// One entry per stream, in the order of the replication.
    pub streams: Vec<StreamSummary>,
    /// Requests sent, repeats included.
    pub requests: u64,
    /// Requests expected when the run began.
    pub requests_expected: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds expected when the run began.
    pub seconds_expected: f64,
    /// Records the source says it has but did not show, over all streams.
    pub drift: u64,
    /// The first rows that were put aside, 100 at most; the outcomes count all.
    pub quarantined: Vec<Quarantined>,
    /// Things to tell the user, one sentence each.
    pub notes: Vec<String>,
}

/// What a run did to one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamSummary {
    /// Which stream.
    pub stream: StreamName,
    /// Where it landed, `schema.table`.
    pub table: String,
    /// The mode's word.
    pub mode: String,
    /// What became of the records read.
    pub outcomes: Outcomes,
    /// Rows in the table now.
    pub rows: u64,
    /// Records the source says it has, where it says so.
    pub source_rows: Option<u64>,
    /// Older records the start date left out, where known.
    pub left_out: Option<u64>,
    /// Values that did not fit the declared type, by field.
    pub type_drift: Vec<(String, u64)>,
    /// Why it did not finish: code and message.
    pub error: Option<(String, String)>,
    /// Why it is not to be had, where it was optional: code and message.
    pub unavailable: Option<(String, String)>,
}

impl Hub {
    /// A hub that keeps its runs and their logs in `store` and tells `progress` what happens.
    pub fn new(
        store: Arc<impl StateStore + JournalStore + 'static>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Hub {
        Hub { state: store.clone(), journal: store, clock, progress }
    }

    /// What `replication` would do and cost. Writes nothing anywhere.
    pub async fn preview(
        &self,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
    ) -> Result<Preview, Error> {
        crate::replicate::preview(replication, source, target, &*self.clock).await
    }

    /// Carries `replication` out. Streams fail one by one; the summary says which.
    ///
    /// Errors: what kept the run from starting. Once it has started the result is a summary, its status tells the rest.
    pub async fn start(
        &self,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
        stop: &Stop,
    ) -> Result<Summary, Error> {
        crate::replicate::start(self, replication, source, target, stop).await
    }

    /// The last `count` runs, newest first; of one replication where one is named.
    pub async fn runs(
        &self,
        replication: Option<&ReplicationName>,
        count: u32,
    ) -> Result<Vec<RunRecord>, Error> {
        self.state.runs(replication, count).await
    }
}

impl Stop {
    /// Asks for the end. Can be called from any thread, more than once.
    pub fn request(&self) {
        self.1.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.notify_waiters();
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Returns once the end was asked for.
    pub async fn requested(&self) {
        loop {
            // Register before looking, or a request in between is lost.
            let notified = self.0.notified();
            if self.is_requested() {
                return;
            }
            notified.await;
        }
    }
}
