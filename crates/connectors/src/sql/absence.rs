//! What becomes of rows that the source no longer shows.

use achub_core::{
    FieldType, RunId, failpoint,
    port::target::{Absence, AbsenceAction, Check},
};
use jiff::Timestamp;

use crate::{
    landing::{CellSource, operation},
    sql::{
        Fault, PlannedColumn, Session, TableName, TablePlan,
        missing::Sightings,
        plan::SEQ,
        quote::{quoted, text_constant},
        session::number,
    },
};

/// The table with the keys a complete read did not show; it lives as long as the transaction.
const ABSENT: &str = "achub_absent";

/// What a complete read did to rows it did not show.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// Marked or deleted.
    pub(crate) removed: u64,
    /// Only counted, or waiting for a second sighting.
    pub(crate) held: u64,
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.removed += other.removed;
        self.held += other.held;
    }
}

/// Acts at once on children of complete sets that are not among the staged rows.
pub(crate) async fn of_sets<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    parent: &PlannedColumn,
    started_at: Timestamp,
) -> Result<Found, Fault> {
    let action = plan.load.absence.as_ref().map_or(AbsenceAction::Delete, |absence| absence.action);
    let absent = absent_children(plan, parent, action);
    if action == AbsenceAction::Report {
        let sql = format!("SELECT CAST(count(*) AS text) FROM ({absent}) AS x");
        return Ok(Found { held: number(session, &sql).await?, ..Found::default() });
    }
    let mut these = format!("({}) IN ({absent})", plan.key_list(""));
    if action == AbsenceAction::Mark {
        // Where every version is kept, older ones were marked before.
        these = format!("{these} AND {}", plan.live(&plan.table.sql()));
    }
    Ok(Found { removed: remove::<S>(session, plan, action, &these, started_at).await?, ..Found::default() })
}

/// Removes all children of complete sets, whose rows have no key: those that came stand for all there are.
pub(crate) async fn clear_sets<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    parent: &PlannedColumn,
) -> Result<u64, Fault> {
    let sql = format!(
        "DELETE FROM {} WHERE {} IN ({})",
        plan.table.sql(),
        quoted(&parent.name),
        parents(plan, parent)
    );
    session.execute(&sql, &[]).await
}

/// A complete read of a table that is merged into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompleteRead<'a> {
    pub(crate) plan: &'a TablePlan,
    pub(crate) sightings: Sightings<'a>,
    /// Where rows were put aside, and by which runs of this walk: those were shown, too.
    pub(crate) quarantine: &'a TableName,
    pub(crate) runs: &'a [RunId],
    pub(crate) run: &'a RunId,
    pub(crate) started_at: Timestamp,
}

impl CompleteRead<'_> {
    /// Acts on rows missed for the second time, and remembers those missed for the first. `check.guarded` says that
    /// nothing may be done; what is found goes into `check`.
    pub(crate) async fn act<S: Session>(
        self,
        session: &mut S,
        absence: &Absence,
        check: &mut Check,
    ) -> Result<Found, Fault> {
        let absent = self.gather::<S>(session, absence).await?;
        failpoint::pass("full-check");
        self.sightings.forget_others(session, &absent).await?;
        let mut found = Found::default();
        if !check.guarded {
            self.sightings.note(session, &absent, self.run).await?;
            let all =
                number(session, &format!("SELECT CAST(count(*) AS text) FROM {}", absent.sql())).await?;
            let gone = self.sightings.count_confirmed(session, self.run).await?;
            check.gone += gone;
            check.waiting = all.saturating_sub(gone);
            found.held = check.waiting;
            if absence.action == AbsenceAction::Report {
                found.held += gone;
            } else if gone > 0 {
                found.removed = gone;
                self.remove(session, absence).await?;
            }
        }
        session.execute(&format!("DROP TABLE {}", absent.sql()), &[]).await?;
        Ok(found)
    }

    /// Marks or deletes the rows that two runs have missed, and forgets the sightings.
    async fn remove<S: Session>(self, session: &mut S, absence: &Absence) -> Result<(), Fault> {
        let table = self.plan.table.sql();
        let key = self.plan.key_text(&table);
        let these =
            format!("{} AND {key} IN ({})", self.plan.live(&table), self.sightings.confirmed(self.run));
        let these = match &absence.only {
            Some(only) => format!("{these} AND ({only}\n)"),
            None => these,
        };
        remove::<S>(session, self.plan, absence.action, &these, self.started_at).await?;
        self.sightings.forget_confirmed(session, self.run).await
    }

    /// The keys of the live rows that were not shown, in a table of their own.
    async fn gather<S: Session>(self, session: &mut S, absence: &Absence) -> Result<TableName, Fault> {
        let absent = session.temporary(ABSENT);
        let text = S::type_sql(FieldType::Text);
        session.execute(&format!("CREATE TEMPORARY TABLE {} (k {text})", quoted(ABSENT)), &[]).await?;
        let key = self.plan.key_text("t");
        let only = absence.only.as_ref().map_or_else(String::new, |only| format!(" AND ({only}\n)"));
        let sql = format!(
            "INSERT INTO {} (k) SELECT DISTINCT {key} FROM (SELECT * FROM {} AS t WHERE {}{only}) AS t \
             LEFT JOIN {} AS s ON {} WHERE s.{} IS NULL AND {key} NOT IN ({})",
            absent.sql(),
            self.plan.table.sql(),
            self.plan.live("t"),
            self.plan.staging.sql(),
            self.plan.same_key(),
            quoted(SEQ),
            self.put_aside(),
        );
        session.execute(&sql, &[]).await?;
        Ok(absent)
    }

    /// The keys of rows that were shown, but could not be held.
    fn put_aside(self) -> String {
        let runs: Vec<String> = self.runs.iter().map(|run| text_constant(run.as_str())).collect();
        format!(
            "SELECT \"key\" FROM {} WHERE replication = {} AND stream = {} AND run IN ({})",
            self.quarantine.sql(),
            text_constant(self.sightings.replication.as_str()),
            text_constant(self.plan.load.stream.as_str()),
            runs.join(", ")
        )
    }
}

