//! How an account is to be played.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use jiff::Timestamp;

use crate::{fault::FaultRule, switches::Switches};

/// How many requests the account lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// All of them; the `RateLimit` headers are left out.
    Off,
    /// At most this many in any second, over all keys; the rest is answered 429.
    PerSecond(u32),
}

/// How long an answer takes: `base` plus `per_row` for every row in it, sideloaded ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// For every answer.
    pub base: Duration,
    /// For each row of it.
    pub per_row: Duration,
}

impl Latency {
    /// No latency at all.
    pub const ZERO: Latency = Latency { base: Duration::ZERO, per_row: Duration::ZERO };

    /// The time an answer of `rows` rows takes.
    pub(crate) fn of(&self, rows: u64) -> Duration {
        self.base.saturating_add(self.per_row.saturating_mul(u32::try_from(rows).unwrap_or(u32::MAX)))
    }
}

/// Everything an account is made from. The same settings give the same rows, byte for byte.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many contacts the account starts with. They have the ids 1 to this number.
    pub contacts: u64,
    /// Decides every name, date and relation.
    pub seed: u64,
    /// The rate limit.
    pub rate: Rate,
    /// How long answers take.
    pub latency: Latency,
    /// The key a client must send in `Api-Token`.
    pub key: String,
    /// Which answer to each open question about the API is played.
    pub switches: Switches,
    /// Faults from the start on; more can be added through the control interface.
    pub faults: Vec<FaultRule>,
    /// The folder that keeps the account between starts; `None` forgets it.
    pub data: Option<PathBuf>,
    /// What the account's wall clock shows at the start: now, for whoever reads it by the wall clock. The seeded rows are
    /// spread over the three years before that day, so every start of one day gives the same rows.
    pub start: Timestamp,
    /// Deletes every contact whose id is a multiple of this, and all that belongs to it, before the first request: an
    /// account with gaps in its ids. `None`: no gaps.
    pub gap_every: Option<NonZeroU64>,
}

impl Default for Settings {
    /// What `achub sim` serves without flags: 1,000 contacts, seed 1, 5 requests a second, no latency, key `demo`, no
    /// faults, nothing kept. The start is fixed, so that two starts give the same rows.
    fn default() -> Settings {
        Settings {
            contacts: 1_000,
            seed: 1,
            rate: Rate::PerSecond(5),
            latency: Latency::ZERO,
            key: "demo".to_owned(),
            switches: Switches::default(),
            faults: Vec::new(),
            data: None,
            start: Timestamp::constant(1_795_161_600, 0),
            gap_every: None,
        }
    }
}
