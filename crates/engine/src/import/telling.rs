//! What an import writes into the activity log, in its fixed words (AB-106…114).
//!
//! A line per record would be a million lines for a first import, which nobody reads. So records get their own line as
//! long as there are not too many of their kind in a run, and what is beyond that is told in one line with its count; the
//! history of each person has the values in any case.

use std::collections::BTreeMap;

use achub_core::{
    Error, Outcome, Outcomes, RunId,
    person::PersonId,
    port::{
        activity::{Activity, ActivityStatus, ActivityType, Direction, ObjectType, ValueChange},
        people::RefusedPerson,
    },
};
use jiff::Timestamp;

use crate::import::{
    catalogue::Names,
    deciding::{Decided, in_words},
    definition::Import,
    shown::Shown,
    summary::ImportSummary,
};

/// A record was added (AB-109).
pub const CREATED: &str = "Created new record";
/// A record was modified (AB-110).
pub const UPDATED: &str = "Updated record";
/// The record exists already (AB-111).
pub const DUPLICATE: &str = "Error: duplicate";
/// The transfer went through with nothing to report (AB-108).
pub const SYNCED: &str = "Synced successfully";

/// A kind of line about single records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Created,
    Updated,
    Failed,
    Warned,
}

impl Kind {
    /// Lines of this kind in a run. Somebody who looks for what went wrong needs more of them than somebody who sees
    /// people come in.
    const fn lines_max(self) -> u64 {
        match self {
            Kind::Created => 1_000,
            Kind::Updated | Kind::Failed | Kind::Warned => 10_000,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::Created => "created records",
            Kind::Updated => "updated records",
            Kind::Failed => "refused records",
            Kind::Warned => "warnings about records",
        }
    }
}

/// Makes the lines of a run.
pub(super) struct Telling<'a> {
    import: &'a Import,
    run: RunId,
    counts: BTreeMap<Kind, u64>,
}

