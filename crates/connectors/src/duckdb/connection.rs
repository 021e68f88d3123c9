//! The one connection of this process to a database file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex as PlainMutex, PoisonError, Weak},
};

use achub_core::Error;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::{
    duckdb::{library::LibrarySearch, session::DuckdbSession},
    sql::{Session, TableName, session},
};

/// The files that are in use. DuckDB's lock on a file keeps other processes out, but not a second opening by the same
/// process; and the end of that second one would let go of the first one's lock.
static FILES: PlainMutex<Option<HashMap<PathBuf, Weak<File>>>> = PlainMutex::new(None);

/// Told when a file was closed.
static CLOSED: Condvar = Condvar::new();

/// A file and its connection, opened when it is first needed and closed with the last clone.
#[derive(Clone)]
pub(super) struct Connection {
    file: Arc<File>,
}

struct File {
    path: PathBuf,
    library: LibrarySearch,
    session: Mutex<Option<DuckdbSession>>,
    /// Temporary tables of loads that ended; dropped by whoever holds the connection next.
    litter: PlainMutex<Vec<TableName>>,
}

impl Connection {
    /// The connection to the file at `path`, which is absolute; shared with everybody in this process who asks for it.
    pub(super) fn to(path: &Path, library: &LibrarySearch) -> Connection {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(file) = files.get_or_insert_default().get(path) {
            if let Some(file) = file.upgrade() {
                return Connection { file };
            }
            // It is being closed.
            files = CLOSED.wait(files).unwrap_or_else(PoisonError::into_inner);
        }
        let file = Arc::new(File {
            path: path.to_owned(),
            library: library.clone(),
            session: Mutex::new(None),
            litter: PlainMutex::default(),
        });
        files.get_or_insert_default().insert(path.to_owned(), Arc::downgrade(&file));
        Connection { file }
    }

    /// Waits until nobody else of this process uses the connection.
    ///
    /// Errors: `DB-107` (no library), `RN-101` (another process has the file), `DB-101` (the file cannot be opened).
    pub(super) async fn hold(&self) -> Result<MappedMutexGuard<'_, DuckdbSession>, Error> {
        let mut session = self.file.session.lock().await;
        if session.is_none() {
            *session = Some(DuckdbSession::open(&self.file.path, &self.file.library).await?);
        }
        let mut held = MutexGuard::map(session, |session| session.as_mut().expect("it was opened above"));
        session::rollback(&mut *held).await?;
        self.sweep(&mut held).await?;
        Ok(held)
    }

    /// Leaves temporary tables behind for the next holder.
    pub(super) fn discard(&self, tables: impl IntoIterator<Item = TableName>) {
        self.file.litter.lock().unwrap_or_else(PoisonError::into_inner).extend(tables);
    }

    async fn sweep(&self, session: &mut DuckdbSession) -> Result<(), Error> {
        let tables = std::mem::take(&mut *self.file.litter.lock().unwrap_or_else(PoisonError::into_inner));
        for table in tables {
            session.execute(&format!("DROP TABLE IF EXISTS {}", table.sql()), &[]).await?;
        }
        Ok(())
    }

    /// Closes the connection and removes the file.
    pub(super) async fn remove_file(&self) {
        let mut session = self.file.session.lock().await;
        drop(session.take());
        let path = &self.file.path;
        for file in [path.clone(), beside(path, ".wal")] {
            // The log exists only sometimes.
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(self.session.get_mut().take());
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        files.get_or_insert_default().remove(&self.path);
        CLOSED.notify_all();
    }
}

/// The path with `end` behind it.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    PathBuf::from(path)
}
