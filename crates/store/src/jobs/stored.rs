//! The desk's rows as columns, the same in every database, and what changed between two desks.

use achub_core::{
    Error, JobName, RunId,
    port::jobs::{ScheduleState, Trigger},
};
use jiff::SignedDuration;

use super::desk::{Desk, LeaseRow, RunRow, RunState};
use crate::stored::{nanoseconds, timestamp};

/// Job, fence, run, end, term and holder.
pub(crate) type LeaseColumns = (String, i64, Option<String>, i64, i64, String);

/// Run, job, trigger, asked for, not before, attempts, state, whether it was queued, whether it should stop, written.
pub(crate) type RunColumns = (String, String, String, i64, i64, i64, String, bool, bool, i64);

/// Job, definition, next time, last time, whether it is paused.
pub(crate) type ScheduleColumns = (String, String, Option<i64>, Option<i64>, bool);

/// What has to be written so that the database holds what the desk holds.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// With a new number.
    pub(crate) leases: Vec<LeaseColumns>,
    /// With the number they had.
    pub(crate) leases_kept: Vec<LeaseColumns>,
    pub(crate) runs: Vec<RunColumns>,
    pub(crate) runs_gone: Vec<String>,
    pub(crate) schedules: Vec<ScheduleColumns>,
    pub(crate) schedules_gone: Vec<String>,
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        let Edits { leases, leases_kept, runs, runs_gone, schedules, schedules_gone } = self;
        leases.is_empty()
            && leases_kept.is_empty()
            && runs.is_empty()
            && runs_gone.is_empty()
            && schedules.is_empty()
            && schedules_gone.is_empty()
    }
}

impl Desk {
    /// The desk of these rows. Errors: what a row holds that this program never puts there.
    pub(crate) fn load(
        leases: Vec<LeaseColumns>,
        runs: Vec<RunColumns>,
        schedules: Vec<ScheduleColumns>,
    ) -> Result<Desk, String> {
        let runs: Result<_, String> = runs.into_iter().map(run_row).collect();
        let schedules: Result<Vec<ScheduleState>, String> = schedules.into_iter().map(schedule).collect();
        let schedules = schedules?.into_iter().map(|one| (one.job.clone(), one)).collect();
        Ok(Desk { leases: leases.into_iter().map(lease_row).collect(), runs: runs?, schedules })
    }

    /// What is different here from `before`.
    pub(crate) fn edits_since(&self, before: &Desk) -> Result<Edits, Error> {
        let mut edits = Edits::default();
        for (job, row) in &self.leases {
            let columns = lease_columns(job, row)?;
            match before.leases.get(job) {
                Some(as_before) if as_before == row => {}
                Some(as_before) if as_before.fence == row.fence => edits.leases_kept.push(columns),
                _ => edits.leases.push(columns),
            }
        }
        for (id, row) in &self.runs {
            if before.runs.get(id) != Some(row) {
                edits.runs.push(run_columns(id, row)?);
            }
        }
        for (job, row) in &self.schedules {
            if before.schedules.get(job) != Some(row) {
                edits.schedules.push(schedule_columns(row)?);
            }
        }
        let gone = before.runs.keys().filter(|id| !self.runs.contains_key(id));
        edits.runs_gone = gone.map(RunId::to_string).collect();
        let gone = before.schedules.keys().filter(|job| !self.schedules.contains_key(job));
        edits.schedules_gone = gone.map(JobName::to_string).collect();
        Ok(edits)
    }
}

/// The schedule of these columns. Errors: as [`Desk::load`].
pub(crate) fn schedule(columns: ScheduleColumns) -> Result<ScheduleState, String> {
    let (job, definition, next_at_ns, last_at_ns, paused) = columns;
    Ok(ScheduleState {
        job: JobName::new(job),
        definition: serde_json::from_str(&definition).map_err(|cause| cause.to_string())?,
        next_at: next_at_ns.map(timestamp),
        last_at: last_at_ns.map(timestamp),
        paused,
    })
}

fn schedule_columns(row: &ScheduleState) -> Result<ScheduleColumns, Error> {
    Ok((
        row.job.to_string(),
        row.definition.to_string(),
        row.next_at.map(nanoseconds).transpose()?,
        row.last_at.map(nanoseconds).transpose()?,
        row.paused,
    ))
}

fn lease_row((job, fence, run, until_ns, term_ns, holder): LeaseColumns) -> (JobName, LeaseRow) {
    let row = LeaseRow {
        fence,
        run: run.map(RunId::new),
        until: timestamp(until_ns),
        term: SignedDuration::from_nanos(term_ns),
        holder,
    };
    (JobName::new(job), row)
}

fn lease_columns(job: &JobName, row: &LeaseRow) -> Result<LeaseColumns, Error> {
    let term_ns = i64::try_from(row.term.as_nanos()).expect("a term is a day at most");
    let run = row.run.as_ref().map(RunId::to_string);
    Ok((job.to_string(), row.fence, run, nanoseconds(row.until)?, term_ns, row.holder.clone()))
}

fn run_row(columns: RunColumns) -> Result<(RunId, RunRow), String> {
    let (run, job, trigger, queued_at_ns, not_before_ns, attempts, state, was_queued, stop_asked, written) =
        columns;
    let row = RunRow {
        job: JobName::new(job),
        trigger: Trigger::find(&trigger).ok_or_else(|| format!("no trigger is called {trigger:?}"))?,
        queued_at: timestamp(queued_at_ns),
        not_before: timestamp(not_before_ns),
        attempts: u32::try_from(attempts).map_err(|_| format!("{attempts} attempts cannot be"))?,
        state: state_of(&state).ok_or_else(|| format!("no state of a run is called {state:?}"))?,
        was_queued,
        stop_asked,
        written_at: timestamp(written),
    };
    Ok((RunId::new(run), row))
}

fn run_columns(id: &RunId, row: &RunRow) -> Result<RunColumns, Error> {
    Ok((
        id.to_string(),
        row.job.to_string(),
        row.trigger.word().to_owned(),
        nanoseconds(row.queued_at)?,
        nanoseconds(row.not_before)?,
        row.attempts.into(),
        word(row.state).to_owned(),
        row.was_queued,
        row.stop_asked,
        nanoseconds(row.written_at)?,
    ))
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Waiting => "waiting",
        RunState::Working => "working",
        RunState::PutBack => "put_back",
    }
}

fn state_of(stored: &str) -> Option<RunState> {
    [RunState::Waiting, RunState::Working, RunState::PutBack].into_iter().find(|&state| word(state) == stored)
}
