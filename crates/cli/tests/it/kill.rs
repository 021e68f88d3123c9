//! `kill -9` at named points, with the real binary and real databases.

use std::{path::Path, process::Stdio};

use achub_core::failpoint;
use achub_sim::{Rate, Settings};
use achub_testkit::{
    account::{Account, Served},
    oracle::{self, LandedRow},
    postgres::FreshDatabase,
};
use tokio::process::Command;

pub const STREAMS: [&str; 5] = ["contacts", "contact_tags", "field_values", "deals", "tags"];

/// Contacts of the account. A run sends 15 requests: 10 pages of contacts, 1 of custom fields, 3 of deals, 1 of tags.
const CONTACTS: u64 = 1_000;

/// Requests for pages of contacts that a kill may cost: those in flight, those waiting for the target and those in one
/// commit, and the look for newer contacts with which a walk is taken up again.
const REPEATED_MAX: u64 = 4 + 4 + 8 + 1;

/// How often a point is passed before the process is killed: at its first hit, in the middle, late.
///
/// There are three walks, and at least four commits: a page of contacts is committed with at most seven others. Some points
/// are passed only where there are tables already: `kill_later.rs`.
fn positions(point: &str) -> &'static [u32] {
    match point {
        "before-request" | "after-headers" | "mid-body" => &[1, 7, 13],
        "after-decode" => &[1, 7, 12],
        "run-close" => &[1],
        point if LATER.contains(&point) => &[],
        // Of an import into the hub's own store.
        point if point.starts_with("import-") => &[],
        _ => &[1, 2, 3],
    }
}

/// Points that a first run does not pass.
pub const LATER: [&str; 3] = ["schema-change", "full-check", "tombstone"];

/// Where a run lands, and how its tables are read back.
pub enum Place<'a> {
    Sqlite(&'a Path),
    #[cfg(feature = "duckdb")]
    Duckdb(&'a Path),
    #[cfg(feature = "parquet")]
    Parquet(&'a Path),
    Postgres(&'a FreshDatabase),
}

impl Place<'_> {
    fn connection(&self) -> String {
        match self {
            Place::Sqlite(file) => format!("sqlite://{}", file.display()),
            #[cfg(feature = "duckdb")]
            Place::Duckdb(file) => format!("duckdb://{}", file.display()),
            #[cfg(feature = "parquet")]
            Place::Parquet(folder) => format!("file://{}?format=parquet", folder.display()),
            Place::Postgres(database) => database.url(),
        }
    }

    /// The names of a table's columns, and its rows.
    ///
    /// # Panics
    /// For other places than databases.
    pub async fn table(&self, table: &str) -> (Vec<String>, Vec<LandedRow>) {
        match self {
            Place::Sqlite(file) => oracle::sqlite_table(file, table).await,
            Place::Postgres(database) => oracle::postgres_table(&database.url(), table).await,
            #[cfg(any(feature = "duckdb", feature = "parquet"))]
            _ => panic!("only databases get columns later"),
        }
    }

    pub async fn rows(&self, table: &str) -> Vec<LandedRow> {
        match self {
            Place::Sqlite(file) => oracle::sqlite_rows(file, table).await,
            #[cfg(feature = "duckdb")]
            Place::Duckdb(file) => crate::duckdb::rows(file, table).await,
            #[cfg(feature = "parquet")]
            Place::Parquet(folder) => crate::parquet::rows(folder, table).await,
            Place::Postgres(database) => oracle::postgres_rows(&database.url(), table).await,
        }
    }
}

/// A run of the binary; `failpoint` kills it. Returns its exit code, `None` where it was killed.
async fn run(
    home: &Path,
    served: &Served,
    place: &Place<'_>,
    mode: &str,
    failpoint: Option<&str>,
) -> Option<i32> {
    run_streams(home, served, place, (&STREAMS, mode), failpoint).await
}

/// The same for these streams in this mode.
pub async fn run_streams(
    home: &Path,
    served: &Served,
    place: &Place<'_>,
    (streams, mode): (&[&str], &str),
    failpoint: Option<&str>,
) -> Option<i32> {
    let mut command = command(home, served, place, (streams, mode));
    if let Some(failpoint) = failpoint {
        command.env("ACHUB_FAILPOINT", failpoint);
    }
    let output = command.output().await.expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), None | Some(0)), "{failpoint:?}: {}: {words}", output.status);
    output.status.code()
}

