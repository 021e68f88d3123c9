//! Work that starts by itself: schedules, the queue, and the right to be the only one at it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::{JobName, RunId},
};

/// The number that came with a lease. Each new lease of a job has a higher one, and whoever writes with a lower one is
/// refused: a process that slept through its lease and woke up writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub i64);

/// The right to work on a job until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobName,
    /// The run that holds it.
    pub run: RunId,
    /// Its number.
    pub fence: Fence,
    /// When it ends unless it is renewed, by the clock of the store.
    pub until: Timestamp,
    /// The process that holds it, for people: host and process id.
    pub holder: String,
}

/// Who or what started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person, at the command line or on a screen.
    Person,
    /// Something that happened: an integration was saved, a webhook came.
    Event,
    /// Its schedule.
    Schedule,
    /// History is read again.
    Backfill,
}

impl Trigger {
    /// All of them, the most urgent first.
    pub const ALL: [Trigger; 4] = [Trigger::Person, Trigger::Event, Trigger::Schedule, Trigger::Backfill];

    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Trigger::Person => "person",
            Trigger::Event => "event",
            Trigger::Schedule => "schedule",
            Trigger::Backfill => "backfill",
        }
    }

    /// The trigger of this word.
    pub fn find(word: &str) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|trigger| trigger.word() == word)
    }
}

/// A run that waits for its turn. Times are those of [`JobStore::now`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRun {
    /// Its identifier, known from the moment it is asked for.
    pub run: RunId,
    /// Of which job.
    pub job: JobName,
    /// Who asked.
    pub trigger: Trigger,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// Not before this moment.
    pub not_before: Timestamp,
    /// How often it was begun before without being put back by whoever took it: how often a process died over it. Whoever
    /// takes a run looks here first and gives up one that was begun too often.
    pub attempts: u32,
}

/// What became of a wish for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queued {
    /// It waits for its turn.
    New(RunId),
    /// One that waits already does the same: all who ask get its id.
    Joined(RunId),
}

impl Queued {
    /// The run that will do it.
    pub fn run(&self) -> &RunId {
        match self {
            Queued::New(run) | Queued::Joined(run) => run,
        }
    }
}

/// When a job starts by itself, as the scheduler remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// The job.
    pub job: JobName,
    /// Its schedule as it was written, so that a changed one begins anew.
    pub definition: serde_json::Value,
    /// The next time it is due; `None` where it never is.
    pub next_at: Option<Timestamp>,
    /// The time it was last started for.
    pub last_at: Option<Timestamp>,
    /// Somebody paused it.
    pub paused: bool,
}

