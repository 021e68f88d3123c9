//! The store in a file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use achub_core::{
    AccountName, Code, RunId,
    port::{
        activity::{ActivityFilter, ActivityStore},
        budget::BudgetStore,
        jobs::JobStore,
        state::{Fact, StateStore},
    },
};
use achub_store::sqlite::SqliteStore;
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    activity::{self, Tamper, activity_suite},
    clock::HandClock,
    conformance::{self, budget_suite, state_suite},
    jobs::{self, jobs_suite},
};

async fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("state.db")).await.unwrap()
}

async fn fresh() -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    (folder, store)
}

/// What another program makes of the file; its connection is closed again, so that its log is in the file.
async fn outside(folder: &TempDir, sql: &'static str) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(folder.path().join("state.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let answer = sqlx::query_scalar(sql).fetch_optional(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

budget_suite!(fresh());
state_suite!(fresh());
jobs_suite!(async {
    let (folder, one) = fresh().await;
    let other = open(&folder).await;
    let clock = HandClock::default();
    jobs::Setting {
        one: Arc::new(one.with_clock(Arc::new(clock.clone()))),
        other: Arc::new(other.with_clock(Arc::new(clock.clone()))),
        clock: Arc::new(clock),
        _guard: Box::new(folder),
    }
});
activity_suite!(async { activity_setting().await.0 });

async fn activity_setting() -> (activity::Setting, Editor) {
    let (folder, one) = fresh().await;
    let other = open(&folder).await;
    let editor = Editor(folder.path().join("state.db"));
    (activity::Setting { one: Arc::new(one), other: Arc::new(other), _guard: Box::new(folder) }, editor)
}

/// Somebody with a tool for SQLite files.
struct Editor(PathBuf);

#[async_trait]
impl Tamper for Editor {
    async fn run(&self, sql: &str) {
        let options = SqliteConnectOptions::new().filename(&self.0);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Any line that was changed, taken out or swapped is found.
#[tokio::test]
async fn tampered_activity_is_found() {
    let (setting, editor) = activity_setting().await;

    activity::tampering_is_found(setting, &editor).await;
}

/// R14: every process reserves from one row. Each opening has connections of its own, as a process would.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn separate_openings_never_share_slots() {
    let folder = TempDir::new().unwrap();
    let mut openings = Vec::new();
    for _ in 0..4 {
        openings.push(open(&folder).await);
    }

    conformance::many_tasks_never_share_slots(openings).await;
}

/// Whoever looks at queue and log does not wait for a process that writes, however long it takes.
#[tokio::test]
async fn queue_is_seen_while_others_write() {
    let (folder, store) = fresh().await;
    let options = SqliteConnectOptions::new().filename(folder.path().join("state.db"));
    let mut writer = SqliteConnection::connect_with(&options).await.unwrap();
    let writing = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();

    assert_eq!(store.queued(Duration::ZERO).await.unwrap(), []);
    assert_eq!(store.leases().await.unwrap(), []);
    assert_eq!(store.schedules().await.unwrap(), []);
    assert!(!store.is_asked_to_stop(&RunId::new("r-1")).await.unwrap());
    assert_eq!(store.activity(&ActivityFilter::default(), 1).await.unwrap(), []);
    writing.rollback().await.unwrap();
}

/// Programs that start at the same moment on a new machine all get a working store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_first_openings_all_succeed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");

    let openings: Vec<_> = (0..12)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { SqliteStore::open(path).await })
        })
        .collect();

    for opening in openings {
        opening.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn state_survives_closing_and_reopening() {
    let (folder, store) = fresh().await;
    let account = AccountName::new("acme");
    let fact = Fact { value: serde_json::json!([1]), found_at: Timestamp::UNIX_EPOCH };
    store.put_fact(&account, "name", &fact).await.unwrap();
    let slot = store.reserve(&account, Timestamp::UNIX_EPOCH, 7).await.unwrap().slot;
    store.close().await;

    let store = open(&folder).await;

    assert_eq!(store.fact(&account, "name").await.unwrap(), Some(fact));
    let next = store.reserve(&account, Timestamp::UNIX_EPOCH, 7).await.unwrap().slot;
    assert_eq!(next.as_microsecond() - slot.as_microsecond(), 7);
}

/// R26; that its commits are synced is for [`achub_store::sqlite`]'s own test, which sees the connections.
#[tokio::test]
async fn file_keeps_a_write_ahead_log() {
    let (folder, store) = fresh().await;

    assert_eq!(outside(&folder, "PRAGMA journal_mode").await.as_deref(), Some("wal"));
    drop(store);
}

#[tokio::test]
async fn newer_store_refuses_older_program() {
    let (folder, store) = fresh().await;
    store.close().await;
    outside(&folder, "INSERT INTO _achub_migrations (version, name) VALUES (9999, '9999_of_the_future')")
        .await;
    let before = fs::read(folder.path().join("state.db")).unwrap();

    let refused = SqliteStore::open(folder.path().join("state.db")).await.unwrap_err();

    assert_eq!(refused.code(), Code::StoreNewer);
    assert_eq!(fs::read(folder.path().join("state.db")).unwrap(), before, "nothing was touched");
}

#[tokio::test]
async fn foreign_file_is_refused_untouched() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let text = "name,email\n".repeat(1_000);
    fs::write(&path, &text).unwrap();

    let refused = SqliteStore::open(&path).await.unwrap_err();

    assert_eq!(refused.code(), Code::StoreBroken);
    assert_eq!(refused.details(), [("file", path.display().to_string())]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn unknown_status_is_an_error() {
    let (folder, store) = fresh().await;
    outside(&folder, "INSERT INTO run VALUES ('r', 'x', 0, NULL, 'odd', '{}')").await;

    let refused = store.runs(None, 1).await.unwrap_err();

    assert_eq!(refused.code(), Code::StoreBroken);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("home").join("achub").join("state.db");

    let store = SqliteStore::open(&path).await.unwrap();
    store.reserve(&AccountName::new("acme"), Timestamp::UNIX_EPOCH, 1).await.unwrap();

    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(path.parent().unwrap().parent().unwrap()), 0o700);
}

#[cfg(unix)]
#[tokio::test]
async fn open_file_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = fresh().await;
    store.close().await;
    let path = folder.path().join("state.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

    let _store = open(&folder).await;

    assert_eq!(mode(&path), 0o600);
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
