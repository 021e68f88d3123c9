//! Budgets: one row per account, one statement per reservation.

use achub_core::{
    AccountName, Error,
    port::budget::{BudgetState, BudgetStore},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::SqliteStore;
use crate::slot::{Interval, ceil_us, check_learnt, horizon_us};

/// `?1` account, `?2` now, `?3` interval, `?4` horizon; all times in microseconds.
///
/// One statement is one transaction that takes the write lock at once, so no two callers see the same `tat_us`. What is
/// set is reckoned from the row as it was, so `free_since_us` becomes the old `tat_us`.
const RESERVE: &str = "
    INSERT INTO rate_budget (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    VALUES (?1, ?2 + ?3, NULL, 1.0, 0)
    ON CONFLICT (account) DO UPDATE
       SET tat_us = CASE WHEN tat_us > ?2 + ?4 THEN ?2 ELSE max(tat_us, ?2) END + ?3,
           free_since_us = tat_us
    RETURNING tat_us - ?3, free_since_us, limit_per_second, slowdown, slowed_at_us";

const HOLD: &str = "
    INSERT INTO rate_budget (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    VALUES (?1, ?2, NULL, 1.0, 0)
    ON CONFLICT (account) DO UPDATE SET tat_us = max(tat_us, excluded.tat_us)";

const LEARN: &str = "
    INSERT INTO rate_budget (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    VALUES (?1, ?2, ?3, ?4, ?2)
    ON CONFLICT (account) DO UPDATE
       SET limit_per_second = coalesce(excluded.limit_per_second, limit_per_second),
           slowdown = excluded.slowdown,
           slowed_at_us = excluded.slowed_at_us";

#[async_trait]
impl BudgetStore for SqliteStore {
    async fn reserve(
        &self,
        account: &AccountName,
        now: Timestamp,
        interval_us: i64,
    ) -> Result<BudgetState, Error> {
        let interval = Interval::new(interval_us)?;
        let row: (i64, i64, Option<f64>, f64, i64) = sqlx::query_as(RESERVE)
            .bind(account.as_str())
            .bind(ceil_us(now))
            .bind(interval.as_micros())
            .bind(horizon_us())
            .fetch_one(&self.quick)
            .await
            .map_err(|cause| self.broken("reserve a request", cause))?;
        let (slot_us, free_since_us, limit, slowdown, slowed_at_us) = row;
        let moment = |micros| Timestamp::from_microsecond(micros).map_err(|cause| self.unreadable(cause));
        Ok(BudgetState {
            slot: moment(slot_us)?,
            // A row beyond the horizon starts anew, and its slot lies before its end.
            free_since: moment(free_since_us.min(slot_us))?,
            limit,
            slowdown,
            slowed_at: moment(slowed_at_us)?,
        })
    }

    async fn hold(&self, account: &AccountName, _now: Timestamp, until: Timestamp) -> Result<(), Error> {
        sqlx::query(HOLD)
            .bind(account.as_str())
            .bind(ceil_us(until))
            .execute(&self.quick)
            .await
            .map_err(|cause| self.broken("hold back requests", cause))?;
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
        sqlx::query(LEARN)
            .bind(account.as_str())
            .bind(ceil_us(now))
            .bind(limit)
            .bind(slowdown)
            .execute(&self.quick)
            .await
            .map_err(|cause| self.broken("remember a limit", cause))?;
        Ok(())
    }
}