/// The program, told to replicate these streams in this mode, and not started.
pub fn command(home: &Path, served: &Served, place: &Place<'_>, (streams, mode): (&[&str], &str)) -> Command {
    // The documented way takes the most requests, so that there are most points to be killed at.
    let account = format!(
        "{{type: api, spec: activecampaign, secrets: {{api_key: demo, base_url: \"{}\"}}, \
         inputs: {{requests_per_second: off, allow_private_address: true, reading: documented}}}}",
        served.url()
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_achub"));
    command
        .args(["replicate", "run", "--from", "AC", "--to", "PLACE", "--mode", mode, "--progress", "none"])
        .args(["--streams", &streams.join(",")])
        .env_clear()
        .env("ACHUB_HOME", home)
        .env("AC", account)
        .env("PLACE", place.connection())
        .envs(std::env::var_os("ACHUB_DUCKDB_LIBRARY").map(|library| ("ACHUB_DUCKDB_LIBRARY", library)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Kills a run at `failpoint`, lets the next one finish, and holds the tables against the account. Tells how many pages of
/// contacts both asked for.
async fn kill_and_go_on(place: &Place<'_>, contacts: u64, mode: &str, failpoint: &str) -> u64 {
    let settings = Settings { contacts, rate: Rate::Off, ..Settings::default() };
    let account = Account::new(settings);
    let served = account.serve().await;
    let home = tempfile::tempdir().expect("a temporary folder");

    let killed = run(home.path(), &served, place, mode, Some(failpoint)).await;
    assert_eq!(killed, None, "{failpoint}: the point was not passed so often");
    let finished = run(home.path(), &served, place, mode, None).await;
    assert_eq!(finished, Some(0), "{failpoint}");

    for stream in STREAMS {
        let records = oracle::records(stream, &account.truth(stream).await);
        let findings = oracle::compare(&records, &place.rows(stream).await);
        assert!(findings.is_clean(), "{failpoint}: {stream}: {}", findings.brief());
    }
    let requests = account.requests().await;
    let by_path = requests["by_path"].as_array().expect("counts by path");
    let contacts = by_path.iter().filter(|entry| entry["path"] == "/api/3/contacts");
    contacts.map(|entry| entry["count"].as_u64().unwrap_or(0)).sum()
}

fn failpoints() -> impl Iterator<Item = String> {
    failpoint::NAMES
        .iter()
        .flat_map(|point| positions(point).iter().map(move |position| format!("{point}:{position}")))
}

/// One place of each point, where the order of things is that of another target.
fn failpoints_once() -> impl Iterator<Item = String> {
    let middle = |point: &&str| {
        let positions = positions(point);
        Some(format!("{point}:{}", positions.get(1).or(positions.first())?))
    };
    failpoint::NAMES.iter().filter_map(middle)
}

async fn kill_into_sqlite(mode: &str) {
    for failpoint in failpoints() {
        println!("{mode} {failpoint}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("target.db");
        kill_and_go_on(&Place::Sqlite(&file), CONTACTS, mode, &failpoint).await;
    }
}

#[cfg(feature = "duckdb")]
async fn kill_into_duckdb(mode: &str) {
    for failpoint in failpoints_once() {
        println!("{mode} {failpoint}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("target.duckdb");
        kill_and_go_on(&Place::Duckdb(&file), CONTACTS, mode, &failpoint).await;
    }
}

#[cfg(feature = "parquet")]
async fn kill_into_parquet(mode: &str, failpoints: impl Iterator<Item = String>) {
    for failpoint in failpoints {
        println!("{mode} {failpoint}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        kill_and_go_on(&Place::Parquet(folder.path()), CONTACTS, mode, &failpoint).await;
    }
}

async fn kill_into_postgres(mode: &str, failpoints: impl Iterator<Item = String>) {
    for failpoint in failpoints {
        println!("{mode} {failpoint}");
        let database = FreshDatabase::create().await;
        kill_and_go_on(&Place::Postgres(&database), CONTACTS, mode, &failpoint).await;
    }
}

/// A-01 of the fault tests, P1 to P3 and P12 of the promises, SL-36.
#[tokio::test(flavor = "multi_thread")]
async fn killed_merges_into_sqlite_lose_and_double_nothing() {
    kill_into_sqlite("incremental").await;
}

/// The same where everything is collected aside first.
#[tokio::test(flavor = "multi_thread")]
async fn killed_replacements_in_sqlite_lose_and_double_nothing() {
    kill_into_sqlite("full-refresh").await;
}

/// The same for DuckDB, which merges at the end in this mode, too.
#[cfg(feature = "duckdb")]
#[tokio::test(flavor = "multi_thread")]
async fn killed_merges_into_duckdb_lose_and_double_nothing() {
    if crate::duckdb::library().is_some() {
        kill_into_duckdb("incremental").await;
    }
}

/// The same for Parquet files, which have no transactions.
#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread")]
async fn killed_merges_into_parquet_lose_and_double_nothing() {
    kill_into_parquet("incremental", failpoints()).await;
}

/// The same for Parquet files that are replaced; one place of each point, because rows are collected alike.
#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread")]
async fn killed_replacements_of_parquet_lose_and_double_nothing() {
    kill_into_parquet("full-refresh", failpoints_once()).await;
}

/// The same for PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn killed_merges_into_postgres_lose_and_double_nothing() {
    kill_into_postgres("incremental", failpoints()).await;
}

/// The same for PostgreSQL where everything is collected aside first.
#[tokio::test(flavor = "multi_thread")]
async fn killed_replacements_in_postgres_lose_and_double_nothing() {
    kill_into_postgres("full-refresh", failpoints_once()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_run_repeats_only_pages_in_flight() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("target.db");

    let pages = kill_and_go_on(&Place::Sqlite(&file), 4_000, "full-refresh", "after-commit:6").await;

    assert!(pages > 40, "nothing was repeated: the kill came too late to be a test");
    assert!(pages <= 40 + REPEATED_MAX, "{pages} pages of contacts where 40 are needed");
}
