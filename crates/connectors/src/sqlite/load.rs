//! A walk on its way into a database file.

use std::sync::atomic::{AtomicU64, Ordering};

use achub_core::{
    Error, failpoint,
    port::{
        source::Page,
        target::{Closing, Load, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::{
    lock::WalkLock,
    sql::{session, walk::WalkLoad},
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
        self.walk.enter()?;
        let mut session = self.connection.hold().await?;
        session::begin(&mut *session).await?;
        let written = self.walk.write(&mut *session, &pages).await;
        failpoint::pass("before-commit");
        let written = session::end(&mut *session, written).await?;
        failpoint::pass("after-commit");
        self.walk.leave();
        Ok(written)
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let load = &mut *self;
        load.walk.enter()?;
        let mut session = load.connection.hold().await?;
        session::begin(&mut *session).await?;
        let reports = load.walk.finish(&mut *session, closing).await;
        session::end(&mut *session, reports).await
    }
}

impl Drop for SqliteLoad {
    fn drop(&mut self) {
        let plans = self.walk.tables.iter().map(|table| &table.plan).filter(|plan| plan.as_you_go());
        self.connection.discard(plans.flat_map(|plan| [plan.staging.clone(), plan.parents.clone()]));
    }
}
