//! Where a scenario's rows go, and what is found there afterwards.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

/// The server that may be measured with.
const SERVER: &str = "ACHUB_TEST_POSTGRES";

/// A kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Postgres,
    Sqlite,
    /// A folder; the program has to be built with it.
    Parquet,
}

/// An empty target, which goes with this value.
pub enum Target {
    Postgres(Database),
    Sqlite(PathBuf),
    Parquet(PathBuf),
}

impl Target {
    /// Makes one; `home` is a folder for what lies in files.
    pub fn create(place: Place, home: &Path) -> Result<Target> {
        Ok(match place {
            Place::Postgres => Target::Postgres(Database::create()?),
            Place::Sqlite => Target::Sqlite(home.join("target.db")),
            Place::Parquet => Target::Parquet(home.join("target")),
        })
    }

    /// Its address, as `achub` takes it.
    pub fn url(&self) -> String {
        match self {
            Target::Postgres(database) => database.url(),
            Target::Sqlite(file) => format!("sqlite://{}", file.display()),
            Target::Parquet(folder) => format!("file://{}?format=parquet", folder.display()),
        }
    }

    /// Rows in all of `tables` together.
    pub fn rows(&self, tables: &[&str]) -> Result<u64> {
        if let Target::Parquet(folder) = self {
            return tables.iter().map(|table| rows_in_manifest(&folder.join(table))).sum();
        }
        let counts: Vec<String> =
            tables.iter().map(|table| format!("(SELECT count(*) FROM {table})")).collect();
        let numbers = self.numbers(&format!("SELECT {}", counts.join(" + ")))?;
        numbers.first().map(|rows| rows.unsigned_abs()).context("a count gave no row")
    }

    /// The ids in a table.
    pub fn ids(&self, table: &str) -> Result<HashSet<i64>> {
        Ok(self.numbers(&format!("SELECT id FROM {table}"))?.into_iter().collect())
    }

    /// The only column of a query.
    fn numbers(&self, query: &str) -> Result<Vec<i64>> {
        let query = AssertSqlSafe(query);
        runtime()?.block_on(async {
            match self {
                Target::Postgres(database) => {
                    let mut connection = PgConnection::connect(&database.url()).await?;
                    let rows = connection.fetch_all(query).await?;
                    rows.iter().map(|row: &PgRow| Ok(row.try_get(0)?)).collect()
                }
                Target::Sqlite(file) => {
                    let options = SqliteConnectOptions::new().filename(file);
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    let rows = connection.fetch_all(query).await?;
                    rows.iter().map(|row: &SqliteRow| Ok(row.try_get(0)?)).collect()
                }
                Target::Parquet(folder) => bail!("no query can be put to the files in {}", folder.display()),
            }
        })
    }
}

/// What the manifest of a table's folder says.
fn rows_in_manifest(folder: &Path) -> Result<u64> {
    let file = folder.join("_manifest.json");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: Value = serde_json::from_str(&text)?;
    manifest["rows"].as_u64().with_context(|| format!("{} says nothing of rows", file.display()))
}

/// A database that is dropped with this.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    fn create() -> Result<Database> {
        let server = std::env::var(SERVER)
            .with_context(|| format!("{SERVER} is not set; start this with `cargo xtask bench`"))?;
        let name = format!("achub_bench_{}", std::process::id());
        let database = Database { server, name };
        database.execute(&format!("DROP DATABASE IF EXISTS {}", database.name))?;
        database.execute(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }

    fn url(&self) -> String {
        let (head, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{head}/{}", self.name)
    }

    fn execute(&self, statement: &str) -> Result<()> {
        runtime()?.block_on(async {
            let mut connection = PgConnection::connect(&self.server).await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            Ok(())
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server is thrown away with everything in it; a database left behind harms nobody until then.
        let _ = self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Version and durability of the server, `None` where there is none.
pub fn server_version() -> Result<Option<String>> {
    let Ok(server) = std::env::var(SERVER) else { return Ok(None) };
    runtime()?.block_on(async {
        let mut connection = PgConnection::connect(&server).await.context("cannot reach the server")?;
        let query = "SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync')";
        Ok(Some(connection.fetch_one(query).await?.try_get(0)?))
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
