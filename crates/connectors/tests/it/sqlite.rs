//! The SQLite target against the suite of all targets, and what only it has.

use std::path::PathBuf;

use achub_connectors::sqlite::SqliteTarget;
use achub_core::port::target::Target;
use achub_testkit::target_suite::{self, Bench, TextRow};
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
