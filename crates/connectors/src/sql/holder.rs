//! Who may use a session: one caller at a time.

use std::{
    future::Future,
    sync::{Mutex as PlainMutex, PoisonError},
};

use achub_core::Error;
use async_trait::async_trait;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::sql::{Session, TableName, session};

/// A session, or the way to one that is shared.
#[async_trait]
pub(crate) trait Holder: Send + Sync {
    /// What is held.
    type Session: Session + 'static;

    /// Waits until nobody else of this process uses the session.
    async fn hold(&self) -> Result<MappedMutexGuard<'_, Self::Session>, Error>;

    /// Leaves temporary tables behind for whoever holds the session next; nothing is to be done where they go with it.
    fn discard(&self, _tables: Vec<TableName>) {}
}

/// A session nobody else has.
pub(crate) struct Own<S>(Mutex<S>);

impl<S> Own<S> {
    pub(crate) fn new(session: S) -> Own<S> {
        Own(Mutex::new(session))
    }
}

#[async_trait]
impl<S: Session + 'static> Holder for Own<S> {
    type Session = S;

    async fn hold(&self) -> Result<MappedMutexGuard<'_, S>, Error> {
        Ok(MutexGuard::map(self.0.lock().await, |session| session))
    }
}

/// The one session of this process to a database file, opened when it is first needed.
pub(crate) struct Shared<S> {
    session: Mutex<Option<S>>,
    /// Temporary tables of loads that ended; dropped by whoever holds the session next.
    litter: PlainMutex<Vec<TableName>>,
}

impl<S> Default for Shared<S> {
    fn default() -> Shared<S> {
        Shared { session: Mutex::new(None), litter: PlainMutex::default() }
    }
}

impl<S: Session> Shared<S> {
    /// Waits for the session, which `open` makes where there is none. What its last holder left begun is taken back.
    pub(crate) async fn hold(
        &self,
        open: impl Future<Output = Result<S, Error>> + Send,
    ) -> Result<MappedMutexGuard<'_, S>, Error> {
        let mut session = self.session.lock().await;
        if session.is_none() {
            *session = Some(open.await?);
        }
        let mut held = MutexGuard::map(session, |session| session.as_mut().expect("it was opened above"));
        session::rollback(&mut *held).await?;
        self.sweep(&mut held).await?;
        Ok(held)
    }

    /// Leaves temporary tables behind for the next holder.
    pub(crate) fn discard(&self, tables: Vec<TableName>) {
        self.litter.lock().unwrap_or_else(PoisonError::into_inner).extend(tables);
    }

    /// Waits until nobody uses the session and keeps everybody out, so that it can be taken away.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, Option<S>> {
        self.session.lock().await
    }

    /// Closes the session by whoever has the last hand on it.
    #[cfg(feature = "duckdb")]
    pub(crate) fn close(&mut self) {
        drop(self.session.get_mut().take());
    }

    async fn sweep(&self, session: &mut S) -> Result<(), Error> {
        let tables = std::mem::take(&mut *self.litter.lock().unwrap_or_else(PoisonError::into_inner));
        for table in tables {
            session.execute(&format!("DROP TABLE IF EXISTS {}", table.sql()), &[]).await?;
        }
        Ok(())
    }
}
