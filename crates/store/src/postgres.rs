//! The hub's state in PostgreSQL, shared by any number of machines.
//!
//! Everything lies in the schema [`SCHEMA`]. Times that are judged (budgets, leases, what is due) are those of the
//! database's clock, so that nodes whose clocks differ agree.

mod activity;
mod audience;
mod budget;
mod fence;
mod jobs;
mod journal;
mod migration;
mod people;
mod query;
mod state;
pub(crate) mod text;

use std::{fmt, time::Duration};

use achub_core::{Code, Error};
use sqlx::{
    ConnectOptions, Connection, Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Where the tables of the state are.
pub const SCHEMA: &str = "achub_hub";

/// Connections of one process. Work waits for one where all are in use.
const CONNECTIONS_MAX: u32 = 10;

/// How long anybody waits for a connection before the server counts as not reachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sent once on each new connection.
///
/// A process that stands still within a transaction holds its locks and keeps the others from taking over; the server
/// ends such a transaction after 5 s. Waiting for a lock ends after that, so only a server in trouble shows it.
const PREPARE: &str = "
    SET search_path TO achub_hub;
    SET idle_in_transaction_session_timeout TO '5s';
    SET lock_timeout TO '10s'";

/// State in a PostgreSQL database. Clones share its connections.
#[derive(Clone)]
pub struct PostgresStore {
    /// Host, port and database: what messages name.
    pub(crate) place: String,
    pool: PgPool,
}

impl PostgresStore {
    /// Opens the state in the database of `url` (`postgres://user:password@host:port/database`), makes its schema where
    /// there is none, and brings it up to date. Any number of processes on any machines may open one database at once.
    ///
    /// Errors: `SY-102` where a newer program wrote the state, which is then left as it is; `SY-103` where the database
    /// may only be read or is full; `SY-105` where the URL is none or the database cannot be used.
    pub async fn open(url: &str) -> Result<PostgresStore, Error> {
        // The parser's error may repeat what was typed, the password with it.
        let options: PgConnectOptions = url.parse().map_err(|_: sqlx::Error| {
            Error::new(Code::StoreBroken, "cannot open the state: its address is no PostgreSQL URL")
        })?;
        let place = place(&options);
        let pool = connect(options).await.map_err(|cause| broken(&place, "open the state", cause))?;
        migration::run(&pool, &place).await?;
        Ok(PostgresStore { place, pool })
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The failure of something attempted with this database.
    fn broken(&self, attempt: &str, cause: sqlx::Error) -> Error {
        broken(&self.place, attempt, cause)
    }

    /// The failure of something found in the database that this program never puts there.
    fn unreadable(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::new(Code::StoreBroken, "cannot understand the state")
            .with_detail("database", self.place.clone())
            .with_source(cause)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.place).finish_non_exhaustive()
    }
}

async fn connect(options: PgConnectOptions) -> sqlx::Result<PgPool> {
    let options = options.disable_statement_logging();
    // A pool tries again and again where nobody answers; who opens a store wants to know at once.
    let answer = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    answer.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(CONNECT_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(sqlx::raw_sql(PREPARE)).await.map(drop) })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

/// Host, port and database, without user and password.
fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("");
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

/// `SY-103` where nothing can be written, else `SY-105`. The database's own words stay in the source chain.
fn broken(place: &str, attempt: &str, cause: sqlx::Error) -> Error {
    let code = if refuses_writes(&cause) { Code::StoreFull } else { Code::StoreBroken };
    let error = Error::new(code, format!("cannot {attempt}")).with_detail("database", place);
    let error = if lacks_right(&cause) { error.with_hint(GIVE_SCHEMA) } else { error };
    error.with_source(cause)
}

const GIVE_SCHEMA: &str = "Let an administrator of the database run `CREATE SCHEMA achub_hub AUTHORIZATION user` with the \
                           user of the address, and try again.";

/// `42501`, insufficient privilege.
fn lacks_right(cause: &sqlx::Error) -> bool {
    cause.as_database_error().and_then(|error| error.code()).as_deref() == Some("42501")
}

/// Full disks (`53100`) and transactions that may only read (`25006`): a standby, or a database that was set so.
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
fn refuses_writes(cause: &sqlx::Error) -> bool {
    let state = cause.as_database_error().and_then(|error| error.code());
    matches!(state.as_deref(), Some("53100" | "25006"))
}

#[cfg(test)]
mod tests {
    use achub_testkit::postgres::FreshDatabase;

    use super::*;

    /// J-02: a node that stands still in the middle of a transaction keeps its locks for seconds, not for ever.
    #[tokio::test]
    async fn standing_transaction_is_ended_by_server() {
        let database = FreshDatabase::create().await;
        let store = PostgresStore::open(&database.url()).await.unwrap();

        for (setting, expected) in [("idle_in_transaction_session_timeout", "5s"), ("lock_timeout", "10s")] {
            let actual: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(setting)
                .fetch_one(&store.pool)
                .await
                .unwrap();
            assert_eq!(actual, expected, "{setting}");
        }
    }
}
