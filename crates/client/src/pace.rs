//! How many requests a second are sent, as pure arithmetic.

use std::time::Duration;

use jiff::Timestamp;

/// The limit of an account that does not say what its limit is, requests per second (vendor page "Rate Limits",
/// 2025-10-02).
pub(crate) const LIMIT_USUAL: f64 = 5.0;
/// The share of the limit taken without an explicit figure; the rest is for the account's other tools.
const SHARE: f64 = 0.8;
/// The largest share of a limit that evenly spaced requests keep within in spite of jittering timers: at the whole
/// limit the worst sliding second held one request too many.
const SHARE_MAX: f64 = 0.98;
/// One request in a hundred seconds; a slower pace would look like standing still.
const RATE_MIN: f64 = 0.01;
/// However busy others are, this fraction of the pace is kept, or a run would never end.
const SLOWDOWN_MAX: f64 = 8.0;
/// What refusals alone slow down to; what is known about others' use may slow down further.
const SLOWDOWN_BY_REFUSAL_MAX: f64 = 4.0;
const SLOWDOWN_BY_REFUSAL_STEP: f64 = 1.25;
/// The excess of a slowdown halves in this time ("opens by halves", rule R14) …
const SLOWDOWN_HALF_LIFE_S: f64 = 10.0;
/// … and is gone after this time (C-08).
const SLOWDOWN_LIFE_S: f64 = 60.0;

/// The pace a connection asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// 80 % of the limit the account advertises, 4 a second where it advertises none.
    Auto,
    /// At most so many requests a second: lowered where the account's limit asks for it, never raised.
    AtMost(f64),
    /// No pacing, for servers without a limit. A wish to slow down is still obeyed.
    Off,
}

impl Pace {
    /// Requests per second under `limit` when nobody else is at work; `None` for no pacing.
    pub(crate) fn base(self, limit: Option<f64>) -> Option<f64> {
        let limit = limit.unwrap_or(LIMIT_USUAL);
        match self {
            Pace::Auto => Some((limit * SHARE).max(RATE_MIN)),
            Pace::AtMost(most) => Some(most.min(limit * SHARE_MAX).max(RATE_MIN)),
            Pace::Off => None,
        }
    }
}

/// What is known about an account's budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    /// The advertised limit, requests per second.
    pub limit: Option<f64>,
    /// How much slower than the base pace everybody goes as of `slowed_at`; 1.0 is full pace.
    pub slowdown: f64,
    pub slowed_at: Timestamp,
}

impl Standing {
    pub(crate) fn unknown() -> Standing {
        Standing { limit: None, slowdown: 1.0, slowed_at: Timestamp::UNIX_EPOCH }
    }

    /// The slowdown that is left of the last one.
    pub(crate) fn slowdown_at(&self, now: Timestamp) -> f64 {
        let age_s = now.duration_since(self.slowed_at).as_secs_f64().max(0.0);
        if age_s >= SLOWDOWN_LIFE_S || !self.slowdown.is_finite() {
            return 1.0;
        }
        1.0 + (self.slowdown.clamp(1.0, SLOWDOWN_MAX) - 1.0) * (-age_s / SLOWDOWN_HALF_LIFE_S).exp2()
    }

    /// Requests per second in force; `None` for no pacing.
    pub(crate) fn rate(&self, pace: Pace, now: Timestamp) -> Option<f64> {
        pace.base(self.limit).map(|base| (base / self.slowdown_at(now)).max(RATE_MIN))
    }

    /// The slowdown that leaves room for `others` requests a second of other tools.
    pub(crate) fn slowdown_beside(&self, pace: Pace, others: f64) -> f64 {
        let Some(base) = pace.base(self.limit) else { return 1.0 };
        let room = self.limit.unwrap_or(LIMIT_USUAL) * SHARE_MAX - others;
        (base / room.max(base / SLOWDOWN_MAX)).clamp(1.0, SLOWDOWN_MAX)
    }

    /// The slowdown after a refusal. `again` where another one came shortly before.
    ///
    /// Close to the limit a single refusal comes from a jittering network, and waiting is enough.
    pub(crate) fn slowdown_after_refusal(&self, pace: Pace, again: bool, now: Timestamp) -> f64 {
        let limit = self.limit.unwrap_or(LIMIT_USUAL);
        let current = self.slowdown_at(now);
        let close_to_limit = self.rate(pace, now).is_none_or(|rate| rate > limit * 0.9);
        if close_to_limit && !again {
            return current;
        }
        (current * SLOWDOWN_BY_REFUSAL_STEP).min(SLOWDOWN_BY_REFUSAL_MAX.max(current))
    }
}

/// The time between two requests at `rate` requests per second, whole microseconds, rounded up.
pub(crate) fn interval_us(rate: f64) -> i64 {
    (1_000_000.0 / rate).ceil() as i64
}

/// The time between two requests at `rate` requests per second.
pub(crate) fn interval(rate: f64) -> Duration {
    Duration::from_micros(interval_us(rate).unsigned_abs())
}
