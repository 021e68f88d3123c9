//! Databases that a played account is replicated into.

use std::collections::BTreeMap;

#[cfg(feature = "duckdb")]
use achub_connectors::duckdb::{DuckdbTarget, LibrarySearch};
use achub_connectors::{
    postgres::{PostgresSettings, PostgresTarget},
    sqlite::SqliteTarget,
};
use achub_core::{Secret, port::target::Target};
use achub_testkit::{
    oracle::{self, LandedRow},
    postgres::FreshDatabase,
};
use sqlx::{
    AssertSqlSafe, Column, Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};

/// A row as text, by column.
pub type TextRow = BTreeMap<String, Option<String>>;

/// A database of its own.
pub enum Warehouse {
    Sqlite(tempfile::TempDir),
    Postgres(FreshDatabase),
    #[cfg(feature = "duckdb")]
    Duckdb(tempfile::TempDir, LibrarySearch),
}

impl Warehouse {
    pub fn sqlite() -> Warehouse {
        Warehouse::Sqlite(tempfile::tempdir().expect("a folder can be made"))
    }

    pub async fn postgres() -> Warehouse {
        Warehouse::Postgres(FreshDatabase::create().await)
    }

    /// One of each kind, DuckDB last and only where there is a library to test with.
    pub async fn all() -> Vec<Warehouse> {
        let mut all = vec![Warehouse::sqlite(), Warehouse::postgres().await];
        all.extend(Warehouse::duckdb());
        all
    }

    #[cfg(feature = "duckdb")]
    fn duckdb() -> Option<Warehouse> {
        let Some(named) = std::env::var_os("ACHUB_DUCKDB_LIBRARY") else {
            println!("skipped: ACHUB_DUCKDB_LIBRARY names no library of DuckDB");
            return None;
        };
        let library = LibrarySearch { named: Some(named.into()), folders: Vec::new() };
        Some(Warehouse::Duckdb(tempfile::tempdir().expect("a folder can be made"), library))
    }

    #[cfg(not(feature = "duckdb"))]
    fn duckdb() -> Option<Warehouse> {
        None
    }

    #[cfg(feature = "duckdb")]
    fn duckdb_target(folder: &tempfile::TempDir, library: &LibrarySearch) -> DuckdbTarget {
        DuckdbTarget::open(folder.path().join("target.duckdb"), library).expect("the folder is there")
    }

    pub async fn open(&self) -> Box<dyn Target> {
        match self {
            Warehouse::Sqlite(folder) => {
                let path = folder.path().join("target.db");
                Box::new(SqliteTarget::open(path).await.expect("the folder is there"))
            }
            Warehouse::Postgres(database) => {
                let url = Some(Secret::new(database.url()));
                let settings = PostgresSettings { url, ..PostgresSettings::default() };
                Box::new(PostgresTarget::connect(&settings).await.expect("the server answers"))
            }
            #[cfg(feature = "duckdb")]
            Warehouse::Duckdb(folder, library) => Box::new(Warehouse::duckdb_target(folder, library)),
        }
    }

    pub async fn query(&self, sql: &str) -> Vec<TextRow> {
        match self {
            Warehouse::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("target.db"));
                let mut connection =
                    SqliteConnection::connect_with(&options).await.expect("the file is there");
                let query = sqlx::query(AssertSqlSafe(sql));
                texts(query.fetch_all(&mut connection).await.expect("the query is right"))
            }
            Warehouse::Postgres(database) => {
                // The simple protocol sends every value as its text.
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                texts(database.connect().await.fetch_all(query).await.expect("the query is right"))
            }
            #[cfg(feature = "duckdb")]
            Warehouse::Duckdb(folder, library) => {
                let answer = Warehouse::duckdb_target(folder, library).query(sql).await;
                let answer = answer.expect("the query is right");
                let row = |row: Vec<Option<String>>| answer.columns.iter().cloned().zip(row).collect();
                answer.rows.into_iter().map(row).collect()
            }
        }
    }

    /// All rows of a table, for the oracle.
    pub async fn landed(&self, table: &str) -> Vec<LandedRow> {
        match self {
            Warehouse::Sqlite(folder) => oracle::sqlite_rows(&folder.path().join("target.db"), table).await,
            Warehouse::Postgres(database) => oracle::postgres_rows(&database.url(), table).await,
            #[cfg(feature = "duckdb")]
            Warehouse::Duckdb(folder, library) => {
                let (target, sql) =
                    (Warehouse::duckdb_target(folder, library), format!("SELECT * FROM {table}"));
                target.query(&sql).await.expect("the query is right").rows
            }
        }
    }

    /// Names and types of a table's columns.
    pub async fn columns(&self, table: &str) -> BTreeMap<String, String> {
        let rows = match self {
            Warehouse::Sqlite(_) => {
                self.query(&format!("SELECT name, type FROM pragma_table_info('{table}')")).await
            }
            _ => {
                let sql = "SELECT column_name AS name, data_type AS type FROM information_schema.columns";
                self.query(&format!("{sql} WHERE table_name = '{table}'")).await
            }
        };
        let text = |row: &TextRow, name: &str| row[name].clone().unwrap_or_default();
        rows.iter().map(|row| (text(row, "name"), text(row, "type").to_lowercase())).collect()
    }
}

fn texts<R: Row>(rows: Vec<R>) -> Vec<TextRow>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database>,
{
    rows.iter()
        .map(|row| {
            let text = |index| row.try_get_unchecked::<Option<String>, _>(index).expect("all has a text");
            row.columns().iter().map(|column| (column.name().to_owned(), text(column.ordinal()))).collect()
        })
        .collect()
}
