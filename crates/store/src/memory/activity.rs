//! The activity log.

use achub_core::{
    Error,
    port::activity::{Activity, ActivityFilter, ActivityLine, ActivityStore, Chain},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::{
    activity::{CHECKED_AT_ONCE, Check, chained, line, passes},
    stored::nanoseconds,
};

#[async_trait]
impl ActivityStore for MemoryStore {
    async fn append_activity(&self, lines: &[Activity]) -> Result<(), Error> {
        let mut state = self.state();
        let chained = chained(&state.ends.head, lines)?;
        if let Some(last) = chained.last() {
            state.ends.head = (last.number, last.hash.clone());
        }
        state.activity.extend(chained);
        Ok(())
    }

    async fn activity(&self, filter: &ActivityFilter, count: u32) -> Result<Vec<ActivityLine>, Error> {
        let state = self.state();
        let lines = state
            .activity
            .iter()
            .rev()
            .map(|stored| line(stored.clone()).expect("lines in memory are as they were appended"));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(lines.filter(|line| passes(filter, line)).take(count).collect())
    }

    async fn forget_activity_before(&self, moment: Timestamp) -> Result<u64, Error> {
        let before = nanoseconds(moment)?;
        let mut state = self.state();
        let gone = state.activity.iter().take_while(|line| line.at_ns < before).count();
        let Some(last) = state.activity.drain(..gone).next_back() else { return Ok(0) };
        state.ends.base = (last.number, last.hash);
        Ok(gone as u64)
    }

    async fn check_activity(&self) -> Result<Chain, Error> {
        let state = self.state();
        let mut check = Check::new(state.ends.clone());
        let mut rest = state.activity.as_slice();
        loop {
            let (now, later) = rest.split_at(rest.len().min(CHECKED_AT_ONCE));
            if let Some(verdict) = check.next(now) {
                return Ok(verdict);
            }
            rest = later;
        }
    }
}
