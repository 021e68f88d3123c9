//! What every store must keep: the contracts of `achub_core::port::{budget, journal, state}`, one check per promise.

use std::sync::Arc;

use achub_core::{
    AccountName, Code, Outcome, ReplicationName, RunId, StreamName,
    port::{
        budget::{BudgetStore, HORIZON},
        journal::{JournalStore, Level, LogLine, RowFilter, RowNote},
        state::{Fact, RunRecord, RunStatus, StateStore},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// A store under test, fresh for each check.
pub trait Store: StateStore + JournalStore + 'static {}

impl<T: StateStore + JournalStore + 'static> Store for T {}

const INTERVAL_US: i64 = 204_082;

fn account() -> AccountName {
    AccountName::new("acme.api-us1.com")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("seconds of this century")
}

fn micros(from: Timestamp, to: Timestamp) -> i128 {
    to.duration_since(from).as_micros()
}

/// Slots follow each other at the interval, and an idle row starts at now.
pub async fn slots_are_evenly_spaced_from_now(store: impl BudgetStore) {
    let first = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    let second = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    let after_pause = store.reserve(&account(), at(60), INTERVAL_US).await.unwrap();
    let after_pause_second = store.reserve(&account(), at(60), 2 * INTERVAL_US).await.unwrap();

    assert_eq!(first.slot, at(0));
    assert_eq!(micros(first.slot, second.slot), INTERVAL_US.into());
    assert_eq!(after_pause.slot, at(60), "what was not used is lost, there is no burst");
    assert_eq!(micros(after_pause.slot, after_pause_second.slot), INTERVAL_US.into());
}

/// Whoever reserves learns since when the row was free: how long none of the programs that share it can have sent.
pub async fn free_time_before_slot_is_told(store: impl BudgetStore) {
    let fresh = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    let queued = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    let after_pause = store.reserve(&account(), at(60), INTERVAL_US).await.unwrap();
    store.hold(&account(), at(60), at(70)).await.unwrap();
    let held = store.reserve(&account(), at(61), INTERVAL_US).await.unwrap();
    let later = store.reserve(&account(), at(80), INTERVAL_US).await.unwrap();

    assert_eq!(fresh.free_since, Timestamp::UNIX_EPOCH);
    assert_eq!(queued.free_since, queued.slot);
    assert_eq!(micros(at(0), after_pause.free_since), (2 * INTERVAL_US).into());
    assert_eq!(held.free_since, held.slot);
    assert_eq!(micros(at(70), later.free_since), INTERVAL_US.into());
}

/// A slot never begins before the moment it is asked for, not even by part of a microsecond.
pub async fn slot_is_never_before_now(store: impl BudgetStore) {
    let now = at(0) + SignedDuration::from_nanos(1);

    let slot = store.reserve(&account(), now, 0).await.unwrap().slot;

    assert!(slot >= now, "{slot} is before {now}");
    assert_eq!(slot, at(0) + SignedDuration::from_micros(1));
}

/// Accounts do not take each other's slots.
pub async fn accounts_have_budgets_of_their_own(store: impl BudgetStore) {
    store.hold(&account(), at(0), at(600)).await.unwrap();

    let other = store.reserve(&AccountName::new("other.api-us1.com"), at(0), INTERVAL_US).await.unwrap();

    assert_eq!(other.slot, at(0));
}

/// A hold moves the next slot forward and never backward.
pub async fn hold_moves_slots_forward_only(store: impl BudgetStore) {
    store.hold(&account(), at(0), at(30)).await.unwrap();
    store.hold(&account(), at(0), at(10)).await.unwrap();
    let held = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    store.hold(&account(), at(0), at(0)).await.unwrap();
    let next = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();

    assert_eq!(held.slot, at(30));
    assert_eq!(micros(held.slot, next.slot), INTERVAL_US.into());
}

/// What answers told comes back with every reservation; an answer without a limit does not erase one.
pub async fn limit_and_slowdown_are_remembered(store: impl BudgetStore) {
    let before = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    store.learn(&account(), at(1), Some(10.5), 2.0).await.unwrap();
    let learnt = store.reserve(&account(), at(1), INTERVAL_US).await.unwrap();
    store.learn(&account(), at(2), None, 1.0).await.unwrap();
    let relaxed = store.reserve(&account(), at(2), INTERVAL_US).await.unwrap();

    assert_eq!((before.limit, before.slowdown), (None, 1.0));
    assert_eq!((learnt.limit, learnt.slowdown, learnt.slowed_at), (Some(10.5), 2.0, at(1)));
    assert_eq!((relaxed.limit, relaxed.slowdown, relaxed.slowed_at), (Some(10.5), 1.0, at(2)));
}

/// Learning first does not take a slot.
pub async fn learning_takes_no_slot(store: impl BudgetStore) {
    store.learn(&account(), at(0), Some(5.0), 1.0).await.unwrap();

    assert_eq!(store.reserve(&account(), at(0), INTERVAL_US).await.unwrap().slot, at(0));
}

/// A row that a wrong clock has moved far ahead does not stop work for hours; one within the horizon counts.
pub async fn row_of_wrong_clock_starts_anew(store: impl BudgetStore) {
    store.hold(&account(), at(0), at(0) + HORIZON).await.unwrap();
    let within = store.reserve(&account(), at(0), 1).await.unwrap();
    let beyond = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();
    let next = store.reserve(&account(), at(0), INTERVAL_US).await.unwrap();

    assert_eq!(within.slot, at(0) + HORIZON);
    assert_eq!(beyond.slot, at(0));
    assert_eq!(beyond.free_since, at(0));
    assert_eq!(micros(beyond.slot, next.slot), INTERVAL_US.into());
}

/// An interval that makes no sense is a defect of the caller and changes nothing.
pub async fn senseless_interval_is_refused(store: impl BudgetStore) {
    for interval_us in [-1, i64::MAX] {
        let refused = store.reserve(&account(), at(0), interval_us).await.unwrap_err();
        assert_eq!(refused.code(), Code::Bug);
    }
    assert_eq!(store.reserve(&account(), at(0), 1).await.unwrap().slot, at(0));
}

/// Figures that nothing can be reckoned with are a defect of the caller and change nothing.
pub async fn senseless_figures_are_not_learnt(store: impl BudgetStore) {
    for (limit, slowdown) in
        [(None, 0.0), (None, f64::NAN), (None, f64::INFINITY), (Some(0.0), 1.0), (Some(f64::NAN), 1.0)]
    {
        let refused = store.learn(&account(), at(0), limit, slowdown).await.unwrap_err();
        assert_eq!(refused.code(), Code::Bug, "{limit:?}, {slowdown}");
    }
    let state = store.reserve(&account(), at(0), 1).await.unwrap();
    assert_eq!((state.limit, state.slowdown), (None, 1.0));
}

/// Tasks that reserve through several openings of one store never get overlapping slots.
pub async fn many_tasks_never_share_slots<S: BudgetStore + 'static>(openings: Vec<S>) {
    const TASKS: usize = 16;
    const SLOTS_PER_TASK: usize = 50;
    let openings: Vec<Arc<S>> = openings.into_iter().map(Arc::new).collect();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&openings[task % openings.len()]);
            tokio::spawn(async move {
                let mut slots = Vec::with_capacity(SLOTS_PER_TASK);
                for _ in 0..SLOTS_PER_TASK {
                    slots.push(store.reserve(&account(), at(0), INTERVAL_US).await.unwrap().slot);
                }
                slots
            })
        })
        .collect();

    let mut slots = Vec::new();
    for task in tasks {
        slots.extend(task.await.unwrap());
    }
    slots.sort();

    assert_eq!(slots.len(), TASKS * SLOTS_PER_TASK);
    assert_eq!(slots[0], at(0));
    for pair in slots.windows(2) {
        assert_eq!(micros(pair[0], pair[1]), INTERVAL_US.into(), "{} and {}", pair[0], pair[1]);
    }
}

