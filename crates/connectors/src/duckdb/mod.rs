//! DuckDB, one file: rows go in by bulk append through ADBC and are merged set by set.
//!
//! The library is not part of the program. It is loaded when it is needed, see [`LibrarySearch`]. DuckDB gives a file to one
//! process at a time; while a target is in use, others cannot read it.

mod call;
mod catalogue;
mod connection;
mod error;
mod ingest;
mod library;
mod load;
mod open;
mod rows;
mod session;
mod types;
mod unfit;
mod worker;

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

pub use crate::duckdb::{
    call::Answer,
    library::{LibrarySearch, library_name, npm_package},
};
use crate::{
    duckdb::{
        connection::Connection,
        load::DuckdbLoad,
        session::{DEFAULT_SCHEMA, DuckdbSession, place},
    },
    lock::WalkLock,
    sql::{
        Fault, Session, evolution, newest,
        session::{begin, end, rollback},
        state, tally, wide,
    },
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "duckdb", role: crate::Role::Target };

/// A database file. All loads share this process's one connection to it.
pub struct DuckdbTarget {
    path: PathBuf,
    connection: Connection,
}

impl DuckdbTarget {
    /// The database at `path`. Library and file are opened when they are first needed, the file is made when something is
    /// first written to it, and given to other processes again when the last target and load of it is dropped.
    ///
    /// Errors: `DB-101` where its folder does not exist.
    pub fn open(path: impl AsRef<Path>, library: &LibrarySearch) -> Result<DuckdbTarget, Error> {
        let path = path.as_ref();
        let unusable = |cause| {
            let message = format!("cannot use the database file {}", path.display());
            Error::new(Code::TargetUnreachable, message).with_source(cause)
        };
        let absolute = std::path::absolute(path).map_err(unusable)?;
        let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            let message = format!("{} names no file", path.display());
            return Err(Error::new(Code::TargetUnreachable, message));
        };
        // One file has one name here, whichever links lead to it.
        let folder = folder
            .canonicalize()
            .map_err(|cause| unusable(cause).with_hint("make the folder, or choose another path"))?;
        let path = folder.join(name);
        let path = path.canonicalize().unwrap_or(path);
        Ok(DuckdbTarget { connection: Connection::to(&path, library), path })
    }

    /// Runs SQL of somebody else's making in a transaction of its own and gives what its last statement answers.
    ///
    /// Errors: those of the statement; then nothing of it is done.
    pub async fn query(&self, sql: &str) -> Result<Answer, Error> {
        let mut session = self.connection.hold().await?;
        begin(&mut *session).await?;
        let answer = session.answer(sql, &[]).await;
        end(&mut *session, answer).await
    }

    /// Makes a table, writes to it, and takes all of it back.
    async fn try_table(&self) -> Result<(), Error> {
        let mut session = self.connection.hold().await?;
        begin(&mut *session).await?;
        let probe = place(None, "_achub_check");
        session.execute(&format!("CREATE TABLE IF NOT EXISTS {} (n BIGINT)", probe.sql()), &[]).await?;
        session.execute(&format!("INSERT INTO {} (n) VALUES (1)", probe.sql()), &[]).await?;
        Ok(rollback(&mut *session).await?)
    }
}

#[async_trait]
impl Target for DuckdbTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            kind: "duckdb",
            place: self.path.display().to_string(),
            default_schema: Some(DEFAULT_SCHEMA.to_owned()),
        }
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
        Ok(Box::new(DuckdbLoad::begin(self.connection.clone(), lock, spec).await?))
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

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}

async fn make_view(session: &mut DuckdbSession, view: &WideView) -> Result<(), Fault> {
    let base = session.place(&view.base);
    let name = base.beside(&view.name);
    if session.shape(&name).await?.is_some_and(|shape| shape.is_table) {
        return Err(wide::in_the_way(&name).into());
    }
    let query = wide::query(view, &base, &session.place(&view.values));
    session.execute(&format!("CREATE OR REPLACE VIEW {} AS {query}", name.sql()), &[]).await?;
    Ok(())
}
