//! A walk on its way into a database file.

use std::sync::atomic::{AtomicU64, Ordering};

use achub_core::{
    Error,
    port::{
        source::Page,
        target::{Closing, Load, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::{
    lock::WalkLock,
    sql::{session, statements, walk::WalkLoad},
    sqlite::{connection::Connection, session::SqliteSession},
};

/// Makes the temporary tables of loads that share a connection different.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// Prepared tables, and the lock of the walk.
pub(crate) struct SqliteLoad {
    connection: Connection,
    walk: WalkLoad<SqliteSession>,
    _lock: WalkLock,
}

impl SqliteLoad {
    pub(crate) async fn begin(
        connection: Connection,
        lock: WalkLock,
        spec: LoadSpec,
    ) -> Result<SqliteLoad, Error> {
        let scratch = format!("achub_merge_{}", LOADS.fetch_add(1, Ordering::Relaxed));
        let mut session = connection.hold().await?;
        statements::before_load(&mut *session, &spec.tables).await?;
        session::begin(&mut *session).await?;
        let prepared = WalkLoad::prepare(&mut *session, spec, &scratch).await;
        let walk = session::end(&mut *session, prepared).await??;
        drop(session);
        Ok(SqliteLoad { connection, walk, _lock: lock })
    }
}

#[async_trait]
impl Load for SqliteLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut session = self.connection.hold().await?;
        self.walk.commit_pages(&mut *session, &pages).await
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let load = &mut *self;
        let mut session = load.connection.hold().await?;
        load.walk.commit_end(&mut *session, closing).await
    }
}

impl Drop for SqliteLoad {
    fn drop(&mut self) {
        let plans = self.walk.tables.iter().map(|table| &table.plan).filter(|plan| plan.as_you_go());
        self.connection.discard(plans.flat_map(|plan| [plan.staging.clone(), plan.parents.clone()]));
    }
}
