//! A wall clock that runs on the async runtime's time, which a test may pause and advance.

use achub_core::port::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Starts at a chosen moment and runs with tokio's time: under `start_paused` it moves only when everybody waits.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeClock {
    start: Timestamp,
    begun: Instant,
}

impl RuntimeClock {
    /// A clock that shows `start` now.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn starting_at(start: Timestamp) -> RuntimeClock {
        RuntimeClock { start, begun: Instant::now() }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.begun.elapsed()).expect("a test does not run for ages");
        self.start + elapsed
    }
}
