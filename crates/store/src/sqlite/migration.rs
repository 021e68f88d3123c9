//! Migrations: forward only, kept in a table of our own so that another library may keep its own in the same file.

use std::path::Path;

use achub_core::{Code, Error};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::broken;

/// One step of the schema. A step that was released is never changed; its number is its place in [`ALL`], from 1.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const ALL: &[Migration] = &[
    Migration {
        name: "0001_budget_runs_facts",
        sql: include_str!("../../migrations/sqlite/0001_budget_runs_facts.sql"),
    },
    Migration {
        name: "0002_budget_free_since",
        sql: include_str!("../../migrations/sqlite/0002_budget_free_since.sql"),
    },
    Migration { name: "0003_run_journal", sql: include_str!("../../migrations/sqlite/0003_run_journal.sql") },
    Migration { name: "0004_jobs", sql: include_str!("../../migrations/sqlite/0004_jobs.sql") },
    Migration { name: "0005_activity", sql: include_str!("../../migrations/sqlite/0005_activity.sql") },
    Migration { name: "0006_people", sql: include_str!("../../migrations/sqlite/0006_people.sql") },
    Migration { name: "0007_audiences", sql: include_str!("../../migrations/sqlite/0007_audiences.sql") },
];

/// Brings the schema up to date.
///
/// Errors: `SY-102` where the file is ahead of this program, and then nothing was written.
pub(super) async fn run(pool: &SqlitePool, path: &Path) -> Result<(), Error> {
    let failed = |cause| broken(path, "bring the state up to date", cause);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let version = version(&mut connection).await.map_err(failed)?;
    refuse_newer(version, path)?;
    if version == latest() {
        return Ok(());
    }
    let version = migrate(&mut connection).await.map_err(failed)?;
    refuse_newer(version, path)
}

fn latest() -> i64 {
    i64::try_from(ALL.len()).expect("migrations can be counted")
}

fn refuse_newer(version: i64, path: &Path) -> Result<(), Error> {
    if version <= latest() {
        return Ok(());
    }
    let message = format!("the state has schema {version}, this program knows up to {}", latest());
    Err(Error::new(Code::StoreNewer, message).with_detail("file", path.display().to_string()))
}

/// The last migration that was applied, 0 where there is none.
async fn version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_achub_migrations'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _achub_migrations").fetch_one(connection).await
}

/// Applies what is missing in one transaction and tells the version found before.
async fn migrate(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    // The write lock comes first and the version is read under it: of two programs started at once one does the work.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version = version(&mut transaction).await?;
    if version == 0 {
        sqlx::raw_sql(
            "CREATE TABLE IF NOT EXISTS _achub_migrations (
                 version    INTEGER NOT NULL PRIMARY KEY,
                 name       TEXT    NOT NULL,
                 applied_at TEXT    NOT NULL DEFAULT CURRENT_TIMESTAMP
             ) STRICT",
        )
        .execute(&mut *transaction)
        .await?;
    }
    for (number, migration) in (1_i64..).zip(ALL).filter(|(number, _)| *number > version) {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO _achub_migrations (version, name) VALUES (?1, ?2)")
            .bind(number)
            .bind(migration.name)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(version)
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
