//! Named points at which a test kills the process, compiled only into test builds.
//!
//! `ACHUB_FAILPOINT=name:n` kills the process with SIGKILL when the point `name` is passed for the `n`th time.

/// All points in the order a run passes them, for the kill harness; passing one that is not listed is a panic.
///
/// They are those that the reliability rules name for a replication, but for "after request sent", which only the
/// account can tell; then those of an import into the hub's own store, from the middle of a batch on.
pub const NAMES: &[&str] = &[
    "before-request",
    "after-headers",
    "mid-body",
    "after-decode",
    "before-upsert",
    "schema-change",
    "mid-upsert",
    "before-commit",
    "after-commit",
    "between-pages",
    "full-check",
    "tombstone",
    "cursor-save",
    "end-of-stream",
    "run-close",
    "import-mid-batch",
    "import-between-batches",
    "import-consent",
    "import-undo-record",
    "import-result",
    "import-undo",
];

/// Passes the point `name`. Does nothing outside test builds.
#[inline]
pub fn pass(name: &str) {
    #[cfg(feature = "failpoints")]
    armed::pass(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Armed {
        name: String,
        hit: u64,
        hits: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let setting = std::env::var("ACHUB_FAILPOINT").ok()?;
        let (name, hit) = setting.split_once(':').expect("ACHUB_FAILPOINT is name:n");
        assert!(super::NAMES.contains(&name), "no failpoint is called {name:?}");
        let hit = hit.parse().expect("ACHUB_FAILPOINT ends with a number");
        Some(Armed { name: name.to_owned(), hit, hits: AtomicU64::new(0) })
    });

    pub fn pass(name: &str) {
        assert!(super::NAMES.contains(&name), "no failpoint is called {name:?}");
        if let Some(armed) = &*ARMED
            && armed.name == name
            && armed.hits.fetch_add(1, Ordering::SeqCst) + 1 == armed.hit
        {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL)
                .expect("a process may kill itself");
            loop {
                std::thread::park();
            }
        }
    }
}
