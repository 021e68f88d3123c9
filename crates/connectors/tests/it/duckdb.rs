//! The DuckDB target against the suite of all targets, and what only it has.
//!
//! The library comes from `ACHUB_DUCKDB_LIBRARY`; `cargo xtask test` fetches it and sets that.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
};

use achub_connectors::duckdb::{DuckdbTarget, LibrarySearch};
use achub_core::{
    Batch, Code, StreamName, Value,
    port::{
        source::{Page, Part, Position},
        target::{Closing, LoadMode, Target},
    },
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    target_suite::{self, Bench, TextRow, load_pages, page, schema, spec, spec_of, table_load},
};
use async_trait::async_trait;

/// A database file in a folder of its own.
struct DuckdbBench {
    folder: tempfile::TempDir,
    library: LibrarySearch,
}

impl DuckdbBench {
    /// `None` where there is no library to test with, which is said.
    fn new() -> Option<DuckdbBench> {
        let Some(named) = std::env::var_os("ACHUB_DUCKDB_LIBRARY") else {
            println!("skipped: ACHUB_DUCKDB_LIBRARY names no library of DuckDB");
            return None;
        };
        let library = LibrarySearch { named: Some(named.into()), folders: Vec::new() };
        Some(DuckdbBench { folder: tempfile::tempdir().expect("a folder can be made"), library })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("target.duckdb")
    }

    fn target(&self) -> DuckdbTarget {
        DuckdbTarget::open(self.path(), &self.library).expect("the folder is there")
    }

    async fn query(&self, sql: &str) -> Vec<TextRow> {
        let answer = self.target().query(sql).await.expect("the query is right");
        let row = |row: Vec<Option<String>>| answer.columns.iter().cloned().zip(row).collect();
        answer.rows.into_iter().map(row).collect()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[async_trait]
impl Bench for DuckdbBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(self.target())
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        // JSON, days and instants as DuckDB spells them.
        self.query(&format!("SELECT CAST(COLUMNS(*) AS text) FROM main.{}", quoted(table))).await
    }

    async fn has_table(&self, table: &str) -> bool {
        let name = table.replace('\'', "''");
        let sql = format!("SELECT table_name FROM duckdb_tables() WHERE table_name = '{name}'");
        !self.query(&sql).await.is_empty()
    }

    async fn quarantined(&self) -> Vec<(String, String, String)> {
        if !self.has_table("_achub_quarantine").await {
            return Vec::new();
        }
        let rows = self.rows("_achub_quarantine").await;
        let text = |row: &TextRow, name: &str| row[name].clone().unwrap_or_default();
        rows.iter().map(|row| (text(row, "stream"), text(row, "key"), text(row, "column"))).collect()
    }

    async fn lose_staged_row(&self, table: &str) {
        let staging = quoted(&format!("{table}_tmp"));
        self.query(&format!("DELETE FROM {staging} WHERE _achub_seq = 1")).await;
    }

    fn shows_rows_early(&self) -> bool {
        true
    }

    /// Rows are merged without a declared key. Rows of a unique index that were deleted are held against those that come
    /// in the same transaction.
    fn declares_keys(&self) -> bool {
        false
    }

    /// DuckDB holds every text.
    fn refused_text(&self) -> Option<&'static str> {
        None
    }
}

#[async_trait]
impl DatabaseBench for DuckdbBench {
    async fn execute(&self, sql: &str) {
        self.query(sql).await;
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some(bench) = DuckdbBench::new() {
                    target_suite::$name(&bench).await;
                }
            }
        )*
    };
}

achub_testkit::target_suite!(case);

macro_rules! database_case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some(bench) = DuckdbBench::new() {
                    database_suite::$name(&bench).await;
                }
            }
        )*
    };
}

achub_testkit::database_suite!(database_case);

/// A page with one record whose extra object is given as text.
fn page_with_extra(label: &str, extra: &str) -> Page {
    let mut batch = Batch::new(schema());
    batch.push([Value::Integer(i64::MAX), Value::Null, Value::text(label)], Some(extra.into()));
    let part = Part { stream: StreamName::new("things"), batch, scope: None };
    Page { parts: vec![part], position: Position(1.into()) }
}

