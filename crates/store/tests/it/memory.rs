//! The store in memory.

use std::sync::Arc;

use achub_store::memory::MemoryStore;

use crate::{
    activity::{self, activity_suite},
    clock::HandClock,
    conformance::{self, budget_suite, state_suite},
    jobs::{self, jobs_suite},
};

budget_suite!(async { ((), MemoryStore::new()) });
state_suite!(async { ((), MemoryStore::new()) });
jobs_suite!(async { setting() });
activity_suite!(async {
    let store = MemoryStore::new();
    activity::Setting { one: Arc::new(store.clone()), other: Arc::new(store), _guard: Box::new(()) }
});

fn setting() -> jobs::Setting {
    let clock = HandClock::default();
    let store = MemoryStore::new().with_clock(Arc::new(clock.clone()));
    jobs::Setting {
        one: Arc::new(store.clone()),
        other: Arc::new(store),
        clock: Arc::new(clock),
        _guard: Box::new(()),
    }
}

/// J-01 at length: fifty thousand steps of three processes.
#[tokio::test]
async fn long_walks_keep_one_holder() {
    for seed in 0..100 {
        jobs::long_walk(setting(), seed, 500).await;
    }
}

/// Clones are one store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clones_never_share_a_slot() {
    let store = MemoryStore::new();

    conformance::many_tasks_never_share_slots(vec![store.clone(), store]).await;
}
