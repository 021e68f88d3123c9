//! Queue, leases and schedules.

use std::time::Duration;

use achub_core::{
    Error, JobName, RunId,
    port::jobs::{Lease, Queued, QueuedRun, ScheduleState},
};
use jiff::Timestamp;
use sqlx::PgConnection;

use super::PostgresStore;
use crate::{
    jobs::{Desk, Edits, LeaseColumns, RunColumns, ScheduleColumns, Scope, job_store, schedule, sql},
    stored::{nanoseconds, timestamp},
};

/// Held while queue, leases or schedules are looked at and changed; ends with the transaction. Whoever saves something by
/// the right of a lease does not wait for it: he locks the row of his lease.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1633904757, 2)";

/// All statements see the rows of one moment.
const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

job_store!(PostgresStore);

impl PostgresStore {
    /// See [`job_store`].
    async fn with_desk<T>(
        &self,
        scope: Scope<'_>,
        attempt: &'static str,
        change: impl FnOnce(&mut Desk, Timestamp) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let failed = |cause| self.broken(attempt, cause);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        sqlx::query(LOCK).execute(&mut *transaction).await.map_err(failed)?;
        // The clock is read under the lock: who comes later reads a later time.
        let now = now(&mut transaction).await.map_err(failed)?;
        let before = self.load_desk(&mut transaction, scope).await?;
        let mut desk = before.clone();
        desk.settle(now);
        let answer = change(&mut desk, now)?;
        let edits = desk.edits_since(&before)?;
        if edits.is_empty() {
            return Ok(answer);
        }
        write(&mut transaction, &edits, nanoseconds(now)?).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(answer)
    }

    /// See [`job_store`].
    async fn at_desk<T>(
        &self,
        attempt: &'static str,
        look: impl FnOnce(&Desk, Timestamp) -> T + Send,
    ) -> Result<T, Error> {
        let failed = |cause| self.broken(attempt, cause);
        let mut transaction = self.pool.begin_with(LOOK).await.map_err(failed)?;
        let now = now(&mut transaction).await.map_err(failed)?;
        let mut desk = self.load_desk(&mut transaction, Scope::All).await?;
        desk.settle(now);
        Ok(look(&desk, now))
    }

    async fn load_desk(&self, connection: &mut PgConnection, scope: Scope<'_>) -> Result<Desk, Error> {
        let failed = |cause| self.broken("read the queue", cause);
        let leases: Vec<LeaseColumns> = sqlx::query_as(sql::LEASES)
            .bind(scope.job())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        let runs: Vec<RunColumns> = sqlx::query_as(sql::RUNS)
            .bind(scope.job())
            .bind(scope.run())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        let schedules: Vec<ScheduleColumns> =
            sqlx::query_as(sql::SCHEDULE).bind(scope.job()).fetch_all(connection).await.map_err(failed)?;
        Desk::load(leases, runs, schedules).map_err(|cause| self.unreadable(cause))
    }

    async fn all_schedules(&self) -> Result<Vec<ScheduleState>, Error> {
        let rows: Vec<ScheduleColumns> = sqlx::query_as(sql::SCHEDULES)
            .fetch_all(&self.pool)
            .await
            .map_err(|cause| self.broken("read the schedules", cause))?;
        rows.into_iter().map(|row| schedule(row).map_err(|cause| self.unreadable(cause))).collect()
    }

    async fn store_now(&self) -> Result<Timestamp, Error> {
        let failed = |cause| self.broken("read the clock of the store", cause);
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        now(&mut connection).await.map_err(failed)
    }

    /// The latest moment that was seen, which is `now` from here on: that a clock went back is told once.
    async fn take_latest(&self, now: Timestamp) -> Result<Timestamp, Error> {
        let failed = |cause| self.broken("compare clocks", cause);
        let latest: Option<i64> =
            sqlx::query_scalar(sql::LATEST).fetch_optional(&self.pool).await.map_err(failed)?;
        let latest = latest.map_or(now, timestamp);
        if latest > now {
            let set = sqlx::query(sql::SET_LATEST).bind(nanoseconds(now)?);
            set.execute(&self.pool).await.map_err(failed)?;
        }
        Ok(latest)
    }
}

async fn now(connection: &mut PgConnection) -> sqlx::Result<Timestamp> {
    let now_ns: i64 = sqlx::query_scalar("SELECT store_now_ns()").fetch_one(connection).await?;
    Ok(timestamp(now_ns))
}

async fn write(connection: &mut PgConnection, edits: &Edits, now_ns: i64) -> sqlx::Result<()> {
    let new = edits.leases.iter().map(|lease| (sql::PUT_LEASE, lease));
    let kept = edits.leases_kept.iter().map(|lease| (sql::KEEP_LEASE, lease));
    for (statement, (job, fence, run, until_ns, term_ns, holder)) in new.chain(kept) {
        let put = sqlx::query(statement).bind(job).bind(fence).bind(run).bind(until_ns).bind(term_ns);
        put.bind(holder).execute(&mut *connection).await?;
    }
    for (run, job, trigger, queued_at_ns, not_before_ns, attempts, state, was_queued, stop_asked, written) in
        &edits.runs
    {
        let put = sqlx::query(sql::PUT_RUN)
            .bind(run)
            .bind(job)
            .bind(trigger)
            .bind(queued_at_ns)
            .bind(not_before_ns);
        let put = put.bind(attempts).bind(state).bind(was_queued).bind(stop_asked).bind(written);
        put.execute(&mut *connection).await?;
    }
    for run in &edits.runs_gone {
        sqlx::query(sql::REMOVE_RUN).bind(run).execute(&mut *connection).await?;
    }
    for (job, definition, next_at_ns, last_at_ns, paused) in &edits.schedules {
        let put = sqlx::query(sql::PUT_SCHEDULE).bind(job).bind(definition).bind(next_at_ns).bind(last_at_ns);
        put.bind(paused).execute(&mut *connection).await?;
    }
    for job in &edits.schedules_gone {
        sqlx::query(sql::REMOVE_SCHEDULE).bind(job).execute(&mut *connection).await?;
    }
    sqlx::query(sql::RAISE_LATEST).bind(now_ns).execute(connection).await.map(drop)
}
