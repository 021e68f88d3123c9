//! The end of a walk: collected rows are checked and moved into their tables, what is gone is dealt with, cursors are
//! stored, staging goes.

use achub_core::{
    Code, Error, StreamName, failpoint,
    port::target::{AbsenceAction, Check, Closing, LoadMode, LoadSpec, MergeStrategy, TableReport},
};

use crate::{
    landing::RefusedRow,
    sql::{
        Fault, PlannedColumn, Session, TableName, TablePlan,
        absence::{self, CompleteRead, Found},
        bisect,
        merge::Range,
        missing::Sightings,
        plan::actual_type,
        quarantine,
        session::number,
        staging,
        state::{self, TableProgress},
        statements,
        strategy::Moved,
        walk::{LoadingTable, WalkLoad},
    },
};

impl<S: Session> WalkLoad<S> {
    /// Ends the walk inside the transaction of `session`. The caller commits.
    ///
    /// Errors: `DB-104` where a table that rows are merged into is gone, `DB-105` where a staging table does not hold the
    /// rows that were written to it.
    pub(crate) async fn finish(
        &mut self,
        session: &mut S,
        closing: &Closing,
    ) -> Result<Vec<TableReport>, Fault> {
        statements::isolate(session, &self.spec.tables).await?;
        session.hold_catalogue().await?;
        let mut tables = std::mem::take(&mut self.tables);
        let mut reports = Vec::with_capacity(tables.len());
        for (index, table) in tables.iter_mut().enumerate() {
            let mut progress = self.progress.tables[index].clone();
            let report = self.land(session, table, &mut progress, closing).await;
            self.progress.tables[index] = progress;
            match report {
                Ok(report) => reports.push(report),
                Err(fault) => {
                    self.tables = tables;
                    return Err(fault);
                }
            }
        }
        self.tables = tables;
        self.close(session, closing).await?;
        failpoint::pass("end-of-stream");
        Ok(reports)
    }

    /// Lands one table, and says what became of it.
    async fn land(
        &self,
        session: &mut S,
        table: &mut LoadingTable<S>,
        progress: &mut TableProgress,
        closing: &Closing,
    ) -> Result<TableReport, Fault> {
        let is_complete = closing.complete.contains(&progress.stream);
        let landing =
            Landing { spec: &self.spec, quarantine: &self.quarantine, missing: &self.missing, is_complete };
        let mut check = if table.plan.as_you_go() {
            landing.close_merged(session, table, progress).await?
        } else {
            landing.move_collected(session, table, progress).await?
        };
        let plan = &table.plan;
        let rows = match added_to_nothing(plan, progress) {
            Some(added) => {
                debug_assert_eq!(added, live_rows(session, plan).await?, "rows of {}", plan.table);
                added
            }
            None => live_rows(session, plan).await?,
        };
        if let Some(check) = check.as_mut().filter(|_| plan.as_you_go()) {
            check.shown = rows + progress.outcomes.refused;
        }
        let mut report = TableReport::new(progress.stream.clone(), progress.outcomes, rows);
        report.check = check;
        report.left_out_columns = progress.left_out.clone();
        Ok(report)
    }

    /// Stores cursors and checks, and forgets where the walk stands.
    async fn close(&self, session: &mut S, closing: &Closing) -> Result<(), Fault> {
        let (replication, walk) = (&self.spec.replication, &self.spec.walk);
        let of_stream =
            |stream: &StreamName| self.tables.iter().find(|table| table.plan.load.stream == *stream);
        for (stream, cursor) in &closing.cursors {
            let mut table = of_stream(stream).map(|table| &table.plan.table);
            if let Some(name) = table
                && session.shape(name).await?.is_none()
            {
                // No row came and no table was made: the cursor stands for that, too.
                table = None;
            }
            state::advance_cursor(session, &self.state, replication, stream, *cursor, table).await?;
        }
        for (table, progress) in self.tables.iter().zip(&self.progress.tables) {
            let counts = !table.plan.as_you_go() || progress.began_empty;
            if counts && closing.complete.contains(&progress.stream) {
                let (began, table) = (self.spec.started_at, &table.plan.table);
                state::advance_checked(session, &self.state, replication, &progress.stream, began, table)
                    .await?;
            }
        }
        state::forget_walk(session, &self.state, replication, walk).await
    }
}

/// One table at the end of its walk.
#[derive(Clone, Copy)]
struct Landing<'a> {
    spec: &'a LoadSpec,
    quarantine: &'a TableName,
    missing: &'a TableName,
    /// Everything there is was shown.
    is_complete: bool,
}

