//! What all walks of a run share.

use std::sync::Arc;

use achub_core::{
    Error, RunId, StreamName,
    port::{
        clock::Clock,
        progress::Progress,
        source::{Source, Walk},
        state::{RunRecord, RunStatus, StateStore},
        target::{LoadSpec, TableLoad, Target},
    },
};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    ending::Ending, interrupted::SoFar, journal::Journal, moments::Moments, passes::Pass, prepare::Prepared,
    replication::Replication,
};

/// What all walks of a run share.
pub(crate) struct Context<'a> {
    pub(crate) run: RunId,
    pub(crate) started_at: Timestamp,
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) source: &'a dyn Source,
    pub(crate) target: &'a dyn Target,
    pub(crate) moments: &'a Moments<'a>,
    pub(crate) ending: &'a Ending<'a>,
    pub(crate) progress: &'a Arc<dyn Progress>,
    pub(crate) journal: &'a Journal,
    pub(crate) state: &'a dyn StateStore,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) so_far: tokio::sync::Mutex<SoFar>,
    /// One permit for each walk that may be read at a time.
    pub(crate) walking: Semaphore,
}

impl Context<'_> {
    /// Remembers that `streams` have landed, for the run that takes this one up if it is interrupted.
    pub(crate) async fn remember(&self, streams: &[StreamName]) -> Result<(), Error> {
        let mut so_far = self.so_far.lock().await;
        so_far.finished.extend_from_slice(streams);
        let mut record = running(&self.run, self.prepared.replication, self.started_at);
        record.summary = serde_json::to_value(&*so_far).expect("names of streams are text");
        self.journal.store().await;
        self.state.put_run(&record).await
    }

    /// The load of those streams of a walk that are `wanted`.
    pub(crate) fn load_spec(&self, walk: &Walk, pass: &Pass, wanted: &[StreamName]) -> LoadSpec {
        let streams = walk.streams.iter().map(|stream| &stream.name);
        let tables = streams.filter(|name| wanted.contains(name));
        self.spec(
            pass.name(&walk.name),
            tables.map(|name| self.prepared.placed[name].placement.load.clone()).collect(),
            walk.resumed,
        )
    }

    /// A load of this run.
    pub(crate) fn spec(&self, walk: achub_core::WalkName, tables: Vec<TableLoad>, resume: bool) -> LoadSpec {
        LoadSpec {
            replication: self.prepared.replication.name.clone(),
            state_schema: self.prepared.replication.state_schema.clone(),
            walk,
            run: self.run.clone(),
            started_at: self.started_at,
            tables,
            resume,
        }
    }
}

/// A run at its beginning.
pub(crate) fn running(run: &RunId, replication: &Replication, started_at: Timestamp) -> RunRecord {
    RunRecord {
        id: run.clone(),
        replication: replication.name.clone(),
        started_at,
        finished_at: None,
        status: RunStatus::Running,
        summary: serde_json::Value::Null,
    }
}
