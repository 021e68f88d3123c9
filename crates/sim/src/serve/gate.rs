//! The rate limit: so many requests in any second, over all keys of the account.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::settings::Rate;

/// The length of the window.
const WINDOW: Duration = Duration::from_secs(1);

/// Remembers when requests were let through.
#[derive(Debug)]
pub(crate) struct Gate {
    rate: Rate,
    passed: VecDeque<Instant>,
}

/// What the gate says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// There is no limit.
    Unlimited,
    /// Let through; `remaining` more may follow in this second.
    Granted { limit: u32, remaining: u32 },
    /// One too many in this second.
    Refused { limit: u32 },
}

impl Gate {
    pub(crate) fn new(rate: Rate) -> Gate {
        Gate { rate, passed: VecDeque::new() }
    }

    /// Lets a request that arrives at `now` through, or not. A refused one does not count.
    pub(crate) fn ask(&mut self, now: Instant) -> Pass {
        let Rate::PerSecond(limit) = self.rate else { return Pass::Unlimited };
        while self.passed.front().is_some_and(|first| now.saturating_duration_since(*first) >= WINDOW) {
            self.passed.pop_front();
        }
        let used = self.passed.len() as u32;
        if used >= limit {
            return Pass::Refused { limit };
        }
        self.passed.push_back(now);
        Pass::Granted { limit, remaining: limit - used - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn window_slides_and_does_not_reset() {
        let mut gate = Gate::new(Rate::PerSecond(2));
        let mut pass = async |wait_ms| {
            tokio::time::advance(Duration::from_millis(wait_ms)).await;
            gate.ask(Instant::now())
        };

        assert_eq!(pass(0).await, Pass::Granted { limit: 2, remaining: 1 });
        assert_eq!(pass(600).await, Pass::Granted { limit: 2, remaining: 0 });
        assert_eq!(pass(399).await, Pass::Refused { limit: 2 });
        // The first request has left the window, the second has not: a fixed window would have forgotten both.
        assert_eq!(pass(1).await, Pass::Granted { limit: 2, remaining: 0 });
        assert_eq!(pass(1).await, Pass::Refused { limit: 2 });
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_lets_everything_through() {
        let mut gate = Gate::new(Rate::Off);
        assert!((0..1000).all(|_| gate.ask(Instant::now()) == Pass::Unlimited));
    }
}
