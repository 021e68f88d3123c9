//! What a daemon can do: carried out by whoever knows connections and files.

use achub_core::{
    Error, JobName, RunId,
    port::jobs::{Fence, Trigger},
};
use achub_engine::Stop;
use async_trait::async_trait;

/// A run whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Of which job.
    pub job: JobName,
    /// Its identifier.
    pub run: RunId,
    /// Who or what asked for it.
    pub trigger: Trigger,
    /// The right to write. Whatever is written to the store for this run carries it.
    pub fence: Fence,
    /// How often it was begun before.
    pub attempts: u32,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// It came to its end; what it found is in its own record.
    Done,
    /// It stopped at a safe point because it was asked to.
    Stopped,
    /// It could not go on.
    Failed(Error),
}

/// Carries out runs.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Works on a run until it ends, or at its next safe point after `stop` was asked for.
    ///
    /// A panic is a failure of this run and of no other.
    async fn run(&self, task: &Task, stop: &Stop) -> Ended;

    /// A run that was given up: begun too often without coming to an end. Its record gets the status of a failed one.
    async fn give_up(&self, task: &Task, reason: &Error) -> Result<(), Error>;
}