fn run(id: &str, replication: &str, started_at: Timestamp) -> RunRecord {
    RunRecord {
        id: RunId::new(id),
        replication: ReplicationName::new(replication),
        started_at,
        finished_at: None,
        status: RunStatus::Running,
        summary: json!({}),
    }
}

/// A run comes back exactly as it was put, whatever its status, and a second put replaces the first.
pub async fn run_comes_back_as_put(store: impl Store) {
    let statuses = [
        RunStatus::Done,
        RunStatus::DoneSomeRefused,
        RunStatus::Failed,
        RunStatus::Stopped,
        RunStatus::NothingToDo,
        RunStatus::Running,
    ];
    let mut record = run("r-1", "acme → warehouse", at(0) + SignedDuration::from_nanos(123_456_789));
    store.put_run(&record).await.unwrap();
    for status in statuses {
        record.status = status;
        record.finished_at = Some(at(9));
        record.summary =
            json!({ "streams": [{ "name": "contacts", "added": u64::MAX }], "text": "a\u{0}\"b" });
        store.put_run(&record).await.unwrap();

        assert_eq!(store.runs(None, 10).await.unwrap(), [record.clone()]);
    }
}

/// Runs are listed newest first, at most as many as asked for, of one replication where one is named.
pub async fn runs_are_listed_newest_first(store: impl Store) {
    for (id, replication, second) in
        [("r-2", "a", 2), ("r-1", "b", 1), ("r-4", "a", 3), ("r-3", "b", 3), ("r-5", "a", 0)]
    {
        store.put_run(&run(id, replication, at(second))).await.unwrap();
    }
    let listed = async |replication: Option<&str>, count| {
        let name = replication.map(ReplicationName::new);
        let runs = store.runs(name.as_ref(), count).await.unwrap();
        runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>()
    };

    assert_eq!(listed(None, 100).await, ["r-4", "r-3", "r-2", "r-1", "r-5"]);
    assert_eq!(listed(None, 2).await, ["r-4", "r-3"]);
    assert_eq!(listed(None, 0).await, [""; 0]);
    assert_eq!(listed(Some("a"), 2).await, ["r-4", "r-2"]);
    assert_eq!(listed(Some("A"), 2).await, [""; 0], "names are compared to the letter");
    assert_eq!(listed(None, u32::MAX).await.len(), 5);
}

