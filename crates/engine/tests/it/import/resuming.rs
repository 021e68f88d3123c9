//! Ends in the middle, and what comes after.

use std::sync::atomic::AtomicU32;

use achub_core::{
    Code,
    port::{
        people::PeopleStore,
        source::Position,
        state::{RunStatus, StateStore},
    },
};
use achub_engine::Stop;

use crate::import::{
    rig::{Busy, Rig, counts},
    source::{Script, contact, crowd},
};

/// Pages of ten are stored by five hundred people; the run after a failure goes on behind the last commit.
#[tokio::test]
async fn next_run_goes_on_behind_last_commit() {
    let rig = Rig::new();
    let mut script = Script::of(crowd(1_200));
    script.fails_at = Some(70);

    let failed = rig.import(&script).await;
    assert_eq!((failed.status, counts(&failed.outcomes)), (RunStatus::Failed, [500, 0, 0, 0, 0, 0]));
    assert_eq!(failed.error.as_ref().map(|(code, _)| code.as_str()), Some("AC-206"));
    script.fails_at = None;
    let done = rig.import(&script).await;

    assert_eq!(script.last_asked().1, Some(Position(50.into())));
    assert_eq!((&done.run, done.resumed), (&failed.run, true));
    assert_eq!(counts(&done.outcomes), [1_200, 0, 0, 0, 0, 0], "counts go on");
    assert_eq!(rig.people().await.len(), 1_200);
    let progress = rig.store.import_progress(&rig.import.job).await.expect("the store is in memory");
    assert_eq!((progress.unfinished, progress.cursor.is_some()), (None, true));
    let runs = rig.store.runs(None, 10).await.expect("the store is in memory");
    assert_eq!((runs.len(), runs[0].status), (1, RunStatus::Done));
}

#[tokio::test(start_paused = true)]
async fn stop_ends_between_commits() {
    let rig = Rig::new();
    let mut script = Script::of(crowd(1_200));
    script.hangs_at = Some(60);
    let stop = Stop::default();

    let stopper = async {
        tokio::task::yield_now().await;
        stop.request();
    };
    let (summary, ()) = tokio::join!(rig.import_until(&script, &stop), stopper);
    let summary = summary.expect("a stop is no failure");

    assert_eq!(summary.status, RunStatus::Stopped);
    assert_eq!(rig.people().await.len() as u64, summary.outcomes.total());
    script.hangs_at = None;
    let done = rig.import(&script).await;
    assert_eq!((done.outcomes.total(), rig.people().await.len()), (1_200, 1_200));
}

/// `RN-109`: people are looked at again, and after a few times it is an error with nothing half done.
#[tokio::test]
async fn changed_people_are_looked_at_again() {
    let rig = Rig::new();
    let busy = |left, with| Busy { store: &rig.store, left: AtomicU32::new(left), with };
    let script = Script::of(crowd(20));

    let often = rig.import_through(&busy(6, Code::ChangedMeanwhile), &script, &Stop::default()).await;
    let often = often.expect("the run started");
    assert_eq!(often.error.map(|(code, _)| code).as_deref(), Some("RN-109"));
    assert!(rig.people().await.is_empty());

    let seldom = rig.import_through(&busy(5, Code::ChangedMeanwhile), &script, &Stop::default()).await;
    assert_eq!(counts(&seldom.expect("the run started").outcomes), [20, 0, 0, 0, 0, 0]);
}

/// `RN-102`: whoever lost the right to write writes neither people nor how the run ended.
#[tokio::test]
async fn run_without_its_lease_says_no_more() {
    let rig = Rig::new();
    let busy = Busy { store: &rig.store, left: AtomicU32::new(1), with: Code::LostLease };

    let lost = rig.import_through(&busy, &Script::of(crowd(20)), &Stop::default()).await;

    assert_eq!(lost.expect_err("another process took over").code(), Code::LostLease);
    let runs = rig.store.runs(None, 10).await.expect("the store is in memory");
    assert_eq!(runs[0].status, RunStatus::Running, "the other process writes its end");
}

/// SX-32, SX-33: later runs ask for changes since the other side's clock, less the overlap.
#[tokio::test]
async fn later_runs_ask_for_changes() {
    let mut rig = Rig::new();
    let script = Script::of(crowd(5));
    let first = rig.import(&script).await;
    assert!(first.is_first && first.swept);
    assert_eq!(script.last_asked().0.since, None);

    rig.now = "2026-03-02T11:00:00Z";
    let second = rig.import(&script).await;
    let (asked, position) = script.last_asked();
    assert!(!second.is_first && !second.swept);
    assert_eq!(asked.since, Some("2026-03-02T08:50:00Z".parse().expect("a timestamp")));
    assert_eq!((asked.sweep, position), (false, None));

    rig.now = "2026-03-03T09:30:00Z";
    assert!(rig.import(&script).await.swept);
    assert!(script.last_asked().0.sweep);
}

/// A limited run ends nothing: the next one begins as it did.
#[tokio::test]
async fn limited_run_stores_no_cursor() {
    let mut rig = Rig::new();
    rig.import.limit = Some(15);
    let script = Script::of(crowd(40));

    let limited = rig.import(&script).await;

    assert_eq!((limited.outcomes.total(), rig.people().await.len()), (15, 15));
    rig.import.limit = None;
    let whole = rig.import(&script).await;
    assert!(whole.is_first);
    assert_eq!(counts(&whole.outcomes), [25, 0, 15, 0, 0, 0]);
}

/// Whoever is shown on two pages lands once and is counted once; what is shown last counts.
#[tokio::test]
async fn person_shown_twice_counts_once() {
    let rig = Rig::new();
    let named = |name: &str| {
        let mut ann = contact(7, "ann@example.com");
        ann.first_name = Some(name.to_owned());
        ann
    };
    let pages = vec![vec![named("A"), named("B")], vec![contact(8, "b@example.com")], vec![named("C")]];

    let summary = rig.import(&Script::of(pages)).await;

    assert_eq!(counts(&summary.outcomes), [2, 0, 0, 0, 0, 0]);
    assert_eq!(rig.linked(7).await.first_name.as_deref(), Some("C"));
}
