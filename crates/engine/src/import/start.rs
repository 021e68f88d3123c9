//! From where an import reads: everything the first time and when a sweep is due, else what changed (SX-32, SX-33).

use achub_core::port::{
    incoming::{IncomingPlan, WantedPeople},
    people::{ImportEnd, ImportProgress},
};
use jiff::{SignedDuration, Timestamp};

use crate::import::definition::{Import, ImportTicket};

/// From where a run reads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Start {
    pub(super) wanted: WantedPeople,
    /// No import of the job has come to its end before.
    pub(super) is_first: bool,
}

impl Start {
    /// The start of a run now.
    pub(super) fn of(import: &Import, progress: &ImportProgress, now: Timestamp) -> Start {
        let since = progress.cursor.map(|cursor| back(cursor, Import::OVERLAP));
        let is_due = |swept_at: Timestamp| now.duration_since(swept_at).unsigned_abs() >= import.sweep_every;
        let wanted = WantedPeople {
            selection: import.selection.clone(),
            since,
            // Where nobody ever looked, or the clock went back far, it is due.
            sweep: since.is_some() && progress.swept_at.is_none_or(is_due),
            limit: import.limit,
        };
        Start { wanted, is_first: progress.cursor.is_none() }
    }

    /// Whether everybody is read.
    pub(super) fn is_full(&self) -> bool {
        self.wanted.since.is_none() || self.wanted.sweep
    }

    /// What the job is left with once everybody who was wanted is stored.
    pub(super) fn end(
        &self,
        import: &Import,
        ticket: &ImportTicket,
        run: achub_core::RunId,
        plan: &IncomingPlan,
    ) -> ImportEnd {
        let is_whole = self.wanted.limit.is_none();
        ImportEnd {
            job: import.job.clone(),
            run,
            fence: ticket.fence,
            cursor: is_whole.then_some(plan.as_of),
            swept_at: (is_whole && self.is_full()).then_some(plan.as_of),
        }
    }
}

fn back(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use achub_core::{ConnectionName, JobName};

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn check(cursor: Option<&str>, swept_at: Option<&str>, since: Option<&str>, sweep: bool) {
        let import = Import::everybody(JobName::new("import:shop"), ConnectionName::new("shop"));
        let progress =
            ImportProgress { unfinished: None, cursor: cursor.map(moment), swept_at: swept_at.map(moment) };
        let start = Start::of(&import, &progress, moment("2026-03-02T12:00:00Z"));
        assert_eq!((start.wanted.since, start.wanted.sweep), (since.map(moment), sweep));
        assert_eq!(start.is_first, cursor.is_none());
    }

    /// SX-33.
    #[test]
    fn later_runs_read_changes_and_sweep_daily() {
        check(None, None, None, false);
        let cursor = Some("2026-03-02T11:00:00Z");
        let since = Some("2026-03-02T10:50:00Z");
        check(cursor, Some("2026-03-02T11:00:00Z"), since, false);
        check(cursor, Some("2026-03-01T12:00:00Z"), since, true);
        check(cursor, None, since, true);
    }
}
