//! How long an answer takes.

use std::{sync::Mutex, time::Duration};

/// The guess before the first answer: a page with satellites takes about a second (activecampaign-api.md §2.5).
const GUESS: Duration = Duration::from_millis(1000);
/// The weight of the newest answer.
const WEIGHT: f64 = 0.2;

/// A smoothed time from sending to the last byte.
#[derive(Debug, Default)]
pub(crate) struct Latency(Mutex<Option<Duration>>);

impl Latency {
    pub(crate) fn observe(&self, latency: Duration) {
        let mut smoothed = self.0.lock().expect("nothing panics while it holds the lock");
        *smoothed = Some(match *smoothed {
            None => latency,
            Some(before) => before.mul_f64(1.0 - WEIGHT) + latency.mul_f64(WEIGHT),
        });
    }

    pub(crate) fn smoothed(&self) -> Duration {
        self.0.lock().expect("nothing panics while it holds the lock").unwrap_or(GUESS)
    }
}
