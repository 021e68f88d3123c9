//! `kill -9` at the points that only a run over tables with rows passes, and while a request is on its way.

use std::{collections::HashMap, process::Stdio};

use achub_core::failpoint;
use achub_sim::{Rate, Settings};
use achub_testkit::{
    account::{Account, Served},
    oracle,
    postgres::FreshDatabase,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, postgres::PgConnection};
use tempfile::TempDir;

use crate::kill::{LATER, Place, STREAMS, command};

const CONTACTS: u64 = 500;

/// An account with a target that holds what it was a while ago, and a table that lost a column since.
struct Aged<'a> {
    account: Account,
    served: Served,
    home: TempDir,
    place: &'a Place<'a>,
    removals: &'static str,
    /// The columns of each stream's table as it was made.
    columns: HashMap<&'static str, Vec<String>>,
}

impl<'a> Aged<'a> {
    async fn new(place: &'a Place<'a>, removals: &'static str) -> Aged<'a> {
        let settings = Settings { contacts: CONTACTS, rate: Rate::Off, ..Settings::default() };
        let account = Account::new(settings);
        let (served, home) = (account.serve().await, tempfile::tempdir().expect("a temporary folder"));
        let mut aged = Aged { account, served, home, place, removals, columns: HashMap::new() };
        aged.run("the first run", None, &[0]).await;
        for stream in STREAMS {
            aged.columns.insert(stream, place.table(stream).await.0);
        }
        for (collection, deleted) in [("contacts", 20), ("deals", 10), ("tags", 2)] {
            let wish = json!({"collection": collection, "delete": deleted, "change": 15, "create": 5});
            aged.account.mutate(wish).await;
        }
        aged.drop_column("contacts", "phone").await;
        aged
    }

    /// Runs with a full check; `failpoint` kills it. The exit code is one of `expected`, or there is none.
    async fn run(&self, what: &str, failpoint: Option<&str>, expected: &[i32]) {
        let mut command = command(self.home.path(), &self.served, self.place, (&STREAMS, "incremental"));
        command.args(["--full-check", "--removals", self.removals]);
        command.envs(failpoint.map(|failpoint| ("ACHUB_FAILPOINT", failpoint)));
        let output = command.output().await.expect("the binary starts");
        let words = String::from_utf8_lossy(&output.stderr);
        match (output.status.code(), failpoint) {
            (None, Some(_)) => {}
            (Some(code), None) if expected.contains(&code) => {}
            (code, _) => panic!("{what}: {failpoint:?} ended with {code:?}: {words}"),
        }
    }

    async fn drop_column(&self, table: &str, column: &str) {
        let sql = AssertSqlSafe(format!("ALTER TABLE {table} DROP COLUMN {column}"));
        match self.place {
            Place::Sqlite(file) => {
                let url = format!("sqlite://{}", file.display());
                let mut connection = SqliteConnection::connect(&url).await.expect("the target opens");
                // Views over the table name its columns.
                let views = "DROP VIEW IF EXISTS contacts_wide";
                sqlx::query(views).execute(&mut connection).await.expect("the view goes");
                sqlx::query(sql).execute(&mut connection).await.expect("the column goes");
            }
            Place::Postgres(database) => {
                let mut connection =
                    PgConnection::connect(&database.url()).await.expect("the target answers");
                let sql = AssertSqlSafe(format!("ALTER TABLE {table} DROP COLUMN {column} CASCADE"));
                sqlx::query(sql).execute(&mut connection).await.expect("the column goes");
            }
            #[cfg(any(feature = "duckdb", feature = "parquet"))]
            _ => panic!("only databases lose columns here"),
        }
    }

    /// Every table holds what the account does, each row once.
    async fn judge(&self, what: &str) {
        for stream in STREAMS {
            let records = oracle::records(stream, &self.account.truth(stream).await);
            let landed = oracle::in_order(&self.columns[stream], self.place.table(stream).await);
            let findings = oracle::compare(&records, &landed);
            assert!(findings.is_clean(), "{what}: {stream}: {}", findings.brief());
        }
    }
}

/// Runs that find something are told apart by their exit code: 0, or 3 for drift that a check has found and mended.
const DONE: [i32; 2] = [0, 3];

/// A run before the killed one: a row is removed where two have missed it.
fn runs_before(point: &str) -> usize {
    usize::from(point == "tombstone")
}

async fn die_at(place: &Place<'_>, failpoint: &str, removals: &'static str) {
    println!("{removals} {failpoint}");
    let (point, _) = failpoint.split_once(':').expect("a point and a number");
    let aged = Aged::new(place, removals).await;
    for _ in 0..runs_before(point) {
        aged.run("before", None, &DONE).await;
    }

    aged.run("killed", Some(failpoint), &[]).await;
    // Two: what is missed for the first time after the death is removed at the second sighting.
    for _ in 0..2 {
        aged.run("after", None, &DONE).await;
    }

    aged.judge(failpoint).await;
}

/// Each point, and how often it is passed before.
const DEATHS: [(&str, &str); 8] = [
    ("schema-change:1", "mark"),
    ("full-check:1", "mark"),
    ("full-check:3", "delete"),
    ("full-check:5", "mark"),
    ("tombstone:1", "mark"),
    ("tombstone:2", "mark"),
    ("tombstone:1", "delete"),
    ("tombstone:3", "delete"),
];

#[test]
fn every_later_point_is_died_at() {
    let point_of = |(failpoint, _): &(&'static str, _)| failpoint.split(':').next().unwrap_or_default();
    for point in LATER {
        assert!(failpoint::NAMES.contains(&point), "{point}");
        assert!(DEATHS.iter().any(|death| point_of(death) == point), "{point}");
    }
}

/// A-01 of the fault tests, P1 to P3: a column that is added, a check that compares, rows that are removed.
#[tokio::test(flavor = "multi_thread")]
async fn killed_checks_of_sqlite_lose_and_double_nothing() {
    for (failpoint, removals) in DEATHS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("target.db");
        die_at(&Place::Sqlite(&file), failpoint, removals).await;
    }
}

/// The same for PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn killed_checks_of_postgres_lose_and_double_nothing() {
    for (failpoint, removals) in DEATHS {
        let database = FreshDatabase::create().await;
        die_at(&Place::Postgres(&database), failpoint, removals).await;
    }
}

