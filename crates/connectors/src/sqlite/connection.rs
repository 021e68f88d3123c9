//! The one writing connection of a database file.

use std::{path::PathBuf, sync::Arc, time::Duration};

use achub_core::Error;
use async_trait::async_trait;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::MappedMutexGuard;

use crate::{
    sql::{
        TableName,
        holder::{Holder, Shared},
    },
    sqlite::{error, session::SqliteSession},
};

/// How long a statement waits for another process that is writing to the file, where nobody says otherwise.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The connection, opened when it is first needed. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    path: PathBuf,
    busy_wait: Duration,
    shared: Arc<Shared<SqliteSession>>,
}

#[async_trait]
impl Holder for Connection {
    type Session = SqliteSession;

    async fn hold(&self) -> Result<MappedMutexGuard<'_, SqliteSession>, Error> {
        self.shared.hold(self.open()).await
    }

    fn discard(&self, tables: Vec<TableName>) {
        self.shared.discard(tables);
    }
}

impl Connection {
    pub(crate) fn new(path: PathBuf, busy_wait: Duration) -> Connection {
        Connection { path, busy_wait, shared: Arc::default() }
    }

    /// Closes the connection and removes what it made of nothing.
    pub(crate) async fn remove_file(&self) {
        let mut session = self.shared.lock().await;
        if let Some(session) = session.take() {
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
    async fn open(&self) -> Result<SqliteSession, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(self.busy_wait)
            .pragma("temp_store", "MEMORY");
        let connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(|cause| error::fault(&format!("cannot open {}", self.path.display()), cause).error)?;
        Ok(SqliteSession { connection, in_transaction: false })
    }
}
