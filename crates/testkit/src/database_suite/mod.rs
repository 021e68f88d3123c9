//! What every database must keep beyond the suite of all targets, as functions that each database's tests call.

mod absence;
mod checks;
mod columns;
mod evolution;
mod random;
mod statements;
mod strategies;

use std::collections::{BTreeMap, HashMap, HashSet};

use achub_core::{
    Column, Error, FieldType, RunId, StreamName,
    port::{
        source::Page,
        target::{
            Absence, AbsenceAction, Check, Closing, LoadMode, LoadSpec, Origin, TableLoad, TableReport,
            Target,
        },
    },
};
use async_trait::async_trait;

pub use self::{
    absence::{
        absent_children_obey_the_action, absent_rows_wait_for_second_sighting,
        condition_limits_what_is_looked_at, incomplete_reads_remove_nothing, older_versions_keep_their_marks,
        only_inserting_takes_marks_off_too, row_shown_again_loses_its_mark, rows_put_aside_are_not_absent,
        short_read_removes_nothing, sighting_ends_when_row_is_shown,
    },
    checks::{
        check_tells_drift_from_due_changes, checked_moves_with_complete_reads,
        interrupted_check_goes_on_by_another_run, marks_need_a_column, system_columns_tell_what_was_done,
        unchanged_rows_stay_as_written,
    },
    columns::{
        own_statement_makes_the_table, rows_without_needed_values_stand_aside,
        rules_about_unknown_columns_are_refused, unique_columns_put_repeated_rows_aside,
    },
    evolution::{
        any_difference_stops_when_asked, differences_tell_what_would_change,
        missing_columns_are_left_out_when_kept, unknown_members_follow_the_policy,
    },
    random::random_loads_agree_with_the_model,
    statements::{
        direct_rows_are_appended_once, dropped_table_is_read_from_the_start,
        failing_statement_keeps_old_rows, no_rows_make_no_table, staging_has_the_name_it_was_given,
        statements_run_at_their_moments, table_dropped_during_walk_stops_it, tally_counts_what_is_there,
    },
    strategies::{
        deleting_and_inserting_blanks_other_columns, history_keeps_every_version,
        strategies_meet_known_keys_as_named,
    },
};
use crate::target_suite::{self, Bench, TextRow};

/// A database that targets are tried in.
#[async_trait]
pub trait DatabaseBench: Bench {
    /// Runs statements.
    async fn execute(&self, sql: &str);
}

/// The stream of [`target_suite`].
const STREAM: &str = "things";

/// One load of the suite's stream.
struct Run {
    load: TableLoad,
    run: &'static str,
    at: &'static str,
    is_complete: bool,
    resume: bool,
}

impl Run {
    /// A load by the run of this name; a part of a table unless it is made a complete one.
    fn new(run: &'static str, load: TableLoad) -> Run {
        Run { load, run, at: "2026-03-01T12:00:00Z", is_complete: false, resume: false }
    }

    /// It shows everything there is.
    fn complete(self) -> Run {
        Run { is_complete: true, ..self }
    }

    fn spec(&self) -> LoadSpec {
        LoadSpec {
            run: RunId::new(self.run),
            started_at: self.at.parse().expect("a literal"),
            resume: self.resume,
            ..target_suite::spec_of(self.load.clone())
        }
    }

    fn closing(&self) -> Closing {
        let complete =
            if self.is_complete { HashSet::from([StreamName::new(STREAM)]) } else { HashSet::new() };
        Closing { cursors: HashMap::new(), complete }
    }

    /// Loads pages, each in a commit of its own, to the end.
    async fn try_pages(&self, target: &dyn Target, pages: Vec<Page>) -> Result<TableReport, Error> {
        let mut load = target.load(self.spec()).await?;
        for page in pages {
            load.write(vec![page]).await?;
        }
        let mut reports = load.finish(&self.closing()).await?;
        Ok(reports.remove(0))
    }

