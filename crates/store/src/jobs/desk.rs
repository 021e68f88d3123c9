//! The rules of queue, leases and schedules, over rows in memory.
//!
//! A run waits, works, is put back, works again, and is gone when it ends. Every move is a method here; each is one
//! transaction of a store.

use std::{collections::BTreeMap, time::Duration};

use achub_core::{
    Code, Error, JobName, RunId,
    port::jobs::{Fence, Lease, Queued, QueuedRun, ScheduleState, Trigger},
};
use jiff::{SignedDuration, Timestamp};

use super::{lost, order};

/// The right to one job, as stored. The row outlives its leases, so that numbers only rise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) fence: i64,
    /// `None` where it was given back or taken away: then nobody may write, whatever number he has.
    pub(crate) run: Option<RunId>,
    pub(crate) until: Timestamp,
    pub(crate) term: SignedDuration,
    pub(crate) holder: String,
}

/// Where a run is that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    /// For its first attempt. Set by whoever asks for it.
    Waiting,
    /// Set when it is taken; also the state of one whose process has died, until that is noticed.
    Working,
    /// It was begun and waits for another attempt.
    PutBack,
}

/// A run that has not ended, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) job: JobName,
    pub(crate) trigger: Trigger,
    pub(crate) queued_at: Timestamp,
    pub(crate) not_before: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) state: RunState,
    /// Whether somebody relies on the queue to finish it.
    pub(crate) was_queued: bool,
    pub(crate) stop_asked: bool,
    /// When it was last written, by which a clock that went back shows.
    pub(crate) written_at: Timestamp,
}

impl RunRow {
    /// Whether what follows it has to wait for it.
    fn is_in_the_way(&self) -> bool {
        self.was_queued && self.state != RunState::Waiting
    }
}

/// Rows that nobody else changes meanwhile.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Desk {
    pub(crate) leases: BTreeMap<JobName, LeaseRow>,
    pub(crate) runs: BTreeMap<RunId, RunRow>,
    pub(crate) schedules: BTreeMap<JobName, ScheduleState>,
}

