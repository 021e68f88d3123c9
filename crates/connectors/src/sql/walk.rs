//! A walk on its way into the tables of a database: what is prepared before its first row.

use achub_core::{
    Code, Error, Outcomes, RunId,
    port::target::{LoadMode, LoadSpec, TableLoad},
};

use crate::{
    landing::seen::Seen,
    sql::{
        Fault, Session, Shape, TableName, TablePlan, evolution, making,
        missing::{self, Sightings},
        plan::{self, SEQ},
        quarantine, staging,
        state::{self, Progress, TableProgress},
        wide,
    },
};

/// A load, apart from the connection it uses.
pub(crate) struct WalkLoad<S: Session> {
    pub(crate) spec: LoadSpec,
    pub(crate) tables: Vec<LoadingTable<S>>,
    pub(crate) progress: Progress,
    pub(crate) state: TableName,
    pub(crate) quarantine: TableName,
    pub(crate) missing: TableName,
    /// A call failed or was given up, so that memory and tables may disagree.
    pub(crate) is_spoiled: bool,
}

/// One of its tables.
pub(crate) struct LoadingTable<S: Session> {
    pub(crate) plan: TablePlan,
    /// The rows of one commit; emptied and used again.
    pub(crate) rows: S::Rows,
    /// Integer keys this load has written; for tables that are merged as it goes.
    pub(crate) seen: Seen,
    /// Parents whose children this load has written.
    pub(crate) parents_seen: Seen,
    /// The table held nothing when the walk began, and no earlier attempt wrote to it.
    pub(crate) was_empty: bool,
    /// The children's column that refers to parents has its index.
    pub(crate) is_indexed: bool,
    /// The table was made, or made fit, by this load.
    pub(crate) is_made: bool,
    /// Some of its rows were missed by a complete read and wait for a second one.
    pub(crate) has_sightings: bool,
}

impl<S: Session> WalkLoad<S> {
    /// Prepares tables and staging. `scratch` makes the names of temporary tables different from those of other loads.
    ///
    /// The inner error is a walk that cannot be continued (`DB-104`): what was stored of it is forgotten, so that the next
    /// attempt starts over, and the caller commits that.
    ///
    /// Errors: `CF-104` (what is asked cannot be done with these columns), `CF-107` (a name the database cannot take),
    /// `DB-104` (a table that rows cannot be merged into), `DB-106` (a table that differs, where that is not wanted).
    pub(crate) async fn prepare(
        session: &mut S,
        mut spec: LoadSpec,
        scratch: &str,
    ) -> Result<Result<WalkLoad<S>, Error>, Fault> {
        if !S::DECLARES_KEYS {
            spec.tables.iter_mut().for_each(|load| load.table.declare_key = false);
        }
        let schema = spec.state_schema.as_deref();
        let state = session.own_place(schema, state::TABLE);
        let quarantine = session.own_place(schema, quarantine::TABLE);
        let missing = session.own_place(schema, missing::TABLE);
        for load in &spec.tables {
            plan::check_names::<S>(&session.place(&load.table), load)?;
            plan::check_demands(load)?;
        }
        session.hold_catalogue().await?;
        session.make_schema(&state).await?;
        state::create(session, &state).await?;
        quarantine::create(session, &quarantine).await?;
        missing::create(session, &missing).await?;
        let mut tables = Vec::with_capacity(spec.tables.len());
        let mut progress = Progress::default();
        for (index, load) in spec.tables.iter().enumerate() {
            let (table, begun) =
                LoadingTable::plan(session, load, &spec.run, &format!("{scratch}_{index}")).await?;
            tables.push(table);
            progress.tables.push(begun);
        }
        let mut walk = WalkLoad { spec, tables, progress, state, quarantine, missing, is_spoiled: false };
        if walk.spec.resume {
            if let Err(error) = walk.take_up(session).await? {
                state::forget_walk(session, &walk.state, &walk.spec.replication, &walk.spec.walk).await?;
                return Ok(Err(error));
            }
        } else {
            walk.start_over(session).await?;
        }
        walk.open(session).await?;
        state::put_walk(session, &walk.state, &walk.spec.replication, &walk.spec.walk, &walk.progress)
            .await?;
        Ok(Ok(walk))
    }

    /// Makes what rows that are merged with every commit need.
    async fn open(&mut self, session: &mut S) -> Result<(), Fault> {
        let is_new = !self.spec.resume;
        for (table, progress) in self.tables.iter_mut().zip(&mut self.progress.tables) {
            if table.plan.as_you_go() {
                table.open(session, progress, is_new).await?;
            }
            if !table.plan.key.is_empty() {
                let (place, replication) = (&self.missing, &self.spec.replication);
                let sightings = Sightings { place, replication, plan: &table.plan };
                table.has_sightings = sightings.are_any(session).await?;
            }
        }
        Ok(())
    }

