//! The store in memory.

use achub_store::memory::MemoryStore;

use crate::conformance::{self, suite};

suite!(async { ((), MemoryStore::new()) });

/// Clones are one store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clones_never_share_a_slot() {
    let store = MemoryStore::new();

    conformance::many_tasks_never_share_slots(vec![store.clone(), store]).await;
}
