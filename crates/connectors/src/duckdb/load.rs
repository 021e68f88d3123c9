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
    duckdb::{connection::Connection, session::DuckdbSession},
    lock::WalkLock,
    sql::{session, statements, walk::WalkLoad},
};

/// Makes the temporary tables of loads that share a connection different.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// Prepared tables, and the lock of the walk.
pub(super) struct DuckdbLoad {
    connection: Connection,
    walk: WalkLoad<DuckdbSession>,
    _lock: WalkLock,
}

impl DuckdbLoad {
    pub(super) async fn begin(
        connection: Connection,
        lock: WalkLock,
        spec: LoadSpec,
    ) -> Result<DuckdbLoad, Error> {
        let scratch = format!("achub_merge_{}", LOADS.fetch_add(1, Ordering::Relaxed));
        let mut session = connection.hold().await?;
        statements::before_load(&mut *session, &spec.tables).await?;
        session::begin(&mut *session).await?;
        let prepared = WalkLoad::prepare(&mut *session, undeclared(spec), &scratch).await;
        let walk = session::end(&mut *session, prepared).await??;
        drop(session);
        Ok(DuckdbLoad { connection, walk, _lock: lock })
    }
}

/// The same load without declared keys: DuckDB keeps the index of a key in memory, and its rows are merged as well without
/// one (decision 0012).
fn undeclared(mut spec: LoadSpec) -> LoadSpec {
    spec.tables.iter_mut().for_each(|load| load.table.declare_key = false);
    spec
}

#[async_trait]
impl Load for DuckdbLoad {
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

impl Drop for DuckdbLoad {
    fn drop(&mut self) {
        let plans = self.walk.tables.iter().map(|table| &table.plan).filter(|plan| plan.as_you_go());
        self.connection.discard(plans.flat_map(|plan| [plan.staging.clone(), plan.parents.clone()]));
    }
}
