//! Budgets: one row per account, one statement per reservation, by the clock of the database.
//!
//! The row holds moments of the database's clock. What a caller says and gets is in its own time: `now` of the call and
//! the clock of the statement are the same moment but for the way there, so the difference of the two translates. Nodes
//! whose clocks are an hour apart thus take slots from one row that are spaced as if one had asked for all.

use achub_core::{
    AccountName, Error,
    port::budget::{BudgetState, BudgetStore},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::PostgresStore;
use crate::slot::{Interval, ceil_us, check_learnt, horizon_us};

/// `$1` account, `$2` interval, `$3` horizon; all times in microseconds.
///
/// One statement locks the row before it reckons, so no two callers see the same `tat_us`. What is set is reckoned from
/// the row as it was, so `free_since_us` becomes the old `tat_us`.
const RESERVE: &str = "
    WITH clock AS MATERIALIZED (SELECT store_now_ns() / 1000 AS now_us)
    INSERT INTO rate_budget AS kept (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    SELECT $1, now_us + $2, NULL, 1.0, 0 FROM clock
    ON CONFLICT (account) DO UPDATE
       SET tat_us = CASE WHEN kept.tat_us > excluded.tat_us - $2 + $3 THEN excluded.tat_us - $2
                         ELSE greatest(kept.tat_us, excluded.tat_us - $2) END + $2,
           free_since_us = kept.tat_us
    RETURNING tat_us - $2, free_since_us, limit_per_second, slowdown, slowed_at_us, (SELECT now_us FROM clock)";

/// `$1` account, `$2` microseconds from now.
const HOLD: &str = "
    INSERT INTO rate_budget AS kept (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    VALUES ($1, store_now_ns() / 1000 + $2, NULL, 1.0, 0)
    ON CONFLICT (account) DO UPDATE SET tat_us = greatest(kept.tat_us, excluded.tat_us)";

const LEARN: &str = "
    INSERT INTO rate_budget AS kept (account, tat_us, limit_per_second, slowdown, slowed_at_us)
    VALUES ($1, store_now_ns() / 1000, $2, $3, store_now_ns() / 1000)
    ON CONFLICT (account) DO UPDATE
       SET limit_per_second = coalesce(excluded.limit_per_second, kept.limit_per_second),
           slowdown = excluded.slowdown,
           slowed_at_us = excluded.slowed_at_us";

#[async_trait]
impl BudgetStore for PostgresStore {
    async fn reserve(
        &self,
        account: &AccountName,
        now: Timestamp,
        interval_us: i64,
    ) -> Result<BudgetState, Error> {
        let interval = Interval::new(interval_us)?;
        let row: (i64, i64, Option<f64>, f64, i64, i64) = sqlx::query_as(RESERVE)
            .bind(account.as_str())
            .bind(interval.as_micros())
            .bind(horizon_us())
            .fetch_one(&self.pool)
            .await
            .map_err(|cause| self.broken("reserve a request", cause))?;
        let (slot_us, free_since_us, limit, slowdown, slowed_at_us, store_now_us) = row;
        let ahead_us = ceil_us(now) - store_now_us;
        // 1970 stands for never, in any clock.
        let moment = |micros: i64| {
            let callers = if micros == 0 { 0 } else { micros.saturating_add(ahead_us) };
            Timestamp::from_microsecond(callers).map_err(|cause| self.unreadable(cause))
        };
        Ok(BudgetState {
            slot: moment(slot_us)?,
            // A row beyond the horizon starts anew, and its slot lies before its end.
            free_since: moment(free_since_us.min(slot_us))?,
            limit,
            slowdown,
            slowed_at: moment(slowed_at_us)?,
        })
    }

    async fn hold(&self, account: &AccountName, now: Timestamp, until: Timestamp) -> Result<(), Error> {
        sqlx::query(HOLD)
            .bind(account.as_str())
            .bind(ceil_us(until) - ceil_us(now))
            .execute(&self.pool)
            .await
            .map_err(|cause| self.broken("hold back requests", cause))?;
        Ok(())
    }

    async fn learn(
        &self,
        account: &AccountName,
        _now: Timestamp,
        limit: Option<f64>,
        slowdown: f64,
    ) -> Result<(), Error> {
        check_learnt(limit, slowdown)?;
        sqlx::query(LEARN)
            .bind(account.as_str())
            .bind(limit)
            .bind(slowdown)
            .execute(&self.pool)
            .await
            .map_err(|cause| self.broken("remember a limit", cause))?;
        Ok(())
    }
}
