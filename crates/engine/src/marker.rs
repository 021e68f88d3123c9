//! Whether the target remembers less than the last run left there, as one restored from a backup does.
//!
//! The position in the target counts: it describes the rows that are really there. The copy in a run's record only
//! serves to tell.

use achub_core::{
    Error, StreamName,
    port::{
        source::Wanted,
        state::StateStore,
        target::{Checkpoints, TargetInfo},
    },
};

use crate::{
    replication::{Mode, Replication},
    summary::Summary,
};

/// Runs looked through for the positions that were left.
const RUNS_LOOKED_AT: u32 = 10;

/// One sentence for each wanted stream whose position in `target` is older than the one a run left there.
pub(crate) async fn regressed(
    replication: &Replication,
    checkpoints: &Checkpoints,
    wanted: &[Wanted],
    target: &TargetInfo,
    state: &dyn StateStore,
) -> Result<Vec<String>, Error> {
    let place = format!("{} {}", target.kind, target.place);
    let runs = state.runs(Some(&replication.name), RUNS_LOOKED_AT).await?;
    let summaries = runs.into_iter().filter_map(|run| serde_json::from_value::<Summary>(run.summary).ok());
    let here: Vec<Summary> = summaries.filter(|summary| summary.target == place).collect();
    let left = |stream: &StreamName| {
        let streams = here.iter().flat_map(|summary| &summary.streams);
        streams.filter(|known| known.stream == *stream).filter_map(|known| known.cursor).max()
    };
    let sentence = |wanted: &Wanted| {
        let left = left(&wanted.stream)?;
        let held = checkpoints.cursors.get(&wanted.stream);
        let from = match held {
            Some(held) if *held < left => format!("reading again from {held}"),
            Some(_) => return None,
            None => "reading it anew".to_owned(),
        };
        let stream = &wanted.stream;
        Some(format!("{stream}: the target remembers less than the run before left there ({left}); {from}"))
    };
    let goes_on = |wanted: &&Wanted| {
        let mut tasks = replication.streams.iter();
        tasks.any(|task| task.stream == wanted.stream && task.mode == Mode::Incremental)
    };
    Ok(wanted.iter().filter(goes_on).filter_map(sentence).collect())
}
