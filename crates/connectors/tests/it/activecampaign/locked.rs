//! A file that other programs read and write while rows land in it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use achub_connectors::sqlite::SqliteTarget;
use achub_core::{
    code::Class,
    port::progress::{Event, Progress, Silent},
};
use achub_engine::{
    Replication, Summary,
    replication::{FullCheck, Mode},
};
use achub_testkit::oracle;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Notify;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

const STREAMS: [&str; 3] = ["contacts", "contact_tags", "deals"];

/// A database file, and another program that uses it.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new() -> File {
        File { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("target.db")
    }

    async fn target(&self, busy_wait: Duration) -> SqliteTarget {
        SqliteTarget::open_waiting(self.path(), busy_wait).await.expect("the folder is there")
    }

    async fn other_program(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).busy_timeout(Duration::from_secs(60));
        SqliteConnection::connect_with(&options).await.expect("the file is there")
    }

    async fn assert_equal(&self, rig: &Rig) {
        for stream in STREAMS {
            let findings = rig.compared(stream, &oracle::sqlite_rows(&self.path(), stream).await).await;
            assert!(findings.is_clean(), "{stream}: {}", findings.brief());
        }
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("the statement is right");
}

/// Tells when so many tries have failed.
#[derive(Default)]
struct Watch {
    failures: AtomicU64,
    failed: Notify,
    told: Mutex<Vec<String>>,
}

impl Watch {
    fn until(failures: u64) -> Arc<Watch> {
        Arc::new(Watch { failures: failures.into(), ..Watch::default() })
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().expect("no test panics with it").clone()
    }
}

impl Progress for Watch {
    fn event(&self, event: Event) {
        if let Event::Warning { message } = event {
            self.told.lock().expect("no test panics with it").push(message);
            if self.failures.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.failed.notify_one();
            }
        }
    }
}

fn patient(tries: u32) -> Replication {
    let mut replication = replicating(&STREAMS, Mode::Incremental);
    replication.working.tries = tries;
    replication
}

/// Makes the tables, and runs into them while another program has the lock for as long as `keep` takes.
async fn run_beside(
    (rig, file, watch): (&Rig, &File, &Arc<Watch>),
    (busy_wait, tries): (Duration, u32),
    keep: impl AsyncFnOnce(&mut SqliteConnection),
) -> Summary {
    let target = file.target(busy_wait).await;
    let empty = Rig::with_contacts(0);
    let mut replication = replicating(&STREAMS, Mode::Truncate);
    replication.working.tries = tries;
    assert_done(&empty.run_watched(&target, &replication, Arc::new(Silent)).await.expect("the run starts"));
    let mut other = file.other_program().await;
    execute(&mut other, "BEGIN IMMEDIATE; CREATE TABLE theirs (n)").await;
    let run = rig.run_watched(&target, &replication, watch.clone());
    let other = async {
        keep(&mut other).await;
        execute(&mut other, "COMMIT").await;
    };
    let (summary, ()) = tokio::join!(run, other);
    summary.expect("the run starts")
}

/// B-10: a writer that is done within the time a statement waits is not even noticed.
#[tokio::test(start_paused = true)]
async fn short_lock_is_sat_out() {
    let (rig, file, watch) = (Rig::with_contacts(3_000), File::new(), Watch::until(u64::MAX));

    let summary = run_beside((&rig, &file, &watch), (Duration::from_secs(60), 1), async |other| {
        for _ in 0..200 {
            execute(other, "INSERT INTO theirs VALUES (1)").await;
        }
    })
    .await;

    assert_done(&summary);
    assert_eq!(watch.told(), Vec::<String>::new());
    file.assert_equal(&rig).await;
}

/// B-10: a writer that takes longer is waited for by further tries, and named.
#[tokio::test(start_paused = true)]
async fn long_lock_is_tried_again() {
    let (rig, file, watch) = (Rig::with_contacts(3_000), File::new(), Watch::until(4));

    let summary = run_beside((&rig, &file, &watch), (Duration::from_millis(1), 1_000), async |_| {
        watch.failed.notified().await;
    })
    .await;

    assert_done(&summary);
    let told = watch.told();
    assert!(told.len() >= 4 && told.iter().all(|told| told.contains("DB-203")), "{told:?}");
    file.assert_equal(&rig).await;
}

/// B-10: a writer that never ends ends the run by name; what was committed stays, and the next run goes on from there.
#[tokio::test(start_paused = true)]
async fn lasting_lock_ends_the_run_by_name() {
    let (rig, file) = (Rig::with_contacts(3_000), File::new());
    let target = file.target(Duration::from_millis(1)).await;
    let empty = Rig::with_contacts(0);
    assert_done(&empty.run_watched(&target, &patient(1), Arc::new(Silent)).await.expect("the run starts"));
    let mut other = file.other_program().await;
    execute(&mut other, "BEGIN IMMEDIATE; CREATE TABLE theirs (n)").await;

    let locked = rig.run_watched(&target, &patient(3), Arc::new(Silent)).await.expect("the run starts");

    assert_eq!(locked.class(), Some(Class::Unreachable), "{locked:?}");
    for stream in &locked.streams {
        assert_eq!(stream.error.as_ref().map(|(code, _)| code.as_str()), Some("DB-203"), "{}", stream.stream);
    }
    execute(&mut other, "ROLLBACK").await;
    let mut whole = patient(3);
    whole.full_check = FullCheck::Now;
    rig.run_watched(&target, &whole, Arc::new(Silent)).await.expect("the run starts");
    file.assert_equal(&rig).await;
}

/// B-10: a reader that looks at one moment all the while holds nothing up, keeps its view, and leaves a log that does not
/// grow any more once it is gone.
#[tokio::test(start_paused = true)]
async fn long_reader_holds_nothing_up() {
    let (rig, file) = (Rig::with_contacts(1_000), File::new());
    let target = file.target(Duration::from_millis(50)).await;
    let run = async || {
        tokio::time::advance(Duration::from_secs(3_600)).await;
        rig.account.mutate(json!({"collection": "contacts", "change": 900, "create": 20, "seed": 3})).await;
        assert_done(&rig.run_watched(&target, &patient(1), Arc::new(Silent)).await.expect("the run starts"));
    };
    run().await;
    let mut reader = file.other_program().await;
    let count = "SELECT count(*) FROM contacts";
    execute(&mut reader, "BEGIN").await;
    let before: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.expect("it can be read");

    for _ in 0..3 {
        run().await;
    }

    let still: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.expect("it can be read");
    assert_eq!((before, still), (1_020, 1_020), "the reader sees one moment");
    file.assert_equal(&rig).await;
    execute(&mut reader, "COMMIT").await;
    run().await;
    let log = size_of_log(&file.path());
    for _ in 0..3 {
        run().await;
    }
    assert_eq!(size_of_log(&file.path()), log, "the log is used again from its start");
    file.assert_equal(&rig).await;
}

fn size_of_log(file: &Path) -> u64 {
    file.with_extension("db-wal").metadata().expect("the file has a log").len()
}