impl<'a> Landing<'a> {
    /// The end of a table that rows were merged into with every commit.
    async fn close_merged<S: Session>(
        self,
        session: &mut S,
        table: &LoadingTable<S>,
        progress: &TableProgress,
    ) -> Result<Option<Check>, Fault> {
        let load = &table.plan.load;
        statements::run(session, load, "before the merge", &load.statements.before_merge).await?;
        statements::run(session, load, "after the merge", &load.statements.after_merge).await?;
        let is_check = self.is_complete && progress.began_empty && !table.plan.key.is_empty();
        Ok(is_check.then(Check::default))
    }

    /// Moves the rows of the staging table into the table.
    async fn move_collected<S: Session>(
        self,
        session: &mut S,
        table: &mut LoadingTable<S>,
        progress: &mut TableProgress,
    ) -> Result<Option<Check>, Fault> {
        check_count(session, &table.plan, progress).await?;
        let scope = progress.scope.clone();
        let scope = scope.and_then(|name| table.plan.columns.iter().position(|column| column.name == name));
        if !table.plan.key.is_empty() {
            session.execute(&staging::drop_earlier_versions(&table.plan), &[]).await?;
        }
        if let Some(parent) = scope {
            let outdated = staging::drop_outdated_children(&table.plan, &table.plan.columns[parent]);
            session.execute(&outdated, &[]).await?;
        }
        let is_left_alone = !table.plan.load.empty_table && progress.seq == 0;
        let check = if is_left_alone { None } else { self.fill(session, table, progress, scope).await? };
        if progress.scope.is_some() {
            session.execute(&format!("DROP TABLE {}", table.plan.parents.sql()), &[]).await?;
        }
        if !table.plan.load.keep_staging {
            session.execute(&format!("DROP TABLE {}", table.plan.staging.sql()), &[]).await?;
        }
        Ok(check)
    }

