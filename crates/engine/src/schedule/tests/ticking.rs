//! Turns of the scheduler over a store that only counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_core::{
    Code, Error, JobName, RunId,
    port::jobs::{JobStore, Lease, Queued, QueuedRun, ScheduleState},
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{at, schedule};
use crate::schedule::{Tick, adopt, tick};

/// The part of a store that a scheduler uses. Reading schedules lets others go first, as a database would.
#[derive(Clone)]
struct Desk(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    schedules: BTreeMap<JobName, ScheduleState>,
    queue: Vec<QueuedRun>,
    abandoned: Vec<QueuedRun>,
    is_broken: bool,
}

impl Desk {
    fn new(now: &str) -> Desk {
        Desk(Arc::new(Mutex::new(State {
            now: at(now),
            schedules: BTreeMap::new(),
            queue: Vec::new(),
            abandoned: Vec::new(),
            is_broken: false,
        })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    fn add(&self, job: &str, line: &str) {
        let now = self.with(|state| state.now);
        let adopted = adopt(None, &JobName::new(job), &schedule(line), now).unwrap();
        self.with(|state| state.schedules.insert(adopted.job.clone(), adopted));
    }

    fn sleep(&self, duration: SignedDuration) {
        self.with(|state| state.now = state.now.checked_add(duration).unwrap());
    }

    /// Whatever waits is worked off.
    fn work(&self) -> usize {
        self.with(|state| state.queue.drain(..).count())
    }
}

fn not_asked<T>() -> Result<T, Error> {
    Err(Error::new(Code::Bug, "a scheduler does not ask for this"))
}

#[async_trait]
impl JobStore for Desk {
    async fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.with(|state| state.now))
    }

    async fn clock_fault(&self, _now: Timestamp) -> Result<Option<Error>, Error> {
        not_asked()
    }

    async fn queue(&self, _wish: &QueuedRun) -> Result<Queued, Error> {
        not_asked()
    }

    async fn queued(&self, _ageing: Duration) -> Result<Vec<QueuedRun>, Error> {
        not_asked()
    }

    async fn take(
        &self,
        _holder: &str,
        _term: Duration,
        _ageing: Duration,
    ) -> Result<Option<(QueuedRun, Lease)>, Error> {
        not_asked()
    }

    async fn lease(
        &self,
        _job: &JobName,
        _run: &RunId,
        _holder: &str,
        _term: Duration,
    ) -> Result<Result<Lease, Lease>, Error> {
        not_asked()
    }

    async fn renew(&self, _lease: &Lease, _term: Duration) -> Result<Lease, Error> {
        not_asked()
    }

    async fn release(&self, _lease: &Lease) -> Result<(), Error> {
        not_asked()
    }

    async fn postpone(&self, _lease: &Lease, _wish: &QueuedRun) -> Result<(), Error> {
        not_asked()
    }

    async fn abandoned(&self) -> Result<Vec<QueuedRun>, Error> {
        Ok(self.with(|state| std::mem::take(&mut state.abandoned)))
    }

    async fn leases(&self) -> Result<Vec<Lease>, Error> {
        not_asked()
    }

    async fn ask_to_stop(&self, _run: &RunId) -> Result<bool, Error> {
        not_asked()
    }

    async fn is_asked_to_stop(&self, _run: &RunId) -> Result<bool, Error> {
        not_asked()
    }

    async fn schedules(&self) -> Result<Vec<ScheduleState>, Error> {
        let found = self.with(|state| state.schedules.values().cloned().collect());
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn put_schedule(
        &self,
        schedule: &ScheduleState,
        expected: Option<&ScheduleState>,
    ) -> Result<bool, Error> {
        Ok(self.with(|state| {
            let is_expected = expected.is_none() || state.schedules.get(&schedule.job) == expected;
            if is_expected {
                state.schedules.insert(schedule.job.clone(), schedule.clone());
            }
            is_expected
        }))
    }

    async fn start_due(
        &self,
        schedule: &ScheduleState,
        expected: &ScheduleState,
        wish: &QueuedRun,
    ) -> Result<Option<Queued>, Error> {
        if self.with(|state| state.is_broken) {
            return Err(Error::new(Code::StoreFull, "cannot start what is due"));
        }
        if !self.put_schedule(schedule, Some(expected)).await? {
            return Ok(None);
        }
        Ok(Some(self.with(|state| match state.queue.iter().find(|run| run.job == wish.job) {
            Some(waiting) => Queued::Joined(waiting.run.clone()),
            None => {
                state.queue.push(wish.clone());
                Queued::New(wish.run.clone())
            }
        })))
    }

    async fn remove_schedule(&self, _job: &JobName) -> Result<(), Error> {
        not_asked()
    }
}

fn due_times(tick: &Tick) -> Vec<String> {
    tick.started.iter().map(|begun| begun.due_at.to_string()).collect()
}

/// SX-32: hour by hour, each due time once; nothing in between.
#[tokio::test]
async fn hours_pass_and_each_starts_once() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    desk.add("import:shop", "every hour");
    let mut starts = Vec::new();

    for _ in 0..(4 * 60) {
        let tick = tick(&desk).await.unwrap();
        starts.extend(due_times(&tick));
        desk.work();
        desk.sleep(SignedDuration::from_mins(1));
    }

    let expected: Vec<String> = (11..=14).map(|hour| format!("2026-03-01T{hour}:00:00Z")).collect();
    assert_eq!(starts, expected);
}

/// Two schedulers over one store: each due time once, whichever is faster.
#[tokio::test]
async fn two_schedulers_start_each_time_once() {
    let desk = Desk::new("2026-03-01T00:00:30Z");
    desk.add("import:shop", "every 1 minute");
    desk.add("replications.nightly", "cron 2-59/3 * * * *");
    let mut starts = 0;

    for _ in 0..60 {
        desk.sleep(SignedDuration::from_mins(1));
        let (one, other) = (desk.clone(), desk.clone());
        let (one, other) = tokio::join!(tick(&one), tick(&other));
        let (one, other) = (one.unwrap(), other.unwrap());
        starts += one.started.len() + other.started.len();
        let worked = desk.work();
        assert_eq!(worked, one.started.len() + other.started.len());
    }

    assert_eq!(starts, 60 + 20);
}

/// I-03: eight hours asleep, one run catches up, or none.
#[tokio::test]
async fn sleep_is_followed_by_one_run_or_none() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    desk.add("a", "every hour");
    desk.add("b", "every hour, missed: skip");
    desk.sleep(SignedDuration::from_hours(8));

