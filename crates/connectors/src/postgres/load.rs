//! A walk on its way into a database.

use achub_core::{
    Error,
    port::{
        source::Page,
        target::{Closing, Load, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::{
    postgres::session::PostgresSession,
    sql::{session, statements, walk::WalkLoad},
};

/// Prepared tables on a connection of their own, which also holds the lock of the walk.
pub(crate) struct PostgresLoad {
    session: PostgresSession,
    walk: WalkLoad<PostgresSession>,
}

impl PostgresLoad {
    pub(crate) async fn begin(mut session: PostgresSession, spec: LoadSpec) -> Result<PostgresLoad, Error> {
        let schema = spec.state_schema.as_deref().unwrap_or_default();
        let key = format!("achub walk\0{schema}\0{}\0{}", spec.replication, spec.walk);
        session.lock(&format!("{} of {}", spec.walk, spec.replication), &key).await?;
        statements::before_load(&mut session, &spec.tables).await?;
        session::begin(&mut session).await?;
        let prepared = WalkLoad::prepare(&mut session, spec, "achub_merge").await;
        let walk = session::end(&mut session, prepared).await??;
        Ok(PostgresLoad { session, walk })
    }
}

#[async_trait]
impl Load for PostgresLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        self.walk.commit_pages(&mut self.session, &pages).await
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let load = &mut *self;
        load.walk.commit_end(&mut load.session, closing).await
    }
}
