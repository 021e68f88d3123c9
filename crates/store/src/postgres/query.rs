//! SQL of people over the database, in a transaction that can only read.

use achub_core::{
    Error,
    person::PersonId,
    port::audiences::{PeopleSql, QueryLimits},
};
use async_trait::async_trait;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::{PostgresStore, SCHEMA};
use crate::query::{TABLES, checked, refused, too_long, wrapped};

/// `query_canceled`: the statement's time was over. Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
const CANCELLED: &str = "57014";

/// Parts of a plan that run something else than reading tables.
const REFUSED: &[&str] =
    &["ModifyTable", "LockRows", "Foreign Scan", "Function Scan", "Table Function Scan", "Custom Scan"];

#[async_trait]
impl PeopleSql for PostgresStore {
    async fn people_by_sql(&self, sql: &str, limits: &QueryLimits) -> Result<Vec<PersonId>, Error> {
        let statement = wrapped(&checked(sql)?, limits.people_max);
        let failed = |cause| self.broken("read people by a query", cause);
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let mut transaction = connection.begin_with("BEGIN READ ONLY").await.map_err(failed)?;
        let limit = format!(
            "SET LOCAL statement_timeout = {}; SET LOCAL standard_conforming_strings = on",
            limits.time.as_millis().clamp(1, i32::MAX as u128)
        );
        sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut *transaction).await.map_err(failed)?;
        let people = selected(&mut transaction, &statement, limits).await;
        transaction.rollback().await.map_err(failed)?;
        let people = people?;
        if people.len() as u64 > limits.people_max {
            return Err(too_long(&format!("it gives more than {} people", limits.people_max)));
        }
        Ok(people)
    }
}

async fn selected(
    connection: &mut PgConnection,
    statement: &str,
    limits: &QueryLimits,
) -> Result<Vec<PersonId>, Error> {
    let answered = |cause| failure(cause, limits);
    let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) {statement}");
    let row = sqlx::query(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(&mut *connection)
        .await
        .map_err(answered)?;
    let unreadable = || refused("PostgreSQL did not say what it would do");
    // A column of type json is sent as its text.
    let plan: String = row.try_get_unchecked(0).map_err(|_| unreadable())?;
    let plan: Value = serde_json::from_str(&plan).map_err(|_| unreadable())?;
    check_plan(&plan)?;
    let people: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()))
        .persistent(false)
        .fetch_all(connection)
        .await
        .map_err(answered)?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// Looks at all parts of a plan: tables of people are read, and nothing else happens.
fn check_plan(plan: &Value) -> Result<(), Error> {
    match plan {
        Value::Array(parts) => parts.iter().try_for_each(check_plan),
        Value::Object(part) => {
            let text = |name: &str| part.get(name).and_then(Value::as_str);
            if text("Node Type").is_some_and(|kind| REFUSED.contains(&kind)) {
                return Err(refused("it may only read tables of people"));
            }
            if let Some(table) = text("Relation Name")
                && (text("Schema") != Some(SCHEMA) || !TABLES.contains(&table))
            {
                return Err(refused(&format!("it may only read these tables: {}", TABLES.join(", "))));
            }
            part.values().try_for_each(check_plan)
        }
        _ => Ok(()),
    }
}

/// What the database answered to the statement.
fn failure(cause: sqlx::Error, limits: &QueryLimits) -> Error {
    match cause.as_database_error() {
        Some(error) if error.code().as_deref() == Some(CANCELLED) => {
            too_long(&format!("it took longer than {} s", limits.time.as_secs_f64()))
        }
        Some(error) => refused(error.message()),
        None => refused("its answer was not understood").with_source(cause),
    }
}
