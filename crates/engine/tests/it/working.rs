//! How a run goes about its work: tries, time, commits.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use achub_core::{
    Code,
    code::Class,
    port::{progress::Event, progress::Progress, state::RunStatus},
};
use achub_engine::{Hub, Replication, Stop, replication::Mode};

use crate::{
    fakes::{Asked, Ending, RecordingTarget, Runs, Script, ScriptedSource, Stopped, at},
    rig::{replication, run_plainly, task},
};

fn tried(tries: u32) -> Replication {
    let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
    replication.working.tries = tries;
    replication.working.try_delay = Duration::from_secs(60);
    replication
}

/// B-02, B-04: a target that is away for a while is waited for; what the source gave up on is not asked again.
#[tokio::test(start_paused = true)]
async fn lost_target_is_tried_again() {
    for (fails, tries, opens, error) in [
        (vec![Code::TargetUnreachable; 2], 3, 3, None),
        (vec![Code::TargetUnreachable; 3], 3, 3, Some("DB-101")),
        (vec![Code::GaveWay], 3, 2, None),
        (vec![Code::TargetCrowded], 3, 2, None),
        (vec![Code::TargetRefused], 3, 1, Some("DB-202")),
    ] {
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
        let target = RecordingTarget { fails: Arc::new(Mutex::new(fails)), ..RecordingTarget::default() };
        let began = tokio::time::Instant::now();

        let summary = run_plainly(&tried(tries), &source, &target).await;

        let failed = summary.streams[0].error.as_ref().map(|(code, _)| code.as_str());
        assert_eq!((source.opens.lock().expect("no test panics with it").len(), failed), (opens, error));
        assert_eq!(began.elapsed().as_secs(), 60 * (opens as u64 - 1), "it waits between tries");
    }
}

#[tokio::test(start_paused = true)]
async fn time_limit_stops_at_a_safe_point() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 2).ending(Ending::Hangs)]);
    let target = RecordingTarget::default();
    let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
    replication.working.time_limit = Some(Duration::from_secs(90));

    let summary = run_plainly(&replication, &source, &target).await;

    assert_eq!((summary.status, summary.class()), (RunStatus::Stopped, Some(Class::Interrupted)));
    let (code, message) = summary.streams[0].error.as_ref().expect("it did not finish");
    assert_eq!((code.as_str(), message.contains("time limit of 90 s")), ("RN-105", true), "{message}");
    assert!(
        target.asked().iter().any(|asked| matches!(asked, Asked::Write { .. })),
        "what came is committed"
    );
}

/// Rows can be seen as soon as they were read: a source that hangs after a page holds nothing back.
#[tokio::test(start_paused = true)]
async fn slow_source_holds_no_page_back() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1).ending(Ending::Hangs)]);
    let written_at = Arc::new(Mutex::new(None));
    let (began, noted) = (tokio::time::Instant::now(), written_at.clone());
    let target = RecordingTarget {
        after_write: Some(Arc::new(move || {
            *noted.lock().expect("no test panics with it") = Some(began.elapsed());
        })),
        ..RecordingTarget::default()
    };
    let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
    replication.working.time_limit = Some(Duration::from_secs(3_600));

    run_plainly(&replication, &source, &target).await;

    let written_at = written_at.lock().expect("no test panics with it").expect("a page was written");
    assert!(written_at < Duration::from_secs(10), "{written_at:?}");
}

#[tokio::test]
async fn commits_take_no_more_than_asked() {
    for most in [1, 3] {
        let source = ScriptedSource::new(vec![Script::of("contacts", 12)]);
        let target = RecordingTarget::default();
        let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
        replication.working.commit_rows = Some(most);

        let summary = run_plainly(&replication, &source, &target).await;

        let mut all = 0;
        for asked in target.asked() {
            if let Asked::Write { pages, .. } = asked {
                assert!(pages as u64 <= most, "a page of these holds one row");
                all += pages;
            }
        }
        assert_eq!((all, summary.streams[0].outcomes.added), (12, 12));
    }
}

/// L-01, I9: what is read and not yet durable stays the same few pages, however many there are: those of a commit, one that
/// waits, and one in the reader's hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_memory_stay_bounded() {
    const PAGE: u64 = 1_500;
    /// Three pages make a full commit.
    const MOST: u64 = 3 * PAGE + PAGE + PAGE;
    for pages in [6, 120] {
        let mut script = Script::of("contacts", pages);
        script.page_records = PAGE;
        let source = ScriptedSource::new(vec![script]);
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (sent, most) = (source.sent.clone(), Arc::new(AtomicU64::new(0)));
        let (written, held_most) = (asked.clone(), most.clone());
        let target = RecordingTarget {
            asked,
            after_write: Some(Arc::new(move || {
                let written = written.lock().expect("no test panics with it");
                let pages_before = written.iter().rev().skip(1).map(|asked| match asked {
                    Asked::Write { pages, .. } => *pages as u64,
                    _ => 0,
                });
                let held = sent.load(Ordering::SeqCst) - PAGE * pages_before.sum::<u64>();
                held_most.fetch_max(held, Ordering::SeqCst);
            })),
            ..RecordingTarget::default()
        };

        let summary =
            run_plainly(&replication(vec![task("contacts", Mode::Incremental)]), &source, &target).await;

        assert_eq!(summary.streams[0].outcomes.added, pages * PAGE);
        let most = most.load(Ordering::SeqCst);
        assert!((PAGE..=MOST).contains(&most), "{most} rows were held of {pages} pages");
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

impl Progress for Told {
    fn event(&self, event: Event) {
        self.0.lock().expect("no test panics with it").push(event);
    }
}

#[tokio::test]
async fn end_of_a_stream_is_told_with_outcomes() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 4)]);
    let told = Arc::new(Told::default());
    let hub =
        Hub::new(Arc::new(Runs::default()), Arc::new(Stopped(at("2026-03-02T10:00:00Z"))), told.clone());

    hub.start(
        &replication(vec![task("contacts", Mode::Incremental)]),
        &source,
        &RecordingTarget::default(),
        &Stop::default(),
    )
    .await
    .expect("the run starts");

    let told = told.0.lock().expect("no test panics with it");
    let finished = told.iter().find_map(|event| match event {
        Event::StreamFinished { stream, outcomes, rows, .. } => {
            Some((stream.to_string(), outcomes.added, *rows))
        }
        _ => None,
    });
    assert_eq!(finished, Some(("contacts".to_owned(), 4, 4)));
}