impl Desk {
    /// To be called before anything else: undoes what a clock has done that was ahead when rows were written.
    ///
    /// A lease never lasts longer than its term from now, and what was put off is not put off for longer than was meant.
    /// Where the clock was right and is behind now, holders renew in time and nobody notices.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for lease in self.leases.values_mut() {
            lease.until = lease.until.min(now + lease.term);
        }
        for run in self.runs.values_mut() {
            let ahead = run.written_at.duration_since(now);
            if ahead.is_positive() {
                run.queued_at = earlier(run.queued_at, ahead);
                run.not_before = earlier(run.not_before, ahead);
                run.written_at = now;
            }
        }
    }

    pub(crate) fn queue(&mut self, wish: &QueuedRun, now: Timestamp) -> Result<Queued, Error> {
        if let Some(known) = self.runs.get_mut(&wish.run) {
            return ask_again(known, wish, now);
        }
        if wish.trigger == Trigger::Person {
            self.bring_forward(wish, now);
        }
        let waiting =
            self.runs.iter_mut().find(|(_, run)| run.job == wish.job && run.state == RunState::Waiting);
        if let Some((id, run)) = waiting {
            run.trigger = order::more_urgent(run.trigger, wish.trigger);
            run.not_before = run.not_before.min(wish.not_before);
            run.written_at = now;
            return Ok(Queued::Joined(id.clone()));
        }
        self.runs.insert(wish.run.clone(), new_row(wish, RunState::Waiting, now));
        Ok(Queued::New(wish.run.clone()))
    }

    /// What was put back begins as early as a person wishes, because what she asked for has to wait for it.
    fn bring_forward(&mut self, wish: &QueuedRun, now: Timestamp) {
        let put_back =
            self.runs.values_mut().filter(|run| run.job == wish.job && run.state == RunState::PutBack);
        for run in put_back {
            run.not_before = run.not_before.min(wish.not_before);
            run.written_at = now;
        }
    }

    pub(crate) fn queued(&self, ageing: Duration, now: Timestamp) -> Vec<QueuedRun> {
        let given = |id: RunId| {
            let run = &self.runs[&id];
            given_out(&id, run)
        };
        order::turns(&self.runs, ageing, now).into_iter().map(given).collect()
    }

    pub(crate) fn take(
        &mut self,
        holder: &str,
        term: SignedDuration,
        ageing: Duration,
        now: Timestamp,
    ) -> Option<(QueuedRun, Lease)> {
        let turns = order::turns(&self.runs, ageing, now);
        let id = turns.into_iter().find(|id| self.may_begin(&self.runs[id], now))?;
        let taken = given_out(&id, &self.runs[&id]);
        let lease = self.give_lease(&taken.job, &id, holder, term, now);
        self.begin(&id, now);
        Some((taken, lease))
    }

    fn may_begin(&self, run: &RunRow, now: Timestamp) -> bool {
        let follows = || {
            let same_job = self.runs.values().filter(|other| other.job == run.job);
            run.state == RunState::Waiting && same_job.into_iter().any(RunRow::is_in_the_way)
        };
        run.not_before <= now && self.lease_in_force(&run.job, now).is_none() && !follows()
    }

    fn begin(&mut self, id: &RunId, now: Timestamp) {
        if let Some(run) = self.runs.get_mut(id) {
            run.state = RunState::Working;
            run.attempts = run.attempts.saturating_add(1);
            run.written_at = now;
        }
    }

    pub(crate) fn lease(
        &mut self,
        job: &JobName,
        run: &RunId,
        holder: &str,
        term: SignedDuration,
        now: Timestamp,
    ) -> Result<Result<Lease, Lease>, Error> {
        if let Some(held) = self.lease_in_force(job, now) {
            return Ok(Err(held));
        }
        let unasked = QueuedRun {
            run: run.clone(),
            job: job.clone(),
            trigger: Trigger::Person,
            queued_at: now,
            not_before: now,
            attempts: 0,
        };
        let row = self
            .runs
            .entry(run.clone())
            .or_insert_with(|| RunRow { was_queued: false, ..new_row(&unasked, RunState::Working, now) });
        if row.job != *job {
            return Err(not_of_job(run, job));
        }
        self.begin(run, now);
        Ok(Ok(self.give_lease(job, run, holder, term, now)))
    }

    fn give_lease(
        &mut self,
        job: &JobName,
        run: &RunId,
        holder: &str,
        term: SignedDuration,
        now: Timestamp,
    ) -> Lease {
        let fence = self.leases.get(job).map_or(0, |row| row.fence) + 1;
        let row =
            LeaseRow { fence, run: Some(run.clone()), until: now + term, term, holder: holder.to_owned() };
        let lease = lease_of(job, run, &row);
        self.leases.insert(job.clone(), row);
        lease
    }

    pub(crate) fn renew(
        &mut self,
        lease: &Lease,
        term: SignedDuration,
        now: Timestamp,
    ) -> Result<Lease, Error> {
        let row = self.held_by(lease)?;
        row.until = now + term;
        row.term = term;
        Ok(lease_of(&lease.job, &lease.run, row))
    }

    pub(crate) fn release(&mut self, lease: &Lease) {
        if let Ok(row) = self.held_by(lease) {
            row.run = None;
            self.runs.remove(&lease.run);
        }
    }

    pub(crate) fn postpone(&mut self, lease: &Lease, wish: &QueuedRun, now: Timestamp) -> Result<(), Error> {
        if wish.job != lease.job || wish.run != lease.run {
            return Err(not_of_job(&wish.run, &lease.job));
        }
        self.held_by(lease)?.run = None;
        let Some(run) = self.runs.remove(&lease.run) else { return Ok(()) };
        if !run.stop_asked {
            let back = new_row(wish, RunState::PutBack, now);
            self.runs.insert(wish.run.clone(), back);
        }
        Ok(())
    }

    pub(crate) fn abandoned(&mut self, now: Timestamp) -> Vec<QueuedRun> {
        let working = self.runs.iter().filter(|(_, run)| run.state == RunState::Working);
        let is_held = |id: &RunId, job| self.lease_in_force(job, now).is_some_and(|lease| lease.run == *id);
        let lost: Vec<RunId> =
            working.filter(|(id, run)| !is_held(id, &run.job)).map(|(id, _)| id.clone()).collect();
        lost.into_iter().map(|id| self.give_up(&id, now)).collect()
    }

    /// Takes the right to write from a run whose lease has ended, and puts it back where somebody relies on it.
    fn give_up(&mut self, id: &RunId, now: Timestamp) -> QueuedRun {
        let run = self.runs.remove(id).expect("it was just found");
        if let Some(lease) = self.leases.get_mut(&run.job).filter(|lease| lease.run.as_ref() == Some(id)) {
            lease.run = None;
        }
        let given = QueuedRun { not_before: now, ..given_out(id, &run) };
        if run.was_queued && !run.stop_asked {
            let back = RunRow { state: RunState::PutBack, not_before: now, written_at: now, ..run };
            self.runs.insert(id.clone(), back);
        }
        given
    }

    pub(crate) fn leases_in_force(&self, now: Timestamp) -> Vec<Lease> {
        self.leases.keys().filter_map(|job| self.lease_in_force(job, now)).collect()
    }

    pub(crate) fn ask_to_stop(&mut self, run: &RunId) -> bool {
        let Some(row) = self.runs.get_mut(run) else { return false };
        if row.state == RunState::Working {
            row.stop_asked = true;
        } else {
            self.runs.remove(run);
        }
        true
    }

    pub(crate) fn is_asked_to_stop(&self, run: &RunId) -> bool {
        self.runs.get(run).is_some_and(|row| row.stop_asked)
    }

    pub(crate) fn put_schedule(
        &mut self,
        schedule: &ScheduleState,
        expected: Option<&ScheduleState>,
    ) -> bool {
        if expected.is_some() && self.schedules.get(&schedule.job) != expected {
            return false;
        }
        self.schedules.insert(schedule.job.clone(), schedule.clone());
        true
    }

    pub(crate) fn start_due(
        &mut self,
        schedule: &ScheduleState,
        expected: &ScheduleState,
        wish: &QueuedRun,
        now: Timestamp,
    ) -> Result<Option<Queued>, Error> {
        if wish.job != schedule.job {
            return Err(not_of_job(&wish.run, &schedule.job));
        }
        if !self.put_schedule(schedule, Some(expected)) {
            return Ok(None);
        }
        self.queue(wish, now).map(Some)
    }

    pub(crate) fn remove_schedule(&mut self, job: &JobName) {
        self.schedules.remove(job);
        self.runs.retain(|_, run| run.job != *job || run.state == RunState::Working);
    }

    /// Whether somebody who writes with this number still has the right to.
    pub(crate) fn is_newest(&self, job: &JobName, fence: Fence) -> bool {
        self.leases.get(job).is_some_and(|lease| lease.fence == fence.0 && lease.run.is_some())
    }

    fn lease_in_force(&self, job: &JobName, now: Timestamp) -> Option<Lease> {
        let row = self.leases.get(job).filter(|row| row.until > now)?;
        row.run.as_ref().map(|run| lease_of(job, run, row))
    }

    /// The row of a lease that is still its holder's, whether or not its term has ended.
    fn held_by(&mut self, lease: &Lease) -> Result<&mut LeaseRow, Error> {
        let row = self.leases.get_mut(&lease.job).filter(|row| row.fence == lease.fence.0);
        row.filter(|row| row.run.as_ref() == Some(&lease.run)).ok_or_else(|| lost(&lease.job))
    }
}

