//! The hooks of a run: when they are called, and what their verdicts do.

use std::sync::Mutex;

use achub_core::{
    Code, Error,
    port::{
        hooks::{Facts, Hooks, Moment, Verdict},
        state::RunStatus,
    },
};
use achub_engine::replication::Mode;
use async_trait::async_trait;

use crate::{
    fakes::{Asked, Ending, RecordingTarget, Script, ScriptedSource},
    rig::{replication, run_with, task},
};

/// Writes down its calls and answers one moment of one stream.
#[derive(Default)]
struct Answering {
    at: Option<(Moment, Option<&'static str>)>,
    verdict: Option<Verdict>,
    called: Mutex<Vec<String>>,
}

impl Answering {
    fn at(moment: Moment, stream: Option<&'static str>, verdict: Option<Verdict>) -> Answering {
        Answering { at: Some((moment, stream)), verdict, ..Answering::default() }
    }

    fn called(&self) -> Vec<String> {
        self.called.lock().expect("no test panics with it").clone()
    }
}

#[async_trait]
impl Hooks for Answering {
    async fn at(&self, moment: Moment, facts: &Facts) -> Result<Verdict, Error> {
        let stream = facts.stream.as_ref().map(|stream| stream.name.to_string());
        let error =
            facts.stream.as_ref().and_then(|stream| stream.error.as_ref()).map(|error| error.0.clone());
        let parts = [Some(format!("{moment:?}")), stream.clone(), error];
        let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.called.lock().expect("no test panics with it").push(line);
        match self.at {
            Some((when, which)) if when == moment && which == stream.as_deref() => {
                self.verdict.ok_or_else(|| Error::new(Code::HookFailed, "as the test says"))
            }
            _ => Ok(Verdict::GoOn),
        }
    }
}

fn source() -> ScriptedSource {
    ScriptedSource::new(vec![Script::of("contacts", 1), Script::of("deals", 1)])
}

fn two_streams() -> achub_engine::Replication {
    let mut replication =
        replication(vec![task("contacts", Mode::FullRefresh), task("deals", Mode::FullRefresh)]);
    replication.working.walks_at_a_time = 1;
    replication
}

fn landed(target: &RecordingTarget) -> Vec<String> {
    let walk = |asked: Asked| match asked {
        Asked::Finish { walk, .. } => Some(walk.to_string()),
        _ => None,
    };
    target.asked().into_iter().filter_map(walk).collect()
}

#[tokio::test]
async fn moments_come_in_their_order() {
    let hooks = Answering::default();

    run_with(&hooks, &two_streams(), &source(), &RecordingTarget::default()).await.expect("it starts");

    let of = |stream: &str| {
        ["StreamStart", "BeforeMerge", "AfterMerge", "StreamEnd"].map(|moment| format!("{moment} {stream}"))
    };
    let expected: Vec<String> = ["RunStart".to_owned()]
        .into_iter()
        .chain(of("contacts"))
        .chain(of("deals"))
        .chain(["RunEnd".to_owned()])
        .collect();
    assert_eq!(hooks.called(), expected);
}

#[tokio::test]
async fn failed_streams_still_call_their_end() {
    let hooks = Answering::default();
    let source = ScriptedSource::new(vec![
        Script::of("contacts", 1).ending(Ending::Fails(Code::PageStuck)),
        Script::of("deals", 1),
    ]);

    run_with(&hooks, &two_streams(), &source, &RecordingTarget::default()).await.expect("it starts");

    let called = hooks.called();
    assert!(called.contains(&"StreamEnd contacts AC-204".to_owned()), "{called:?}");
    assert_eq!(called.last().map(String::as_str), Some("RunEnd"));
}

#[tokio::test]
async fn skipped_stream_is_no_failure() {
    let hooks = Answering::at(Moment::StreamStart, Some("contacts"), Some(Verdict::Skip));
    let target = RecordingTarget::default();

    let summary = run_with(&hooks, &two_streams(), &source(), &target).await.expect("it starts");

    assert_eq!(landed(&target), ["deals"]);
    assert!(summary.streams[0].skipped.is_some());
    assert_eq!(summary.class(), None);
    assert!(!hooks.called().contains(&"StreamEnd contacts".to_owned()));
}

#[tokio::test]
async fn break_begins_no_further_stream() {
    let hooks = Answering::at(Moment::StreamEnd, Some("contacts"), Some(Verdict::Break));
    let target = RecordingTarget::default();

    let summary = run_with(&hooks, &two_streams(), &source(), &target).await.expect("it starts");

    assert_eq!(landed(&target), ["contacts"]);
    assert_eq!((summary.streams[1].skipped.is_some(), summary.class()), (true, None));
}

#[tokio::test]
async fn failing_start_hook_reads_nothing() {
    let hooks = Answering::at(Moment::RunStart, None, None);
    let source = source();

    let refused = run_with(&hooks, &two_streams(), &source, &RecordingTarget::default()).await;

    assert_eq!(refused.expect_err("the hook failed").code(), Code::HookFailed);
    assert!(source.opens.lock().expect("no test panics with it").is_empty());
}

#[tokio::test]
async fn failing_merge_hook_leaves_the_table() {
    let hooks = Answering::at(Moment::BeforeMerge, Some("contacts"), None);
    let target = RecordingTarget::default();

    let summary = run_with(&hooks, &two_streams(), &source(), &target).await.expect("it starts");

    assert_eq!(landed(&target), ["deals"]);
    assert_eq!(summary.streams[0].error.as_ref().map(|error| error.0.as_str()), Some("RN-107"));
    assert!(hooks.called().contains(&"StreamEnd contacts RN-107".to_owned()));
}

/// What landed has landed; the run says that the hook behind it failed.
#[tokio::test]
async fn failing_last_hooks_fail_the_run() {
    for (moment, stream) in [
        (Moment::AfterMerge, Some("contacts")),
        (Moment::StreamEnd, Some("contacts")),
        (Moment::RunEnd, None),
    ] {
        let hooks = Answering::at(moment, stream, None);
        let target = RecordingTarget::default();

        let summary = run_with(&hooks, &two_streams(), &source(), &target).await.expect("it starts");

        assert_eq!(landed(&target), ["contacts", "deals"], "{moment:?}");
        assert_eq!(summary.status, RunStatus::Failed, "{moment:?}");
    }
}
