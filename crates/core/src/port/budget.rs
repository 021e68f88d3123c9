//! The requests an account may take, shared by everything that calls it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::{error::Error, name::AccountName};

/// The furthest a slot can be ahead of the moment it is asked for.
///
/// No hold lasts that long, and one process has one slot outstanding, so a row that is further ahead was written while
/// the clock of the machine was wrong. Such a row starts anew instead of stopping all work until the clock gets there.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(1);

/// What all processes know about an account's budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetState {
    /// The moment at which the slot reserved by this call begins.
    pub slot: Timestamp,
    /// When the account's last slot or hold before this one ended: from here to `slot` no process that shares the row
    /// was allowed to send. 1970 where there was none; `slot` itself where the two follow each other.
    pub free_since: Timestamp,
    /// The limit the account last advertised, requests per second.
    pub limit: Option<f64>,
    /// How much slower than the base pace everybody should go; 1.0 is full pace. As of `slowed_at`.
    pub slowdown: f64,
    /// When `slowdown` was last set; 1970 where it never was.
    pub slowed_at: Timestamp,
}

/// A row per account that hands out evenly spaced slots.
///
/// Implementations are safe to use from many tasks and many processes at once: two calls never return overlapping
/// slots. Times come from the caller so that a virtual clock works; callers on one machine share its clock. A store that
/// many machines share reckons with a clock of its own and takes from the caller's times only how far they are from
/// `now`: what it gives back is in the caller's time again, so that nodes with different clocks keep one pace.
#[async_trait]
pub trait BudgetStore: Send + Sync {
    /// Takes the next free slot of `interval_us` microseconds, not before `now`. The caller waits until it begins.
    ///
    /// Errors: `SY-199` where `interval_us` is negative or beyond [`HORIZON`].
    async fn reserve(
        &self,
        account: &AccountName,
        now: Timestamp,
        interval_us: i64,
    ) -> Result<BudgetState, Error>;

    /// As of `now`, lets no slot begin before `until`. Never moves the next slot backward. Not for longer than
    /// [`HORIZON`].
    async fn hold(&self, account: &AccountName, now: Timestamp, until: Timestamp) -> Result<(), Error>;

    /// Remembers what answers told: the advertised limit and how much everybody should slow down as of `now`.
    ///
    /// A `limit` of `None` means that the answer did not say: the one known before stays. The last call wins.
    ///
    /// Errors: `SY-199` where `slowdown` or `limit` is not a positive, finite number.
    async fn learn(
        &self,
        account: &AccountName,
        now: Timestamp,
        limit: Option<f64>,
        slowdown: f64,
    ) -> Result<(), Error>;
}
