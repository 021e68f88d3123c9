//! What a person wants done around a run and its streams.

use async_trait::async_trait;

use crate::{
    error::Error,
    name::{RunId, StreamName},
    outcome::Outcomes,
};

/// When hooks are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the first request of a run.
    RunStart,
    /// Before a stream is loaded.
    StreamStart,
    /// All rows of a stream are collected; the transaction that moves them begins next.
    BeforeMerge,
    /// The rows of a stream are in its table.
    AfterMerge,
    /// A stream is done or has failed.
    StreamEnd,
    /// Every stream is done or has failed.
    RunEnd,
}

/// What is known at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The run.
    pub run: RunId,
    /// The stream, at its moments.
    pub stream: Option<StreamFacts>,
    /// Streams done so far.
    pub succeeded: u64,
    /// Streams failed so far.
    pub failed: u64,
    /// Streams skipped so far.
    pub skipped: u64,
    /// Rows of all streams so far.
    pub rows: u64,
    /// Seconds since the run began.
    pub seconds: f64,
}

/// What is known about a stream at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamFacts {
    /// Its name.
    pub name: StreamName,
    /// Its outcomes so far.
    pub outcomes: Outcomes,
    /// Rows taken so far.
    pub rows: u64,
    /// Seconds since it began.
    pub seconds: f64,
    /// Why it failed, code and message.
    pub error: Option<(String, String)>,
}

/// What is to happen after a moment's hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    GoOn,
    /// Leave the stream out; at the start of a run, all streams. Before a merge, leave the rows of the whole walk collected.
    /// No failure. Elsewhere the same as going on.
    Skip,
    /// Begin no further stream. No failure.
    Break,
}

/// Whoever has hooks. Called in the order of the moments; the streams of one walk one after another.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Does what is to be done at `moment`.
    ///
    /// An error fails the stream, or at [`Moment::RunStart`] the run before anything was read. An error at
    /// [`Moment::BeforeMerge`] leaves the tables of the walk as they were; the next run goes on from the collected rows. An
    /// error at [`Moment::RunEnd`] fails the run; what landed has landed. A stream that is left out has no further moment,
    /// a stream that failed has its end.
    async fn at(&self, moment: Moment, facts: &Facts) -> Result<Verdict, Error>;
}

/// Nobody has hooks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    async fn at(&self, _moment: Moment, _facts: &Facts) -> Result<Verdict, Error> {
        Ok(Verdict::GoOn)
    }
}