    async fn pages(&self, bench: &dyn DatabaseBench, pages: Vec<Page>) -> TableReport {
        let target = bench.open().await;
        self.try_pages(&*target, pages).await.expect("the load ends")
    }

    /// Loads things, all in one commit.
    async fn things(&self, bench: &dyn DatabaseBench, things: &[target_suite::Thing<'_>]) -> TableReport {
        self.pages(bench, vec![target_suite::page(things, 1)]).await
    }
}

/// How the suite's stream lands where rows can be marked as gone: with every system column.
fn marked_load(mode: LoadMode, action: AbsenceAction) -> TableLoad {
    let mut load = target_suite::table_load(STREAM, mode);
    for (name, ty, origin) in [
        ("deleted_at", FieldType::Timestamp, Origin::DeletedAt),
        ("synced_at", FieldType::Timestamp, Origin::SyncedAt),
        ("synced_op", FieldType::Text, Origin::SyncedOp),
        ("run_id", FieldType::Text, Origin::RunId),
        ("row_id", FieldType::Text, Origin::RowId),
        ("row_number", FieldType::Integer, Origin::RowNumber),
        ("record", FieldType::Json, Origin::Record),
    ] {
        load.table.columns.push(Column::new(name, ty));
        load.origins.push(origin);
    }
    load.absence = Some(Absence { action, floor_percent: 0, only: None });
    load
}

fn check(report: &TableReport) -> Check {
    report.check.expect("a complete read was checked")
}

/// The rows of the suite's table by their id.
async fn rows(bench: &dyn DatabaseBench) -> BTreeMap<i64, TextRow> {
    let id = |row: &TextRow| row["id"].as_deref().expect("a key").parse().expect("an integer");
    bench.rows(STREAM).await.into_iter().map(|row| (id(&row), row)).collect()
}

/// The ids of rows in the suite's table that are live, and of those marked as gone.
async fn live_and_marked(bench: &dyn DatabaseBench) -> (Vec<i64>, Vec<i64>) {
    let is_live = |row: &TextRow| row.get("deleted_at").is_none_or(Option::is_none);
    let rows = rows(bench).await;
    let ids =
        |wanted: bool| rows.iter().filter(|(_, row)| is_live(row) == wanted).map(|(id, _)| *id).collect();
    (ids(true), ids(false))
}

/// Calls the macro `$case` with the name of every function of the suite, so that no database forgets one.
#[macro_export]
macro_rules! database_suite {
    ($case:ident) => {
        $case! {
            absent_rows_wait_for_second_sighting
            row_shown_again_loses_its_mark
            sighting_ends_when_row_is_shown
            short_read_removes_nothing
            incomplete_reads_remove_nothing
            condition_limits_what_is_looked_at
            rows_put_aside_are_not_absent
            absent_children_obey_the_action
            only_inserting_takes_marks_off_too
            older_versions_keep_their_marks
            checked_moves_with_complete_reads
            check_tells_drift_from_due_changes
            interrupted_check_goes_on_by_another_run
            unchanged_rows_stay_as_written
            system_columns_tell_what_was_done
            marks_need_a_column
            strategies_meet_known_keys_as_named
            deleting_and_inserting_blanks_other_columns
            history_keeps_every_version
            missing_columns_are_left_out_when_kept
            any_difference_stops_when_asked
            unknown_members_follow_the_policy
            differences_tell_what_would_change
            rows_without_needed_values_stand_aside
            unique_columns_put_repeated_rows_aside
            own_statement_makes_the_table
            rules_about_unknown_columns_are_refused
            statements_run_at_their_moments
            failing_statement_keeps_old_rows
            staging_has_the_name_it_was_given
            direct_rows_are_appended_once
            no_rows_make_no_table
            tally_counts_what_is_there
            dropped_table_is_read_from_the_start
            table_dropped_during_walk_stops_it
            random_loads_agree_with_the_model
        }
    };
}
