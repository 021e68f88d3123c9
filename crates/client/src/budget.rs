//! The gate every request passes: one slot at a time out of the account's shared budget.
//!
//! Slots are reserved one by one and waited for inside the gate, so that a wish to slow down stops everybody: at most one
//! slot of this process is outstanding when it arrives.

mod sends;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use achub_core::{
    AccountName, Code, Error,
    planted::{self, Bug},
    port::{
        budget::{BudgetState, BudgetStore},
        clock::Clock,
        progress::{Event, Progress},
    },
};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::{
    budget::sends::Sends,
    headers,
    pace::{self, Pace, Standing},
};

/// Two refusals within this time mean that others are at work.
const REFUSALS_TOGETHER: Duration = Duration::from_secs(10);
/// No hold reaches further than this; a slot beyond it comes from a clock that was set back.
const SLOT_DISTANCE_MAX: Duration = Duration::from_secs(16 * 60);
/// A wait for a slot is worth telling when it is longer than this: somebody else was asked to slow down.
const UNTOLD_WAIT_MAX: Duration = Duration::from_secs(3);
/// That others use the account is told again after this time.
const OTHERS_TOLD_AGAIN: Duration = Duration::from_secs(60);
/// Slowing down by less is noise.
const SLOWDOWN_NOTICED: f64 = 1.05;

/// The budget of one account as seen by this process.
pub(crate) struct Budget {
    account: AccountName,
    pace: Pace,
    store: Arc<dyn BudgetStore>,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    /// Fair: requests pass in the order in which they came.
    gate: Arc<tokio::sync::Mutex<Sends>>,
    known: Mutex<Known>,
}

struct Known {
    standing: Standing,
    /// Nothing is sent before.
    held_until: Option<Instant>,
    /// Whether a hold was not yet followed by an answer that is no refusal.
    on_probation: bool,
    refused_at: Option<Instant>,
    /// When somebody was last told that others use the account.
    others_told_at: Option<Instant>,
}

/// The right to send one request now.
pub(crate) struct Ticket {
    pub sent_at: Instant,
    /// How many requests of ours the account may have counted in its window when this one was sent, itself included.
    explained: u32,
    /// After a hold the first request keeps the gate shut until its answer is there: one probe at a time.
    probe: Option<OwnedMutexGuard<Sends>>,
}

