//! Full checks, and what is said where tables differ from the source.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use achub_core::{
    StreamName, WalkName,
    code::Class,
    port::{
        source::{Position, Told, WalkReport},
        state::RunStatus,
        target::{Check, Checkpoints, LoadMode, MergeStrategy},
    },
};
use achub_engine::{
    Replication,
    hub::Drift,
    replication::{Anchor, FullCheck, Mode},
};

use crate::{
    fakes::{RecordingTarget, Script, ScriptedSource, at, opened_at},
    rig::{replication, run_plainly, task},
};

const CURSOR: &str = "2026-03-01T00:00:00Z";

fn contacts() -> StreamName {
    StreamName::new("contacts")
}

/// Contacts, incrementally, checked every week.
fn weekly() -> Replication {
    Replication {
        full_check: FullCheck::Every(Duration::from_secs(7 * 24 * 3_600)),
        ..replication(vec![task("contacts", Mode::Incremental)])
    }
}

/// A target with a cursor, a last check and unfinished walks.
fn remembering(checked: Option<&str>, walks: &[&str]) -> RecordingTarget {
    let checked = checked.map(|moment| (contacts(), at(moment))).into_iter().collect();
    let walks = walks.iter().map(|walk| (WalkName::new(*walk), Position((*walk).into()))).collect();
    let cursors = HashMap::from([(contacts(), at(CURSOR))]);
    RecordingTarget { checkpoints: Checkpoints { walks, cursors, checked }, ..RecordingTarget::default() }
}

/// What one stream of a run was read from, in which mode it landed, and under which name its position was kept.
async fn read_by(replication: &Replication, target: &RecordingTarget) -> (bool, LoadMode, String) {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);

    run_plainly(replication, &source, target).await;

    let asked = source.asked.lock().expect("no test panics with it");
    let spec = target.load_spec();
    (asked[0].since.is_none(), spec.tables[0].mode, spec.walk.to_string())
}

/// R4: a stream read by changes is read as a whole when its check is due.
#[tokio::test]
async fn due_check_compares_everything() {
    let target = remembering(Some("2026-02-20T00:00:00Z"), &[]);

    let read = read_by(&weekly(), &target).await;

    assert_eq!(read, (true, LoadMode::MergeAtEnd, "contacts:check".to_owned()));
    let load = &target.load_spec().tables[0];
    assert_eq!(load.due_since, Some((2, at(CURSOR))), "what changed before should have landed");
    assert!(load.absence.is_some());
    assert_eq!(target.closed().1, HashSet::from([contacts()]));
}

#[tokio::test]
async fn recent_check_leaves_changes_alone() {
    let changes = (false, LoadMode::MergeAsYouGo, "contacts".to_owned());
    let target = remembering(Some("2026-03-01T00:00:00Z"), &[]);

    assert_eq!(read_by(&weekly(), &target).await, changes);
    assert_eq!(target.closed().1, HashSet::new());
    let never = Replication { full_check: FullCheck::Never, ..weekly() };
    assert_eq!(read_by(&never, &remembering(None, &[])).await, changes);
}

#[tokio::test]
async fn asked_for_check_is_always_due() {
    let now = Replication { full_check: FullCheck::Now, ..weekly() };

    let read = read_by(&now, &remembering(Some("2026-03-02T00:00:00Z"), &[])).await;

    assert_eq!(read, (true, LoadMode::MergeAtEnd, "contacts:check".to_owned()));
}

/// SL-11: deletions that a file wants found in one stream make no other stream be read as a whole.
#[tokio::test]
async fn one_streams_check_leaves_others_alone() {
    let mut tasks = vec![task("contacts", Mode::Incremental), task("deals", Mode::Incremental)];
    tasks[1].full_check = Some(FullCheck::Now);
    let never = Replication { full_check: FullCheck::Never, ..replication(tasks) };
    let source = ScriptedSource::new(vec![Script::of("contacts", 1), Script::of("deals", 1)]);
    let mut target = remembering(None, &[]);
    target.checkpoints.cursors.insert(StreamName::new("deals"), at(CURSOR));

    run_plainly(&never, &source, &target).await;

    let asked = source.asked.lock().expect("no test panics with it");
    let whole: Vec<(&str, bool)> =
        asked.iter().map(|wanted| (wanted.stream.as_str(), wanted.since.is_none())).collect();
    assert_eq!(whole, [("contacts", false), ("deals", true)]);
}

