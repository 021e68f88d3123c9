//! An account in memory: a transport that answers by script, and the clock and client that go with it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_api::decode::Unreadable;
use achub_client::{BaseUrl, Body, Client, Get, Limits, Pace, Settings, Transport, TransportError};
use achub_core::{
    Secret,
    port::{
        clock::Clock,
        progress::{Event, Progress},
    },
};
use achub_store::memory::MemoryStore;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

/// The key every client of these tests uses; it must appear nowhere but in the header.
pub const KEY: &str = "0123456789abcdef-secret-key";

/// What the account answers to one request.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// The body in pieces, each after a pause; an error breaks it off.
    pub pieces: Vec<(Duration, Result<Bytes, TransportError>)>,
    /// From receiving the request to the head of the answer.
    pub delay: Duration,
    /// Instead of an answer.
    pub failure: Option<TransportError>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Bytes>) -> Reply {
        let pieces = vec![(Duration::ZERO, Ok(body.into()))];
        Reply { status, headers: Vec::new(), pieces, delay: Duration::ZERO, failure: None }
    }

    pub fn ok() -> Reply {
        Reply::new(200, r#"{"contacts":[]}"#)
    }

    pub fn broken(failure: TransportError) -> Reply {
        Reply { failure: Some(failure), ..Reply::ok() }
    }

    pub fn too_many(retry_after: &str) -> Reply {
        Reply::new(429, "").with("retry-after", retry_after)
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Reply {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn after(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }
}

/// A request as the account received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Counted from 1.
    pub number: usize,
    /// Since the account was made.
    pub at: Duration,
    pub path: String,
    pub status: Option<u16>,
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// The scripted account.
pub struct Account {
    made: Instant,
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
}

impl Account {
    pub fn new(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Arc<Account> {
        Arc::new(Account { made: Instant::now(), script: Box::new(script), received: Mutex::default() })
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub fn count(&self, status: u16) -> usize {
        self.received().iter().filter(|received| received.status == Some(status)).count()
    }

    /// The most requests received in any sliding second.
    pub fn most_in_a_second(&self) -> usize {
        let at: Vec<Duration> = self.received().iter().map(|received| received.at).collect();
        let within = |from: Duration| at.iter().filter(|&&at| from <= at && at < from + SECOND).count();
        at.iter().map(|&from| within(from)).max().unwrap_or(0)
    }
}

pub const SECOND: Duration = Duration::from_secs(1);

#[async_trait]
impl Transport for Account {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError> {
        assert_eq!(request.headers()["api-token"], KEY);
        let (index, reply) = {
            let mut received = self.received.lock().unwrap();
            let mut one = Received {
                number: received.len() + 1,
                at: self.made.elapsed(),
                path: request.uri().path().to_owned(),
                status: None,
            };
            let reply = (self.script)(&one);
            one.status = reply.failure.is_none().then_some(reply.status);
            received.push(one);
            (received.len(), reply)
        };
        assert!(index > 0);
        tokio::time::sleep(reply.delay).await;
        if let Some(failure) = reply.failure {
            return Err(failure);
        }
        let mut response = http::Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        let pieces = stream::iter(reply.pieces).then(|(pause, piece)| async move {
            tokio::time::sleep(pause).await;
            piece
        });
        Ok(response.body(pieces.boxed()).unwrap())
    }
}

/// Wall clock time on the runtime's (paused) timer.
pub struct VirtualClock {
    started: Instant,
    epoch: Timestamp,
}

impl VirtualClock {
    pub fn new() -> Arc<VirtualClock> {
        Arc::new(VirtualClock { started: Instant::now(), epoch: "2026-11-20T12:00:00Z".parse().unwrap() })
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.epoch + self.started.elapsed()
    }
}

/// Keeps what a run would tell.
#[derive(Default)]
pub struct Told(Mutex<Vec<Event>>);

impl Told {
    pub fn waits(&self) -> Vec<(String, Duration)> {
        let events = self.0.lock().unwrap();
        let waits = events.iter().filter_map(|event| match event {
            Event::Waiting { reason, wait } => Some((reason.clone(), *wait)),
            Event::Warning { .. } => None,
            other => panic!("the client tells waits and warnings only, not {other:?}"),
        });
        waits.collect()
    }

    pub fn warnings(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let warnings = events.iter().filter_map(|event| match event {
            Event::Warning { message } => Some(message.clone()),
            _ => None,
        });
        warnings.collect()
    }
}

impl Progress for Told {
    fn event(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// One process's view: a client and what belongs to it.
pub struct Process {
    pub store: Arc<MemoryStore>,
    pub clock: Arc<VirtualClock>,
    pub told: Arc<Told>,
}

impl Process {
    pub fn new() -> Process {
        Process { store: Arc::new(MemoryStore::new()), clock: VirtualClock::new(), told: Arc::default() }
    }

    /// A client of `acme` as another process of this machine would make it: only the store is shared.
    pub fn client(&self, account: &Arc<Account>, pace: Pace) -> Client {
        self.client_of("acme", account, pace)
    }

    pub fn client_of(&self, name: &str, account: &Arc<Account>, pace: Pace) -> Client {
        let settings = settings(&format!("https://{name}.api-us1.com"), pace);
        let clock = self.clock.clone();
        Client::new(settings, account.clone(), self.store.clone(), clock, self.told.clone()).with_seed(SEED)
    }
}

/// The seed of all pauses; shown by a failing assertion's backtrace, changed by nobody.
pub const SEED: u64 = 20_261_120;

pub fn settings(url: &str, pace: Pace) -> Settings {
    Settings {
        base_url: BaseUrl::parse(url).unwrap().url,
        key: Secret::new(KEY),
        pace,
        allow_private_address: false,
        limits: Limits::default(),
    }
}

pub fn contacts() -> Get {
    Get::new("contacts").with("limit", 100).with("email", "mia@example.com")
}

/// Takes every answer.
pub fn anything(_body: &[u8]) -> Result<(), Unreadable> {
    Ok(())
}

/// Reads `count` times with `workers` requests in flight and returns how long that took.
pub async fn read_all(client: &Client, count: usize, workers: usize) -> Duration {
    let begun = Instant::now();
    let left = Arc::new(Mutex::new(count));
    let work = (0..workers).map(|_| {
        let (client, left) = (client.clone(), left.clone());
        tokio::spawn(async move {
            loop {
                {
                    let mut left = left.lock().unwrap();
                    let Some(less) = left.checked_sub(1) else { return };
                    *left = less;
                }
                client.get(&contacts(), anything).await.unwrap();
            }
        })
    });
    for worker in work.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    begun.elapsed()
}

/// What the real service does: takes `limit` requests in any sliding second and refuses the rest.
pub struct SlidingWindow {
    limit: usize,
    /// Times at which another tool sends.
    others_every: Option<Duration>,
    taken: Mutex<VecDeque<Duration>>,
    others_next: Mutex<Duration>,
}

impl SlidingWindow {
    pub fn new(limit: usize) -> SlidingWindow {
        SlidingWindow { limit, others_every: None, taken: Mutex::default(), others_next: Mutex::default() }
    }

    /// Another tool takes a slot every so often, whenever there is room.
    pub fn with_others_every(mut self, every: Duration) -> SlidingWindow {
        self.others_every = Some(every);
        self
    }

    pub fn answer(&self, at: Duration) -> Reply {
        self.let_others_in(at);
        let remaining = self.take(at);
        let reply = if remaining.is_some() { Reply::ok() } else { Reply::too_many("1") };
        reply.with("ratelimit-limit", self.limit).with("ratelimit-remaining", remaining.unwrap_or(0))
    }

    fn let_others_in(&self, at: Duration) {
        let Some(every) = self.others_every else { return };
        let mut next = self.others_next.lock().unwrap();
        while *next <= at {
            self.take(*next);
            *next += every;
        }
    }

    fn take(&self, at: Duration) -> Option<usize> {
        let mut taken = self.taken.lock().unwrap();
        while taken.front().is_some_and(|&first| first + SECOND <= at) {
            taken.pop_front();
        }
        let remaining = self.limit.checked_sub(taken.len() + 1)?;
        taken.push_back(at);
        Some(remaining)
    }
}

/// A number that looks random and is the same in every run.
pub fn scrambled(number: usize) -> u64 {
    let mut mixed = (number as u64 ^ SEED).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}
