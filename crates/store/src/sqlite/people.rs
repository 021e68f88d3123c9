//! People in the SQLite file: transactions of the one writer, and of readers beside it.

use achub_core::{Error, JobName, port::jobs::Fence};
use async_trait::async_trait;
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Row as _, Sqlite, Transaction, TypeInfo as _, ValueRef as _,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::SqliteStore;
use crate::sql::{
    people::people_store,
    session::{Arg, Cell, Dialect, Door, Fault, Row, Session},
};

people_store!(SqliteStore);

/// A transaction of the file.
struct SqliteSession {
    store: SqliteStore,
    transaction: Transaction<'static, Sqlite>,
}

fn arguments(args: Vec<Arg>) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Integer(value) => arguments.add(value)?,
            Arg::Real(value) => arguments.add(value)?,
            Arg::Text(value) => arguments.add(value)?,
        }
    }
    Ok(arguments)
}

fn cells(row: &SqliteRow) -> sqlx::Result<Row> {
    let cell = |column: &sqlx::sqlite::SqliteColumn| {
        let place = column.ordinal();
        let raw = row.try_get_raw(place)?;
        if raw.is_null() {
            return Ok(Cell::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" => Cell::Integer(row.try_get_unchecked(place)?),
            "REAL" => Cell::Real(row.try_get_unchecked(place)?),
            _ => Cell::Text(row.try_get_unchecked(place)?),
        })
    };
    row.columns().iter().map(cell).collect::<sqlx::Result<Vec<Cell>>>().map(Row::new)
}

#[async_trait]
impl Session for SqliteSession {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn execute(&mut self, sql: String, args: Vec<Arg>) -> Result<u64, Fault> {
        let arguments = arguments(args).map_err(sqlx::Error::Encode)?;
        // Texts are made of constants and numbered places; every value is bound.
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        Ok(query.execute(&mut *self.transaction).await?.rows_affected())
    }

    async fn fetch(&mut self, sql: String, args: Vec<Arg>) -> Result<Vec<Row>, Fault> {
        let arguments = arguments(args).map_err(sqlx::Error::Encode)?;
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        let rows = query.fetch_all(&mut *self.transaction).await?;
        Ok(rows.iter().map(cells).collect::<sqlx::Result<_>>()?)
    }

    async fn check_fence(&mut self, job: &JobName, fence: Fence) -> Result<(), Fault> {
        Ok(self.store.check_fence(&mut self.transaction, job, fence).await?)
    }

    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        Ok(self.transaction.commit().await?)
    }
}

#[async_trait]
impl Door for SqliteStore {
    async fn reading(&self) -> Result<Box<dyn Session>, Fault> {
        let transaction = self.readers.begin().await?;
        Ok(Box::new(SqliteSession { store: self.clone(), transaction }))
    }

    async fn writing(&self) -> Result<Box<dyn Session>, Fault> {
        let transaction = self.durable.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Box::new(SqliteSession { store: self.clone(), transaction }))
    }

    /// What was deleted is overwritten by zeros as it is deleted (`secure_delete`); this takes it out of the log too.
    async fn scrub(&self) -> Result<(), Fault> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.durable).await?;
        Ok(())
    }

    fn told(&self, attempt: &str, fault: Fault) -> Error {
        match fault {
            Fault::Told(error) => error,
            Fault::Sql(cause) => self.broken(attempt, cause),
            Fault::Unreadable(what) => self.unreadable(what).context(attempt),
        }
    }
}
