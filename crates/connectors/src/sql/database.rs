//! A database as a target: what is the same for all of them.

use std::collections::HashMap;

use achub_core::{
    Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Difference, Load, LoadSpec, TableLoad, Tally, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::sql::{
    Fault, Session, evolution,
    holder::Holder,
    load::DatabaseLoad,
    newest,
    session::{begin, end, rollback},
    state, tally, wide,
};

/// The table that is made and taken back to see whether tables can be made.
const PROBE: &str = "_achub_check";

/// What a kind of database brings to be a target.
#[async_trait]
pub(crate) trait Database: Send + Sync + 'static {
    /// Where its sessions come from.
    type Holder: Holder + 'static;

    /// Keeps others from a walk as long as it lives; nothing where the session does so.
    type Lock: Send + 'static;

    /// What it is, for messages.
    fn info(&self) -> TargetInfo;

    /// Whether there is anything to look at: looking makes nothing.
    fn is_there(&self) -> bool;

    /// A session for a question.
    async fn holder(&self) -> Result<Self::Holder, Error>;

    /// A session for a load, which nobody else may carry out meanwhile.
    ///
    /// Errors: `RN-101` with who does.
    async fn holder_of(&self, spec: &LoadSpec) -> Result<(Self::Holder, Self::Lock), Error>;

    /// Removes what opening it made of nothing.
    async fn remove(&self);

    /// Whether a value of this type is kept as such.
    fn keeps(&self, ty: FieldType) -> bool;
}

/// A database that replication writes to.
pub struct DatabaseTarget<D> {
    pub(crate) database: D,
}

#[async_trait]
impl<D: Database> Target for DatabaseTarget<D> {
    fn info(&self) -> TargetInfo {
        self.database.info()
    }

    async fn check(&self) -> Result<(), Error> {
        let was_there = self.database.is_there();
        let tried = try_table(&self.database).await;
        if !was_there {
            self.database.remove().await;
        }
        tried
    }

    async fn checkpoints(
        &self,
        schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        if !self.database.is_there() {
            return Ok(Checkpoints::default());
        }
        let holder = self.database.holder().await?;
        let mut session = holder.hold().await?;
        let table = session.own_place(schema, state::TABLE);
        Ok(state::checkpoints(&mut *session, &table, replication).await?)
    }

    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        if !self.database.is_there() {
            return Ok(None);
        }
        let holder = self.database.holder().await?;
        let mut session = holder.hold().await?;
        let table = session.own_place(schema, table);
        Ok(newest::newest(&mut *session, &table, column).await?)
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        let (holder, lock) = self.database.holder_of(&spec).await?;
        Ok(Box::new(DatabaseLoad::begin(holder, lock, spec).await?))
    }

    async fn wide_view(&self, view: &WideView) -> Result<bool, Error> {
        let holder = self.database.holder().await?;
        let mut session = holder.hold().await?;
        begin(&mut *session).await?;
        let made = wide::make(&mut *session, view).await;
        end(&mut *session, made).await?;
        Ok(true)
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        if !self.database.is_there() {
            return Ok(None);
        }
        let holder = self.database.holder().await?;
        let mut session = holder.hold().await?;
        let table = session.own_place(tally.schema.as_deref(), &tally.table);
        Ok(tally::tally(&mut *session, &table, tally).await?)
    }

    async fn differences(&self, loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        if !self.database.is_there() {
            return Ok(Vec::new());
        }
        let holder = self.database.holder().await?;
        let mut session = holder.hold().await?;
        Ok(evolution::differences(&mut *session, loads).await?)
    }

    fn keeps(&self, ty: FieldType) -> bool {
        self.database.keeps(ty)
    }
}

/// Makes a table, writes to it, and takes all of it back.
async fn try_table<D: Database>(database: &D) -> Result<(), Error> {
    let holder = database.holder().await?;
    let mut session = holder.hold().await?;
    begin(&mut *session).await?;
    let tried = write_probe(&mut *session).await;
    rollback(&mut *session).await?;
    Ok(tried?)
}

async fn write_probe<S: Session>(session: &mut S) -> Result<(), Fault> {
    let probe = session.own_place(None, PROBE);
    session.make_schema(&probe).await?;
    session.execute(&format!("CREATE TABLE IF NOT EXISTS {} (n INTEGER)", probe.sql()), &[]).await?;
    session.execute(&format!("INSERT INTO {} (n) VALUES (1)", probe.sql()), &[]).await?;
    Ok(())
}