/// Rows of a check and of a walk over changes must not be mixed: each is continued by its own kind only.
#[tokio::test]
async fn unfinished_walks_are_finished_by_their_kind() {
    let due = Some("2026-02-20T00:00:00Z");
    let recent = Some("2026-03-01T00:00:00Z");
    for (checked, unfinished, walk, whole) in
        [(due, "contacts", "contacts", false), (recent, "contacts:check", "contacts:check", true)]
    {
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
        let target = remembering(checked, &[unfinished]);

        run_plainly(&weekly(), &source, &target).await;

        let positions = source.positions.lock().expect("no test panics with it");
        assert_eq!(*positions, HashMap::from([(WalkName::new("contacts"), Position(unfinished.into()))]));
        let spec = target.load_spec();
        assert_eq!((spec.walk.as_str(), spec.resume), (walk, true));
        let asked = source.asked.lock().expect("no test panics with it");
        assert_eq!(asked[0].since.is_none(), whole);
    }
}

/// What a source did not show, though it says that it has it, is not gone.
#[tokio::test]
async fn short_read_declares_nothing_gone() {
    let report = WalkReport { missing: HashMap::from([(contacts(), 3)]), ..WalkReport::default() };
    let source = ScriptedSource::new(vec![Script::of("contacts", 1).reports(report)]);
    let target = remembering(None, &[]);

    let summary = run_plainly(&weekly(), &source, &target).await;

    assert_eq!(target.closed().1, HashSet::new());
    assert_eq!((summary.drift.missing, summary.class()), (3, Some(Class::Refused)));
}

/// E-10, E-11: the guard's word is a class of its own, and rows still land.
#[tokio::test]
async fn guarded_check_ends_with_its_class() {
    let check = Check { held: 100, shown: 1, guarded: true, ..Check::default() };
    let target = RecordingTarget { check: Some(check), ..remembering(None, &[]) };
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);

    let summary = run_plainly(&weekly(), &source, &target).await;

    assert_eq!(summary.class(), Some(Class::Guard));
    let stream = &summary.streams[0];
    assert_eq!((stream.findings[0].0.as_str(), stream.outcomes.added), ("GD-101", 1));
}

/// Rows that wait for a second sighting are no failure; rows an earlier run should have landed are.
#[tokio::test]
async fn only_overdue_rows_count_as_drift() {
    let waiting = Check { held: 10, shown: 8, waiting: 2, ..Check::default() };
    let overdue = Check { held: 8, shown: 10, missing: 2, different: 1, ..Check::default() };
    for (check, drift, class) in [
        (waiting, Drift::default(), None),
        (overdue, Drift { missing: 2, extra: 0, different: 1 }, Some(Class::Refused)),
    ] {
        let target = RecordingTarget { check: Some(check), ..remembering(None, &[]) };
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);

        let summary = run_plainly(&weekly(), &source, &target).await;

        assert_eq!((summary.drift, summary.class()), (drift, class));
        assert_eq!(summary.waiting, check.waiting);
    }
}

/// The drift of a first read of three records of which the source says it had `before` and `after`.
async fn drift_of(before: u64, after: u64, changed_at: Option<&str>) -> Drift {
    let report = WalkReport { totals: HashMap::from([(contacts(), after)]), ..WalkReport::default() };
    let script = Script {
        total: Some(before),
        changed_at: changed_at.map(at),
        ..Script::of("contacts", 3).reports(report)
    };
    let source = ScriptedSource::new(vec![script]);

    run_plainly(&weekly(), &source, &RecordingTarget::default()).await.drift
}

#[tokio::test]
async fn totals_are_compared_while_nothing_moves() {
    let quiet = Some("2026-02-01T00:00:00Z");
    let while_reading = Some("2026-03-02T09:30:00Z");

    assert_eq!(drift_of(3, 3, quiet).await, Drift::default());
    assert_eq!(drift_of(5, 5, quiet).await, Drift { missing: 2, ..Drift::default() });
    assert_eq!(drift_of(2, 2, quiet).await, Drift { extra: 1, ..Drift::default() });
    assert_eq!(drift_of(5, 4, quiet).await, Drift::default(), "records went while it was read");
    assert_eq!(drift_of(5, 5, while_reading).await, Drift::default(), "records changed while it was read");
}

