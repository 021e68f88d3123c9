//! A run between a scripted source and a recording target.

use std::sync::{Arc, Mutex};

use achub_core::{
    ReplicationName, StreamName,
    port::{hooks::Hooks, hooks::NoHooks, progress::Silent, state::RunRecord},
};
use achub_engine::{
    Hub, Replication, Stop, Summary,
    replication::{Anchor, FullCheck, Landing, Mode, StreamTask, Working},
};

use crate::fakes::{RecordingTarget, Runs, ScriptedSource, Stopped, at};

pub fn task(stream: &str, mode: Mode) -> StreamTask {
    StreamTask::new(StreamName::new(stream), mode, "a test")
}

pub fn replication(tasks: Vec<StreamTask>) -> Replication {
    Replication {
        name: ReplicationName::new("test"),
        streams: tasks,
        state_schema: None,
        landing: Landing::ours(),
        anchor: Anchor::Everything,
        full_check: FullCheck::Never,
        working: Working::default(),
    }
}

pub struct Ran {
    pub summary: Summary,
    pub runs: Arc<Runs>,
}

pub async fn run(
    replication: &Replication,
    source: &ScriptedSource,
    target: &RecordingTarget,
    stop: &Stop,
) -> Ran {
    run_after(Vec::new(), replication, source, target, stop).await
}

/// A run after others that are remembered.
pub async fn run_after(
    before: Vec<RunRecord>,
    replication: &Replication,
    source: &ScriptedSource,
    target: &RecordingTarget,
    stop: &Stop,
) -> Ran {
    let runs = Arc::new(Runs(Mutex::new(before)));
    let hub = Hub::new(runs.clone(), Arc::new(Stopped(at("2026-03-02T10:00:00Z"))), Arc::new(Silent));
    let summary = hub.start(replication, source, target, stop).await.expect("the run starts");
    Ran { summary, runs }
}

/// A run with hooks.
pub async fn run_with(
    hooks: &dyn Hooks,
    replication: &Replication,
    source: &ScriptedSource,
    target: &RecordingTarget,
) -> Result<Summary, achub_core::Error> {
    let runs = Arc::new(Runs::default());
    let hub = Hub::new(runs, Arc::new(Stopped(at("2026-03-02T10:00:00Z"))), Arc::new(Silent));
    hub.start_with(replication, source, target, hooks, &Stop::default()).await
}

/// A run without hooks that nobody stops.
pub async fn run_plainly(
    replication: &Replication,
    source: &ScriptedSource,
    target: &RecordingTarget,
) -> Summary {
    run_with(&NoHooks, replication, source, target).await.expect("the run starts")
}
