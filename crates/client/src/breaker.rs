//! Stops asking a side that does not work: after many failures in a row one request a minute finds out whether it does
//! again (rule R15).
//!
//! Failures count over all requests of a connection, whoever makes them. A refusal is no failure here: who refuses works.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use achub_core::{
    Code, Error,
    port::progress::{Event, Progress},
};
use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, sleep_until, timeout},
};

/// So many failures in a row, none of the requests between them answered, are no coincidence.
pub(crate) const FAILURES_MAX: u32 = 20;
/// From the beginning of one probe to that of the next.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// What one connection's requests came to lately.
#[derive(Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// Fair, and free again when whoever holds it gives up: the probe goes to the next in the queue.
    probe: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    /// Whether any request ever got a readable answer.
    worked: bool,
    /// Failures since the last readable answer.
    failures: u32,
    /// The last of them.
    last: Option<(Code, String)>,
    /// No request before this time, while open.
    probe_at: Option<Instant>,
}

/// The right to send while the breaker is open. Nobody else sends until it is dropped.
pub(crate) struct Probe(#[expect(dead_code, reason = "held, not read")] OwnedMutexGuard<()>);

impl Breaker {
    /// Returns at once while requests work, else when it is the caller's turn to find out, with the right to.
    ///
    /// Errors: the code of the last failure where the turn comes later than `patience`.
    pub(crate) async fn pass(
        &self,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Option<Probe>, Error> {
        if !self.is_open() {
            return Ok(None);
        }
        let turn = timeout(patience, self.probe.clone().lock_owned()).await;
        let guard = turn.map_err(|_| self.out_of_patience(patience))?;
        // The one before may have found that it works again.
        let Some((at, reason)) = self.next_probe() else { return Ok(None) };
        let wait = at.saturating_duration_since(Instant::now());
        if wait > patience {
            return Err(self.out_of_patience(wait));
        }
        if !wait.is_zero() {
            progress.event(Event::Waiting { reason, wait });
            sleep_until(at).await;
        }
        // Set before sending, so that a probe that is given up half-way counts as one.
        self.state().probe_at = Some(Instant::now() + PROBE_INTERVAL);
        Ok(Some(Probe(guard)))
    }

    /// Whether only probes may be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.state().probe_at.is_some()
    }

    /// Whether a request ever got a readable answer.
    pub(crate) fn has_worked(&self) -> bool {
        self.state().worked
    }

    /// A request got a readable answer.
    pub(crate) fn worked(&self) {
        *self.state() = State { worked: true, ..State::default() };
    }

    /// A request got no usable answer, which shows as `code` and is `words` to a reader.
    pub(crate) fn failed(&self, code: Code, words: String) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.last = Some((code, words));
        if state.failures >= FAILURES_MAX && state.probe_at.is_none() {
            state.probe_at = Some(Instant::now() + PROBE_INTERVAL);
        }
    }

    fn next_probe(&self) -> Option<(Instant, String)> {
        let state = self.state();
        Some((state.probe_at?, format!("{}, asking once a minute whether it works again", state.told())))
    }

    fn out_of_patience(&self, wait: Duration) -> Error {
        let state = self.state();
        let code = state.last.as_ref().map_or(Code::NetworkBlocked, |(code, _)| *code);
        let wait = wait.as_secs();
        Error::new(code, format!("{}, the next request is {wait} s away, longer than allowed", state.told()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl State {
    fn told(&self) -> String {
        let last = self.last.as_ref().map_or("no answer", |(_, words)| words);
        format!("{} requests in a row failed, the last one with: {last}", self.failures)
    }
}
