//! DuckDB, one file: rows go in by bulk append through ADBC and are merged set by set.
//!
//! The library is not part of the program. It is loaded when it is needed, see [`LibrarySearch`]. DuckDB gives a file to one
//! process at a time; while a target is in use, others cannot read it.

mod call;
mod catalogue;
mod connection;
mod error;
pub(crate) mod exec;
mod ingest;
mod library;
mod open;
mod rows;
mod session;
mod types;
mod unfit;
mod worker;

use std::path::{Path, PathBuf};

use achub_core::{
    Code, Error, FieldType,
    port::target::{LoadSpec, TargetInfo},
};
use async_trait::async_trait;

pub use crate::duckdb::{
    call::Answer,
    library::{LibrarySearch, library_name, npm_package},
};
use crate::{
    duckdb::{connection::Connection, session::DEFAULT_SCHEMA},
    lock::WalkLock,
    sql::{
        database::{Database, DatabaseTarget},
        holder::Holder as _,
        session::{begin, end},
    },
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "duckdb", role: crate::Role::Target };

/// A database file as a target. All loads share this process's one connection to it.
pub type DuckdbTarget = DatabaseTarget<DuckdbFile>;

/// A database file.
pub struct DuckdbFile {
    path: PathBuf,
    connection: Connection,
}

impl DatabaseTarget<DuckdbFile> {
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
        let connection = Connection::to(&path, library);
        Ok(DatabaseTarget { database: DuckdbFile { path, connection } })
    }

    /// Runs SQL of somebody else's making in a transaction of its own and gives what its last statement answers.
    ///
    /// Errors: those of the statement; then nothing of it is done.
    pub async fn query(&self, sql: &str) -> Result<Answer, Error> {
        let mut session = self.database.connection.hold().await?;
        begin(&mut *session).await?;
        let answer = session.answer(sql, &[]).await;
        end(&mut *session, answer).await
    }
}

#[async_trait]
impl Database for DuckdbFile {
    type Holder = Connection;
    type Lock = WalkLock;

    fn info(&self) -> TargetInfo {
        TargetInfo {
            kind: "duckdb",
            place: self.path.display().to_string(),
            default_schema: Some(DEFAULT_SCHEMA.to_owned()),
        }
    }

    fn is_there(&self) -> bool {
        self.path.exists()
    }

    async fn holder(&self) -> Result<Connection, Error> {
        Ok(self.connection.clone())
    }

    async fn holder_of(&self, spec: &LoadSpec) -> Result<(Connection, WalkLock), Error> {
        let lock = WalkLock::take(&self.path, spec)?;
        Ok((self.connection.clone(), lock))
    }

    async fn remove(&self) {
        self.connection.remove_file().await;
    }

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}
