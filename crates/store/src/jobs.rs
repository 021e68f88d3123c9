//! Queue, leases and schedules: what every store makes of them.
//!
//! [`Desk`] holds all rules and knows no database. A store that keeps its rows in one loads those of a job, or of all jobs,
//! under a lock that nobody else holds, lets the desk change them, and writes what changed, in one transaction. There is
//! at most a handful of rows for each job, so that loading them is cheap.

mod desk;
mod order;
pub(crate) mod sql;
mod stored;

use std::time::Duration;

use achub_core::{Code, Error, JobName, RunId};
use jiff::{SignedDuration, Timestamp};

pub(crate) use desk::Desk;
pub(crate) use stored::{Edits, LeaseColumns, RunColumns, ScheduleColumns, schedule};

/// How far clocks may be apart before somebody should be told.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// The longest term of a lease: a longer one would keep the work of a dead process waiting for too long to be meant.
const TERM_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Which rows a change is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// Those of one job, its schedule among them.
    Job(&'a JobName),
    /// Those of one job, and this run, which may turn out to be of another.
    JobAndRun(&'a JobName, &'a RunId),
    /// Leases and runs of all jobs, no schedules.
    All,
}

impl<'a> Scope<'a> {
    /// The job, where it is one.
    pub(crate) fn job(self) -> Option<&'a str> {
        match self {
            Scope::Job(job) | Scope::JobAndRun(job, _) => Some(job.as_str()),
            Scope::All => None,
        }
    }

    /// The run that is wanted besides.
    pub(crate) fn run(self) -> Option<&'a str> {
        match self {
            Scope::JobAndRun(_, run) => Some(run.as_str()),
            Scope::Job(_) | Scope::All => None,
        }
    }
}

/// The failure of whoever lost its lease.
pub(crate) fn lost(job: &JobName) -> Error {
    Error::new(Code::LostLease, format!("another process has taken over {job}"))
}

/// A lease's term that can be reckoned with.
pub(crate) fn term(term: Duration) -> Result<SignedDuration, Error> {
    let wanted = SignedDuration::try_from(term).ok().filter(|term| *term <= TERM_MAX);
    wanted.filter(|term| term.is_positive()).ok_or_else(|| {
        Error::new(
            Code::Bug,
            format!("cannot lease for {term:?}: it must be more than nothing and up to a day"),
        )
    })
}

/// `SY-104` where the store's clock shows something else than `process`, or went back since it showed `latest`.
pub(crate) fn clock_fault(store: Timestamp, latest: Timestamp, process: Timestamp) -> Option<Error> {
    let back = latest.duration_since(store);
    if back > CLOCK_TOLERANCE {
        return Some(Error::new(
            Code::ClockJumped,
            format!("the clock of the store went back by {} s", back.as_secs()),
        ));
    }
    let apart = process.duration_since(store);
    if apart.abs() <= CLOCK_TOLERANCE {
        return None;
    }
    let direction = if apart.is_positive() { "ahead of" } else { "behind" };
    let seconds = apart.abs().as_secs();
    let message = format!("the clock of this machine is {seconds} s {direction} the clock of the store");
    Some(Error::new(Code::ClockJumped, message))
}

