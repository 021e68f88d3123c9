//! SQL of people over the file, through a connection of its own that can only read.

use std::time::{Duration, Instant};

use achub_core::{
    Error,
    person::PersonId,
    port::audiences::{PeopleSql, QueryLimits},
};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::SqliteStore;
use crate::query::{TABLES, checked, refused, too_long, wrapped};

/// Instructions of SQLite's machine between two looks at the clock; it does tens of millions a second.
const INSTRUCTIONS: i32 = 10_000;

/// How long the query waits for a writer to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `SQLITE_INTERRUPT` (sqlite.org/rescode.html): the clock said enough.
const INTERRUPTED: &str = "9";

/// Instructions that write, or that run something this program has not looked at. What is opened for reading is looked
/// at by its page. Source: sqlite.org/opcode.html, read 2026-11-21.
const REFUSED: &[&str] = &[
    "OpenWrite",
    "VOpen",
    "VBegin",
    "VUpdate",
    "VCreate",
    "VDestroy",
    "Clear",
    "Destroy",
    "CreateBtree",
    "ParseSchema",
    "SqlExec",
    "Vacuum",
    "IncrVacuum",
    "JournalMode",
    "Checkpoint",
    "SetCookie",
    "DropTable",
    "DropIndex",
    "DropTrigger",
    "LoadAnalysis",
    "Program",
    "Savepoint",
];

/// Instructions that open a table or an index for reading: the page is `p2`, the database `p3`, 0 being the file.
const OPENING: &[&str] = &["OpenRead", "ReopenIdx"];

#[async_trait]
impl PeopleSql for SqliteStore {
    async fn people_by_sql(&self, sql: &str, limits: &QueryLimits) -> Result<Vec<PersonId>, Error> {
        let statement = wrapped(&checked(sql)?, limits.people_max);
        let mut connection = self.reader().await?;
        let people = self.selected(&mut connection, &statement, limits).await;
        // What a reader leaves behind is a file handle; its end says nothing about the answer.
        let _ = connection.close().await;
        let people = people?;
        if people.len() as u64 > limits.people_max {
            return Err(too_long(&format!("it gives more than {} people", limits.people_max)));
        }
        Ok(people)
    }
}

impl SqliteStore {
    /// A connection that SQLite itself keeps from writing, twice.
    async fn reader(&self) -> Result<SqliteConnection, Error> {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .pragma("query_only", "1")
            .pragma("trusted_schema", "0")
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(|cause| self.broken("open the people for reading", cause))
    }

    async fn selected(
        &self,
        connection: &mut SqliteConnection,
        statement: &str,
        limits: &QueryLimits,
    ) -> Result<Vec<PersonId>, Error> {
        let pages = format!(
            "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0 AND tbl_name IN ('{}')",
            TABLES.join("', '")
        );
        let pages: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(pages))
            .fetch_all(&mut *connection)
            .await
            .map_err(|cause| self.broken("read which tables there are", cause))?;
        let end = Instant::now() + limits.time;
        let mut handle =
            connection.lock_handle().await.map_err(|cause| self.broken("limit a query", cause))?;
        handle.set_progress_handler(INSTRUCTIONS, move || Instant::now() < end);
        drop(handle);
        let answered = |cause| failure(cause, limits);
        let steps = sqlx::query(AssertSqlSafe(format!("EXPLAIN {statement}")))
            .fetch_all(&mut *connection)
            .await
            .map_err(answered)?;
        steps.iter().try_for_each(|step| check_step(step, &pages))?;
        let people: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()))
            .fetch_all(connection)
            .await
            .map_err(answered)?;
        Ok(people.into_iter().map(PersonId).collect())
    }
}

/// Looks at one instruction of what the statement was compiled to.
fn check_step(step: &SqliteRow, pages: &[i64]) -> Result<(), Error> {
    let unreadable = |_| refused("SQLite did not say what it would do");
    let opcode: String = step.try_get("opcode").map_err(unreadable)?;
    let operand = |name: &str| step.try_get::<i64, _>(name).map_err(unreadable);
    if REFUSED.contains(&opcode.as_str()) || opcode == "Transaction" && operand("p2")? != 0 {
        return Err(refused("it may only read tables of people"));
    }
    if OPENING.contains(&opcode.as_str()) && (operand("p3")? != 0 || !pages.contains(&operand("p2")?)) {
        return Err(refused(&format!("it may only read these tables: {}", TABLES.join(", "))));
    }
    Ok(())
}

/// What the database answered to the statement.
fn failure(cause: sqlx::Error, limits: &QueryLimits) -> Error {
    match cause.as_database_error() {
        Some(error) if error.code().as_deref() == Some(INTERRUPTED) => {
            too_long(&format!("it took longer than {} s", limits.time.as_secs_f64()))
        }
        Some(error) => refused(error.message()),
        None => refused("its answer was not understood").with_source(cause),
    }
}
