//! The one writing connection of a database file.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex as PlainMutex, PoisonError},
    time::Duration,
};

use achub_core::Error;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::{
    sql::{Session, TableName, session},
    sqlite::{error, session::SqliteSession},
};

/// How long a statement waits for another process that is writing to the file.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The connection, opened when it is first needed. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    path: PathBuf,
    open: Arc<Mutex<Option<SqliteSession>>>,
    /// Temporary tables of loads that ended; dropped by whoever holds the connection next.
    litter: Arc<PlainMutex<Vec<TableName>>>,
}

impl Connection {
    pub(crate) fn new(path: PathBuf) -> Connection {
        Connection { path, open: Arc::default(), litter: Arc::default() }
    }

    /// Waits until nobody else of this process uses the connection.
    pub(crate) async fn hold(&self) -> Result<MappedMutexGuard<'_, SqliteSession>, Error> {
        let mut open = self.open.lock().await;
        if open.is_none() {
            *open = Some(SqliteSession { connection: self.connect().await?, in_transaction: false });
        }
        let mut held = MutexGuard::map(open, |open| open.as_mut().expect("it was opened above"));
        session::rollback(&mut *held).await?;
        self.sweep(&mut held).await?;
        Ok(held)
    }

    /// Leaves temporary tables behind for the next holder.
    pub(crate) fn discard(&self, tables: impl IntoIterator<Item = TableName>) {
        self.litter.lock().unwrap_or_else(PoisonError::into_inner).extend(tables);
    }

    /// Closes the connection and removes what it made of nothing.
    pub(crate) async fn remove_file(&self) {
        let mut open = self.open.lock().await;
        if let Some(session) = open.take() {
            // The file goes in any case; an error of closing it says nothing that matters then.
            let _ = session.connection.close().await;
        }
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.as_os_str().to_owned();
            path.push(end);
            // The side files exist only sometimes.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Full synchronisation, because a cursor that is stored must survive a power cut; the log keeps readers going.
    async fn connect(&self) -> Result<SqliteConnection, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_WAIT)
            .pragma("temp_store", "MEMORY");
        SqliteConnection::connect_with(&options)
            .await
            .map_err(|cause| error::fault(&format!("cannot open {}", self.path.display()), cause).error)
    }

    async fn sweep(&self, session: &mut SqliteSession) -> Result<(), Error> {
        let tables = std::mem::take(&mut *self.litter.lock().unwrap_or_else(PoisonError::into_inner));
        for table in tables {
            let sql = format!("DROP TABLE IF EXISTS {}", table.sql());
            session.execute(&sql, &[]).await?;
        }
        Ok(())
    }
}
