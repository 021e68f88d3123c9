//! Migrations: forward only, each in a transaction of its own, so that an interrupted upgrade goes on where it stopped.

use achub_core::{Code, Error};
use sqlx::{Connection, PgConnection, PgPool};

use super::broken;

/// One step of the schema. A step that was released is never changed; its number is its place in [`ALL`], from 1.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const ALL: &[Migration] = &[
    Migration { name: "0001_state", sql: include_str!("../../migrations/postgres/0001_state.sql") },
    Migration { name: "0002_jobs", sql: include_str!("../../migrations/postgres/0002_jobs.sql") },
    Migration { name: "0003_activity", sql: include_str!("../../migrations/postgres/0003_activity.sql") },
    Migration { name: "0004_people", sql: include_str!("../../migrations/postgres/0004_people.sql") },
    Migration { name: "0005_audiences", sql: include_str!("../../migrations/postgres/0005_audiences.sql") },
];

/// Held while a step is applied: of nodes that start at once, one does the work. Ends with the transaction.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1633904757, 1)";

const MAKE_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS _achub_migrations (
        version    bigint      NOT NULL PRIMARY KEY,
        name       text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )";

/// Brings the schema up to date.
///
/// Errors: `SY-102` where the database is ahead of this program, and then nothing was written.
pub(super) async fn run(pool: &PgPool, place: &str) -> Result<(), Error> {
    let failed = |cause| broken(place, "bring the state up to date", cause);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let mut version = version(&mut connection).await.map_err(failed)?;
    while version < latest() {
        version = step(&mut connection).await.map_err(failed)?;
    }
    refuse_newer(version, place)
}

fn latest() -> i64 {
    i64::try_from(ALL.len()).expect("migrations can be counted")
}

fn refuse_newer(version: i64, place: &str) -> Result<(), Error> {
    if version <= latest() {
        return Ok(());
    }
    let message = format!("the state has schema {version}, this program knows up to {}", latest());
    Err(Error::new(Code::StoreNewer, message).with_detail("database", place))
}

/// The last migration that was applied, 0 where there is none.
async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let table = "SELECT to_regclass('_achub_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(&mut *connection).await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _achub_migrations").fetch_one(connection).await
}

/// Applies the next migration that is missing, if one is, and tells the version that is reached.
async fn step(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let mut transaction = connection.begin().await?;
    // Another node may be at a long step; that is no lock to give up on.
    sqlx::query("SET LOCAL lock_timeout TO 0").execute(&mut *transaction).await?;
    sqlx::query(LOCK).execute(&mut *transaction).await?;
    make_schema(&mut transaction).await?;
    // Read under the lock: what another node has applied meanwhile is not applied again.
    let version = version(&mut transaction).await?;
    let next = usize::try_from(version).ok().and_then(|done| ALL.get(done));
    let Some(migration) = next else { return Ok(version) };
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO _achub_migrations (version, name) VALUES ($1, $2)")
        .bind(version + 1)
        .bind(migration.name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(version + 1)
}

/// A schema that is there is not made again: a user who may not make one can still be given one.
async fn make_schema(connection: &mut PgConnection) -> sqlx::Result<()> {
    let there = "SELECT to_regnamespace('achub_hub') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(there).fetch_one(&mut *connection).await? {
        sqlx::raw_sql("CREATE SCHEMA achub_hub").execute(&mut *connection).await?;
    }
    sqlx::raw_sql(MAKE_TABLE).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migration_names_carry_their_number() {
        for (number, migration) in (1..).zip(ALL) {
            assert!(migration.name.starts_with(&format!("{number:04}_")), "{}", migration.name);
        }
    }
}