impl<'a> Telling<'a> {
    /// Lines of `run`, which has told of `so_far` in earlier attempts.
    pub(super) fn new(import: &'a Import, run: RunId, so_far: &Outcomes) -> Telling<'a> {
        let counts = BTreeMap::from([
            (Kind::Created, so_far.added),
            (Kind::Updated, so_far.changed),
            (Kind::Failed, so_far.refused),
        ]);
        Telling { import, run, counts }
    }

    /// What is told of somebody who was decided about and stored under `id`.
    pub(super) fn of_person(
        &mut self,
        at: Timestamp,
        shown: &Shown,
        decided: &Decided,
        id: Option<PersonId>,
        names: &Names,
    ) -> Vec<Activity> {
        let mut lines = Vec::new();
        let key = id.map(|id| id.to_string()).unwrap_or_default();
        let about = |kind, message: &str, status| Activity {
            key: key.clone(),
            status: Some(status),
            ..self.line(at, kind, message.to_owned(), ObjectType::Contact)
        };
        let changes = || {
            let change = decided.change.as_ref();
            change.map(|change| in_words(change, names, self.import.tag.as_deref())).unwrap_or_default()
        };
        let success = ActivityType::Success;
        match decided.outcome {
            Outcome::Added => {
                let line = about(success, CREATED, ActivityStatus::Created);
                lines.push((Kind::Created, Activity { changes: changes(), ..line }));
            }
            Outcome::Changed => {
                let line = about(success, UPDATED, ActivityStatus::Updated);
                lines.push((Kind::Updated, Activity { changes: changes(), ..line }));
            }
            _ => {}
        }
        let warning = ActivityType::Warning;
        if decided.is_duplicate {
            let code = Some("DUPLICATE_VALUE".to_owned());
            lines.push((
                Kind::Warned,
                Activity { code, ..about(warning, DUPLICATE, ActivityStatus::Updated) },
            ));
        }
        for kept in decided.kept.iter().filter(|_| shown.counts) {
            let held = kept.before.map(|before| before.status.word()).unwrap_or_default();
            let message = format!(
                "Skipped: list {} stays {held}, since nothing shows that the contact became {} later",
                names.list_name(kept.list),
                kept.after.status.word()
            );
            lines.push((Kind::Warned, about(warning, &message, ActivityStatus::Skipped)));
        }
        for row in shown.left_out.iter().filter(|_| shown.counts) {
            let (code, message) = (Some(row.code.clone()), format!("{}: {}", row.field, row.reason));
            lines
                .push((Kind::Warned, Activity { code, ..about(warning, &message, ActivityStatus::Skipped) }));
        }
        self.within_bounds(lines)
    }

    /// What is told of people who did not get in.
    pub(super) fn of_refused(&mut self, at: Timestamp, refused: &[RefusedPerson]) -> Vec<Activity> {
        let lines = refused.iter().map(|row| {
            let message = format!("Error: {}", row.reason);
            let line = self.line(at, ActivityType::Error, message, ObjectType::Contact);
            let status = Some(ActivityStatus::Failed);
            (Kind::Failed, Activity { status, code: Some(row.code.clone()), ..line })
        });
        let lines = lines.collect();
        self.within_bounds(lines)
    }

    /// The lines that end the run: what had no line of its own, and how the run ended (AB-112).
    pub(super) fn of_end(&self, at: Timestamp, summary: &ImportSummary) -> Vec<Activity> {
        let beyond = self.counts.iter().filter(|(kind, count)| **count > kind.lines_max());
        let mut lines: Vec<Activity> = beyond
            .map(|(kind, count)| {
                let more = count - kind.lines_max();
                let message =
                    format!("{more} further {} of this run have no line of their own", kind.plural());
                self.line(at, ActivityType::Success, message, ObjectType::Run)
            })
            .collect();
        let (kind, message) = how_it_ended(summary);
        let code = summary.error.as_ref().map(|(code, _)| code.clone());
        let changes = counted(&summary.outcomes);
        lines.push(Activity { code, changes, ..self.line(at, kind, message, ObjectType::Run) });
        lines
    }

    /// What is told where a run could not begin.
    pub(super) fn of_failure(&self, at: Timestamp, error: &Error) -> Activity {
        let line = self.line(at, ActivityType::Error, format!("Error: {error}"), ObjectType::Run);
        Activity { code: Some(error.code().id().to_owned()), ..line }
    }

    fn line(&self, at: Timestamp, kind: ActivityType, message: String, object: ObjectType) -> Activity {
        Activity {
            at,
            kind,
            message,
            object,
            key: String::new(),
            direction: Some(Direction::ToHub),
            status: None,
            connection: Some(self.import.connection.clone()),
            run: Some(self.run.clone()),
            code: None,
            changes: Vec::new(),
        }
    }

    fn within_bounds(&mut self, lines: Vec<(Kind, Activity)>) -> Vec<Activity> {
        let mut told = Vec::new();
        for (kind, line) in lines {
            let count = self.counts.entry(kind).or_default();
            *count += 1;
            if *count <= kind.lines_max() {
                told.push(line);
            }
        }
        told
    }
}

fn how_it_ended(summary: &ImportSummary) -> (ActivityType, String) {
    if let Some((_, error)) = &summary.error {
        return (ActivityType::Error, format!("Error: {error}"));
    }
    if summary.is_stopped() {
        return (ActivityType::Warning, "Warning: stopped at a safe point, the next run goes on".to_owned());
    }
    let Outcomes { refused, skipped, held, .. } = summary.outcomes;
    let (kept, left_out) = (summary.permissions_kept, summary.values_left_out);
    let parts: Vec<String> = [
        (refused, "records refused"),
        (skipped, "records skipped"),
        (held, "records held"),
        (kept, "memberships kept as they were"),
        (left_out, "values left out"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if parts.is_empty() {
        (ActivityType::Success, SYNCED.to_owned())
    } else {
        (ActivityType::Warning, format!("Warning: finished with {}", parts.join(", ")))
    }
}

/// The counts of a run, each as a value.
fn counted(outcomes: &Outcomes) -> Vec<ValueChange> {
    let counts = Outcome::ALL.into_iter().map(|outcome| (outcome, outcomes.count(outcome)));
    counts
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| ValueChange {
            field: outcome.word().to_owned(),
            before: String::new(),
            after: count.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use achub_core::{ConnectionName, JobName};

    use super::*;

    fn row(key: u64) -> RefusedPerson {
        RefusedPerson {
            key: key.to_string(),
            field: "email".to_owned(),
            code: "INVALID_FIELD".to_owned(),
            reason: "the address has no @".to_owned(),
            columns: "{}".to_owned(),
        }
    }

    #[test]
    fn lines_beyond_the_bound_are_counted() {
        let import = Import::everybody(JobName::new("import:shop"), ConnectionName::new("shop"));
        let mut telling = Telling::new(&import, RunId::new("r-1"), &Outcomes::default());
        let rows: Vec<RefusedPerson> = (0..10_050).map(row).collect();

        let told = telling.of_refused(Timestamp::UNIX_EPOCH, &rows);

        assert_eq!(told.len(), 10_000);
        let summary = ImportSummary::new(RunId::new("r-1"), &import);
        let end = telling.of_end(Timestamp::UNIX_EPOCH, &summary);
        assert_eq!(end[0].message, "50 further refused records of this run have no line of their own");
        assert_eq!(end.len(), 2);
    }
}
