//! The fence: in the transaction that saves something, the question whether the right to save is still the newest.

use achub_core::{Error, JobName, port::jobs::Fence};
use sqlx::SqliteConnection;

use super::SqliteStore;
use crate::jobs::lost;

const HOLDS: &str = "SELECT fence FROM job_lease WHERE job = ?1 AND fence = ?2 AND run IS NOT NULL";

impl SqliteStore {
    /// To be asked in each transaction that saves something by the right of a lease, before its first write. The
    /// transaction has begun with `BEGIN IMMEDIATE`, so that nobody takes the lease over before it ends.
    ///
    /// Errors: `RN-102` where the lease was given back or somebody else has a newer one.
    pub(crate) async fn check_fence(
        &self,
        connection: &mut SqliteConnection,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_core::{Code, RunId, port::jobs::JobStore};

    use super::*;

    const TERM: Duration = Duration::from_secs(60);

    /// J-02: who has the newest number may save; once the lease is gone or another's, nobody may with the old one.
    #[tokio::test]
    async fn only_the_newest_number_saves() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();
        let job = JobName::new("import:shop");
        let run = RunId::new("r-1");
        let check = async |fence| {
            let mut saving = store.durable.begin_with("BEGIN IMMEDIATE").await.unwrap();
            store.check_fence(&mut saving, &job, fence).await.map_err(|error| error.code())
        };

        let first = store.lease(&job, &run, "host:1", TERM).await.unwrap().unwrap();
        assert_eq!(check(first.fence).await, Ok(()));
        store.release(&first).await.unwrap();
        assert_eq!(check(first.fence).await, Err(Code::LostLease));
        let second = store.lease(&job, &run, "host:1", TERM).await.unwrap().unwrap();

        assert_eq!(check(second.fence).await, Ok(()));
        assert_eq!(check(first.fence).await, Err(Code::LostLease));
    }
}
