//! The hub's state in memory, for tests and for work that leaves nothing behind.

mod activity;
mod audience;
mod jobs;
mod journal;
mod people;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use achub_core::{
    AccountName, Error, ReplicationName, RunId,
    port::{
        budget::{BudgetState, BudgetStore},
        clock::{Clock, SystemClock},
        journal::{LogLine, RowNote},
        state::{Fact, RunRecord, StateStore},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    activity::{Ends, StoredLine},
    jobs::Desk,
    slot::{Interval, ceil_us, check_learnt, horizon_us},
};

/// State that lives as long as the value and its clones, which share it.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    budgets: HashMap<AccountName, Budget>,
    runs: HashMap<RunId, RunRecord>,
    facts: HashMap<(AccountName, String), Fact>,
    logs: HashMap<RunId, Vec<LogLine>>,
    rows: HashMap<RunId, Vec<RowNote>>,
    desk: Desk,
    /// The latest moment that was seen.
    latest: Option<Timestamp>,
    activity: Vec<StoredLine>,
    ends: Ends,
    people: people::People,
    audiences: audience::Audiences,
}

#[derive(Debug)]
struct Budget {
    /// Microseconds since 1970 at which the next free slot begins.
    next_us: i64,
    limit: Option<f64>,
    slowdown: f64,
    slowed_at: Timestamp,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { next_us: i64::MIN, limit: None, slowdown: 1.0, slowed_at: Timestamp::UNIX_EPOCH }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// The same store with another clock than the machine's.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> MemoryStore {
        MemoryStore { clock, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics between two changes that belong together, so a poisoned lock still guards whole records.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore { state: Arc::default(), clock: Arc::new(SystemClock) }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("state", &self.state).finish_non_exhaustive()
    }
}

#[async_trait]
impl BudgetStore for MemoryStore {
    async fn reserve(
        &self,
        account: &AccountName,
        now: Timestamp,
        interval_us: i64,
    ) -> Result<BudgetState, Error> {
        let interval = Interval::new(interval_us)?;
        let now_us = ceil_us(now);
        let mut state = self.state();
        let budget = state.budgets.entry(account.clone()).or_default();
        let beyond = budget.next_us > now_us.saturating_add(horizon_us());
        let slot_us = if beyond { now_us } else { budget.next_us.max(now_us) };
        // Nothing was handed out before 1970, which is what a new row stands for.
        let free_since_us = budget.next_us.max(0).min(slot_us);
        budget.next_us = slot_us + interval.as_micros();
        let moment =
            |micros| Timestamp::from_microsecond(micros).expect("slots are between now and the horizon");
        Ok(BudgetState {
            slot: moment(slot_us),
            free_since: moment(free_since_us),
            limit: budget.limit,
            slowdown: budget.slowdown,
            slowed_at: budget.slowed_at,
        })
    }

    async fn hold(&self, account: &AccountName, _now: Timestamp, until: Timestamp) -> Result<(), Error> {
        let mut state = self.state();
        let budget = state.budgets.entry(account.clone()).or_default();
        budget.next_us = budget.next_us.max(ceil_us(until));
        Ok(())
    }

    async fn learn(
        &self,
        account: &AccountName,
        now: Timestamp,
        limit: Option<f64>,
        slowdown: f64,
    ) -> Result<(), Error> {
        check_learnt(limit, slowdown)?;
        let mut state = self.state();
        let budget = state.budgets.entry(account.clone()).or_default();
        budget.limit = limit.or(budget.limit);
        budget.slowdown = slowdown;
        budget.slowed_at = now;
        Ok(())
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn put_run(&self, run: &RunRecord) -> Result<(), Error> {
        self.state().runs.insert(run.id.clone(), run.clone());
        Ok(())
    }

    async fn runs(&self, replication: Option<&ReplicationName>, count: u32) -> Result<Vec<RunRecord>, Error> {
        let state = self.state();
        let asked = |run: &&RunRecord| replication.is_none_or(|name| run.replication == *name);
        let mut runs: Vec<RunRecord> = state.runs.values().filter(asked).cloned().collect();
        runs.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        runs.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(runs)
    }

    async fn put_fact(&self, account: &AccountName, name: &str, fact: &Fact) -> Result<(), Error> {
        self.state().facts.insert((account.clone(), name.to_owned()), fact.clone());
        Ok(())
    }

    async fn fact(&self, account: &AccountName, name: &str) -> Result<Option<Fact>, Error> {
        Ok(self.state().facts.get(&(account.clone(), name.to_owned())).cloned())
    }
}
