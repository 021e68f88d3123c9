//! The store by its address, whichever database that leads to.

use std::sync::Arc;

use achub_core::{
    Error,
    port::{
        activity::ActivityStore,
        audiences::{AudienceStore, PeopleSql},
        budget::BudgetStore,
        jobs::JobStore,
        journal::JournalStore,
        people::PeopleStore,
        state::StateStore,
    },
};
use async_trait::async_trait;

use crate::{postgres::PostgresStore, sqlite::SqliteStore};

/// Everything the hub keeps. Each of its ports can be had from it alone.
#[async_trait]
pub trait Everything:
    StateStore
    + JournalStore
    + BudgetStore
    + JobStore
    + ActivityStore
    + PeopleStore
    + AudienceStore
    + PeopleSql
    + 'static
{
    /// What it is and where, for people, without a password: `sqlite FILE`, `postgres HOST/DATABASE`.
    fn place(&self) -> String;

    /// Lets go of it. Dropping it is as safe but leaves a log beside a file.
    async fn close(&self);
}

/// Opens the store at `address`: `postgres://…`, or `sqlite://FILE`, or the path of a file.
///
/// Errors: those of [`SqliteStore::open`] and [`PostgresStore::open`].
pub async fn open(address: &str) -> Result<Arc<dyn Everything>, Error> {
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        return Ok(Arc::new(PostgresStore::open(address).await?));
    }
    let path = address.strip_prefix("sqlite://").unwrap_or(address);
    Ok(Arc::new(SqliteStore::open(path).await?))
}

#[async_trait]
impl Everything for SqliteStore {
    fn place(&self) -> String {
        format!("sqlite {}", self.path.display())
    }

    async fn close(&self) {
        SqliteStore::close(self).await;
    }
}

#[async_trait]
impl Everything for PostgresStore {
    fn place(&self) -> String {
        format!("postgres {}", self.place)
    }

    async fn close(&self) {
        PostgresStore::close(self).await;
    }
}
