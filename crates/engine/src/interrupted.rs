//! What an interrupted run had finished already: the run that takes it up does not read that again.

use std::{collections::HashSet, time::Duration};

use achub_core::{
    Error, StreamName,
    port::{
        state::{RunRecord, RunStatus, StateStore},
        target::Checkpoints,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{replication::Replication, summary::Summary};

/// An interrupted run is taken up within this time; what it had finished is too old afterwards.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(6 * 3_600);

/// What is remembered of a run while it works.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SoFar {
    /// Streams that have landed, those of the interrupted run it takes up included.
    pub(crate) finished: Vec<StreamName>,
}

/// The streams that the last run had finished when it was killed or stopped.
///
/// None where nothing it left unfinished is remembered: then there is nothing to take up.
pub(crate) async fn finished(
    replication: &Replication,
    checkpoints: &Checkpoints,
    state: &dyn StateStore,
    now: Timestamp,
) -> Result<HashSet<StreamName>, Error> {
    let is_limited = replication.streams.iter().any(|task| task.row_limit.is_some());
    if checkpoints.walks.is_empty() || is_limited {
        return Ok(HashSet::new());
    }
    let last = state.runs(Some(&replication.name), 1).await?.into_iter().next();
    let is_recent = |run: &RunRecord| now.duration_since(run.started_at).unsigned_abs() < TAKEN_UP_WITHIN;
    Ok(last.filter(is_recent).map(finished_by).unwrap_or_default())
}

fn finished_by(run: RunRecord) -> HashSet<StreamName> {
    match run.status {
        // Killed: nobody wrote how it ended.
        RunStatus::Running => {
            let so_far: SoFar = serde_json::from_value(run.summary).unwrap_or_default();
            so_far.finished.into_iter().collect()
        }
        RunStatus::Stopped => {
            let streams = serde_json::from_value(run.summary).map(|summary: Summary| summary.streams);
            let finished = streams.unwrap_or_default().into_iter().filter(|stream| stream.error.is_none());
            finished.map(|stream| stream.stream).collect()
        }
        RunStatus::Done | RunStatus::DoneSomeRefused | RunStatus::Failed | RunStatus::NothingToDo => {
            HashSet::new()
        }
    }
}
