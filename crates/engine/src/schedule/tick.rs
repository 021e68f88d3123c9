//! One turn of the scheduler: what is due is asked for, what was abandoned is noticed. The daemon calls it again and
//! again; any number of daemons may share a store.

use achub_core::{
    Error, JobName, RunId,
    port::jobs::{JobStore, Queued, QueuedRun, ScheduleState, Trigger},
};
use jiff::Timestamp;

use crate::schedule::{Due, Moved, Schedule, decide_due};

/// What one turn did.
#[derive(Debug, Default)]
pub struct Tick {
    /// Runs that were asked for.
    pub started: Vec<Begun>,
    /// Schedules whose missed times nothing makes up.
    pub skipped: Vec<Passed>,
    /// Schedules whose next time was remembered anew, and why.
    pub moved: Vec<(JobName, Moved)>,
    /// Runs whose process died; they are back in the queue. Whoever takes one looks how often it was begun.
    pub abandoned: Vec<QueuedRun>,
    /// Schedules that cannot be read, or could not be written; the others went on.
    pub troubles: Vec<Trouble>,
    /// The earliest time at which any schedule is due next.
    pub next_at: Option<Timestamp>,
}

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Of which job.
    pub job: JobName,
    /// The run that does it; one that waited already where `has_joined`.
    pub run: RunId,
    /// Whether one waited already.
    pub has_joined: bool,
    /// The time it is for.
    pub due_at: Timestamp,
    /// How many times before that passed without a start.
    pub missed: u64,
}

/// Times that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Of which job.
    pub job: JobName,
    /// How many.
    pub missed: u64,
    /// The last of them.
    pub last: Timestamp,
}

/// A schedule that could not be followed.
#[derive(Debug)]
pub struct Trouble {
    /// Of which job.
    pub job: JobName,
    /// Why.
    pub error: Error,
}

/// Looks once, by the clock of the store. Each due time is used once, whoever else looks; where another scheduler was
/// faster nothing is done and nothing is told.
///
/// Errors: those of the store where it cannot be read at all. Trouble with one schedule is told in [`Tick::troubles`].
pub async fn tick(store: &dyn JobStore) -> Result<Tick, Error> {
    let now = store.now().await?;
    let mut tick = Tick { abandoned: store.abandoned().await?, ..Tick::default() };
    for state in store.schedules().await? {
        let next_at = match follow(store, &state, now, &mut tick).await {
            Ok(next_at) => next_at,
            Err(error) => {
                tick.troubles.push(Trouble { job: state.job, error });
                continue;
            }
        };
        tick.next_at = [tick.next_at, next_at].into_iter().flatten().min();
    }
    Ok(tick)
}

/// Does what is due about one schedule and tells when it is due next.
async fn follow(
    store: &dyn JobStore,
    state: &ScheduleState,
    now: Timestamp,
    tick: &mut Tick,
) -> Result<Option<Timestamp>, Error> {
    if state.paused {
        return Ok(None);
    }
    let schedule = Schedule::from_json(&state.definition)?;
    let job = || state.job.clone();
    let due = decide_due(state, &schedule, now);
    let remembered = due.remembered(state);
    match due {
        Due::NotYet => {}
        Due::Moved { why, .. } => {
            if store.put_schedule(&remembered, Some(state)).await? {
                tick.moved.push((job(), why));
            }
        }
        Due::Skipped { missed, last, .. } => {
            if store.put_schedule(&remembered, Some(state)).await? {
                tick.skipped.push(Passed { job: job(), missed, last });
            }
        }
        Due::Start { due_at, missed, .. } => {
            if let Some(queued) = store.start_due(&remembered, state, &wish(job(), now)).await? {
                let has_joined = matches!(queued, Queued::Joined(_));
                let run = queued.run().clone();
                tick.started.push(Begun { job: job(), run, has_joined, due_at, missed });
            }
        }
    }
    Ok(remembered.next_at)
}

fn wish(job: JobName, now: Timestamp) -> QueuedRun {
    QueuedRun {
        run: RunId::generate(),
        job,
        trigger: Trigger::Schedule,
        queued_at: now,
        not_before: now,
        attempts: 0,
    }
}