/// `JobStore` for a store with these methods of its own:
///
/// - `with_desk(scope, attempt, change)`: `change(&mut Desk, now)` on the rows of `scope`, which nobody else changes
///   meanwhile, and what it changed written together with its end; nothing where it fails;
/// - `at_desk(attempt, look)`: `look(&Desk, now)` at the leases and runs of all jobs as they were at one moment, without
///   waiting for anybody who changes them;
/// - `all_schedules()`, `store_now()`, and `take_latest(now)`, the latest moment that was seen before `now`.
macro_rules! job_store {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl achub_core::port::jobs::JobStore for $store {
            async fn now(&self) -> Result<Timestamp, Error> {
                self.store_now().await
            }

            async fn clock_fault(&self, now: Timestamp) -> Result<Option<Error>, Error> {
                let store = self.store_now().await?;
                let latest = self.take_latest(store).await?;
                Ok(crate::jobs::clock_fault(store, latest, now))
            }

            async fn queue(&self, wish: &QueuedRun) -> Result<Queued, Error> {
                let scope = Scope::JobAndRun(&wish.job, &wish.run);
                self.with_desk(scope, "queue a run", |desk, now| desk.queue(wish, now)).await
            }

            async fn queued(&self, ageing: Duration) -> Result<Vec<QueuedRun>, Error> {
                self.at_desk("read the queue", |desk, now| desk.queued(ageing, now)).await
            }

            async fn take(
                &self,
                holder: &str,
                term: Duration,
                ageing: Duration,
            ) -> Result<Option<(QueuedRun, Lease)>, Error> {
                let term = crate::jobs::term(term)?;
                let take = |desk: &mut Desk, now| Ok(desk.take(holder, term, ageing, now));
                self.with_desk(Scope::All, "take a run from the queue", take).await
            }

            async fn lease(
                &self,
                job: &JobName,
                run: &RunId,
                holder: &str,
                term: Duration,
            ) -> Result<Result<Lease, Lease>, Error> {
                let term = crate::jobs::term(term)?;
                let lease = |desk: &mut Desk, now| desk.lease(job, run, holder, term, now);
                self.with_desk(Scope::JobAndRun(job, run), "take a lease", lease).await
            }

            async fn renew(&self, lease: &Lease, term: Duration) -> Result<Lease, Error> {
                let term = crate::jobs::term(term)?;
                let renew = |desk: &mut Desk, now| desk.renew(lease, term, now);
                self.with_desk(Scope::Job(&lease.job), "renew a lease", renew).await
            }

            async fn release(&self, lease: &Lease) -> Result<(), Error> {
                let release = |desk: &mut Desk, _| {
                    desk.release(lease);
                    Ok(())
                };
                self.with_desk(Scope::Job(&lease.job), "give back a lease", release).await
            }

            async fn postpone(&self, lease: &Lease, wish: &QueuedRun) -> Result<(), Error> {
                let postpone = |desk: &mut Desk, now| desk.postpone(lease, wish, now);
                self.with_desk(Scope::Job(&lease.job), "put back a run", postpone).await
            }

            async fn abandoned(&self) -> Result<Vec<QueuedRun>, Error> {
                let abandoned = |desk: &mut Desk, now| Ok(desk.abandoned(now));
                self.with_desk(Scope::All, "look for runs that ended without a word", abandoned).await
            }

            async fn leases(&self) -> Result<Vec<Lease>, Error> {
                self.at_desk("read the leases", |desk, now| desk.leases_in_force(now)).await
            }

            async fn ask_to_stop(&self, run: &RunId) -> Result<bool, Error> {
                self.with_desk(Scope::All, "ask a run to stop", |desk, _| Ok(desk.ask_to_stop(run))).await
            }

            async fn is_asked_to_stop(&self, run: &RunId) -> Result<bool, Error> {
                self.at_desk("look whether a run should stop", |desk, _| desk.is_asked_to_stop(run)).await
            }

            async fn schedules(&self) -> Result<Vec<ScheduleState>, Error> {
                self.all_schedules().await
            }

            async fn put_schedule(
                &self,
                schedule: &ScheduleState,
                expected: Option<&ScheduleState>,
            ) -> Result<bool, Error> {
                let put = |desk: &mut Desk, _| Ok(desk.put_schedule(schedule, expected));
                self.with_desk(Scope::Job(&schedule.job), "remember a schedule", put).await
            }

            async fn start_due(
                &self,
                schedule: &ScheduleState,
                expected: &ScheduleState,
                wish: &QueuedRun,
            ) -> Result<Option<Queued>, Error> {
                let start = |desk: &mut Desk, now| desk.start_due(schedule, expected, wish, now);
                let scope = Scope::JobAndRun(&schedule.job, &wish.run);
                self.with_desk(scope, "start what is due", start).await
            }

            async fn remove_schedule(&self, job: &JobName) -> Result<(), Error> {
                let remove = |desk: &mut Desk, _| {
                    desk.remove_schedule(job);
                    Ok(())
                };
                self.with_desk(Scope::Job(job), "forget a schedule", remove).await
            }
        }
    };
}
pub(crate) use job_store;
