//! A clock that a test sets by hand.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use achub_core::port::clock::Clock;
use async_trait::async_trait;
use jiff::Timestamp;

/// The clock of a store under test.
#[async_trait]
pub trait SetClock: Send + Sync {
    /// Lets the store believe that it is `now`.
    async fn set(&self, now: Timestamp);
}

/// The clock of a store that asks its process for the time. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct HandClock(Arc<AtomicI64>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.0.load(Ordering::SeqCst).into()).expect("it was set to a moment")
    }
}

#[async_trait]
impl SetClock for HandClock {
    async fn set(&self, now: Timestamp) {
        let now = i64::try_from(now.as_nanosecond()).expect("tests are of this century");
        self.0.store(now, Ordering::SeqCst);
    }
}
