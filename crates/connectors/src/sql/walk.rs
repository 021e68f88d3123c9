//! A walk on its way into the tables of a database: what is prepared before its first row.

use achub_core::{
    Code, Error, Outcomes,
    port::target::{LoadMode, LoadSpec},
};

use crate::{
    landing::seen::Seen,
    sql::{
        Fault, Session, Shape, TableName, TablePlan, merge,
        plan::{self, SEQ},
        quarantine, session,
        state::{self, Progress, TableProgress},
    },
};

/// A load, apart from the connection it uses.
pub(crate) struct WalkLoad<S: Session> {
    pub(crate) spec: LoadSpec,
    pub(crate) tables: Vec<LoadingTable<S>>,
    pub(crate) progress: Progress,
    pub(crate) state: TableName,
    pub(crate) quarantine: TableName,
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
}

impl<S: Session> WalkLoad<S> {
    /// Prepares tables and staging. `scratch` makes the names of temporary tables different from those of other loads.
    ///
    /// The inner error is a walk that cannot be continued (`DB-104`): what was stored of it is forgotten, so that the next
    /// attempt starts over, and the caller commits that.
    ///
    /// Errors: `CF-107` (a name the database cannot take), `DB-104` (a table that rows cannot be merged into).
    pub(crate) async fn prepare(
        session: &mut S,
        spec: LoadSpec,
        scratch: &str,
    ) -> Result<Result<WalkLoad<S>, Error>, Fault> {
        let schema = spec.state_schema.as_deref();
        let state = session.own_place(schema, state::TABLE);
        let quarantine = session.own_place(schema, quarantine::TABLE);
        for load in &spec.tables {
            plan::check_names::<S>(&session.place(&load.table), load)?;
        }
        session.hold_catalogue().await?;
        session.make_schema(&state).await?;
        state::create(session, &state).await?;
        quarantine::create(session, &quarantine).await?;
        let mut tables = Vec::with_capacity(spec.tables.len());
        for (index, load) in spec.tables.iter().enumerate() {
            let table = session.place(&load.table);
            session.make_schema(&table).await?;
            let shape = session.shape(&table).await?;
            let replaced = load.mode == LoadMode::Replace;
            let fits = shape.as_ref().filter(|_| !replaced);
            let plan = TablePlan::new(session, load, table, fits, &format!("{scratch}_{index}"))?;
            if let Some(shape) = &shape {
                plan::check_table::<S>(&plan, shape)?;
            }
            tables.push(LoadingTable::new(plan));
        }
        let progress = Progress { position: None, tables: tables.iter().map(LoadingTable::begin).collect() };
        let mut walk = WalkLoad { spec, tables, progress, state, quarantine, is_spoiled: false };
        if walk.spec.resume {
            if let Err(error) = walk.take_up(session).await? {
                state::forget_walk(session, &walk.state, &walk.spec.replication, &walk.spec.walk).await?;
                return Ok(Err(error));
            }
        } else {
            walk.start_over(session).await?;
        }
        for table in walk.tables.iter_mut().filter(|table| table.plan.as_you_go()) {
            table.open(session, !walk.spec.resume).await?;
        }
        state::put_walk(session, &walk.state, &walk.spec.replication, &walk.spec.walk, &walk.progress)
            .await?;
        Ok(Ok(walk))
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
        if !state::staging_is_there(session, &stored).await? {
            return Ok(Err(self.cannot_resume("the rows the earlier attempt collected are gone")));
        }
        for (table, stored) in self.tables.iter_mut().zip(&stored.tables) {
            let shape = session.shape(&table.plan.table).await?;
            let shape = shape.filter(|_| table.plan.load.mode != LoadMode::Replace);
            for (member, ty) in &stored.members {
                table.plan.add_member::<S>(member, *ty, shape.as_ref());
            }
        }
        self.progress = stored;
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
            session.execute(&merge::create_staging::<S>(plan), &[]).await?;
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
        }
    }

    /// How far a table is before its first row.
    fn begin(&self) -> TableProgress {
        let plan = &self.plan;
        TableProgress {
            stream: plan.load.stream.clone(),
            schema: plan.table.schema.clone(),
            table: plan.table.name.clone(),
            staging: (!plan.as_you_go()).then(|| plan.staging.name.clone()),
            mode: plan.load.mode,
            columns: plan.columns.iter().map(|column| (column.name.clone(), column.fit.kind)).collect(),
            members: Vec::new(),
            scope: None,
            seq: 0,
            staged: 0,
            outcomes: Outcomes::default(),
        }
    }

    /// Makes the table and its temporary staging, so that rows can be merged with every commit.
    async fn open(&mut self, session: &mut S, is_new_walk: bool) -> Result<(), Fault> {
        make_table(session, &self.plan).await?;
        session.execute(&merge::create_staging::<S>(&self.plan), &[]).await?;
        let sql = format!(
            "SELECT CAST(count(*) AS text) FROM (SELECT 1 FROM {} LIMIT 1) AS x",
            self.plan.table.sql()
        );
        self.was_empty = is_new_walk && session::number(session, &sql).await? == 0;
        Ok(())
    }
}

/// Makes the table, or adds the columns it lacks.
pub(crate) async fn make_table<S: Session>(session: &mut S, plan: &TablePlan) -> Result<(), Fault> {
    let Some(shape) = session.shape(&plan.table).await? else {
        session.execute(&merge::create_table::<S>(plan), &[]).await?;
        if let Some(comment) = &plan.load.table.comment {
            session.comment(&plan.table, comment).await?;
        }
        return Ok(());
    };
    plan::check_table::<S>(plan, &shape)?;
    for column in &plan.columns {
        if plan::actual_type::<S>(&shape, &column.name).is_none() {
            let sql = format!(
                "ALTER TABLE {} ADD COLUMN {} {}",
                plan.table.sql(),
                crate::sql::quoted(&column.name),
                S::type_sql(column.declared)
            );
            session.execute(&sql, &[]).await?;
        }
    }
    Ok(())
}

/// A table of somebody else that happens to have the name of a staging table is not touched.
fn refuse_foreign(table: &TableName, shape: &Shape) -> Result<(), Error> {
    if shape.is_table && shape.columns.iter().any(|(name, _)| name == SEQ) {
        return Ok(());
    }
    Err(Error::new(Code::TableChanged, format!("{table} is there and is not a staging table of achub"))
        .with_hint("rename it, or choose another object"))
}
