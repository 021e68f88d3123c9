//! A played account, a target in memory, and a run between them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use achub_client::{Pace, rule::Rule};
use achub_connectors::activecampaign::{ActiveCampaignSource, Reading};
use achub_core::{
    Batch, Error, ReplicationName, StreamName,
    port::{
        progress::{Event, Progress, Silent},
        target::{Absence, AbsenceAction, Target},
    },
};
use achub_engine::{
    Hub, Replication, Stop, Summary,
    replication::{Anchor, FullCheck, Landing, Mode, StreamTask, Working},
};
use achub_sim::{Rate, Settings};
use achub_store::memory::MemoryStore;
use achub_testkit::{
    account::Account,
    memory_target::MemoryTarget,
    oracle::{self, Findings, LandedRow},
    time::RuntimeClock,
};
use tokio::sync::Notify;

/// The streams most accounts want, and by which the price is judged.
pub const THE_TEN: [&str; 10] = [
    "contacts",
    "contact_tags",
    "contact_lists",
    "field_values",
    "deals",
    "lists",
    "tags",
    "deal_pipelines",
    "deal_stages",
    "users",
];

pub struct Rig {
    pub account: Account,
    pub store: Arc<MemoryStore>,
    pub target: MemoryTarget,
    pub clock: Arc<RuntimeClock>,
    pub reading: Reading,
    /// Rules of the connection.
    pub rules: Vec<Rule>,
}

impl Rig {
    /// An account of so many contacts without a rate limit.
    pub fn with_contacts(contacts: u64) -> Rig {
        Rig::playing(Settings { contacts, rate: Rate::Off, ..Settings::default() })
    }

    pub fn playing(settings: Settings) -> Rig {
        let clock = Arc::new(RuntimeClock::starting_at(settings.start));
        Rig {
            account: Account::new(settings),
            store: Arc::new(MemoryStore::new()),
            target: MemoryTarget::default(),
            clock,
            reading: Reading::Documented,
            rules: Vec::new(),
        }
    }

    /// The same rig, its account read with what was shown to work.
    pub fn accelerated(self) -> Rig {
        Rig { reading: Reading::Accelerated, ..self }
    }

    /// The account as a source, without a pace.
    pub fn source(&self) -> ActiveCampaignSource {
        self.source_at(Pace::Off, Arc::new(Silent))
    }

    fn source_at(&self, pace: Pace, progress: Arc<dyn Progress>) -> ActiveCampaignSource {
        let client = self.account.client(pace, self.store.clone(), self.clock.clone(), progress);
        let client = client.with_rules(self.rules.iter().cloned());
        ActiveCampaignSource::new(client, self.store.clone(), self.clock.clone()).with_reading(self.reading)
    }

    /// Runs `replication` and expects it to start.
    pub async fn run(&self, replication: &Replication) -> Summary {
        self.start(replication, Pace::Off, &Stop::default(), Arc::new(Silent)).await.expect("the run starts")
    }

    pub async fn start(
        &self,
        replication: &Replication,
        pace: Pace,
        stop: &Stop,
        progress: Arc<dyn Progress>,
    ) -> Result<Summary, Error> {
        let source = self.source_at(pace, progress.clone());
        let hub = Hub::new(self.store.clone(), self.clock.clone(), progress);
        hub.start(replication, &source, &self.target, stop).await
    }

    /// Runs `replication` into another target than the one in memory.
    pub async fn run_into(&self, target: &dyn Target, replication: &Replication) -> Summary {
        self.run_watched(target, replication, Arc::new(Silent)).await.expect("the run starts")
    }

    /// The same, watched by `progress`.
    pub async fn run_watched(
        &self,
        target: &dyn Target,
        replication: &Replication,
        progress: Arc<dyn Progress>,
    ) -> Result<Summary, Error> {
        let source = self.source_at(Pace::Off, progress.clone());
        let hub = Hub::new(self.store.clone(), self.clock.clone(), progress);
        hub.start(replication, &source, target, &Stop::default()).await
    }

    /// Runs `replication` into `target`; after so many commits `meanwhile` happens, and the run goes on.
    pub async fn run_while(
        &self,
        target: &dyn Target,
        replication: &Replication,
        commits: u64,
        meanwhile: impl Future<Output = ()>,
    ) -> Summary {
        let committed = Arc::new(Committed { left: commits.into(), reached: Notify::new() });
        let run = self.run_watched(target, replication, committed.clone());
        let meanwhile = async {
            committed.reached.notified().await;
            meanwhile.await;
        };
        let (summary, ()) = tokio::join!(run, meanwhile);
        summary.expect("the run starts")
    }

    /// Requests the account has counted.
    pub async fn requests(&self) -> u64 {
        self.account.requests().await["total"].as_u64().expect("a number of requests")
    }

    /// What is wrong with the table of `stream`.
    pub async fn findings(&self, stream: &str) -> Findings {
        self.compared(stream, &self.target.rows(stream)).await
    }

    /// What is wrong with these rows of `stream`.
    pub async fn compared(&self, stream: &str, landed: &[LandedRow]) -> Findings {
        oracle::compare(&self.truth(stream).await, landed)
    }

    pub async fn truth(&self, stream: &str) -> Batch {
        oracle::records(stream, &self.account.truth(stream).await)
    }

    /// Every table of `streams` holds exactly what the account holds.
    pub async fn assert_equal(&self, streams: &[&str]) {
        for stream in streams {
            let findings = self.findings(stream).await;
            assert!(findings.is_clean(), "{stream}: {}", findings.brief());
        }
    }
}

/// `streams` in `mode`, landing as `achub replicate` does.
pub fn replicating(streams: &[&str], mode: Mode) -> Replication {
    let task = |stream: &&str| StreamTask::new(StreamName::new(*stream), mode, "a test");
    Replication {
        name: ReplicationName::new("test"),
        streams: streams.iter().map(task).collect(),
        state_schema: None,
        landing: Landing::ours(),
        anchor: Anchor::Everything,
        full_check: FullCheck::Never,
        working: Working::default(),
    }
}

/// The same, comparing everything in every run and deleting what is gone at the second sighting.
pub fn checking(streams: &[&str]) -> Replication {
    let mut replication = replicating(streams, Mode::Incremental);
    replication.full_check = FullCheck::Now;
    let floor_percent = Absence::FLOOR_PERCENT;
    replication.landing.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent, only: None });
    replication
}

/// No stream of a run failed.
pub fn assert_done(summary: &Summary) {
    let failed: Vec<_> = summary.streams.iter().filter(|stream| stream.error.is_some()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(summary.class(), None, "{summary:?}");
}

/// Tells of a commit.
struct Committed {
    left: AtomicU64,
    reached: Notify,
}

impl Progress for Committed {
    fn event(&self, event: Event) {
        if matches!(event, Event::Committed { .. }) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.reached.notify_one();
        }
    }
}

/// Asks for a stop after so many commits.
pub struct StopAfter {
    pub commits: AtomicU64,
    pub stop: Stop,
}

impl Progress for StopAfter {
    fn event(&self, event: Event) {
        if matches!(event, Event::Committed { .. }) && self.commits.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stop.request();
        }
    }
}