/// Counts told by the way find what a run over changes cannot: memberships that went without a trace.
#[tokio::test]
async fn told_counts_are_held_against_tables() {
    let told = |count| Told {
        stream: contacts(),
        equals: None,
        by: "id".to_owned(),
        counts: HashMap::from([(7, count)]),
        whence: "lists.active_subscribers".to_owned(),
    };
    let missing = Drift { missing: 2, ..Drift::default() };
    let extra = Drift { extra: 2, ..Drift::default() };
    let (quiet, shortly_before) = ("2026-03-02T08:00:00Z", "2026-03-02T08:55:00Z");
    let (none, week) = (Drift::default(), FullCheck::WEEKLY);
    for (count, changed_at, check, drift, waiting) in [
        (5, quiet, week, none, 0),
        (7, quiet, week, missing, 0),
        (3, quiet, week, none, 2),
        (3, quiet, FullCheck::Never, none, 2),
        (3, quiet, FullCheck::Now, extra, 0),
        (3, shortly_before, week, none, 0),
    ] {
        let report = WalkReport { told: vec![told(count)], ..WalkReport::default() };
        let script = Script { changed_at: Some(at(changed_at)), ..Script::of("contacts", 1).reports(report) };
        let source = ScriptedSource::new(vec![script]);
        let target = RecordingTarget {
            counts: HashMap::from([("7".to_owned(), 5), ("8".to_owned(), 1)]),
            ..remembering(Some("2026-03-01T00:00:00Z"), &[])
        };

        let summary = run_plainly(&Replication { full_check: check, ..weekly() }, &source, &target).await;

        let class = (drift != none).then_some(Class::Refused);
        assert_eq!(
            (summary.drift, summary.waiting, summary.class()),
            (drift, waiting, class),
            "{count} at {changed_at}, {check:?}"
        );
        let told = summary.notes.iter().any(|note| note.contains("full check due 2026-03-08"));
        assert_eq!(told, waiting > 0 && check == week, "{:?}", summary.notes);
    }
}

/// A stream that cannot be asked for changes is compared with its table, so that only differences are written.
#[tokio::test]
async fn whole_streams_are_compared_with_their_rows() {
    for (held, mode, walk) in [
        (None, LoadMode::MergeAsYouGo, "lists"),
        (Some(0), LoadMode::MergeAsYouGo, "lists"),
        (Some(5), LoadMode::MergeAtEnd, "lists:check"),
    ] {
        let source = ScriptedSource::new(vec![Script::of("lists", 1).untracked()]);
        let held = held.map(|rows| ("lists".to_owned(), rows)).into_iter().collect();
        let target = RecordingTarget { held, ..RecordingTarget::default() };

        run_plainly(&replication(vec![task("lists", Mode::Incremental)]), &source, &target).await;

        let spec = target.load_spec();
        assert_eq!((spec.tables[0].mode, spec.walk.as_str()), (mode, walk), "{:?}", target.held);
        assert_eq!(spec.tables[0].due_since, None, "whatever differs was due");
        assert_eq!(target.closed().1, HashSet::from([StreamName::new("lists")]));
    }
}

/// A start date leaves out older records; a check must not bring them in.
#[tokio::test]
async fn start_date_checks_known_rows_only() {
    let replication = Replication { anchor: Anchor::Since(at("2025-03-02T00:00:00Z")), ..weekly() };
    let target = remembering(None, &[]);

    let (whole, ..) = read_by(&replication, &target).await;

    let load = &target.load_spec().tables[0];
    assert_eq!((whole, load.merge), (true, MergeStrategy::UpdateOnly));
    let (cursors, complete) = target.closed();
    assert_eq!((cursors, complete), (HashMap::new(), HashSet::from([contacts()])));
}

/// B-03: a target restored from a backup is read again from its own position, and that is said.
#[tokio::test]
async fn regressed_target_is_told() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
    let first = crate::rig::run(&weekly(), &source, &RecordingTarget::default(), &Default::default()).await;
    let runs = first.runs.0.lock().expect("no test panics with it").clone();
    assert_eq!(first.summary.notes, Vec::<String>::new());
    let target = remembering(Some("2026-03-01T00:00:00Z"), &[]);

    let second = crate::rig::run_after(runs, &weekly(), &source, &target, &Default::default()).await.summary;

    assert_eq!(source.asked.lock().expect("no test panics with it")[0].since, Some(at(CURSOR)));
    assert!(opened_at() > at(CURSOR));
    let note = &second.notes[0];
    assert!(note.contains("remembers less") && note.contains("reading again from 2026-03-01"), "{note}");
    assert_eq!(second.status, RunStatus::Done);
}

/// Rows seen gone once are looked at by the next run, not a week later; then the week begins anew.
#[tokio::test]
async fn waiting_rows_are_looked_at_next() {
    let waiting = |count| Check { held: 10, shown: 8, waiting: count, ..Check::default() };
    for (left, whole) in [(2, true), (0, false)] {
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
        let target = RecordingTarget { check: Some(waiting(left)), ..remembering(None, &[]) };
        let first = crate::rig::run(&weekly(), &source, &target, &Default::default()).await;
        let runs = first.runs.0.lock().expect("no test panics with it").clone();
        let target = remembering(Some("2026-03-02T09:55:00Z"), &[]);

        crate::rig::run_after(runs, &weekly(), &source, &target, &Default::default()).await;

        let asked = source.asked.lock().expect("no test panics with it");
        assert_eq!(asked[0].since.is_none(), whole, "{left} waiting");
    }
}
