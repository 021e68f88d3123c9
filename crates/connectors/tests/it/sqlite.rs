//! The SQLite target against the suite of all targets, and what only it has.

use std::path::PathBuf;

use achub_connectors::sqlite::SqliteTarget;
use achub_core::{
    Code,
    port::target::{LoadMode, Target},
    schema::Storage,
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load},
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Column, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// A database file in a folder of its own.
struct SqliteBench {
    folder: tempfile::TempDir,
}

impl SqliteBench {
    async fn new() -> SqliteBench {
        SqliteBench { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("target.db")
    }

    /// `None` where the file is not there.
    async fn connect(&self) -> Option<SqliteConnection> {
        let options = SqliteConnectOptions::new().filename(self.path());
        SqliteConnection::connect_with(&options).await.ok()
    }

    async fn query(&self, sql: &str) -> Vec<TextRow> {
        let mut connection = self.connect().await.expect("the file is there");
        let rows =
            sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("the query is right");
        rows.iter()
            .map(|row| {
                let text = |index| row.try_get_unchecked::<Option<String>, _>(index).expect("all has a text");
                row.columns()
                    .iter()
                    .map(|column| (column.name().to_owned(), text(column.ordinal())))
                    .collect()
            })
            .collect()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[async_trait]
impl Bench for SqliteBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(SqliteTarget::open(self.path()).await.expect("the folder is there"))
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        self.query(&format!("SELECT * FROM {}", quoted(table))).await
    }

    async fn has_table(&self, table: &str) -> bool {
        let Some(mut connection) = self.connect().await else { return false };
        let found = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = $1").bind(table);
        found.fetch_optional(&mut connection).await.expect("the query is right").is_some()
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
        self.query(&format!("DELETE FROM {staging} WHERE _achub_seq = 1 RETURNING 1")).await;
    }

    fn shows_rows_early(&self) -> bool {
        true
    }

    /// SQLite holds every text.
    fn refused_text(&self) -> Option<&'static str> {
        None
    }
}

#[async_trait]
impl DatabaseBench for SqliteBench {
    async fn execute(&self, sql: &str) {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("the folder is there");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                target_suite::$name(&SqliteBench::new().await).await;
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
                database_suite::$name(&SqliteBench::new().await).await;
            }
        )*
    };
}

achub_testkit::database_suite!(database_case);

#[tokio::test]
async fn rows_a_constraint_refuses_stand_aside() {
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let bench = SqliteBench::new().await;
        let options = SqliteConnectOptions::new().filename(bench.path()).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("the folder is there");
        sqlx::raw_sql(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER, label TEXT CHECK (label <> 'bad'))",
        )
        .execute(&mut connection)
        .await
        .expect("the statement is right");
        let target = bench.open().await;
        let rows = [(1, 1, "a"), (2, 1, "bad"), (3, 1, "c"), (4, 1, "d")];
        let reports = load_pages(&*target, spec(mode), vec![page(&rows, 1)]).await.expect("the load ends");
        assert_eq!(
            (reports[0].rows, reports[0].outcomes.added, reports[0].outcomes.refused),
            (3, 3, 1),
            "{mode:?}"
        );
        let put_aside = bench.quarantined().await;
        assert_eq!((put_aside.len(), put_aside[0].1.as_str()), (1, "2"), "{mode:?}");
    }
}

#[tokio::test]
async fn tables_of_others_are_not_touched() {
    let bench = SqliteBench::new().await;
    let target = bench.open().await;
    load_pages(&*target, spec_of(table_load("others_tmp", LoadMode::Replace)), Vec::new())
        .await
        .expect("the load ends");
    let error = target.load(spec_of(table_load("others", LoadMode::Replace))).await.err();
    assert_eq!(error.expect("the name of the staging table is taken").code(), Code::TableChanged);
    assert!(bench.has_table("others_tmp").await);
}