    let woken = tick(&desk).await.unwrap();
    let again = tick(&desk).await.unwrap();

    assert_eq!(due_times(&woken), ["2026-03-01T18:00:00Z"]);
    assert_eq!((woken.started[0].job.as_str(), woken.started[0].missed), ("a", 7));
    assert_eq!((woken.skipped[0].job.as_str(), woken.skipped[0].missed), ("b", 8));
    assert_eq!(woken.next_at, Some(at("2026-03-01T19:00:00Z")));
    assert!(again.started.is_empty() && again.skipped.is_empty());
}

#[tokio::test]
async fn waiting_run_is_joined_not_doubled() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    desk.add("a", "every hour");
    desk.sleep(SignedDuration::from_hours(1));
    let first = tick(&desk).await.unwrap();
    desk.sleep(SignedDuration::from_hours(1));

    let second = tick(&desk).await.unwrap();

    assert!(second.started[0].has_joined);
    assert_eq!(second.started[0].run, first.started[0].run);
    assert_eq!(desk.work(), 1);
}

#[tokio::test]
async fn one_bad_schedule_does_not_stop_the_others() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    desk.add("a", "every hour");
    desk.add("b", "every hour");
    desk.add("c", "every hour");
    desk.with(|state| {
        let schedules = &mut state.schedules;
        schedules.get_mut(&JobName::new("a")).unwrap().definition = serde_json::json!({"at": "26:00"});
        schedules.get_mut(&JobName::new("b")).unwrap().paused = true;
    });
    desk.sleep(SignedDuration::from_hours(1));

    let tick = tick(&desk).await.unwrap();

    assert_eq!(tick.troubles.len(), 1);
    assert_eq!((tick.troubles[0].job.as_str(), tick.troubles[0].error.code()), ("a", Code::BadSchedule));
    assert_eq!(tick.started.len(), 1);
    assert_eq!(tick.started[0].job.as_str(), "c");
}

#[tokio::test]
async fn start_that_was_not_written_is_tried_again() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    desk.add("a", "every hour");
    desk.sleep(SignedDuration::from_hours(1));
    desk.with(|state| state.is_broken = true);
    let broken = tick(&desk).await.unwrap();
    desk.with(|state| state.is_broken = false);

    let mended = tick(&desk).await.unwrap();

    assert_eq!(broken.troubles[0].error.code(), Code::StoreFull);
    assert_eq!(due_times(&mended), ["2026-03-01T11:00:00Z"]);
}

/// J-05: what a dead process left is noticed.
#[tokio::test]
async fn abandoned_runs_are_told_of() {
    let desk = Desk::new("2026-03-01T10:20:00Z");
    let run = QueuedRun {
        run: RunId::generate(),
        job: JobName::new("a"),
        trigger: achub_core::port::jobs::Trigger::Person,
        queued_at: at("2026-03-01T10:00:00Z"),
        not_before: at("2026-03-01T10:00:00Z"),
        attempts: 1,
    };
    desk.with(|state| state.abandoned.push(run.clone()));

    assert_eq!(tick(&desk).await.unwrap().abandoned, [run]);
}