/// Facts belong to an account and a name; a second put replaces the first.
pub async fn facts_belong_to_account_and_name(store: impl Store) {
    let other = AccountName::new("other.api-us1.com");
    let first = Fact { value: json!(true), found_at: at(0) };
    let second = Fact { value: json!({ "rows": [1, 2.5, null] }), found_at: at(5) };

    store.put_fact(&account(), "include works", &first).await.unwrap();
    store.put_fact(&account(), "include works", &second).await.unwrap();
    store.put_fact(&other, "include works", &first).await.unwrap();

    assert_eq!(store.fact(&account(), "include works").await.unwrap(), Some(second));
    assert_eq!(store.fact(&other, "include works").await.unwrap(), Some(first));
    assert_eq!(store.fact(&account(), "ids work").await.unwrap(), None);
}

fn line(second: i64, level: Level, stream: Option<&str>, message: &str) -> LogLine {
    LogLine { at: at(second), level, stream: stream.map(StreamName::new), message: message.to_owned() }
}

/// The log of a run keeps the order in which lines were appended, whatever their times.
pub async fn log_keeps_the_order_of_lines(store: impl Store) {
    let (run, other) = (RunId::new("r-1"), RunId::new("r-2"));
    let lines = [
        line(5, Level::Info, None, "began"),
        line(4, Level::Warn, Some("contacts"), "a clock went backward"),
        line(6, Level::Error, Some("deals"), "failed: \"\u{0}\""),
    ];
    store.append_log(&run, &lines[..2]).await.unwrap();
    store.append_log(&other, &lines[..1]).await.unwrap();
    store.append_log(&run, &lines[2..]).await.unwrap();

    assert_eq!(store.log(&run, 10).await.unwrap(), lines);
    assert_eq!(store.log(&run, 2).await.unwrap(), lines[1..], "the last lines, oldest first");
    assert_eq!(store.log(&RunId::new("r-3"), 10).await.unwrap(), []);
}

