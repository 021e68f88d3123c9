//! Queue, leases and schedules: what all stores make of them.

use achub_core::{Code, Error, JobName};

/// The failure of whoever lost its lease.
pub(crate) fn lost(job: &JobName) -> Error {
    Error::new(Code::LostLease, format!("another process has taken over {job}"))
}
