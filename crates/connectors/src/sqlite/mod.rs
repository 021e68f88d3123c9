//! SQLite, the embedded target: one file, tables named like the objects (`a.b` is the table `a_b`).

mod connection;
mod error;
mod load;
mod rows;
mod session;
mod types;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use achub_core::{
    Code, Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Difference, Load, LoadSpec, TableLoad, Tally, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    lock::WalkLock,
    sql::{
        Fault, Session, evolution, newest, quoted,
        session::{begin, end, rollback},
        state, tally, wide,
    },
    sqlite::{
        connection::Connection,
        load::SqliteLoad,
        session::{SqliteSession, place},
    },
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "sqlite", role: crate::Role::Target };

/// A database file. All loads share its one writing connection.
pub struct SqliteTarget {
    path: PathBuf,
    connection: Connection,
}

impl SqliteTarget {
    /// The database at `path`. The file is made when something is first written to it.
    ///
    /// Errors: `DB-101` where its folder does not exist.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteTarget, Error> {
        let path = path.as_ref().to_owned();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder
            && !folder.is_dir()
        {
            let message =
                format!("cannot open {}: the folder {} does not exist", path.display(), folder.display());
            return Err(Error::new(Code::TargetUnreachable, message)
                .with_hint("make the folder, or choose another path"));
        }
        Ok(SqliteTarget { connection: Connection::new(path.clone()), path })
    }
}

#[async_trait]
impl Target for SqliteTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "sqlite", place: self.path.display().to_string(), default_schema: None }
    }

    async fn check(&self) -> Result<(), Error> {
        let was_there = self.path.exists();
        let tried = self.try_table().await;
        if !was_there {
            self.connection.remove_file().await;
        }
        tried
    }

    async fn checkpoints(
        &self,
        schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        if !self.path.exists() {
            return Ok(Checkpoints::default());
        }
        let mut session = self.connection.hold().await?;
        let table = place(schema, state::TABLE);
        Ok(state::checkpoints(&mut *session, &table, replication).await?)
    }

    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        if !self.path.exists() {
            return Ok(None);
        }
        let mut session = self.connection.hold().await?;
        Ok(newest::newest(&mut *session, &place(schema, table), column).await?)
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        let lock = WalkLock::take(&self.path, &spec)?;
        Ok(Box::new(SqliteLoad::begin(self.connection.clone(), lock, spec).await?))
    }

    async fn wide_view(&self, view: &WideView) -> Result<bool, Error> {
        let mut session = self.connection.hold().await?;
        begin(&mut *session).await?;
        let made = make_view(&mut session, view).await;
        end(&mut *session, made).await?;
        Ok(true)
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        if !self.path.exists() {
            return Ok(None);
        }
        let mut session = self.connection.hold().await?;
        let table = place(tally.schema.as_deref(), &tally.table);
        Ok(tally::tally(&mut *session, &table, tally).await?)
    }

    async fn differences(&self, loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let mut session = self.connection.hold().await?;
        Ok(evolution::differences(&mut *session, loads).await?)
    }

    /// Booleans are kept as 0 and 1, days and instants as text that sorts, under declared types that say so.
    fn keeps(&self, ty: FieldType) -> bool {
        match ty {
            FieldType::Text | FieldType::Integer | FieldType::Float | FieldType::Boolean => true,
            FieldType::Date | FieldType::Timestamp | FieldType::Json => false,
        }
    }
}

impl SqliteTarget {
    /// Makes a table, writes to it, and takes all of it back.
    async fn try_table(&self) -> Result<(), Error> {
        let mut session = self.connection.hold().await?;
        begin(&mut *session).await?;
        let probe = quoted("_achub_check");
        session.execute(&format!("CREATE TABLE IF NOT EXISTS {probe} (n INTEGER)"), &[]).await?;
        session.execute(&format!("INSERT INTO {probe} (n) VALUES (1)"), &[]).await?;
        Ok(rollback(&mut *session).await?)
    }
}

async fn make_view(session: &mut SqliteSession, view: &WideView) -> Result<(), Fault> {
    let schema = view.base.schema.as_deref();
    let name = place(schema, &view.name);
    if session.shape(&name).await?.is_some_and(|shape| shape.is_table) {
        return Err(wide::in_the_way(&name).into());
    }
    session.execute(&format!("DROP VIEW IF EXISTS {}", name.sql()), &[]).await?;
    let values = place(view.values.schema.as_deref(), &view.values.name);
    let query = wide::query(view, &place(schema, &view.base.name), &values);
    session.execute(&format!("CREATE VIEW {} AS /* {} */ {query}", name.sql(), wide::MARK), &[]).await?;
    Ok(())
}
