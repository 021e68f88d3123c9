//! A fresh PostgreSQL database for each measurement.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

/// A database that is dropped with this.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes one on the server of `ACHUB_TEST_POSTGRES`.
    pub fn create() -> Result<Database> {
        let server = std::env::var("ACHUB_TEST_POSTGRES")
            .context("ACHUB_TEST_POSTGRES is not set; start this with `cargo xtask bench`")?;
        let name = format!("achub_bench_{}", std::process::id());
        let database = Database { server, name };
        database.execute(&format!("DROP DATABASE IF EXISTS {}", database.name))?;
        database.execute(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        let (head, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{head}/{}", self.name)
    }

    /// Rows in all of `tables` together.
    pub fn rows(&self, tables: &[&str]) -> Result<u64> {
        let counts: Vec<String> =
            tables.iter().map(|table| format!("(SELECT count(*) FROM {table})")).collect();
        let query = format!("SELECT {} AS rows", counts.join(" + "));
        let url = self.url();
        runtime()?.block_on(async {
            let mut connection = PgConnection::connect(&url).await?;
            let row = connection.fetch_one(AssertSqlSafe(query)).await?;
            Ok(row.try_get::<i64, _>("rows")?.unsigned_abs())
        })
    }

    fn execute(&self, statement: &str) -> Result<()> {
        runtime()?.block_on(async {
            let mut connection = PgConnection::connect(&self.server).await?;
            connection.execute(AssertSqlSafe(statement.to_owned())).await?;
            Ok(())
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Rows in all of `tables` of an SQLite file together.
pub fn sqlite_rows(file: &std::path::Path, tables: &[&str]) -> Result<u64> {
    let counts: Vec<String> = tables.iter().map(|table| format!("(SELECT count(*) FROM {table})")).collect();
    let query = format!("SELECT {} AS rows", counts.join(" + "));
    let url = format!("sqlite://{}", file.display());
    runtime()?.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await?;
        let row = connection.fetch_one(AssertSqlSafe(query)).await?;
        Ok(row.try_get::<i64, _>("rows")?.unsigned_abs())
    })
}
