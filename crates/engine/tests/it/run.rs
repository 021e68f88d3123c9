//! What a run asks of both sides, and how it ends.

use std::{collections::HashMap, sync::Arc};

use achub_core::{
    Code, ReplicationName, RunId, StreamName, WalkName,
    code::Class,
    port::{
        progress::Silent,
        source::{Position, WalkReport},
        state::{RunRecord, RunStatus},
        target::{Checkpoints, LoadMode, Quarantined},
    },
};
use achub_engine::{
    Hub, Stop, Summary,
    replication::{Anchor, Landing, Mode},
};

use jiff::Timestamp;

use crate::{
    fakes::{Asked, Ending, RecordingTarget, Runs, Script, ScriptedSource, Stopped, at, opened_at, wide},
    rig::{replication, run, run_after, task},
};

fn error_of<'a>(summary: &'a Summary, stream: &str) -> Option<&'a str> {
    let stream =
        summary.streams.iter().find(|known| known.stream.as_str() == stream).expect("the stream is known");
    stream.error.as_ref().map(|(code, _)| code.as_str())
}

#[tokio::test]
async fn cursor_is_the_opening_less_the_overlap() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 3)]);
    let target = RecordingTarget::default();

    let ran =
        run(&replication(vec![task("contacts", Mode::Incremental)]), &source, &target, &Stop::default())
            .await;

    let Some(Asked::Finish { cursors, .. }) = target.asked().pop() else {
        panic!("the walk is finished last")
    };
    assert_eq!(cursors, HashMap::from([(StreamName::new("contacts"), at("2026-03-02T08:50:00Z"))]));
    assert!(cursors.values().all(|cursor| *cursor < opened_at()));
    assert_eq!(ran.summary.status, RunStatus::Done);
}

/// E-07: a source whose clock is ahead of ours may be set right, so its cursor is not ahead of ours.
#[tokio::test]
async fn cursor_is_never_ahead_of_our_clock() {
    let target = RecordingTarget::default();
    let clock = Stopped(at("2026-03-02T08:00:00Z"));
    let hub = Hub::new(Arc::new(Runs::default()), Arc::new(clock), Arc::new(Silent));
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);

    let replication = replication(vec![task("contacts", Mode::Incremental)]);
    hub.start(&replication, &source, &target, &Stop::default()).await.expect("the run starts");

    let (cursors, _) = target.closed();
    assert_eq!(cursors[&StreamName::new("contacts")], at("2026-03-02T07:50:00Z"));
}

/// Runs contacts incrementally against a target that remembers `cursor` and holds rows up to `newest`; tells from where
/// the source was asked to read.
async fn start_of(
    landing: Landing,
    cursor: Option<&str>,
    walks: &[&str],
    newest: Option<&str>,
) -> Option<Timestamp> {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
    let cursors = cursor.map(|cursor| (StreamName::new("contacts"), at(cursor))).into_iter().collect();
    let walks = walks.iter().map(|walk| (WalkName::new(*walk), Position(0.into()))).collect();
    let target = RecordingTarget {
        checkpoints: Checkpoints { walks, cursors, ..Checkpoints::default() },
        newest: newest.map(at),
        ..RecordingTarget::default()
    };
    let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
    replication.landing = landing;

    run(&replication, &source, &target, &Stop::default()).await;

    source.asked.lock().expect("no test panics with it")[0].since
}

#[tokio::test]
async fn remembered_cursor_is_where_reading_starts() {
    let newest = Some("2026-02-01T00:00:00Z");
    let remembered = start_of(Landing::ours(), Some("2026-03-01T00:00:00Z"), &[], newest).await;
    // A cursor from the future would never see anything again: a little ahead is a clock, years ahead is no cursor.
    let clamped = start_of(Landing::ours(), Some("2026-03-02T20:00:00Z"), &[], newest).await;
    let disbelieved = start_of(Landing::ours(), Some("2036-03-01T00:00:00Z"), &[], newest).await;

    assert_eq!(remembered, Some(at("2026-03-01T00:00:00Z")));
    assert_eq!(clamped, Some(at("2026-03-02T10:00:00Z")));
    assert_eq!(disbelieved, None);
}

#[tokio::test]
async fn rows_of_other_tools_are_gone_on_from() {
    let newest = Some("2026-02-01T00:00:00Z");

    assert_eq!(start_of(Landing::sling(None), None, &[], newest).await, Some(at("2026-01-31T23:50:00Z")));
    assert_eq!(start_of(Landing::sling(None), None, &[], None).await, None);
}

/// Found by killing a run: half-landed rows were taken for all rows up to their newest.
#[tokio::test]
async fn rows_of_an_interrupted_run_are_no_start() {
    let newest = Some("2026-02-01T00:00:00Z");

    assert_eq!(start_of(Landing::ours(), None, &[], newest).await, None);
    assert_eq!(start_of(Landing::sling(None), None, &["contacts"], newest).await, None);
}