/// Notes about records are found by stream and outcome; the count covers those that were not given.
pub async fn notes_are_found_by_filter(store: impl Store) {
    let run = RunId::new("r-1");
    let note = |stream: &str, key: &str, outcome| RowNote {
        stream: StreamName::new(stream),
        key: key.to_owned(),
        outcome,
        column: "email".to_owned(),
        reason: "too long".to_owned(),
    };
    let notes = [
        note("contacts", "1", Outcome::Refused),
        note("contacts", "2", Outcome::Skipped),
        note("deals", "1", Outcome::Refused),
    ];
    store.append_rows(&run, &notes).await.unwrap();
    let found = async |stream: Option<&str>, outcome, count| {
        let filter = RowFilter { stream: stream.map(StreamName::new), outcome };
        store.rows(&run, &filter, count).await.unwrap()
    };

    assert_eq!(found(None, None, 10).await, (notes.to_vec(), 3));
    assert_eq!(found(None, None, 1).await, (notes[..1].to_vec(), 3));
    assert_eq!(found(None, Some(Outcome::Refused), 10).await, (vec![notes[0].clone(), notes[2].clone()], 2));
    assert_eq!(found(Some("deals"), Some(Outcome::Skipped), 10).await, (Vec::new(), 0));
}

/// What is forgotten is the journal of old runs: the runs stay, and so does the journal of newer ones.
pub async fn old_journals_are_forgotten(store: impl Store) {
    for (id, second) in [("r-1", 1), ("r-2", 2)] {
        store.put_run(&run(id, "a", at(second))).await.unwrap();
        store.append_log(&RunId::new(id), &[line(9, Level::Info, None, "began")]).await.unwrap();
    }

    store.forget_before(at(2)).await.unwrap();

    assert_eq!(store.log(&RunId::new("r-1"), 10).await.unwrap(), []);
    assert_eq!(store.log(&RunId::new("r-2"), 10).await.unwrap().len(), 1);
    assert_eq!(store.runs(None, 10).await.unwrap().len(), 2);
}

/// Makes one test per check of budgets; `$fresh` gives `(guard, store)`, the guard living as long as the check.
macro_rules! budget_suite {
    ($fresh:expr) => {
        crate::conformance::checks! { $fresh =>
            slots_are_evenly_spaced_from_now free_time_before_slot_is_told slot_is_never_before_now
            accounts_have_budgets_of_their_own hold_moves_slots_forward_only limit_and_slowdown_are_remembered
            learning_takes_no_slot row_of_wrong_clock_starts_anew senseless_interval_is_refused
            senseless_figures_are_not_learnt
        }
    };
}
pub(crate) use budget_suite;

/// The same for runs, facts and journals.
macro_rules! state_suite {
    ($fresh:expr) => {
        crate::conformance::checks! { $fresh =>
            run_comes_back_as_put runs_are_listed_newest_first facts_belong_to_account_and_name
            log_keeps_the_order_of_lines notes_are_found_by_filter old_journals_are_forgotten
        }
    };
}
pub(crate) use state_suite;

macro_rules! checks {
    ($fresh:expr => $($check:ident)*) => {
        $(#[tokio::test]
        async fn $check() {
            let (_guard, store) = $fresh.await;
            crate::conformance::$check(store).await;
        })*
    };
}
pub(crate) use checks;
