//! A walk on its way into a database.

use std::sync::atomic::{AtomicU64, Ordering};

use achub_core::{
    Error,
    port::{
        source::Page,
        target::{Closing, Load, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::sql::{holder::Holder, session, statements, walk::WalkLoad};

/// Makes the temporary tables of loads that share a session different.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// Prepared tables, the session they are written in, and what keeps others from the same walk.
pub(crate) struct DatabaseLoad<H: Holder, L> {
    holder: H,
    walk: WalkLoad<H::Session>,
    /// Let go of last.
    _lock: L,
}

impl<H: Holder, L> DatabaseLoad<H, L> {
    /// Prepares the tables. `lock` was taken for this walk.
    pub(crate) async fn begin(holder: H, lock: L, spec: LoadSpec) -> Result<DatabaseLoad<H, L>, Error> {
        let scratch = format!("achub_merge_{}", LOADS.fetch_add(1, Ordering::Relaxed));
        let mut session = holder.hold().await?;
        statements::before_load(&mut *session, &spec.tables).await?;
        session::begin(&mut *session).await?;
        let prepared = WalkLoad::prepare(&mut *session, spec, &scratch).await;
        let walk = session::end(&mut *session, prepared).await??;
        drop(session);
        Ok(DatabaseLoad { holder, walk, _lock: lock })
    }
}

#[async_trait]
impl<H: Holder + 'static, L: Send + 'static> Load for DatabaseLoad<H, L> {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut session = self.holder.hold().await?;
        self.walk.commit_pages(&mut *session, &pages).await
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let load = &mut *self;
        let mut session = load.holder.hold().await?;
        load.walk.commit_end(&mut *session, closing).await
    }
}

impl<H: Holder, L> Drop for DatabaseLoad<H, L> {
    fn drop(&mut self) {
        let plans = self.walk.tables.iter().map(|table| &table.plan).filter(|plan| plan.as_you_go());
        self.holder.discard(plans.flat_map(|plan| [plan.staging.clone(), plan.parents.clone()]).collect());
    }
}