    /// Makes the table and fills it.
    async fn fill<S: Session>(
        self,
        session: &mut S,
        table: &mut LoadingTable<S>,
        progress: &mut TableProgress,
        scope: Option<usize>,
    ) -> Result<Option<Check>, Fault> {
        let views = match table.plan.load.mode {
            LoadMode::Replace => session.drop_for_replacement(&table.plan.table).await?,
            LoadMode::MergeAtEnd if progress.was_there => {
                refuse_gone(session, &table.plan).await?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        table.make(session).await?;
        let (plan, load) = (&table.plan, &table.plan.load);
        statements::run(session, load, "before the merge", &load.statements.before_merge).await?;
        let check = match load.mode {
            LoadMode::Replace | LoadMode::Truncate => {
                self.refill(session, plan, progress).await?;
                None
            }
            LoadMode::MergeAtEnd | LoadMode::MergeAsYouGo => {
                let parent = scope.map(|parent| &plan.columns[parent]);
                self.merge(session, plan, progress, parent).await?
            }
        };
        statements::run(session, load, "after the merge", &load.statements.after_merge).await?;
        for view in views {
            session.remake_view(&view).await?;
        }
        Ok(check)
    }

    /// Fills a table that holds nothing but the rows of this walk afterwards.
    async fn refill<S: Session>(
        self,
        session: &mut S,
        plan: &TablePlan,
        progress: &mut TableProgress,
    ) -> Result<(), Fault> {
        if plan.load.mode == LoadMode::Truncate {
            session.execute(&format!("DELETE FROM {}", plan.table.sql()), &[]).await?;
        }
        self.move_rows(session, plan, progress).await?;
        self.sightings(plan).forget_all(session).await
    }

    /// Merges the collected rows, and deals with what is gone.
    async fn merge<S: Session>(
        self,
        session: &mut S,
        plan: &TablePlan,
        progress: &mut TableProgress,
        parent: Option<&PlannedColumn>,
    ) -> Result<Option<Check>, Fault> {
        if plan.key.is_empty() {
            if let Some(parent) = parent {
                progress.outcomes.removed += absence::clear_sets(session, plan, parent).await?;
            }
            self.move_rows(session, plan, progress).await?;
            return Ok(None);
        }
        let mut check = self.begin_check(session, plan, progress).await?;
        let moved = self.move_rows(session, plan, progress).await?;
        let found = self.remove_gone(session, plan, progress, parent, check.as_mut()).await?;
        progress.outcomes.removed += found.removed;
        progress.outcomes.held += found.held;
        if let Some(check) = &mut check {
            (check.missing, check.different) = (moved.missing, moved.different);
        }
        Ok(check)
    }

    /// What the table holds and the source showed, before anything is moved.
    async fn begin_check<S: Session>(
        self,
        session: &mut S,
        plan: &TablePlan,
        progress: &TableProgress,
    ) -> Result<Option<Check>, Fault> {
        if !self.is_complete {
            return Ok(None);
        }
        let held = number(session, &plan.live_records()).await?;
        let shown = count_rows(session, &plan.staging.sql()).await? + progress.outcomes.refused;
        let guarded =
            plan.load.absence.as_ref().is_some_and(|absence| absence::is_guarded(absence, held, shown));
        Ok(Some(Check { held, shown, guarded, ..Check::default() }))
    }

    async fn remove_gone<S: Session>(
        self,
        session: &mut S,
        plan: &TablePlan,
        progress: &TableProgress,
        parent: Option<&PlannedColumn>,
        check: Option<&mut Check>,
    ) -> Result<Found, Fault> {
        let started_at = self.spec.started_at;
        let mut found = Found::default();
        let absence = plan.load.absence.as_ref();
        let (Some(check), Some(absence)) = (check, absence) else {
            if let Some(parent) = parent {
                found = absence::of_sets(session, plan, parent, started_at).await?;
            }
            self.sightings(plan).forget_shown(session).await?;
            return Ok(found);
        };
        let reports = absence.action == AbsenceAction::Report;
        // Rows that are only reported are counted once, among those of the whole read.
        if let Some(parent) = parent.filter(|_| !check.guarded && !reports) {
            found = absence::of_sets(session, plan, parent, started_at).await?;
            check.gone = found.removed;
        }
        let read = CompleteRead {
            plan,
            sightings: self.sightings(plan),
            quarantine: self.quarantine,
            runs: &progress.runs,
            run: &self.spec.run,
            started_at,
        };
        found += read.act(session, absence, check).await?;
        Ok(found)
    }

    /// Moves the staged rows, and puts those aside that the table refuses.
    async fn move_rows<S: Session>(
        self,
        session: &mut S,
        plan: &TablePlan,
        progress: &mut TableProgress,
    ) -> Result<Moved, Fault> {
        let range = Range { first: 1, last: progress.seq.max(1) };
        let mut moving = bisect::Moving::new(range);
        let mut all = Moved::default();
        while !moving.is_done() {
            let mut put_aside: Vec<RefusedRow> = Vec::new();
            all += bisect::move_some(session, plan, &mut moving, &mut put_aside).await?;
            let spec = self.spec;
            quarantine::put(session, self.quarantine, &spec.replication, &spec.run, &put_aside).await?;
        }
        progress.outcomes += all.outcomes;
        Ok(all)
    }

    fn sightings<'b>(self, plan: &'b TablePlan) -> Sightings<'b>
    where
        'a: 'b,
    {
        Sightings { place: self.missing, replication: &self.spec.replication, plan }
    }
}

/// A table that a walk began with is not made again: its other rows would be missing without a word.
async fn refuse_gone<S: Session>(session: &mut S, plan: &TablePlan) -> Result<(), Fault> {
    if session.shape(&plan.table).await?.is_some() {
        return Ok(());
    }
    let message = format!("table {} was there when the walk began and is gone", plan.table);
    Err(Error::new(Code::TableChanged, message).with_hint("run again; the stream starts over").into())
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

/// Rows of a table that held nothing when its walk began, where that is all that happened to it: they were counted as they
/// came. Counting them again would read a table of millions once more at the end of every first run.
fn added_to_nothing(plan: &TablePlan, progress: &TableProgress) -> Option<u64> {
    let load = &plan.load;
    let is_plain = plan.as_you_go() && load.merge != MergeStrategy::History && !plan.key.is_empty();
    let is_plain =
        is_plain && load.statements.before_merge.is_empty() && load.statements.after_merge.is_empty();
    (is_plain && progress.began_empty && progress.outcomes.removed == 0).then_some(progress.outcomes.added)
}

/// Rows of the table that are not marked as gone; none where there is no table.
async fn live_rows<S: Session>(session: &mut S, plan: &TablePlan) -> Result<u64, Fault> {
    let Some(shape) = session.shape(&plan.table).await? else { return Ok(0) };
    let has_all = plan.columns.iter().all(|column| actual_type::<S>(&shape, &column.name).is_some());
    // A table that was left alone may lack the column that takes the mark.
    let live = if has_all { plan.live("t") } else { "1 = 1".to_owned() };
    number(session, &format!("SELECT CAST(count(*) AS text) FROM {} AS t WHERE {live}", plan.table.sql()))
        .await
}

async fn count_rows<S: Session>(session: &mut S, table: &str) -> Result<u64, Fault> {
    number(session, &format!("SELECT CAST(count(*) AS text) FROM {table}")).await
}
