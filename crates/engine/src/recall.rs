//! What earlier runs into the same target left behind, as far as the hub's own state remembers.
//!
//! None of it is needed for a run to be right: the target's own memory counts, because it describes the rows that are
//! really there. It serves to tell, and to look sooner at what waits.

use achub_core::{
    Error, StreamName,
    port::{
        source::Wanted,
        state::StateStore,
        target::{Checkpoints, TargetInfo},
    },
};
use jiff::Timestamp;

use crate::{
    replication::{Mode, Replication},
    summary::Summary,
};

/// Runs looked through.
const RUNS_LOOKED_AT: u32 = 10;

/// Summaries of earlier runs, newest first.
pub(crate) struct Recall(Vec<Summary>);

impl Recall {
    /// What is remembered of runs of `replication` into `target`.
    pub(crate) async fn of(
        replication: &Replication,
        target: &TargetInfo,
        state: &dyn StateStore,
    ) -> Result<Recall, Error> {
        let place = place(target);
        let runs = state.runs(Some(&replication.name), RUNS_LOOKED_AT).await?;
        let summaries =
            runs.into_iter().filter_map(|run| serde_json::from_value::<Summary>(run.summary).ok());
        Ok(Recall(summaries.filter(|summary| summary.target == place).collect()))
    }

    /// Whether the last check of `stream` saw rows gone for the first time: the next one decides about them.
    pub(crate) fn is_waiting(&self, stream: &StreamName) -> bool {
        let mut checks = self.0.iter().flat_map(|summary| &summary.streams);
        let last = checks.find_map(|known| known.check.filter(|_| known.stream == *stream));
        last.is_some_and(|check| check.waiting > 0)
    }

    /// One sentence for each wanted stream whose position in the target is older than the one a run left there, as in a
    /// target that was restored from a backup.
    pub(crate) fn regressed(
        &self,
        replication: &Replication,
        checkpoints: &Checkpoints,
        wanted: &[Wanted],
    ) -> Vec<String> {
        let goes_on = |wanted: &&Wanted| {
            let mut tasks = replication.streams.iter();
            tasks.any(|task| task.stream == wanted.stream && task.mode == Mode::Incremental)
        };
        let sentence = |wanted: &Wanted| {
            let left = self.cursor(&wanted.stream)?;
            let from = match checkpoints.cursors.get(&wanted.stream) {
                Some(held) if *held < left => format!("reading again from {held}"),
                Some(_) => return None,
                None => "reading it anew".to_owned(),
            };
            let stream = &wanted.stream;
            Some(format!(
                "{stream}: the target remembers less than the run before left there ({left}); {from}"
            ))
        };
        wanted.iter().filter(goes_on).filter_map(sentence).collect()
    }

    /// The furthest position a run left.
    fn cursor(&self, stream: &StreamName) -> Option<Timestamp> {
        let streams = self.0.iter().flat_map(|summary| &summary.streams);
        streams.filter(|known| known.stream == *stream).filter_map(|known| known.cursor).max()
    }
}

/// How a target is named in a run's record.
pub(crate) fn place(target: &TargetInfo) -> String {
    format!("{} {}", target.kind, target.place)
}
