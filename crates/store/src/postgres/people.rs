//! People in PostgreSQL: transactions of its pool.

use achub_core::{Error, JobName, port::jobs::Fence};
use async_trait::async_trait;
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Postgres, Row as _, Transaction, TypeInfo as _,
    ValueRef as _,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
};

use super::{PostgresStore, text};
use crate::sql::{
    people::people_store,
    session::{Arg, Cell, Dialect, Door, Fault, Row, Session},
};

people_store!(PostgresStore);

/// A transaction of the database.
struct PostgresSession {
    store: PostgresStore,
    transaction: Transaction<'static, Postgres>,
}

fn arguments(args: Vec<Arg>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Integer(value) => arguments.add(value)?,
            Arg::Real(value) => arguments.add(value)?,
            Arg::Text(value) => {
                arguments.add(value.as_deref().map(|value| text::stored(value).into_owned()))?;
            }
        }
    }
    Ok(arguments)
}

fn cells(row: &PgRow) -> sqlx::Result<Row> {
    let cell = |column: &sqlx::postgres::PgColumn| {
        let place = column.ordinal();
        let raw = row.try_get_raw(place)?;
        if raw.is_null() {
            return Ok(Cell::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INT8" => Cell::Integer(row.try_get(place)?),
            "FLOAT8" => Cell::Real(row.try_get(place)?),
            _ => Cell::Text(text::read(row.try_get(place)?)),
        })
    };
    row.columns().iter().map(cell).collect::<sqlx::Result<Vec<Cell>>>().map(Row::new)
}

#[async_trait]
impl Session for PostgresSession {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
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
impl Door for PostgresStore {
    /// A page is read by several statements, which have to see one state.
    async fn reading(&self) -> Result<Box<dyn Session>, Fault> {
        let transaction = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        Ok(Box::new(PostgresSession { store: self.clone(), transaction }))
    }

    /// Each statement sees what was committed before it: the first one waits for whoever writes about people.
    async fn writing(&self) -> Result<Box<dyn Session>, Fault> {
        let transaction = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        Ok(Box::new(PostgresSession { store: self.clone(), transaction }))
    }

    /// Deleted rows are overwritten when the server gets to it; nobody can read them through it.
    async fn scrub(&self) -> Result<(), Fault> {
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