#[tokio::test]
async fn types_are_kept_as_declared() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.open().await;
    let page = page_with_extra("a\0b", r#"{"a":[1,"x\u0000"]}"#);
    load_pages(&*target, spec(LoadMode::Replace), vec![page]).await.expect("the load ends");

    let sql = "SELECT typeof(id) AS id, typeof(_achub_extra) AS extra, typeof(_achub_loaded_at) AS at_type, \
               CAST(id AS text) AS value, CAST(length(label) AS text) AS length, _achub_extra ->> '$.a[0]' AS first, \
               CAST(epoch_us(_achub_loaded_at) AS text) AS instant FROM things";
    let row = &bench.query(sql).await[0];
    let text = |name: &str| row[name].as_deref().unwrap_or("null");
    assert_eq!((text("id"), text("extra"), text("at_type")), ("BIGINT", "JSON", "TIMESTAMP WITH TIME ZONE"));
    assert_eq!((text("value"), text("length"), text("first")), ("9223372036854775807", "3", "1"));
    // 2026-03-01T12:00:00.25Z
    assert_eq!(text("instant"), "1772366400250000");
    let newest = target.newest(None, "things", "_achub_loaded_at").await.expect("the table is there");
    assert_eq!(newest, Some("2026-03-01T12:00:00.25Z".parse().expect("a literal")));
}

#[tokio::test]
async fn json_duckdb_cannot_read_stands_aside() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.open().await;
    let pages = vec![page_with_extra("x", r#"{"half":"\ud800"}"#), page(&[(1, 1, "good")], 2)];
    let reports = load_pages(&*target, spec(LoadMode::Replace), pages).await.expect("the load ends");
    assert_eq!((reports[0].rows, reports[0].outcomes.refused), (1, 1));
    assert_eq!(bench.quarantined().await[0].2, "_achub_extra");
}

#[tokio::test]
async fn rows_the_table_cannot_take_stand_aside() {
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let Some(bench) = DuckdbBench::new() else { return };
        bench
            .query("CREATE TABLE things (id INTEGER, owner DECIMAL(4,1) NOT NULL, label ENUM('a', 'c', 'd'))")
            .await;
        let target = bench.open().await;
        let rows = [(1, 1, "a"), (2, 1, "bad"), (3, 1, "c"), (4, 1_000, "d"), (1 << 40, 1, "a")];
        let reports = load_pages(&*target, spec(mode), vec![page(&rows, 1)]).await.expect("the load ends");
        assert_eq!(
            (reports[0].rows, reports[0].outcomes.added, reports[0].outcomes.refused),
            (2, 2, 3),
            "{mode:?}"
        );
        let mut put_aside = bench.quarantined().await;
        put_aside.sort();
        let columns: Vec<_> =
            put_aside.iter().map(|(_, key, column)| (key.as_str(), column.as_str())).collect();
        assert_eq!(columns, [("1099511627776", "id"), ("2", "label"), ("4", "owner")], "{mode:?}");
    }
}

#[tokio::test]
async fn key_of_somebody_else_is_no_hindrance() {
    let Some(bench) = DuckdbBench::new() else { return };
    bench.query("CREATE TABLE things (id BIGINT PRIMARY KEY, owner BIGINT, label VARCHAR UNIQUE)").await;
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        for label in ["old", "new"] {
            let target = bench.open().await;
            let pages = vec![page(&[(1, 1, label), (2, 1, "same")], 1)];
            let reports = load_pages(&*target, spec(mode), pages).await.expect("the load ends");
            assert_eq!(reports[0].rows, 2, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn rows_lost_while_appending_are_noticed() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.open().await;
    let mut load = target.load(spec(LoadMode::Replace)).await.expect("a load can be opened");
    bench.query("CREATE UNIQUE INDEX trap ON things_tmp (label)").await;

    let error = load.write(vec![page(&[(1, 1, "same"), (2, 1, "same")], 1)]).await;

    let error = error.expect_err("DuckDB took no row and said it took two");
    assert_eq!(error.code(), Code::CountMismatch, "{error}");
}

#[tokio::test]
async fn schema_may_be_called_like_the_file() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::MergeAsYouGo);
    load.table.schema = Some("target".to_owned());
    load_pages(&*target, spec_of(load), vec![page(&[(1, 1, "a")], 1)]).await.expect("the load ends");
    assert_eq!(bench.query("SELECT label FROM target.things").await[0]["label"].as_deref(), Some("a"));
}

