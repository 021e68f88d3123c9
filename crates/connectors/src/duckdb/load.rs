//! A walk on its way into a database file.

use achub_core::{
    Error, failpoint,
    port::{
        source::Page,
        target::{Closing, Load, LoadMode, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::{
    duckdb::{connection::Connection, session::DuckdbSession},
    lock::WalkLock,
    sql::{session, walk::WalkLoad},
};

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
        let mut session = connection.hold().await?;
        session::begin(&mut *session).await?;
        let prepared = WalkLoad::prepare(&mut *session, collected(spec), "achub_merge").await;
        let walk = session::end(&mut *session, prepared).await??;
        drop(session);
        Ok(DuckdbLoad { connection, walk, _lock: lock })
    }
}

/// The same load with what DuckDB is asked for.
///
/// Nobody else can read the file while this process has it, so rows that are merged with every commit would be seen no
/// earlier than those merged at the end. And the key is not declared: DuckDB keeps its index in memory, and holds it against
/// rows that the same transaction has deleted (decision 0012).
fn collected(mut spec: LoadSpec) -> LoadSpec {
    for load in &mut spec.tables {
        load.table.declare_key = false;
        if load.mode == LoadMode::MergeAsYouGo {
            load.mode = LoadMode::MergeAtEnd;
        }
    }
    spec
}

#[async_trait]
impl Load for DuckdbLoad {
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
