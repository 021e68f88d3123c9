//! SQL that a person wrote, run as it is: hooks of replication files, and `conns exec`.

use std::path::Path;

use achub_core::{Code, Error};
use futures_util::{Stream, TryStreamExt as _};
use serde_json::Value;
use sqlx::{
    Column as _, Connection as _, Either, Row, TypeInfo as _, ValueRef as _,
    postgres::{PgConnection, PgRow},
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow},
};

use crate::postgres::PostgresSettings;

/// What came of the statements.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The columns of the last statement that gave rows.
    pub columns: Vec<String>,
    /// Its rows, no more than were asked for.
    pub rows: Vec<Vec<Value>>,
    /// Rows of it that were left out.
    pub left_out: u64,
    /// Rows that the statements touched.
    pub touched: u64,
}

impl Answer {
    /// The rows as objects.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Value>| self.columns.iter().cloned().zip(row.iter().cloned()).collect();
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }

    pub(crate) fn take(&mut self, columns: Vec<String>, row: Vec<Value>, rows_max: usize) {
        if self.columns != columns {
            self.columns = columns;
            self.rows.clear();
            self.left_out = 0;
        }
        if self.rows.len() < rows_max {
            self.rows.push(row);
        } else {
            self.left_out += 1;
        }
    }
}

/// Runs `sql`, which may be several statements, on a connection of its own.
///
/// Errors: `CF-103`, `DB-101`, `DB-102` as for a target; `DB-202` with the database's own words where a statement fails.
pub async fn postgres(settings: &PostgresSettings, sql: &str, rows_max: usize) -> Result<Answer, Error> {
    let (options, _) = settings.resolve()?;
    let mut connection = PgConnection::connect_with(&options).await.map_err(unreachable)?;
    let results = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_many(&mut connection);
    let results = results.map_ok(|result| result.map_left(|done| done.rows_affected()));
    let answer = collected(results, postgres_row, rows_max).await?;
    // What the statements did is done; a connection that does not close changes nothing about it.
    let _ = connection.close().await;
    Ok(answer)
}

/// Runs `sql`, which may be several statements, on the database file `path`.
///
/// Errors: `DB-101` (the file cannot be opened), `DB-202` with the database's own words where a statement fails.
pub async fn sqlite(path: &Path, sql: &str, rows_max: usize) -> Result<Answer, Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(unreachable)?;
    let results = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_many(&mut connection);
    let results = results.map_ok(|result| result.map_left(|done| done.rows_affected()));
    let answer = collected(results, sqlite_row, rows_max).await?;
    // As above.
    let _ = connection.close().await;
    Ok(answer)
}

/// Takes what the statements give: how many rows each touched, and rows.
async fn collected<R: Row>(
    mut results: impl Stream<Item = Result<Either<u64, R>, sqlx::Error>> + Unpin,
    values: impl Fn(&R) -> Vec<Value>,
    rows_max: usize,
) -> Result<Answer, Error> {
    let mut answer = Answer::default();
    while let Some(result) = results.try_next().await.map_err(refused)? {
        match result {
            Either::Left(touched) => answer.touched += touched,
            Either::Right(row) => answer.take(names(&row), values(&row), rows_max),
        }
    }
    Ok(answer)
}

/// Runs `sql`, which may be several statements, on the DuckDB file `path`. Of several the answer is the last one's.
///
/// Errors: `DB-101` (there is no such file), `DB-107` (no library), `RN-101` (another process has the file), `DB-202` with
/// the database's own words where a statement fails.
#[cfg(feature = "duckdb")]
pub async fn duckdb(
    path: &Path,
    library: &crate::duckdb::LibrarySearch,
    sql: &str,
    rows_max: usize,
) -> Result<Answer, Error> {
    crate::duckdb::exec::run(path, library, sql, rows_max).await
}

fn names<R: Row>(row: &R) -> Vec<String> {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// The simple query protocol sends every value as text.
fn postgres_row(row: &PgRow) -> Vec<Value> {
    let cell = |index: usize| {
        let Ok(raw) = row.try_get_raw(index) else { return Value::Null };
        let Ok(text) = raw.as_str() else { return Value::Null };
        match row.column(index).type_info().name() {
            "BOOL" => Value::Bool(text == "t"),
            "INT2" | "INT4" | "INT8" | "OID" => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            "FLOAT4" | "FLOAT8" => text.parse::<f64>().map_or_else(|_| text.into(), Value::from),
            "JSON" | "JSONB" => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            _ => text.into(),
        }
    };
    (0..row.columns().len()).map(cell).collect()
}

fn sqlite_row(row: &SqliteRow) -> Vec<Value> {
    let cell = |index: usize| {
        let Ok(raw) = row.try_get_raw(index) else { return Value::Null };
        if raw.is_null() {
            return Value::Null;
        }
        let kind = raw.type_info().name().to_owned();
        match kind.as_str() {
            "INTEGER" => row.try_get_unchecked::<i64, _>(index).map_or(Value::Null, Value::from),
            "REAL" => row.try_get_unchecked::<f64, _>(index).map_or(Value::Null, Value::from),
            "BLOB" => {
                let bytes = row.try_get_unchecked::<Vec<u8>, _>(index).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned().into()
            }
            _ => row.try_get_unchecked::<String, _>(index).map_or(Value::Null, Value::from),
        }
    };
    (0..row.columns().len()).map(cell).collect()
}

fn unreachable(cause: sqlx::Error) -> Error {
    Error::new(Code::TargetUnreachable, "the database could not be opened").with_source(cause)
}

fn refused(cause: sqlx::Error) -> Error {
    let words = match &cause {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    Error::new(Code::TargetRefused, format!("the database says: {words}")).with_source(cause)
}
