//! The daemon: looks what is due, works on what waits, ends at a safe point.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_core::{
    Error, JobName,
    port::{clock::Clock, jobs::JobStore},
};
use achub_engine::{
    Stop,
    schedule::{self, Schedule, Tick},
};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{health::Health, runner::Runner, worker};

/// How a daemon works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it is called in leases, for people: host and process id.
    pub holder: String,
    /// How long a lease holds unless it is renewed. After a crash others wait so long.
    pub term: Duration,
    /// How often it looks what is due.
    pub look_every: Duration,
    /// After how long a waiting run counts as one class more urgent.
    pub ageing: Duration,
    /// Runs at a time.
    pub workers: usize,
    /// How often a process may die over a run before it is given up.
    pub deaths_max: u32,
    /// How long runs may take to their next safe point when the daemon is asked to end.
    pub grace: Duration,
}

impl Settings {
    /// Everything as it is meant to be, for a daemon called `holder`.
    pub fn new(holder: impl Into<String>) -> Settings {
        Settings {
            holder: holder.into(),
            term: Duration::from_secs(30),
            look_every: Duration::from_secs(5),
            ageing: Duration::from_secs(600),
            workers: 4,
            deaths_max: 5,
            grace: Duration::from_secs(28),
        }
    }
}

/// A daemon. Several may share one store.
pub struct Daemon {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) jobs: Arc<dyn JobStore>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: Arc<Health>,
    pub(crate) settings: Settings,
    /// When the first of the tries failed that failed one after the other. A daemon that starts again begins anew.
    pub(crate) failing_since: Mutex<HashMap<JobName, Timestamp>>,
    schedules: Vec<(JobName, Schedule)>,
}

impl Inner {
    /// Waits until it is time to look again, or until the end was asked for.
    pub(crate) async fn rest(&self, stop: &Stop) {
        tokio::select! {
            () = tokio::time::sleep(self.settings.look_every) => {}
            () = stop.requested() => {}
        }
    }
}

impl Daemon {
    /// A daemon that starts what `schedules` say, and lets `runner` carry out what waits in `jobs`.
    pub fn new(
        jobs: Arc<dyn JobStore>,
        runner: Arc<dyn Runner>,
        clock: Arc<dyn Clock>,
        schedules: Vec<(JobName, Schedule)>,
        settings: Settings,
    ) -> Daemon {
        let health = Arc::new(Health::default());
        Daemon {
            inner: Arc::new(Inner {
                jobs,
                runner,
                clock,
                health,
                settings,
                failing_since: Mutex::default(),
                schedules,
            }),
        }
    }

    /// What it knows about itself.
    pub fn health(&self) -> Arc<Health> {
        self.inner.health.clone()
    }

    /// Works until `stop` is asked for, and then until all runs are at a safe point, at most for [`Settings::grace`].
    ///
    /// Errors: the store cannot be used at the start. Later failures of the store are told, and tried again.
    pub async fn run(&self, stop: &Stop) -> Result<(), Error> {
        adopt(&*self.inner.jobs, &self.inner.schedules).await?;
        look(&self.inner).await?;
        let mut workers = JoinSet::new();
        for _ in 0..self.inner.settings.workers.max(1) {
            workers.spawn(worker::work(self.inner.clone(), stop.clone()));
        }
        while !stop.is_requested() {
            self.inner.rest(stop).await;
            if let Err(error) = look(&self.inner).await {
                tracing::warn!(%error, "it could not be looked what is due");
                self.inner.health.store_failed(&error);
            }
        }
        let all = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(self.inner.settings.grace, all).await.is_err() {
            tracing::warn!(
                "a run came to no safe point in time; it is gone on with after its lease has ended"
            );
        }
        Ok(())
    }
}

/// What a project file schedules begins with this: names of its own that no other schedule has.
const OF_PROJECT: [&str; 2] = ["replications.", "imports."];

/// Remembers the schedules of the project file, and forgets those it does not have any more.
async fn adopt(jobs: &dyn JobStore, schedules: &[(JobName, Schedule)]) -> Result<(), Error> {
    let now = jobs.now().await?;
    let remembered = jobs.schedules().await?;
    for (job, wanted) in schedules {
        let known = remembered.iter().find(|state| state.job == *job);
        if let Some(state) = schedule::adopt(known, job, wanted, now) {
            // Where another daemon was faster, it adopted the same.
            jobs.put_schedule(&state, known).await?;
        }
    }
    for state in remembered {
        let is_of_project = OF_PROJECT.iter().any(|prefix| state.job.as_str().starts_with(prefix));
        if is_of_project && schedules.iter().all(|(job, _)| *job != state.job) {
            jobs.remove_schedule(&state.job).await?;
        }
    }
    Ok(())
}

/// Queues what is due and what a dead process left behind.
async fn look(inner: &Inner) -> Result<(), Error> {
    tell(&schedule::tick(&*inner.jobs).await?);
    if let Some(fault) = inner.jobs.clock_fault(inner.clock.now()).await? {
        tracing::warn!(%fault, "the clock is not right");
    }
    let waiting = inner.jobs.queued(inner.settings.ageing).await?.len() as u64;
    inner.health.ticked(inner.clock.now(), waiting);
    Ok(())
}

fn tell(tick: &Tick) {
    for begun in &tick.started {
        let (job, run, missed) = (&begun.job, &begun.run, begun.missed);
        tracing::info!(%job, %run, due = %begun.due_at, missed, "is due");
    }
    for passed in &tick.skipped {
        tracing::warn!(job = %passed.job, missed = passed.missed, last = %passed.last, "times passed and are skipped");
    }
    for run in &tick.abandoned {
        tracing::warn!(job = %run.job, run = %run.run, "its process died; it is gone on with");
    }
    for trouble in &tick.troubles {
        tracing::warn!(job = %trouble.job, error = %trouble.error, "its schedule cannot be followed");
    }
}
