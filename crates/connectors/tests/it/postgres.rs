//! The PostgreSQL target against the suite of all targets, and what only it has.

use achub_connectors::postgres::{PostgresSettings, PostgresTarget};
use achub_core::{Secret, port::target::Target};
use achub_testkit::{
    postgres::FreshDatabase,
    target_suite::{self, Bench, TextRow},
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Column, Executor, Row};

/// A database of its own.
struct PostgresBench {
    database: FreshDatabase,
}

impl PostgresBench {
    async fn new() -> PostgresBench {
        PostgresBench { database: FreshDatabase::create().await }
    }

    async fn query(&self, sql: &str) -> Vec<TextRow> {
        let mut connection = self.database.connect().await;
        // The simple protocol sends every value as its text.
        let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("the query is right");
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
impl Bench for PostgresBench {
    async fn open(&self) -> Box<dyn Target> {
        let url = Some(Secret::new(self.database.url()));
        let settings = PostgresSettings { url, ..PostgresSettings::default() };
        Box::new(PostgresTarget::connect(&settings).await.expect("the server answers"))
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        self.query(&format!("SELECT * FROM {}", quoted(table))).await
    }

    async fn has_table(&self, table: &str) -> bool {
        !self.query(&format!("SELECT 1 FROM pg_class WHERE relname = '{table}'")).await.is_empty()
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

    fn refused_text(&self) -> Option<&'static str> {
        Some("nul\0inside")
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                target_suite::$name(&PostgresBench::new().await).await;
            }
        )*
    };
}

achub_testkit::target_suite!(case);