/// Whether a read shows too little of what a table held for anything to be done.
pub(crate) fn is_guarded(absence: &Absence, held: u64, shown: u64) -> bool {
    if absence.floor_percent == 0 {
        return false;
    }
    let is_empty = held > 0 && shown == 0;
    let is_short = u128::from(shown) * 100 < u128::from(held) * u128::from(absence.floor_percent);
    is_empty || held >= Absence::SMALL && is_short
}

async fn remove<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    action: AbsenceAction,
    these: &str,
    at: Timestamp,
) -> Result<u64, Fault> {
    let table = plan.table.sql();
    let sql = match action {
        AbsenceAction::Mark => format!("UPDATE {table} SET {} WHERE {these}", marks::<S>(plan, at)),
        AbsenceAction::Delete | AbsenceAction::Report => format!("DELETE FROM {table} WHERE {these}"),
    };
    let removed = session.execute(&sql, &[]).await?;
    failpoint::pass("tombstone");
    Ok(removed)
}

/// What marking a row writes.
fn marks<S: Session>(plan: &TablePlan, at: Timestamp) -> String {
    let marks = plan.columns.iter().filter_map(|column| {
        let value = match column.source {
            CellSource::DeletedAt | CellSource::SyncedAt => column.instant::<S>(at),
            CellSource::SyncedOp => column.constant(operation::GONE),
            _ => return None,
        };
        Some(format!("{} = {value}", quoted(&column.name)))
    });
    marks.collect::<Vec<_>>().join(", ")
}

/// The keys of children of complete sets that are not among the staged rows, as a query.
fn absent_children(plan: &TablePlan, parent: &PlannedColumn, action: AbsenceAction) -> String {
    let live =
        if action == AbsenceAction::Delete { String::new() } else { format!(" AND {}", plan.live("t")) };
    let only = plan.load.absence.as_ref().and_then(|absence| absence.only.as_ref());
    let only = only.map_or_else(String::new, |only| format!(" AND ({only}\n)"));
    format!(
        "SELECT {} FROM (SELECT * FROM {} AS t WHERE t.{} IN ({}){live}{only}) AS t LEFT JOIN {} AS s ON {} \
         WHERE s.{} IS NULL",
        plan.key_list("t."),
        plan.table.sql(),
        quoted(&parent.name),
        parents(plan, parent),
        plan.staging.sql(),
        plan.same_key(),
        quoted(SEQ),
    )
}

fn parents(plan: &TablePlan, parent: &PlannedColumn) -> String {
    format!("SELECT {} FROM {} AS p", parent.moved("p"), plan.parents.sql())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SL-37: nothing is done where a read suddenly shows much less than before.
    #[test]
    fn guard_wants_the_share_of_large_tables() {
        let absence = |floor_percent| Absence { action: AbsenceAction::Mark, floor_percent, only: None };
        let cases = [
            (80, 100, 80, false),
            (80, 100, 79, true),
            (80, 19, 1, false),
            (80, 19, 0, true),
            (80, 20, 15, true),
            (80, 0, 0, false),
            (0, 100, 0, false),
            (100, 20, 19, true),
        ];
        for (floor, held, shown, guarded) in cases {
            assert_eq!(is_guarded(&absence(floor), held, shown), guarded, "{floor} % of {held}: {shown}");
        }
    }
}
