//! The fence: in the transaction that saves something, the question whether the right to save is still the newest.

use achub_core::{Error, JobName, port::jobs::Fence};
use sqlx::PgConnection;

use super::PostgresStore;
use crate::jobs::lost;

/// The lock on the row keeps everybody from taking the lease over until the transaction ends: either what it saves is
/// there before somebody else begins, or it finds a higher number and saves nothing. The holder's own renewals do not
/// change the number and do not wait.
const HOLDS: &str =
    "SELECT fence FROM job_lease WHERE job = $1 AND fence = $2 AND run IS NOT NULL FOR KEY SHARE";

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_core::{Code, RunId, port::jobs::JobStore};
    use achub_testkit::postgres::FreshDatabase;

    use super::*;

    const TERM: Duration = Duration::from_secs(60);

    /// J-02: while a holder saves, nobody takes over and he can renew; once the lease is gone, he saves nothing.
    #[tokio::test]
    async fn lease_stays_while_its_holder_saves() {
        let database = FreshDatabase::create().await;
        let store = PostgresStore::open(&database.url()).await.unwrap();
        let job = JobName::new("import:shop");
        let lease = store.lease(&job, &RunId::new("r-1"), "host:1", TERM).await.unwrap().unwrap();

        let mut saving = store.pool.begin().await.unwrap();
        store.check_fence(&mut saving, &job, lease.fence).await.unwrap();
        let lease = store.renew(&lease, TERM).await.unwrap();
        let take_over = "UPDATE job_lease SET fence = fence + 1";
        let mut other = store.pool.begin().await.unwrap();
        sqlx::query("SET LOCAL lock_timeout TO '1ms'").execute(&mut *other).await.unwrap();
        assert!(sqlx::query(take_over).execute(&mut *other).await.is_err(), "it is locked");
        other.rollback().await.unwrap();
        saving.commit().await.unwrap();

        let mut connection = store.pool.acquire().await.unwrap();
        let newer = Fence(lease.fence.0 + 1);
        let refused = store.check_fence(&mut connection, &job, newer).await.unwrap_err();
        assert_eq!(refused.code(), Code::LostLease);
        store.release(&lease).await.unwrap();
        let refused = store.check_fence(&mut connection, &job, lease.fence).await.unwrap_err();
        assert_eq!(refused.code(), Code::LostLease);
    }
}