#[tokio::test]
async fn start_date_counts_only_without_a_cursor() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
    let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
    replication.anchor = Anchor::Since(at("2025-03-02T00:00:00Z"));

    run(&replication, &source, &RecordingTarget::default(), &Stop::default()).await;

    let asked = source.asked.lock().expect("no test panics with it");
    assert_eq!((asked[0].since, asked[0].count_left_out), (Some(at("2025-03-02T00:00:00Z")), true));
}

#[tokio::test]
async fn limited_run_moves_no_cursor() {
    let report = WalkReport { limited: true, ..WalkReport::default() };
    let source =
        ScriptedSource::new(vec![Script::of("contacts", 1).ending(Ending::Report(Box::new(report)))]);
    let target = RecordingTarget {
        checkpoints: Checkpoints {
            walks: HashMap::from([(WalkName::new("contacts"), Position(7.into()))]),
            cursors: HashMap::new(),
            ..Checkpoints::default()
        },
        ..RecordingTarget::default()
    };
    let mut limited = task("contacts", Mode::Incremental);
    limited.row_limit = Some(1);

    run(&replication(vec![limited]), &source, &target, &Stop::default()).await;

    let asked = target.asked();
    assert!(matches!(&asked[0], Asked::Load(spec) if spec.walk.as_str() == "contacts:limited"));
    assert!(matches!(asked.last(), Some(Asked::Finish { cursors, .. }) if cursors.is_empty()));
    assert!(
        source.positions.lock().expect("no test panics with it").is_empty(),
        "a limited run resumes nothing"
    );
}

#[tokio::test]
async fn failed_walk_leaves_the_others_alone() {
    let source = ScriptedSource::new(vec![
        Script::of("contacts", 2).ending(Ending::Fails(Code::PageStuck)),
        Script::of("deals", 2),
    ]);
    let target = RecordingTarget::default();
    let replication =
        replication(vec![task("contacts", Mode::FullRefresh), task("deals", Mode::FullRefresh)]);

    let ran = run(&replication, &source, &target, &Stop::default()).await;

    assert_eq!(error_of(&ran.summary, "contacts"), Some("AC-204"));
    assert_eq!(error_of(&ran.summary, "deals"), None);
    assert_eq!((ran.summary.status, ran.summary.class()), (RunStatus::Failed, Some(Class::Failed)));
    let finished: Vec<Asked> =
        target.asked().into_iter().filter(|asked| matches!(asked, Asked::Finish { .. })).collect();
    assert!(matches!(&finished[..], [Asked::Finish { walk, .. }] if walk.as_str() == "deals"));
}

#[tokio::test]
async fn refused_key_starts_no_further_walk() {
    let mut scripts = vec![Script::of("s0", 0).ending(Ending::Fails(Code::KeyRefused))];
    let names = ["s1", "s2", "s3", "s4", "s5"];
    scripts.extend(names.map(|name| Script::of(name, 1)));
    let tasks = scripts.iter().map(|script| task(script.stream, Mode::FullRefresh)).collect();
    let source = ScriptedSource::new(scripts);

    let ran = run(&replication(tasks), &source, &RecordingTarget::default(), &Stop::default()).await;

    assert_eq!(ran.summary.class(), Some(Class::Credentials));
    assert_eq!(error_of(&ran.summary, "s5"), Some("RN-105"), "the last walk never began");
}

#[tokio::test]
async fn stop_ends_after_a_commit() {
    let stop = Stop::default();
    let source = ScriptedSource::new(vec![Script::of("contacts", 5).ending(Ending::Hangs)]);
    let request = stop.clone();
    let target = RecordingTarget {
        after_write: Some(Arc::new(move || request.request())),
        ..RecordingTarget::default()
    };

    let ran = run(&replication(vec![task("contacts", Mode::Incremental)]), &source, &target, &stop).await;

    assert_eq!((ran.summary.status, ran.summary.class()), (RunStatus::Stopped, Some(Class::Interrupted)));
    let asked = target.asked();
    assert_eq!(asked.iter().filter(|asked| matches!(asked, Asked::Write { .. })).count(), 1);
    assert!(!asked.iter().any(|asked| matches!(asked, Asked::Finish { .. })));
    let runs = ran.runs.0.lock().expect("no test panics with it");
    assert_eq!(runs.last().map(|run| run.status), Some(RunStatus::Stopped));
}