#[tokio::test]
async fn looking_makes_no_file() {
    let bench = SqliteBench::new().await;
    let target = bench.open().await;
    target.check().await.expect("the folder can be written");
    target.checkpoints(None, &spec(LoadMode::Replace).replication).await.expect("nothing is remembered");
    drop(target);
    let left = std::fs::read_dir(bench.folder.path()).expect("the folder is there").count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn folder_that_is_missing_is_named() {
    let bench = SqliteBench::new().await;
    let error = SqliteTarget::open(bench.folder.path().join("no such/target.db")).await.err();
    let error = error.expect("there is no such folder");
    assert_eq!(error.code(), Code::TargetUnreachable);
    assert!(error.message().contains("no such"), "{error}");
}

#[tokio::test]
async fn schema_becomes_part_of_the_name() {
    let bench = SqliteBench::new().await;
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::MergeAsYouGo);
    load.table.schema = Some("crm".to_owned());
    load_pages(&*target, spec_of(load), vec![page(&[(1, 1, "a")], 1)]).await.expect("the load ends");
    let kept =
        bench.query("SELECT typeof(_achub_loaded_at) AS ty, _achub_loaded_at AS at FROM crm_things").await;
    assert_eq!(kept[0]["ty"].as_deref(), Some("text"));
    assert_eq!(kept[0]["at"].as_deref(), Some("2026-03-01 12:00:00.250000+00:00"));
    let newest = target.newest(Some("crm"), "things", "_achub_loaded_at").await.expect("the table is there");
    assert_eq!(newest, Some("2026-03-01T12:00:00.25Z".parse().expect("a literal")));
}

/// Section 8 on a database with few types: the nearest that loses nothing, and what would be changed stands aside.
#[tokio::test]
async fn named_types_lose_nothing() {
    let decimal = Storage::Decimal { precision: Some(6), scale: 2 };
    // Type, value, and what is kept with its storage class; nothing where it is put aside.
    let cases = [
        (Storage::SmallInt, "7", Some("7 integer")),
        (Storage::Integer, "7", Some("7 integer")),
        (Storage::BigInt, "007", None),
        (Storage::Bool, "1", Some("1 integer")),
        (Storage::Date, "2026-03-01", Some("2026-03-01 text")),
        (Storage::DateTime, "2026-03-01 12:00:00", Some("2026-03-01 12:00:00 text")),
        (Storage::TimestampTz, "2026-03-01 12:00:00Z", Some("2026-03-01 12:00:00Z text")),
        (Storage::Json, "{}", Some("{} text")),
        (Storage::String { length: None }, "long", Some("long text")),
        (
            Storage::Decimal { precision: None, scale: 0 },
            "12345678901234567890.5",
            Some("12345678901234567890.5 text"),
        ),
        (decimal, "1234.50", Some("1234.50 text")),
        (decimal, "1.005", None),
        (Storage::String { length: Some(3) }, "äöü", Some("äöü text")),
        (Storage::String { length: Some(3) }, "four", None),
        (Storage::Float, "1.5", Some("1.5 real")),
        (Storage::Uuid, "00000", Some("00000 text")),
        (Storage::TimeTz, "23:59:59+02", Some("23:59:59+02 text")),
        (Storage::Time, "23:59:59", Some("23:59:59 text")),
        (Storage::Time, "2026-03-01 12:00", None),
        (Storage::Binary, "a\\b", Some("a\\b blob")),
    ];
    for (storage, value, expected) in cases {
        let bench = SqliteBench::new().await;
        let target = bench.open().await;
        let mut load = table_load("things", LoadMode::MergeAtEnd);
        load.table.columns[2].rules.storage = Some(storage);
        for _ in 0..2 {
            let pages = vec![page(&[(1, 1, value)], 1)];
            let reports = load_pages(&*target, spec_of(load.clone()), pages).await.expect("the load ends");
            assert_eq!(reports[0].rows, u64::from(expected.is_some()), "{storage:?} {value}");
        }
        let kept =
            bench.query("SELECT CAST(label AS text) || ' ' || typeof(label) AS kept FROM things").await;
        assert_eq!(kept.first().and_then(|row| row["kept"].as_deref()), expected, "{storage:?} {value}");
        let differences = target.differences(&[load]).await.expect("the target answers");
        assert_eq!(differences, [], "{storage:?}");
    }
}
