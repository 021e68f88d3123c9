//! The hub's state in one SQLite file, shared by all processes of a machine.
//!
//! Two connections write: what must survive a power loss (runs, facts, people) goes through one that syncs every commit,
//! the budget through one that does not, because it is written once per request and a machine that was off has used no
//! requests. Others only read.

mod activity;
mod audience;
mod budget;
mod fence;
mod file;
mod jobs;
mod journal;
mod migration;
mod people;
mod query;
mod state;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use achub_core::{
    Code, Error,
    port::clock::{Clock, SystemClock},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a statement waits for the writer of another connection or process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Readers at once. More would wait for the same disk and processors.
const READERS_MAX: u32 = 4;

/// Pages each connection keeps: 16 MiB, as a negative number of KiB. Indexes of a million people are entered at random.
const CACHE: &str = "-16384";

/// Prepared statements each connection keeps: those of many rows come in nine lengths for each table.
const STATEMENTS_MAX: usize = 256;

/// State in an SQLite file. Clones share its connections.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) path: PathBuf,
    /// One connection that syncs every commit to the disk.
    durable: SqlitePool,
    /// One connection that leaves syncing to the next checkpoint of the log.
    quick: SqlitePool,
    /// For lists of people and activity, which may take long: they do not wait for the writer, nor he for them.
    readers: SqlitePool,
    /// By which leases and schedules are judged: all processes of the file are on one machine and share its clock.
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the state in the file `path`, made together with its folder where there is none, and brings it up to date.
    ///
    /// Any number of processes may open one file at once. A file made here can be read by its owner only (mode 0600),
    /// and so can a folder made here (0700); a file that others could read before loses that right.
    ///
    /// Errors: `SY-102` where a newer program wrote the file, which is then left as it is; `SY-103` where the disk is full
    /// or file or folder may only be read; `SY-105` where they cannot be used for another reason or the file is no
    /// database.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteStore, Error> {
        let path = path.as_ref().to_owned();
        let _opening = file::prepare(&path).await?;
        let durable = connect(&path, SqliteSynchronous::Full).await?;
        migration::run(&durable, &path).await?;
        let quick = connect(&path, SqliteSynchronous::Normal).await?;
        let readers = readers(&path);
        Ok(SqliteStore { path, durable, quick, readers, clock: Arc::new(SystemClock) })
    }

    /// The same store with another clock than the machine's.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> SqliteStore {
        SqliteStore { clock, ..self }
    }

    /// Closes the connections and moves the log into the file. Dropping the store is as safe but leaves the log behind.
    pub async fn close(&self) {
        self.readers.close().await;
        self.quick.close().await;
        self.durable.close().await;
    }

    /// The failure of something attempted with this file.
    fn broken(&self, attempt: &str, cause: sqlx::Error) -> Error {
        broken(&self.path, attempt, cause)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A pool of the one connection that is needed: a second one would only wait for the first one's lock.
async fn connect(path: &Path, synchronous: SqliteSynchronous) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // The connection is a file handle; it does not go stale.
        .test_before_acquire(false)
        .connect_with(options(path, synchronous))
        .await
        .map_err(|cause| broken(path, "open the state", cause))
}

fn options(path: &Path, synchronous: SqliteSynchronous) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY_TIMEOUT)
        // Whoever is forgotten is gone from the file, not only from its tables.
        .pragma("secure_delete", "ON")
        .pragma("cache_size", CACHE)
        .statement_cache_capacity(STATEMENTS_MAX)
}

/// Connections that only read, opened when they are needed.
fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .test_before_acquire(false)
        .connect_lazy_with(options(path, SqliteSynchronous::Normal).pragma("query_only", "ON"))
}

/// `SY-103` where nothing can be written, else `SY-105`, for what was attempted with the state in `path`. SQLite's own
/// words stay in the source chain.
fn broken(path: &Path, attempt: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let cause = cause.into();
    let code = if refuses_writes(cause.as_ref()) { Code::StoreFull } else { Code::StoreBroken };
    Error::new(code, format!("cannot {attempt}"))
        .with_detail("file", path.display().to_string())
        .with_source(cause)
}

/// The disk is full, or file or folder may only be read.
fn refuses_writes(cause: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        let refusals =
            [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied];
        return refusals.contains(&error.kind());
    }
    let database = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    let code = database.and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    // The lower byte is the primary code: SQLITE_READONLY is 8, SQLITE_FULL is 13. Source: sqlite.org, "Result and Error
    // Codes".
    code.is_some_and(|code| matches!(code & 0xff, 8 | 13))
}

#[cfg(test)]
mod tests {
    use achub_core::port::{
        jobs::JobStore,
        journal::{JournalStore, Level, LogLine},
    };

    use super::*;

    /// R26: runs and facts are on the disk once they are put. `PRAGMA synchronous`: 2 is FULL, 1 is NORMAL.
    #[tokio::test]
    async fn state_is_synced_and_budget_is_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();

        for (pool, expected) in [(&store.durable, 2), (&store.quick, 1)] {
            let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(pool).await.unwrap();
            assert_eq!(level, expected);
        }
    }

    /// SY-103, where SQLite is not asked: the folder cannot be made, or the file not be opened.
    #[test]
    fn refused_files_have_their_own_code() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, Code::StoreFull),
            (io::ErrorKind::ReadOnlyFilesystem, Code::StoreFull),
            (io::ErrorKind::PermissionDenied, Code::StoreFull),
            (io::ErrorKind::NotADirectory, Code::StoreBroken),
        ] {
            let refused = broken(Path::new("state.db"), "make the file", io::Error::from(kind));
            assert_eq!(refused.code(), expected, "{kind}");
        }
    }

    /// SY-103: a full disk and a file that may only be read are told apart from a broken one, and what was there stays.
    #[tokio::test]
    async fn refused_writes_have_their_own_code() {
        for refuse in ["PRAGMA max_page_count = 1", "PRAGMA query_only = 1"] {
            let folder = tempfile::TempDir::new().unwrap();
            let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();
            let run = achub_core::RunId::new("r-1");
            sqlx::query(sqlx::AssertSqlSafe(refuse)).execute(&store.durable).await.unwrap();
            let line = LogLine {
                at: jiff::Timestamp::UNIX_EPOCH,
                level: Level::Info,
                stream: None,
                message: "x".repeat(100_000),
            };

            let refused = store.append_log(&run, &[line]).await.unwrap_err();

            assert_eq!(refused.code(), Code::StoreFull, "{refuse}");
            assert_eq!(store.leases().await.unwrap(), [], "the queue can still be looked at");
            assert_eq!(store.log(&run, 1).await.unwrap(), [], "{refuse}");
        }
    }
}