/// A-01 of the fault tests: killed after a request was sent and before anything of its answer came. Only the account can
/// tell when that is: it takes the request and does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn deaths_after_sending_lose_nothing() {
    for (mode, nth) in [("incremental", 1), ("incremental", 8), ("full-refresh", 13)] {
        let settings = Settings { contacts: 2 * CONTACTS, rate: Rate::Off, ..Settings::default() };
        let account = Account::new(settings);
        let (served, home) = (account.serve().await, tempfile::tempdir().expect("a temporary folder"));
        let file = home.path().join("target.db");
        let place = Place::Sqlite(&file);
        account.faults(json!([{"match": {"nth": [nth]}, "fault": {"hang": true}}])).await;
        let mut run = command(home.path(), &served, &place, (&STREAMS, mode));

        let mut child = run.stderr(Stdio::null()).spawn().expect("the binary starts");
        while account.requests().await["total"].as_u64() < Some(nth) {
            assert_eq!(child.try_wait().expect("a child can be asked"), None, "{mode}: it ended early");
            tokio::task::yield_now().await;
        }
        child.kill().await.expect("the run is there to be killed");
        account.calm().await;
        let again = command(home.path(), &served, &place, (&STREAMS, mode)).output().await;

        let again = again.expect("the binary starts");
        assert!(again.status.success(), "{mode}: {}", String::from_utf8_lossy(&again.stderr));
        for stream in STREAMS {
            let records = oracle::records(stream, &account.truth(stream).await);
            let findings = oracle::compare(&records, &place.rows(stream).await);
            assert!(findings.is_clean(), "{mode} {nth}: {stream}: {}", findings.brief());
        }
    }
}
