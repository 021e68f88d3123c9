//! The one door to all work: command line, schedule and interfaces see the same runs through it.

use std::sync::Arc;

use achub_core::{
    Error, ReplicationName, RunId,
    port::{
        clock::Clock,
        hooks::{Hooks, NoHooks},
        journal::JournalStore,
        progress::Progress,
        source::Source,
        state::{RunRecord, StateStore},
        target::{Difference, Target},
    },
};

pub use crate::{
    drift::Drift,
    preview::{PlannedCheck, PlannedStream, PlannedWalk, Preview},
    summary::{StreamSummary, Summary},
};

use crate::{prepare, preview, replication::Replication, run};

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

impl Hub {
    /// A hub that keeps its runs and their logs in `store` and tells `progress` what happens.
    pub fn new(
        store: Arc<impl StateStore + JournalStore + 'static>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Hub {
        Hub { state: store.clone(), journal: store, clock, progress }
    }

    /// The same, with runs and logs in places of their own.
    pub fn over(
        state: Arc<dyn StateStore>,
        journal: Arc<dyn JournalStore>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Hub {
        Hub { state, journal, clock, progress }
    }

    /// What `replication` would do and cost. Writes nothing anywhere.
    pub async fn preview(
        &self,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
    ) -> Result<Preview, Error> {
        preview::of(replication, source, target, &*self.clock, &*self.state).await
    }

    /// How the tables that are there differ from those `replication` would make, for a person to decide about before a
    /// run. Writes nothing anywhere.
    pub async fn differences(
        &self,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
    ) -> Result<Vec<Difference>, Error> {
        let prepared = prepare::prepare(replication, source, target, &*self.clock, &*self.state).await?;
        target.differences(&prepared.loads()).await
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
        self.start_with(replication, source, target, &NoHooks, stop).await
    }

    /// The same, with `hooks` called at the moments they wait for.
    ///
    /// Errors: also those of the hooks at the start of the run.
    pub async fn start_with(
        &self,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
        hooks: &dyn Hooks,
        stop: &Stop,
    ) -> Result<Summary, Error> {
        run::start(self, replication, &run::Ends { source, target, hooks, stop, run: None }).await
    }

    /// The same, as the run that a queue has announced.
    pub async fn start_as(
        &self,
        run: &RunId,
        replication: &Replication,
        source: &dyn Source,
        target: &dyn Target,
        stop: &Stop,
    ) -> Result<Summary, Error> {
        run::start(self, replication, &run::Ends { source, target, hooks: &NoHooks, stop, run: Some(run) })
            .await
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
