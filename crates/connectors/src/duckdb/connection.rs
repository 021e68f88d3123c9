//! The one connection of this process to a database file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
};

use achub_core::Error;
use async_trait::async_trait;
use tokio::sync::MappedMutexGuard;

use crate::{
    duckdb::{library::LibrarySearch, session::DuckdbSession},
    sql::{
        TableName,
        holder::{Holder, Shared},
    },
};

/// The files that are in use. DuckDB's lock on a file keeps other processes out, but not a second opening by the same
/// process; and the end of that second one would let go of the first one's lock.
static FILES: Mutex<Option<HashMap<PathBuf, Weak<File>>>> = Mutex::new(None);

/// Told when a file was closed.
static CLOSED: Condvar = Condvar::new();

/// A file and its connection, opened when it is first needed and closed with the last clone.
#[derive(Clone)]
pub(crate) struct Connection {
    file: Arc<File>,
}

struct File {
    path: PathBuf,
    library: LibrarySearch,
    shared: Shared<DuckdbSession>,
}

#[async_trait]
impl Holder for Connection {
    type Session = DuckdbSession;

    /// Errors: `DB-107` (no library), `RN-101` (another process has the file), `DB-101` (the file cannot be opened).
    async fn hold(&self) -> Result<MappedMutexGuard<'_, DuckdbSession>, Error> {
        let file = &self.file;
        file.shared.hold(DuckdbSession::open(&file.path, &file.library)).await
    }

    fn discard(&self, tables: Vec<TableName>) {
        self.file.shared.discard(tables);
    }
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
        let file =
            Arc::new(File { path: path.to_owned(), library: library.clone(), shared: Shared::default() });
        files.get_or_insert_default().insert(path.to_owned(), Arc::downgrade(&file));
        Connection { file }
    }

    /// Closes the connection and removes the file.
    pub(super) async fn remove_file(&self) {
        let mut session = self.file.shared.lock().await;
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
        self.shared.close();
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