#[tokio::test]
async fn refused_statement_leaves_connection_usable() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.target();
    for sql in ["SELECT FROM WHERE", "SELECT CAST('x' AS BIGINT)", "SELECT * FROM nosuch", "BEGIN", ""] {
        target.query(sql).await.expect_err(sql);
        let answer = target.query("SELECT 'still' AS here").await.expect("the connection works");
        assert_eq!(answer.rows, [[Some("still".to_owned())]], "{sql}");
    }
}

#[tokio::test]
async fn looking_makes_no_file() {
    let Some(bench) = DuckdbBench::new() else { return };
    let target = bench.open().await;
    target.check().await.expect("the folder can be written");
    target.checkpoints(None, &spec(LoadMode::Replace).replication).await.expect("nothing is remembered");
    drop(target);
    let left = std::fs::read_dir(bench.folder.path()).expect("the folder is there").count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn file_that_is_no_database_is_refused() {
    let Some(bench) = DuckdbBench::new() else { return };
    std::fs::write(bench.path(), "text ".repeat(4_000)).expect("the folder can be written");
    let error = bench.target().check().await.expect_err("text is no database");
    assert_eq!(error.code(), Code::TargetRefused, "{error}");
    assert!(error.message().contains("target.duckdb"), "{error}");
}

#[test]
fn folder_that_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("no such/target.duckdb");
    let error = DuckdbTarget::open(path, &LibrarySearch::default()).err().expect("there is no such folder");
    assert_eq!(error.code(), Code::TargetUnreachable);
    assert!(error.message().contains("no such"), "{error}");
}

/// In the process that [`Holder`] starts: takes the file, says so, and keeps it until its input ends.
#[tokio::test]
async fn child_keeps_the_file() {
    let (Some(path), Some(named)) =
        (std::env::var_os("ACHUB_TEST_HOLD"), std::env::var_os("ACHUB_DUCKDB_LIBRARY"))
    else {
        return;
    };
    let library = LibrarySearch { named: Some(named.into()), folders: Vec::new() };
    let target = DuckdbTarget::open(path, &library).expect("the folder is there");
    let taken = target.query("SELECT 1").await;
    println!("\n{}", if taken.is_ok() { "taken" } else { "refused" });
    std::io::stdin().read_to_end(&mut Vec::new()).expect("input ends");
}

/// Whether another process gets the file, and keeps it while `meanwhile` runs.
async fn while_another_process_has(bench: &DuckdbBench, meanwhile: impl AsyncFnOnce()) -> bool {
    let mut child = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["duckdb::child_keeps_the_file", "--exact", "--nocapture"])
        .env("ACHUB_TEST_HOLD", bench.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test can be started again");
    let output = BufReader::new(child.stdout.take().expect("output is piped"));
    let mut said = output.lines().map(|line| line.expect("output is text"));
    let said = said.find(|line| line == "taken" || line == "refused").expect("the child says how it went");
    meanwhile().await;
    drop(child.stdin.take());
    assert!(child.wait().expect("the child ends").success());
    said == "taken"
}

#[tokio::test]
async fn file_of_another_process_is_busy() {
    let Some(bench) = DuckdbBench::new() else { return };
    let taken = while_another_process_has(&bench, async || {
        let target = bench.open().await;
        let error = target.load(spec(LoadMode::Replace)).await.err().expect("the file is taken");
        assert_eq!(error.code(), Code::Busy, "{error}");
        assert!(error.message().contains("PID"), "{error}");
    });
    assert!(taken.await);
}

#[tokio::test]
async fn file_is_free_after_last_use() {
    let Some(bench) = DuckdbBench::new() else { return };
    let (one, two) = (bench.open().await, bench.open().await);
    let load = two.load(spec(LoadMode::Replace)).await.expect("a load can be opened");
    one.check().await.expect("the file can be written");
    drop(one);
    assert!(
        !while_another_process_has(&bench, async || {}).await,
        "two targets shared the file, one is left"
    );
    load.finish(&Closing { cursors: HashMap::new(), ..Closing::default() }).await.expect("the load ends");
    drop(two);
    assert!(while_another_process_has(&bench, async || {}).await);
}
