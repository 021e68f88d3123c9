//! Requests to one account, within its budget, repeated where that is right.

mod give_up;
mod sending;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
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
    breaker::{Breaker, Probe},
    budget::{Budget, Ticket},
    chance::Chance,
    latency::Latency,
    limits::Limits,
    pace::Pace,
    request::{Answer, Get, Reply},
    retry::{Decision, Tried},
    rule::{self, Rule},
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
    rules: Arc<[Rule]>,
    /// Requests of this client and its clones, not of those made by [`Client::counted`].
    sent: Arc<AtomicU64>,
    /// Bytes of the answers to them.
    received: Arc<AtomicU64>,
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
    breaker: Breaker,
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
            breaker: Breaker::default(),
        };
        let rules = rule::KNOWN.into();
        Client {
            shared: Arc::new(shared),
            limits: settings.limits,
            rules,
            sent: Arc::default(),
            received: Arc::default(),
        }
    }

    /// The same client with pauses that `seed` replays.
    pub fn with_seed(self, seed: u64) -> Client {
        self.shared.chance.reseed(seed);
        self
    }

    /// The same client with other limits. The limit on connecting belongs to the transport and stays.
    pub fn with_limits(&self, limits: Limits) -> Client {
        Client { limits, ..self.clone() }
    }

    /// The same client with `rules` that come before those [known](rule::KNOWN) about ActiveCampaign.
    pub fn with_rules(&self, rules: impl IntoIterator<Item = Rule>) -> Client {
        Client { rules: rules.into_iter().chain(self.rules.iter().cloned()).collect(), ..self.clone() }
    }

    /// A client that shares everything with this one but counts its own requests.
    pub fn counted(&self) -> Client {
        Client { sent: Arc::default(), received: Arc::default(), ..self.clone() }
    }

    /// Requests sent by this client and its clones, repetitions included.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes of the answers that were read to their end, unpacked, without those that were refusals.
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
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
    /// `read` says so. Waits go to the client's progress: after 20 failures in a row, of any requests of this connection,
    /// one request a minute is sent until one succeeds. Dropping the future gives the request up at any point.
    ///
    /// Errors: `AC-101` … `AC-109`, `AC-201` … `AC-208` by kind, with how often and how long it was tried; `SY-105` from
    /// the store of the budget.
    pub async fn get<T>(
        &self,
        request: &Get,
        read: impl Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync,
    ) -> Result<Answer<T>, Error> {
        match self.ask(request, read).await? {
            Reply::Read(answer) => Ok(answer),
            Reply::Left { error, .. } => Err(error),
        }
    }

    /// The same for a caller that can go on without an answer where the rules of the endpoint say how.
    pub async fn ask<T>(
        &self,
        request: &Get,
        read: impl Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync,
    ) -> Result<Reply<T>, Error> {
        self.shared.base_url.allowed(self.shared.policy)?;
        let mut course = Course::begun();
        loop {
            let admitted = self.admitted(&mut course).await;
            let (ticket, probe) = admitted.map_err(|error| held_up(request, error, &course))?;
            let (failure, ticket) = match self.send_once(request, ticket, &read).await? {
                Ok(answer) => return Ok(Reply::Read(Answer { sendings: course.sendings() + 1, ..answer })),
                Err(failed) => failed,
            };
            match self.decide(&failure, &mut course.tried) {
                Decision::Wait(wait) => {
                    course.asked_to_wait_at = Some(Instant::now());
                    self.shared.budget.refused(&ticket, wait, &slow_down_reason(&failure)).await?;
                    // Only now may the next request pass the gate: it has to see the hold.
                    drop((ticket, probe));
                }
                Decision::Again { pause, .. } => {
                    drop((ticket, probe));
                    self.pause(request, &failure, pause).await;
                }
                Decision::Never(code) => {
                    drop((ticket, probe));
                    return Err(self.give_up(request, failure, code, &course).await);
                }
                Decision::Without(leave, code) => {
                    drop((ticket, probe));
                    let status = failure.status().map_or(0, |status| status.as_u16());
                    let error = self.told(request, failure, code, &course);
                    return Ok(Reply::Left { leave, status, error });
                }
            }
        }
    }

    /// Waits until a request may be sent: for the account's budget, and for a probe's turn where nothing works.
    async fn admitted(&self, course: &mut Course) -> Result<(Ticket, Option<Probe>), Error> {
        loop {
            let patience = self.limits.wait_total.saturating_sub(course.tried.waited);
            let probe = self.shared.breaker.pass(patience, &*self.shared.progress).await?;
            let ticket = self.shared.budget.admit(patience).await?;
            course.waited();
            // It may have opened while the slot was waited for; then the slot is given up.
            if probe.is_some() || !self.shared.breaker.is_open() {
                return Ok((ticket, probe));
            }
        }
    }
}

/// How one request has gone so far.
struct Course {
    begun: Instant,
    tried: Tried,
    asked_to_wait_at: Option<Instant>,
}

impl Course {
    fn begun() -> Course {
        Course { begun: Instant::now(), tried: Tried::default(), asked_to_wait_at: None }
    }

    fn waited(&mut self) {
        self.tried.waited += self.asked_to_wait_at.take().map_or(Duration::ZERO, |at| at.elapsed());
    }

    fn sendings(&self) -> u32 {
        self.tried.attempts + self.tried.waits
    }
}
