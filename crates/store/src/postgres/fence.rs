//! The fence: in the transaction that saves something, the question whether the right to save is still the newest.

use achub_core::{Error, JobName, port::jobs::Fence};
use sqlx::PgConnection;

use super::PostgresStore;
use crate::jobs::lost;

/// The lock on the row keeps everybody from taking the lease over until the transaction ends: either what it saves is
/// there before somebody else begins, or it finds a higher number and saves nothing.
const HOLDS: &str = "SELECT fence FROM job_lease WHERE job = $1 AND fence = $2 AND run IS NOT NULL FOR SHARE";

impl PostgresStore {
    /// To be asked in each transaction that saves something by the right of a lease, before its first write.
    ///
    /// Errors: `RN-102` where the lease was given back or somebody else has a newer one.
    pub(crate) async fn check_fence(
        &self,
        connection: &mut PgConnection,
        job: &JobName,
        fence: Fence,
    ) -> Result<(), Error> {
        let held: Option<i64> = sqlx::query_scalar(HOLDS)
            .bind(job.as_str())
            .bind(fence.0)
            .fetch_optional(connection)
            .await
            .map_err(|cause| self.broken("look at a lease", cause))?;
        held.map(drop).ok_or_else(|| lost(job))
    }
}