/// Somebody asks for a run by its own id: he moves it, unless it works already.
fn ask_again(known: &mut RunRow, wish: &QueuedRun, now: Timestamp) -> Result<Queued, Error> {
    if known.job != wish.job {
        return Err(not_of_job(&wish.run, &wish.job));
    }
    if known.state != RunState::Working {
        known.not_before = wish.not_before;
        known.trigger = order::more_urgent(known.trigger, wish.trigger);
        known.written_at = now;
    }
    Ok(Queued::Joined(wish.run.clone()))
}

/// Nobody has waited since a moment to come, so whoever says so gains nothing by it.
fn new_row(wish: &QueuedRun, state: RunState, now: Timestamp) -> RunRow {
    RunRow {
        job: wish.job.clone(),
        trigger: wish.trigger,
        queued_at: wish.queued_at.min(now),
        not_before: wish.not_before,
        attempts: wish.attempts,
        state,
        was_queued: true,
        stop_asked: false,
        written_at: now,
    }
}

fn given_out(id: &RunId, run: &RunRow) -> QueuedRun {
    QueuedRun {
        run: id.clone(),
        job: run.job.clone(),
        trigger: run.trigger,
        queued_at: run.queued_at,
        not_before: run.not_before,
        attempts: run.attempts,
    }
}

fn lease_of(job: &JobName, run: &RunId, row: &LeaseRow) -> Lease {
    Lease {
        job: job.clone(),
        run: run.clone(),
        fence: Fence(row.fence),
        until: row.until,
        holder: row.holder.clone(),
    }
}

fn earlier(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_sub(by).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn not_of_job(run: &RunId, job: &JobName) -> Error {
    Error::new(Code::Bug, format!("{run} is not a run of {job}"))
}