    /// Goes on with what an earlier attempt has collected.
    async fn take_up(&mut self, session: &mut S) -> Result<Result<(), Error>, Fault> {
        let stored = state::walk(session, &self.state, &self.spec.replication, &self.spec.walk).await?;
        let Some(stored) = stored else {
            return Ok(Err(self.cannot_resume("nothing is stored of an earlier attempt")));
        };
        if !stored.continues(&self.progress) {
            return Ok(Err(self.cannot_resume("the earlier attempt had other columns, tables or modes")));
        }
        if !state::rows_are_there(session, &stored).await? {
            return Ok(Err(self.cannot_resume("a table with rows of the earlier attempt is gone")));
        }
        for (table, stored) in self.tables.iter_mut().zip(&stored.tables) {
            let shape = session.shape(&table.plan.table).await?;
            let shape = shape.filter(|_| table.plan.load.mode != LoadMode::Replace);
            for (member, ty) in &stored.members {
                table.plan.add_member::<S>(member, *ty, shape.as_ref());
            }
        }
        self.progress = stored;
        for table in &mut self.progress.tables {
            if !table.runs.contains(&self.spec.run) {
                table.runs.push(self.spec.run.clone());
            }
        }
        Ok(Ok(()))
    }

    fn cannot_resume(&self, why: &str) -> Error {
        let message = format!("cannot continue {} of {}: {why}", self.spec.walk, self.spec.replication);
        Error::new(Code::TableChanged, message).with_hint("run again; what is not finished starts over")
    }

    /// Throws away what an earlier attempt collected and makes new staging tables.
    async fn start_over(&mut self, session: &mut S) -> Result<(), Fault> {
        for table in self.tables.iter().filter(|table| !table.plan.as_you_go()) {
            let plan = &table.plan;
            if let Some(shape) = session.shape(&plan.staging).await? {
                refuse_foreign(&plan.staging, &shape)?;
                session.execute(&format!("DROP TABLE {}", plan.staging.sql()), &[]).await?;
            }
            if let Some(shape) = session.shape(&plan.parents).await? {
                refuse_foreign(&plan.parents, &shape)?;
                session.execute(&format!("DROP TABLE {}", plan.parents.sql()), &[]).await?;
            }
            session.make_schema(&plan.staging).await?;
            session.execute(&staging::create_staging::<S>(plan), &[]).await?;
        }
        Ok(())
    }
}

impl<S: Session> LoadingTable<S> {
    fn new(plan: TablePlan) -> LoadingTable<S> {
        LoadingTable {
            plan,
            rows: S::Rows::default(),
            seen: Seen::default(),
            parents_seen: Seen::default(),
            was_empty: false,
            is_indexed: false,
            is_made: false,
            has_sightings: false,
        }
    }

    /// Plans a table, and says how far it is before its first row.
    async fn plan(
        session: &mut S,
        load: &TableLoad,
        run: &RunId,
        scratch: &str,
    ) -> Result<(LoadingTable<S>, TableProgress), Fault> {
        let table = session.place(&load.table);
        session.make_schema(&table).await?;
        let mut shape = session.shape(&table).await?;
        if shape.as_ref().is_some_and(|shape| !shape.is_table) && wide::give_way(session, &table).await? {
            shape = None;
        }
        let fits = shape.as_ref().filter(|_| load.mode != LoadMode::Replace);
        let plan = TablePlan::new(session, load, table, fits, scratch)?;
        if let Some(shape) = &shape {
            plan::check_table::<S>(&plan, shape)?;
        }
        if let Some(shape) = fits {
            evolution::refuse::<S>(&plan, shape)?;
        }
        let table = LoadingTable::new(plan);
        let progress = table.begin(run, shape.is_some());
        Ok((table, progress))
    }

    fn begin(&self, run: &RunId, was_there: bool) -> TableProgress {
        let plan = &self.plan;
        let staging = (!plan.as_you_go()).then_some(&plan.staging);
        TableProgress {
            stream: plan.load.stream.clone(),
            schema: plan.table.schema.clone(),
            table: plan.table.name.clone(),
            staging: staging.map(|staging| staging.name.clone()),
            staging_schema: staging.and_then(|staging| staging.schema.clone()),
            mode: plan.load.mode,
            columns: plan.columns.iter().map(|column| (column.name.clone(), column.fit.kind)).collect(),
            members: Vec::new(),
            scope: None,
            seq: 0,
            staged: 0,
            outcomes: Outcomes::default(),
            runs: vec![run.clone()],
            was_there,
            began_empty: !was_there,
            left_out: plan.left_out.clone(),
        }
    }

    /// Makes the table and its temporary staging, so that rows can be merged with every commit.
    async fn open(
        &mut self,
        session: &mut S,
        progress: &mut TableProgress,
        is_new_walk: bool,
    ) -> Result<(), Fault> {
        let is_there = session.shape(&self.plan.table).await?.is_some();
        if is_there || self.plan.load.empty_table {
            self.make(session).await?;
        }
        session.execute(&staging::create_staging::<S>(&self.plan), &[]).await?;
        if is_new_walk && is_there {
            let sql = format!("SELECT '1' FROM {} LIMIT 1", self.plan.table.sql());
            progress.began_empty = session.texts(&sql, &[]).await?.is_empty();
        }
        self.was_empty = is_new_walk && progress.began_empty;
        Ok(())
    }

    /// Makes the table, or makes it fit, once.
    pub(crate) async fn make(&mut self, session: &mut S) -> Result<(), Fault> {
        if !self.is_made {
            making::make_table(session, &mut self.plan).await?;
            self.is_made = true;
        }
        Ok(())
    }
}

/// A table of somebody else that happens to have the name of a staging table is not touched.
fn refuse_foreign(table: &TableName, shape: &Shape) -> Result<(), Error> {
    if shape.is_table && shape.columns.iter().any(|(name, _)| name == SEQ) {
        return Ok(());
    }
    Err(Error::new(Code::TableChanged, format!("{table} is there and is not a staging table of achub"))
        .with_hint("rename it, or choose another object"))
}
