//! Requests to one account, within its budget, repeated where that is right.

mod give_up;
mod sending;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use achub_api::decode::Unreadable;
use achub_core::{
    AccountName, Error, Secret,
    port::{budget::BudgetStore, clock::Clock, progress::Progress},
};
use tokio::time::Instant;

use self::{give_up::held_up, sending::slow_down_reason};
use crate::{
    address::Policy,
    base_url::BaseUrl,
    budget::Budget,
    chance::Chance,
    latency::Latency,
    limits::Limits,
    pace::Pace,
    request::{Answer, Get},
    retry::{Decision, Tried},
    transport::Transport,
};

/// Fewer requests in flight than this would let one slow answer stop everything; more would be a burst.
const IN_FLIGHT: std::ops::RangeInclusive<usize> = 2..=16;
/// Requests in flight where there is no pace to derive them from.
const IN_FLIGHT_UNPACED: usize = 4;
/// The path that tells whose key it is.
pub(crate) const WHO_AM_I: &str = "users/me";

/// How an account is reached and how much of it is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub base_url: BaseUrl,
    /// The API key. Blanks around it are dropped.
    pub key: Secret,
    /// How many requests a second.
    pub pace: Pace,
    /// Whether loopback and private addresses, other ports and plain http may be used.
    pub allow_private_address: bool,
    /// How long and how much is put up with.
    pub limits: Limits,
}

/// Reads from one ActiveCampaign account. Cheap to clone; all clones share budget, connections and experience.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    limits: Limits,
    /// Requests of this client and its clones, not of those made by [`Client::counted`].
    sent: Arc<AtomicU64>,
}

struct Shared {
    base_url: BaseUrl,
    key: Secret,
    policy: Policy,
    transport: Arc<dyn Transport>,
    budget: Budget,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    chance: Chance,
    latency: Latency,
    worked: AtomicBool,
}

impl Client {
    /// A client of the account in `settings`. Nothing is sent yet; an address that is not allowed is refused with the
    /// first request.
    pub fn new(
        settings: Settings,
        transport: Arc<dyn Transport>,
        budget: Arc<dyn BudgetStore>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Client {
        let account = settings.base_url.account();
        let budget = Budget::new(account, settings.pace, budget, clock.clone(), progress.clone());
        let shared = Shared {
            policy: Policy::from_allow_private(settings.allow_private_address),
            base_url: settings.base_url,
            key: Secret::new(settings.key.expose().trim()),
            transport,
            budget,
            clock,
            progress,
            chance: Chance::of_this_process(),
            latency: Latency::default(),
            worked: AtomicBool::new(false),
        };
        Client { shared: Arc::new(shared), limits: settings.limits, sent: Arc::default() }
    }

    /// The same client with pauses that `seed` replays.
    pub fn with_seed(self, seed: u64) -> Client {
        self.shared.chance.reseed(seed);
        self
    }

    /// The same client with other limits. The limit on connecting belongs to the transport and stays.
    pub fn with_limits(&self, limits: Limits) -> Client {
        Client { shared: self.shared.clone(), limits, sent: self.sent.clone() }
    }

    /// A client that shares everything with this one but counts its own requests.
    pub fn counted(&self) -> Client {
        Client { shared: self.shared.clone(), limits: self.limits, sent: Arc::default() }
    }

    /// Requests sent by this client and its clones, repetitions included.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whose budget is spent.
    pub fn account(&self) -> &AccountName {
        self.shared.budget.account()
    }

    /// Where the account is.
    pub fn base_url(&self) -> &BaseUrl {
        &self.shared.base_url
    }

    /// The pace in force, requests per second; `None` where there is none.
    pub fn requests_per_second(&self) -> Option<f64> {
        self.shared.budget.requests_per_second()
    }

    /// The smoothed time from sending to the last byte.
    pub fn latency(&self) -> Duration {
        self.shared.latency.smoothed()
    }

    /// How many requests have to be in flight to use the pace: about pace × latency, and one to spare.
    pub fn in_flight_wanted(&self) -> usize {
        let Some(rate) = self.requests_per_second() else { return IN_FLIGHT_UNPACED };
        let busy = (rate * self.latency().as_secs_f64()).ceil() as usize;
        busy.saturating_add(1).clamp(*IN_FLIGHT.start(), *IN_FLIGHT.end())
    }

    /// Sends `request` and hands the whole body to `read`, again and again until that succeeds or must be given up.
    ///
    /// The body is never a web page and never larger than the limits; it may be empty, cut short or of any shape, and
    /// `read` says so. Waits go to the client's progress. Dropping the future gives the request up at any point.
    ///
    /// Errors: `AC-101` … `AC-109`, `AC-201` … `AC-208` by kind, with how often and how long it was tried; `SY-105` from
    /// the store of the budget.
    pub async fn get<T>(
        &self,
        request: &Get,
        read: impl Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync,
    ) -> Result<Answer<T>, Error> {
        self.shared.base_url.allowed(self.shared.policy)?;
        let begun = Instant::now();
        let mut tried = Tried::default();
        let mut asked_to_wait_at: Option<Instant> = None;
        loop {
            let patience = self.limits.wait_total.saturating_sub(tried.waited);
            let admitted = self.shared.budget.admit(patience).await;
            let ticket = admitted.map_err(|error| held_up(request, error, tried, begun.elapsed()))?;
            tried.waited += asked_to_wait_at.take().map_or(Duration::ZERO, |at| at.elapsed());
            let (failure, ticket) = match self.send_once(request, ticket, &read).await? {
                Ok(answer) => return Ok(Answer { sendings: tried.attempts + tried.waits + 1, ..answer }),
                Err(failed) => failed,
            };
            tried.connection_worked = self.shared.worked.load(Ordering::Relaxed);
            match self.decide(&failure, &mut tried) {
                Decision::Wait(wait) => {
                    asked_to_wait_at = Some(Instant::now());
                    self.shared.budget.refused(&ticket, wait, &slow_down_reason(&failure)).await?;
                    // Only now may the next request pass the gate: it has to see the hold.
                    drop(ticket);
                }
                Decision::Again(pause) => {
                    drop(ticket);
                    self.pause(request, &failure, pause).await;
                }
                Decision::Never(code) => {
                    drop(ticket);
                    return Err(self.give_up(request, failure, code, tried, begun.elapsed()).await);
                }
            }
        }
    }
}
