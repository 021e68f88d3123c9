//! Keeps a lease while its run works, and stops the run when the lease is lost.

use std::{sync::Arc, time::Duration};

use achub_core::{
    Code,
    port::jobs::{JobStore, Lease},
};
use achub_engine::Stop;
use tokio::task::JoinHandle;

/// Renewals in one term: two may fail before the lease ends.
const RENEWALS: u32 = 3;

/// Renews a lease until it is dropped.
pub struct Keeper {
    task: JoinHandle<Lost>,
}

/// Why a lease is no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Somebody else has it.
    TakenOver,
    /// The store could not be asked for a whole term.
    Unreachable,
}

impl Keeper {
    /// Renews `lease` three times a term. Asks `stop` for the end where the lease is lost or somebody asked for the end of
    /// the run.
    pub fn start(jobs: Arc<dyn JobStore>, lease: Lease, term: Duration, stop: Stop) -> Keeper {
        Keeper { task: tokio::spawn(keep(jobs, lease, term, stop)) }
    }

    /// Ends the renewing, and says whether the lease was lost before.
    pub async fn end(mut self) -> Option<Lost> {
        self.task.abort();
        (&mut self.task).await.ok()
    }
}

/// A lease whose run is let go of must end by itself.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(jobs: Arc<dyn JobStore>, mut lease: Lease, term: Duration, stop: Stop) -> Lost {
    let mut failures = 0;
    loop {
        tokio::time::sleep(term / RENEWALS).await;
        match jobs.renew(&lease, term).await {
            Ok(renewed) => (lease, failures) = (renewed, 0),
            Err(error) if error.code() == Code::LostLease => {
                tracing::warn!(job = %lease.job, run = %lease.run, "another process took over");
                stop.request();
                return Lost::TakenOver;
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(job = %lease.job, run = %lease.run, %error, "the lease could not be renewed");
                if failures >= RENEWALS {
                    stop.request();
                    return Lost::Unreachable;
                }
            }
        }
        match jobs.is_asked_to_stop(&lease.run).await {
            Ok(true) => stop.request(),
            Ok(false) => {}
            // It is asked again with the next renewal, which counts failures of the store.
            Err(error) => {
                tracing::warn!(run = %lease.run, %error, "whether it should stop could not be asked")
            }
        }
    }
}
