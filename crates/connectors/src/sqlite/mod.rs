//! SQLite, the embedded target: one file, tables named like the objects (`a.b` is the table `a_b`).

mod connection;
mod error;
mod rows;
mod session;
mod types;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use achub_core::{
    Code, Error, FieldType,
    port::target::{LoadSpec, TargetInfo},
};
use async_trait::async_trait;

use crate::{
    lock::WalkLock,
    sql::database::{Database, DatabaseTarget},
    sqlite::connection::{BUSY_WAIT, Connection},
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "sqlite", role: crate::Role::Target };

/// A database file as a target. All loads share its one writing connection.
pub type SqliteTarget = DatabaseTarget<SqliteFile>;

/// A database file.
pub struct SqliteFile {
    path: PathBuf,
    connection: Connection,
}

impl DatabaseTarget<SqliteFile> {
    /// The database at `path`. The file is made when something is first written to it.
    ///
    /// Errors: `DB-101` where its folder does not exist.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteTarget, Error> {
        SqliteTarget::open_waiting(path, BUSY_WAIT).await
    }

    /// The same, where a statement waits so long for another process that is writing to the file, and not ten seconds. A
    /// transaction waits several times that long: it is begun again where it gave way.
    pub async fn open_waiting(path: impl AsRef<Path>, busy_wait: Duration) -> Result<SqliteTarget, Error> {
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
        let connection = Connection::new(path.clone(), busy_wait);
        Ok(DatabaseTarget { database: SqliteFile { path, connection } })
    }
}

#[async_trait]
impl Database for SqliteFile {
    type Holder = Connection;
    type Lock = WalkLock;

    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "sqlite", place: self.path.display().to_string(), default_schema: None }
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

    /// Booleans are kept as 0 and 1, days and instants as text that sorts, under declared types that say so.
    fn keeps(&self, ty: FieldType) -> bool {
        match ty {
            FieldType::Text | FieldType::Integer | FieldType::Float | FieldType::Boolean => true,
            FieldType::Date | FieldType::Timestamp | FieldType::Json => false,
        }
    }
}
