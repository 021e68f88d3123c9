//! How pauses grow where the other side does not say how long to wait.

use std::time::Duration;

/// The longest pause before another attempt (rule R15).
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How the pause before a repetition grows from one to the next.
///
/// Only the fallback: `Retry-After` and the rate limit headers come first. After a failure the pause is drawn evenly
/// between nothing and the length named here (full jitter), so that readers that failed together do not come back
/// together. No pause is longer than five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// No pause.
    None,
    /// The same length each time.
    Constant(Duration),
    /// Once, twice, three times this length.
    Linear(Duration),
    /// This length, then doubled each time.
    Exponential(Duration),
}

impl Default for Backoff {
    /// Doubled from one second: the vendor asks for a second of rest after an error.
    fn default() -> Backoff {
        Backoff::Exponential(Duration::from_secs(1))
    }
}

impl Backoff {
    /// The longest pause before the `repetition`-th sending after the first, from 1.
    pub(crate) fn pause_max(self, repetition: u32) -> Duration {
        let repetition = repetition.max(1);
        let pause = match self {
            Backoff::None => Duration::ZERO,
            Backoff::Constant(pause) => pause,
            Backoff::Linear(first) => first.saturating_mul(repetition),
            Backoff::Exponential(first) => first.saturating_mul(1 << (repetition - 1).min(16)),
        };
        pause.min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SL-42: none, constant, linear, exponential, none of them longer than five minutes.
    #[test]
    fn pauses_grow_as_their_kind_says() {
        let second = Duration::from_secs(1);
        let cases: [(Backoff, [u64; 5]); 6] = [
            (Backoff::None, [0, 0, 0, 0, 0]),
            (Backoff::Constant(3 * second), [3, 3, 3, 3, 3]),
            (Backoff::Linear(3 * second), [3, 6, 9, 24, 300]),
            (Backoff::Exponential(second), [1, 2, 4, 128, 300]),
            (Backoff::Constant(Duration::MAX), [300, 300, 300, 300, 300]),
            (Backoff::Linear(Duration::MAX), [300, 300, 300, 300, 300]),
        ];
        for (backoff, expected) in cases {
            let pauses = [1, 2, 3, 8, u32::MAX].map(|repetition| backoff.pause_max(repetition).as_secs());
            assert_eq!(pauses, expected, "{backoff:?}");
        }
    }
}