#[tokio::test]
async fn refused_rows_and_drift_are_told() {
    let refused = Quarantined {
        stream: StreamName::new("contacts"),
        key: "1".to_owned(),
        column: "first_name".to_owned(),
        reason: "holds a NUL".to_owned(),
    };
    let report =
        WalkReport { missing: HashMap::from([(StreamName::new("deals"), 3)]), ..WalkReport::default() };
    let source = ScriptedSource::new(vec![
        Script::of("contacts", 1),
        Script::of("deals", 1).ending(Ending::Report(Box::new(report))),
    ]);
    let target = RecordingTarget { refuses: Some(refused.clone()), ..RecordingTarget::default() };
    let replication =
        replication(vec![task("contacts", Mode::FullRefresh), task("deals", Mode::FullRefresh)]);

    let ran = run(&replication, &source, &target, &Stop::default()).await;

    assert_eq!(ran.summary.status, RunStatus::DoneSomeRefused);
    assert_eq!(ran.summary.class(), Some(Class::Refused));
    assert_eq!((ran.summary.drift.missing, &ran.summary.quarantined[0]), (3, &refused));
}

#[tokio::test]
async fn wide_columns_differ_from_the_contacts_columns() {
    let source = ScriptedSource::new(vec![
        Script::of("contacts", 1),
        Script::of("field_values", 1)
            .ending(Ending::Report(Box::new(wide(&[(4, "colour"), (5, "first_name")])))),
    ]);
    let target = RecordingTarget::default();
    let replication =
        replication(vec![task("contacts", Mode::Incremental), task("field_values", Mode::Incremental)]);

    run(&replication, &source, &target, &Stop::default()).await;

    let Some(Asked::View(view)) = target.asked().pop() else { panic!("the view is made last") };
    assert_eq!(view.columns, [(4, "colour".to_owned()), (5, "first_name_2".to_owned())]);
}

#[tokio::test]
async fn both_sets_of_defaults_land_as_documented() {
    let cases = [
        (
            Landing::ours(),
            LoadMode::MergeAsYouGo,
            true,
            vec!["id", "first_name", "udate", "_achub_extra", "_achub_loaded_at", "_achub_deleted_at"],
        ),
        (Landing::sling(None), LoadMode::MergeAtEnd, false, vec!["id", "firstName", "udate", "links"]),
    ];
    for (landing, mode, declare_key, columns) in cases {
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
        let target = RecordingTarget::default();
        let mut replication = replication(vec![task("contacts", Mode::Incremental)]);
        replication.landing = landing;

        run(&replication, &source, &target, &Stop::default()).await;

        let Some(Asked::Load(spec)) = target.asked().into_iter().next() else {
            panic!("a walk is loaded first")
        };
        let load = &spec.tables[0];
        let names: Vec<&str> = load.table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((load.mode, load.table.declare_key, names), (mode, declare_key, columns));
    }
}

#[tokio::test]
async fn two_streams_for_one_table_are_refused() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1), Script::of("deals", 1)]);
    let mut tasks = vec![task("contacts", Mode::FullRefresh), task("deals", Mode::FullRefresh)];
    tasks[1].table = "Contacts".to_owned();
    let hub = Hub::new(Arc::new(Runs::default()), Arc::new(Stopped(opened_at())), Arc::new(Silent));

    let refused =
        hub.start(&replication(tasks), &source, &RecordingTarget::default(), &Stop::default()).await;

    assert_eq!(refused.expect_err("one would wipe out the other").code(), Code::BadTableName);
}

/// Streams asked of the source after a run that ended as `status` half an hour ago with deals finished.
async fn asked_after(status: RunStatus, summary: serde_json::Value, walks: &[&str]) -> Vec<String> {
    let before = RunRecord {
        id: RunId::new("r-before"),
        replication: ReplicationName::new("test"),
        started_at: at("2026-03-02T09:30:00Z"),
        finished_at: None,
        status,
        summary,
    };
    let source = ScriptedSource::new(vec![Script::of("contacts", 1), Script::of("deals", 1)]);
    let walks = walks.iter().map(|walk| (WalkName::new(*walk), Position(0.into()))).collect();
    let target = RecordingTarget {
        checkpoints: Checkpoints { walks, ..Checkpoints::default() },
        ..RecordingTarget::default()
    };
    let replication =
        replication(vec![task("contacts", Mode::FullRefresh), task("deals", Mode::FullRefresh)]);

    run_after(vec![before], &replication, &source, &target, &Stop::default()).await;

    let asked = source.asked.lock().expect("no test panics with it");
    asked.iter().map(|wanted| wanted.stream.to_string()).collect()
}

/// A killed run is taken up where it stood; what it had finished is not read again.
#[tokio::test]
async fn finished_streams_of_a_killed_run_are_skipped() {
    let so_far = serde_json::json!({"finished": ["deals"]});
    let both = ["contacts", "deals"];

    assert_eq!(asked_after(RunStatus::Running, so_far.clone(), &["contacts"]).await, ["contacts"]);
    assert_eq!(
        asked_after(RunStatus::Running, so_far.clone(), &[]).await,
        both,
        "there is nothing to take up"
    );
    assert_eq!(
        asked_after(RunStatus::Done, so_far, &["contacts"]).await,
        both,
        "the run before was not interrupted"
    );
}
