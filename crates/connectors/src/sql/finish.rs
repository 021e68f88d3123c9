//! The end of a walk: collected rows are checked and moved into their tables, cursors are stored, staging goes.

use achub_core::{
    Code, Error, failpoint,
    port::target::{Closing, LoadMode, TableReport},
};

use crate::{
    landing::RefusedRow,
    sql::{
        Fault, Session, TablePlan, bisect,
        merge::{self, Range},
        quarantine,
        session::number,
        state::{self, TableProgress},
        walk::{self, WalkLoad},
    },
};

impl<S: Session> WalkLoad<S> {
    /// Ends the walk inside the transaction of `session`. The caller commits.
    ///
    /// Errors: `DB-105` where a staging table does not hold the rows that were written to it.
    pub(crate) async fn finish(
        &mut self,
        session: &mut S,
        closing: &Closing,
    ) -> Result<Vec<TableReport>, Fault> {
        session.hold_catalogue().await?;
        let mut put_aside = Vec::new();
        let mut reports = Vec::with_capacity(self.tables.len());
        for (table, progress) in self.tables.iter().zip(&mut self.progress.tables) {
            if !table.plan.as_you_go() {
                land(session, &table.plan, progress, &mut put_aside).await?;
            }
            let rows = count_rows(session, &table.plan.table.sql()).await?;
            reports.push(TableReport::new(progress.stream.clone(), progress.outcomes, rows));
        }
        let replication = &self.spec.replication;
        quarantine::put(session, &self.quarantine, replication, &self.spec.run, &put_aside).await?;
        for (stream, cursor) in &closing.cursors {
            state::advance_cursor(session, &self.state, replication, stream, *cursor).await?;
        }
        state::forget_walk(session, &self.state, replication, &self.spec.walk).await?;
        failpoint::pass("end-of-stream");
        Ok(reports)
    }
}

/// Moves the rows of one staging table into its table.
async fn land<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    progress: &mut TableProgress,
    put_aside: &mut Vec<RefusedRow>,
) -> Result<(), Fault> {
    check_count(session, plan, progress).await?;
    let has_key = !plan.load.table.key.is_empty();
    if has_key {
        session.execute(&merge::drop_earlier_versions(plan), &[]).await?;
    }
    let scope =
        progress.scope.as_ref().and_then(|name| plan.columns.iter().find(|column| column.name == *name));
    if let Some(parent) = scope {
        session.execute(&merge::drop_outdated_children(plan, parent), &[]).await?;
    }
    let views = match plan.load.mode {
        LoadMode::Replace => session.drop_for_replacement(&plan.table).await?,
        _ => Vec::new(),
    };
    walk::make_table(session, plan).await?;
    if plan.load.mode == LoadMode::Truncate {
        session.execute(&format!("DELETE FROM {}", plan.table.sql()), &[]).await?;
    }
    let removes = scope.filter(|_| plan.load.mode == LoadMode::MergeAtEnd);
    if let Some(parent) = removes.filter(|_| !has_key) {
        progress.outcomes.removed += session.execute(&merge::remove_absent(plan, parent), &[]).await?;
    }
    let range = Range { first: 1, last: progress.seq.max(1) };
    progress.outcomes += bisect::move_rows(session, plan, range, put_aside).await?;
    if let Some(parent) = removes.filter(|_| has_key) {
        progress.outcomes.removed += session.execute(&merge::remove_absent(plan, parent), &[]).await?;
    }
    for view in views {
        session.remake_view(&view).await?;
    }
    if progress.scope.is_some() {
        session.execute(&format!("DROP TABLE {}", plan.parents.sql()), &[]).await?;
    }
    session.execute(&format!("DROP TABLE {}", plan.staging.sql()), &[]).await?;
    Ok(())
}

async fn check_count<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    progress: &TableProgress,
) -> Result<(), Fault> {
    if session.shape(&plan.staging).await?.is_none() {
        let message = format!("the staging table {} is gone", plan.staging);
        return Err(Error::new(Code::TableChanged, message)
            .with_hint("run again; the stream starts over")
            .into());
    }
    let rows = count_rows(session, &plan.staging.sql()).await?;
    if rows == progress.staged {
        return Ok(());
    }
    let message =
        format!("staging table {} holds {rows} rows where {} were written", plan.staging, progress.staged);
    Err(Error::new(Code::CountMismatch, message).into())
}

async fn count_rows<S: Session>(session: &mut S, table: &str) -> Result<u64, Fault> {
    number(session, &format!("SELECT CAST(count(*) AS text) FROM {table}")).await
}
