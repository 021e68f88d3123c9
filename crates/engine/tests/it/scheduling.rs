//! The scheduler over the queue of a store, time injected.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_core::{
    JobName,
    port::{
        clock::Clock,
        jobs::{JobStore, Trigger},
    },
};
use achub_engine::schedule::{Schedule, adopt, tick};
use achub_store::memory::MemoryStore;
use jiff::{SignedDuration, Timestamp};

const TERM: Duration = Duration::from_secs(60);
const AGEING: Duration = Duration::from_secs(600);

#[derive(Clone)]
struct HandClock(Arc<Mutex<Timestamp>>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl HandClock {
    fn pass(&self, minutes: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_mins(minutes);
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn store(line: &str) -> (MemoryStore, HandClock) {
    let clock = HandClock(Arc::new(Mutex::new(at("2026-03-01T10:20:00Z"))));
    let store = MemoryStore::new().with_clock(Arc::new(clock.clone()));
    let state =
        adopt(None, &JobName::new("import:shop"), &Schedule::parse(line).unwrap(), clock.now()).unwrap();
    assert!(store.put_schedule(&state, None).await.unwrap());
    (store, clock)
}

/// SX-32, J-06: hour by hour one run each, however often two schedulers look, and one that waits is joined.
#[tokio::test]
async fn each_hour_is_queued_and_taken_once() {
    let (store, clock) = store("every hour").await;
    let other = store.clone();
    let mut taken = Vec::new();

    for _ in 0..(6 * 12) {
        clock.pass(5);
        let (one, two) = tokio::join!(tick(&store), tick(&other));
        assert!(one.unwrap().started.len() + two.unwrap().started.len() <= 1);
        while let Some((run, lease)) = store.take("host:1", TERM, AGEING).await.unwrap() {
            assert_eq!(run.trigger, Trigger::Schedule);
            taken.push(run.queued_at.to_string());
            store.release(&lease).await.unwrap();
        }
    }

    let expected: Vec<String> = (11..=16).map(|hour| format!("2026-03-01T{hour}:00:00Z")).collect();
    assert_eq!(taken, expected);
}

/// I-03: eight hours asleep: one catch-up run, or none.
#[tokio::test]
async fn long_sleep_queues_one_run_or_none() {
    for (line, expected) in [("every hour", 1), ("every hour, missed: skip", 0)] {
        let (store, clock) = store(line).await;
        clock.pass(8 * 60);

        let first = tick(&store).await.unwrap();
        let second = tick(&store).await.unwrap();

        assert_eq!(first.started.len() + second.started.len(), expected, "{line}");
        assert_eq!(first.skipped.len(), 1 - expected, "{line}");
        assert_eq!(store.queued(AGEING).await.unwrap().len(), expected, "{line}");
        assert_eq!(first.next_at, Some(at("2026-03-01T19:00:00Z")), "{line}");
    }
}

/// J-05, I14: what a dead process left is back in the queue with the next turn.
#[tokio::test]
async fn run_of_a_dead_process_is_taken_up() {
    let (store, clock) = store("every hour").await;
    clock.pass(60);
    tick(&store).await.unwrap();
    let (run, _lease) = store.take("host:1", TERM, AGEING).await.unwrap().unwrap();
    clock.pass(2);

    let told = tick(&store).await.unwrap();
    let (again, _) = store.take("host:2", TERM, AGEING).await.unwrap().unwrap();

    assert_eq!(told.abandoned.len(), 1);
    assert_eq!((again.run, again.attempts), (run.run, 1));
}