/// Schedules, queue and leases. One conformance suite for all implementations; several processes use one store at once.
///
/// A run is asked for ([`JobStore::queue`]), taken ([`JobStore::take`]), and ends with [`JobStore::release`] or goes back
/// with [`JobStore::postpone`]. A process that dies in between leaves a lease that ends by itself; then
/// [`JobStore::abandoned`] puts the run back, which a scheduler calls before each [`JobStore::take`]. A run is begun at
/// least once, possibly again after a crash, and never by two at a time.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// The clock of the store, by which leases are judged.
    async fn now(&self) -> Result<Timestamp, Error>;

    /// What is wrong with the clocks, where something is: `SY-104` where `now`, the time of this process, is more than
    /// 30 s off the store's, or the store's own clock went back by more than that. Schedules and leases go by the clock
    /// of the store all the same; a lease whose end a wrong clock put far ahead is cut to its term.
    async fn clock_fault(&self, now: Timestamp) -> Result<Option<Error>, Error>;

    /// Asks for a run of a job. While one of it waits for its first attempt, everybody who asks gets that one; while one
    /// is begun and has not ended (it works, or was put back), exactly one follows it.
    ///
    /// The run that waits takes on what is more urgent: the trigger, and the earlier moment. A person who asks also
    /// brings forward a run that was put back; nobody else shortens its wait. Asking again for a run that waits, by its
    /// own id, sets when it may begin.
    async fn queue(&self, wish: &QueuedRun) -> Result<Queued, Error>;

    /// The runs that wait, in the order in which they will be begun: by trigger, except that whoever has waited longer
    /// than `ageing` for each class above goes with that class. One that follows another of its job comes after it.
    async fn queued(&self, ageing: Duration) -> Result<Vec<QueuedRun>, Error>;

    /// Takes the next run that may begin now, together with the lease of its job, in one transaction. `None` where there
    /// is none.
    async fn take(
        &self,
        holder: &str,
        term: Duration,
        ageing: Duration,
    ) -> Result<Option<(QueuedRun, Lease)>, Error>;

    /// Takes the lease of `job` for a run that nobody queued. Where another run holds it, the inner error is that lease.
    async fn lease(
        &self,
        job: &JobName,
        run: &RunId,
        holder: &str,
        term: Duration,
    ) -> Result<Result<Lease, Lease>, Error>;

    /// Extends a lease, also one that has just ended. Errors: `RN-102` where it is somebody else's by now, or its run
    /// was put back.
    async fn renew(&self, lease: &Lease, term: Duration) -> Result<Lease, Error>;

    /// Gives a lease back and ends its run, which nothing is remembered of here from now on; one that is lost already is
    /// no error.
    async fn release(&self, lease: &Lease) -> Result<(), Error>;

    /// Puts a run back into the queue as `wish` says, and gives its lease back, in one transaction. With the `attempts` it
    /// was taken with this one does not count, however often the other side asks to wait. A run that somebody asked to
    /// stop ends instead.
    ///
    /// Errors: `RN-102` where the lease is somebody else's by now; `SY-199` where `wish` is not the run of the lease.
    async fn postpone(&self, lease: &Lease, wish: &QueuedRun) -> Result<(), Error>;

    /// Runs that were begun, whose lease ended, and that nobody has taken up: after a crash. Each is given out once.
    ///
    /// One that was queued is back in the queue by then and may begin at once, so that nothing is lost where the caller
    /// dies, too; one that was begun by [`JobStore::lease`], or that somebody asked to stop, has ended. What their
    /// processes still try to save is refused.
    async fn abandoned(&self) -> Result<Vec<QueuedRun>, Error>;

    /// Leases in force.
    async fn leases(&self) -> Result<Vec<Lease>, Error>;

    /// Asks the holder of a run to end it at its next safe point, which it asks for with
    /// [`JobStore::is_asked_to_stop`] when it renews its lease; one that waits leaves the queue at once. False where
    /// there is no such run.
    async fn ask_to_stop(&self, run: &RunId) -> Result<bool, Error>;

    /// Whether somebody asked for the end of a run.
    async fn is_asked_to_stop(&self, run: &RunId) -> Result<bool, Error>;

    /// What is remembered of schedules.
    async fn schedules(&self) -> Result<Vec<ScheduleState>, Error>;

    /// Remembers a schedule. Where `expected` is given and what is remembered is anything else by now, nothing is written
    /// and the answer is false: a due time is used once, and a pause that somebody set meanwhile is not lost.
    async fn put_schedule(
        &self,
        schedule: &ScheduleState,
        expected: Option<&ScheduleState>,
    ) -> Result<bool, Error>;

    /// [`JobStore::put_schedule`] and [`JobStore::queue`] in one transaction: a due time is used if and only if its run
    /// is asked for. `None` where what is remembered is not `expected` any more; then nothing is written.
    async fn start_due(
        &self,
        schedule: &ScheduleState,
        expected: &ScheduleState,
        wish: &QueuedRun,
    ) -> Result<Option<Queued>, Error>;

    /// Forgets a schedule and what waits for its job.
    async fn remove_schedule(&self, job: &JobName) -> Result<(), Error>;
}
