//! The simulator's own count of requests.

use anyhow::{Context, Result};
use serde_json::Value;

/// Requests up to a moment, or between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    pub total: u64,
    /// Answers 429.
    pub refusals: u64,
    /// The most in any sliding second since the simulator started.
    pub most_in_a_second: u64,
}

impl Requests {
    /// From `GET /_sim/requests`.
    pub fn read(counted: &Value) -> Result<Requests> {
        let figure = |name: &str| {
            counted[name].as_u64().with_context(|| format!("the simulator's figures have no {name}"))
        };
        Ok(Requests {
            total: figure("total")?,
            refusals: counted["by_status"]["429"].as_u64().unwrap_or(0),
            most_in_a_second: figure("most_in_a_second")?,
        })
    }

    /// What came after `before`. The worst second is that of the whole time.
    pub fn since(self, before: Requests) -> Requests {
        Requests {
            total: self.total - before.total,
            refusals: self.refusals - before.refusals,
            most_in_a_second: self.most_in_a_second,
        }
    }
}
