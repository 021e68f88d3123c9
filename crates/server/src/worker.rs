//! One run after the other: taken with its lease, worked on, and what follows from how it ended.

use std::sync::{Arc, PoisonError};

use achub_core::{
    Code, Error, JobName,
    port::jobs::{Lease, QueuedRun, ScheduleState},
};
use achub_engine::{
    Stop,
    schedule::{Failure, Then, after_failure},
};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    daemon::Inner,
    keeper::{Keeper, Lost},
    runner::{Ended, Task},
};

/// Takes runs until `stop` is asked for; the run in hand is then ended at its next safe point.
pub(crate) async fn work(inner: Arc<Inner>, stop: Stop) {
    while !stop.is_requested() {
        let settings = &inner.settings;
        match inner.jobs.take(&settings.holder, settings.term, settings.ageing).await {
            Ok(Some((queued, lease))) => carry_out(&inner, queued, lease, &stop).await,
            Ok(None) => inner.rest(&stop).await,
            Err(error) => {
                tracing::warn!(%error, "no run could be taken");
                inner.health.store_failed(&error);
                inner.rest(&stop).await;
            }
        }
    }
}

async fn carry_out(inner: &Inner, queued: QueuedRun, lease: Lease, stop: &Stop) {
    let job = queued.job.as_str();
    inner.health.began(job, inner.clock.now());
    tracing::info!(job, run = %queued.run, trigger = queued.trigger.word(), "begins");
    let how = match one_run(inner, &queued, &lease, stop).await {
        Ok(how) => how,
        Err(error) => {
            // The lease runs out, and whoever finds it abandoned goes on.
            tracing::warn!(job, run = %queued.run, %error, "its end could not be written down");
            "lost"
        }
    };
    tracing::info!(job, run = %queued.run, how, "ends");
    inner.health.ended(job, how);
}

/// Gives the word for how it ended.
async fn one_run(
    inner: &Inner,
    queued: &QueuedRun,
    lease: &Lease,
    stop: &Stop,
) -> Result<&'static str, Error> {
    let task = Task {
        job: queued.job.clone(),
        run: queued.run.clone(),
        trigger: queued.trigger,
        fence: lease.fence,
        attempts: queued.attempts,
    };
    if queued.attempts >= inner.settings.deaths_max {
        let message = format!("its process died {} times over it; it is not begun again", queued.attempts);
        inner.runner.give_up(&task, &Error::new(Code::Bug, message)).await?;
        inner.jobs.release(lease).await?;
        return Ok("failed");
    }
    let (ended, lost) = worked(inner, &task, lease, stop).await;
    if let Some(lost) = lost {
        tracing::warn!(job = %task.job, run = %task.run, ?lost, "the right to write was lost");
        return Ok("lost");
    }
    match ended {
        Ended::Done => {
            recovered(inner, &task.job);
            inner.jobs.release(lease).await?;
            Ok("done")
        }
        // The daemon ends, not the run: whoever comes next goes on with it.
        Ended::Stopped if stop.is_requested() => {
            inner.jobs.postpone(lease, queued).await?;
            Ok("postponed")
        }
        Ended::Stopped => {
            inner.jobs.release(lease).await?;
            Ok("stopped")
        }
        Ended::Failed(error) => failed(inner, queued, lease, &task, &error).await,
    }
}

/// Works while the lease is kept. A panic of the run is its failure.
async fn worked(inner: &Inner, task: &Task, lease: &Lease, stop: &Stop) -> (Ended, Option<Lost>) {
    let own = Stop::default();
    let keeper = Keeper::start(inner.jobs.clone(), lease.clone(), inner.settings.term, own.clone());
    let (runner, theirs, inside) = (inner.runner.clone(), task.clone(), own.clone());
    // A set of one: where the worker is let go of, its run is too.
    let mut running = JoinSet::new();
    running.spawn(async move { runner.run(&theirs, &inside).await });
    let joined = tokio::select! {
        joined = running.join_next() => joined,
        () = stop.requested() => {
            own.request();
            running.join_next().await
        }
    };
    let ended = match joined {
        Some(Ok(ended)) => ended,
        Some(Err(panic)) => Ended::Failed(Error::new(Code::Bug, "the run panicked").with_source(panic)),
        None => Ended::Failed(Error::new(Code::Bug, "the run was never begun")),
    };
    (ended, keeper.end().await)
}

async fn failed(
    inner: &Inner,
    queued: &QueuedRun,
    lease: &Lease,
    task: &Task,
    error: &Error,
) -> Result<&'static str, Error> {
    let at = inner.jobs.now().await?;
    let failure =
        Failure { code: error.code(), at, first_at: failing_since(inner, &task.job, at), retry_at: None };
    match after_failure(&failure) {
        Then::Again { at: not_before, why } => {
            tracing::warn!(job = %task.job, run = %task.run, %error, %not_before, why, "is tried again");
            inner.jobs.postpone(lease, &QueuedRun { not_before, ..queued.clone() }).await?;
            Ok("postponed")
        }
        Then::WaitForSchedule { why } => {
            tracing::warn!(job = %task.job, run = %task.run, %error, why, "failed");
            recovered(inner, &task.job);
            inner.runner.give_up(task, error).await?;
            inner.jobs.release(lease).await?;
            Ok("failed")
        }
        Then::Stop { why } => {
            tracing::error!(job = %task.job, run = %task.run, %error, why, "failed, and its schedule is paused");
            recovered(inner, &task.job);
            inner.runner.give_up(task, error).await?;
            pause(inner, &task.job).await?;
            inner.jobs.release(lease).await?;
            Ok("failed")
        }
    }
}

/// When the tries of a job began to fail, one after the other.
fn failing_since(inner: &Inner, job: &JobName, now: Timestamp) -> Timestamp {
    // Times are whole after every call; a panic elsewhere does not spoil them.
    let mut since = inner.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
    *since.entry(job.clone()).or_insert(now)
}

fn recovered(inner: &Inner, job: &JobName) {
    inner.failing_since.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
}

/// The schedule of a job that would only fail again rests until a person has looked.
async fn pause(inner: &Inner, job: &JobName) -> Result<(), Error> {
    loop {
        let schedules = inner.jobs.schedules().await?;
        let Some(schedule) = schedules.into_iter().find(|state| state.job == *job && !state.paused) else {
            return Ok(());
        };
        let paused = ScheduleState { paused: true, ..schedule.clone() };
        // Where somebody moved it in between it is looked at again.
        if inner.jobs.put_schedule(&paused, Some(&schedule)).await? {
            return Ok(());
        }
    }
}
