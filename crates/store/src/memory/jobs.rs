//! Queue, leases and schedules.

use std::time::Duration;

use achub_core::{
    Error, JobName, RunId,
    port::jobs::{Lease, Queued, QueuedRun, ScheduleState},
};
use jiff::Timestamp;

use super::MemoryStore;
use crate::jobs::{Desk, Scope, job_store};

job_store!(MemoryStore);

impl MemoryStore {
    async fn with_desk<T>(
        &self,
        _scope: Scope<'_>,
        _attempt: &'static str,
        change: impl FnOnce(&mut Desk, Timestamp) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let mut state = self.state();
        let now = self.clock.now();
        let mut desk = state.desk.clone();
        desk.settle(now);
        let answer = change(&mut desk, now)?;
        state.desk = desk;
        state.latest = state.latest.max(Some(now));
        Ok(answer)
    }

    async fn at_desk<T>(
        &self,
        _attempt: &'static str,
        look: impl FnOnce(&Desk, Timestamp) -> T + Send,
    ) -> Result<T, Error> {
        let mut desk = self.state().desk.clone();
        let now = self.clock.now();
        desk.settle(now);
        Ok(look(&desk, now))
    }

    async fn all_schedules(&self) -> Result<Vec<ScheduleState>, Error> {
        Ok(self.state().desk.schedules.values().cloned().collect())
    }

    async fn store_now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    async fn take_latest(&self, now: Timestamp) -> Result<Timestamp, Error> {
        Ok(self.state().latest.replace(now).unwrap_or(now))
    }
}