impl Budget {
    pub(crate) fn new(
        account: AccountName,
        pace: Pace,
        store: Arc<dyn BudgetStore>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Budget {
        let known = Known {
            standing: Standing::unknown(),
            held_until: None,
            on_probation: false,
            refused_at: None,
            others_told_at: None,
        };
        let account = if planted::is_planted(Bug::BudgetPerRun) { of_this_run(&account) } else { account };
        let gate = Arc::new(tokio::sync::Mutex::new(Sends::default()));
        Budget { account, pace, store, clock, progress, gate, known: Mutex::new(known) }
    }

    pub(crate) fn account(&self) -> &AccountName {
        &self.account
    }

    /// The pace in force, requests per second.
    pub(crate) fn requests_per_second(&self) -> Option<f64> {
        self.known().standing.rate(self.pace, self.clock.now())
    }

    /// Waits for the next slot. The caller sends at once when this returns.
    ///
    /// Errors: `AC-201` where the wait would be longer than `patience`; whatever the store reports.
    pub(crate) async fn admit(&self, patience: Duration) -> Result<Ticket, Error> {
        self.check_patience(patience)?;
        // Whoever is at the gate may be sitting out a hold.
        let mut sends = tokio::time::timeout(patience, Arc::clone(&self.gate).lock_owned())
            .await
            .map_err(|_| out_of_patience(patience))?;
        loop {
            self.sit_out_hold(patience).await?;
            if let Some(rate) = self.requests_per_second() {
                self.wait_for_slot(&mut sends, rate, patience).await?;
            }
            // A hold may have come while the slot was waited for; then the slot is given up.
            if self.held_for().is_none() {
                break;
            }
        }
        let standing = self.known().standing;
        if let Some(rate) = standing.rate(self.pace, self.clock.now()) {
            sends.keep_within(standing.limit.unwrap_or(pace::LIMIT_USUAL)).await;
            sends.note(Instant::now(), rate);
        }
        let explained = sends.explained();
        let probe = self.known().on_probation.then_some(sends);
        Ok(Ticket { sent_at: Instant::now(), explained, probe })
    }

    /// Takes in what the head of an answer tells that is no wish to slow down, and opens the gate after a hold.
    pub(crate) async fn answered(&self, ticket: &mut Ticket, headers: &HeaderMap) -> Result<(), Error> {
        self.known().on_probation = false;
        ticket.probe = None;
        if self.pace == Pace::Off {
            return Ok(());
        }
        self.learn_limit(headers).await?;
        let limit = self.known().standing.limit;
        let (Some(limit), Some(remaining)) = (limit, headers::remaining(headers)) else { return Ok(()) };
        let others = (limit - remaining - f64::from(ticket.explained)).max(0.0);
        if others == 0.0 {
            return Ok(());
        }
        let slowdown = self.known().standing.slowdown_beside(self.pace, others);
        self.slow_down(slowdown).await?;
        if remaining == 0.0 {
            // Others have used the window up; it is free again a second after this request was counted.
            let free_in = (ticket.sent_at + Duration::from_secs(1)).saturating_duration_since(Instant::now());
            self.hold_until_free(free_in).await?;
        }
        Ok(())
    }

    /// Lets nobody send for `wait` because the account asked for it in answer to `ticket`'s request.
    pub(crate) async fn refused(&self, ticket: &Ticket, wait: Duration, reason: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let (is_longer, slowdown) = {
            let mut known = self.known();
            let until = Instant::now() + wait;
            let is_longer = known.held_until.is_none_or(|held| held < until);
            known.held_until = known.held_until.max(Some(until));
            known.on_probation = true;
            (is_longer, self.slowdown_after_refusal(&mut known, ticket, now))
        };
        if is_longer {
            self.progress.event(Event::Waiting { reason: reason.to_owned(), wait });
            self.store.hold(&self.account, now, later(now, wait)).await?;
        }
        self.slow_down(slowdown).await
    }

    fn slowdown_after_refusal(&self, known: &mut Known, ticket: &Ticket, now: Timestamp) -> f64 {
        let refused_at = known.refused_at.replace(Instant::now());
        // Requests that were under way together are refused together, which says it once.
        if refused_at.is_some_and(|at| ticket.sent_at <= at) {
            return known.standing.slowdown_at(now);
        }
        let again = refused_at.is_some_and(|at| at.elapsed() < REFUSALS_TOGETHER);
        known.standing.slowdown_after_refusal(self.pace, again, now)
    }

    async fn hold_until_free(&self, wait: Duration) -> Result<(), Error> {
        if wait.is_zero() {
            return Ok(());
        }
        {
            let mut known = self.known();
            known.held_until = known.held_until.max(Some(Instant::now() + wait));
        }
        let now = self.clock.now();
        self.store.hold(&self.account, now, later(now, wait)).await
    }

    async fn sit_out_hold(&self, patience: Duration) -> Result<(), Error> {
        while let Some(wait) = self.held_for() {
            self.check_patience(patience)?;
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn check_patience(&self, patience: Duration) -> Result<(), Error> {
        match self.held_for() {
            Some(wait) if wait > patience => Err(out_of_patience(wait)),
            _ => Ok(()),
        }
    }

    async fn wait_for_slot(&self, sends: &mut Sends, rate: f64, patience: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        let state = self.store.reserve(&self.account, now, pace::interval_us(rate)).await?;
        self.take_over(&state);
        sends.reserved(&state);
        let interval = pace::interval(rate);
        let wait = until(self.clock.now(), state.slot);
        if wait > SLOT_DISTANCE_MAX.max(2 * interval) {
            tracing::warn!(account = %self.account, "the clock of this machine was set back, pacing without the store");
            tokio::time::sleep(interval).await;
            return Ok(());
        }
        if wait > patience.max(2 * interval) {
            return Err(out_of_patience(wait));
        }
        if wait > UNTOLD_WAIT_MAX.max(2 * interval) {
            let reason = "another run of this account was asked to slow down".to_owned();
            self.progress.event(Event::Waiting { reason, wait });
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn take_over(&self, state: &BudgetState) {
        let mut known = self.known();
        if state.limit.is_some() {
            known.standing.limit = state.limit;
        }
        if state.slowed_at > known.standing.slowed_at {
            known.standing.slowdown = state.slowdown;
            known.standing.slowed_at = state.slowed_at;
        }
    }

    async fn learn_limit(&self, headers: &HeaderMap) -> Result<(), Error> {
        let Some(limit) = headers::limit(headers) else { return Ok(()) };
        let now = self.clock.now();
        let slowdown = {
            let mut known = self.known();
            if known.standing.limit == Some(limit) {
                return Ok(());
            }
            known.standing.limit = Some(limit);
            known.standing.slowdown_at(now)
        };
        self.store.learn(&self.account, now, Some(limit), slowdown).await
    }

    async fn slow_down(&self, slowdown: f64) -> Result<(), Error> {
        let now = self.clock.now();
        let limit = {
            let mut known = self.known();
            if slowdown < known.standing.slowdown_at(now) * SLOWDOWN_NOTICED {
                return Ok(());
            }
            known.standing.slowdown = slowdown;
            known.standing.slowed_at = now;
            known.standing.limit
        };
        self.tell_of_others(now);
        self.store.learn(&self.account, now, limit, slowdown).await
    }

    /// Says why everything takes longer than it could.
    fn tell_of_others(&self, now: Timestamp) {
        let mut known = self.known();
        if known.others_told_at.is_some_and(|at| at.elapsed() < OTHERS_TOLD_AGAIN) {
            return;
        }
        let Some((pace, rate)) =
            self.pace.base(known.standing.limit).zip(known.standing.rate(self.pace, now))
        else {
            return;
        };
        known.others_told_at = Some(Instant::now());
        drop(known);
        let message = format!(
            "something else seems to use this account, sending {rate:.1} instead of {pace:.1} requests a second"
        );
        self.progress.event(Event::Warning { message });
    }

    fn held_for(&self) -> Option<Duration> {
        let until = self.known().held_until?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics while it holds the lock")
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    let wait = then.duration_since(now);
    if wait > SignedDuration::ZERO { wait.unsigned_abs() } else { Duration::ZERO }
}

/// What a planted bug takes for the account's name: nobody shares it.
fn of_this_run(account: &AccountName) -> AccountName {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    AccountName::new(format!("{}#{}", account.as_str(), RUNS.fetch_add(1, Ordering::Relaxed)))
}

fn out_of_patience(wait: Duration) -> Error {
    Error::new(
        Code::SlowDown,
        format!("ActiveCampaign asks to wait for {} s, longer than allowed", wait.as_secs()),
    )
}
