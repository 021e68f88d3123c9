//! What a run leaves behind for whoever asks later: its log, and the records that did not land as they came.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::{RunId, StreamName},
    outcome::Outcome,
};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The course of the run.
    Info,
    /// It carried on with less.
    Warn,
    /// Someone should act.
    Error,
}

impl Level {
    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One line of a run's log. Carries names, counts and codes; never a key, an address of a person, or a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The stream it is about, where it is about one.
    pub stream: Option<StreamName>,
    /// One sentence that reads alone, without a full stop.
    pub message: String,
}

/// A record that did not land as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// Which stream.
    pub stream: StreamName,
    /// Its key as text, parts joined by `,`.
    pub key: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The column that is to blame; empty where none is.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// Which notes are asked for; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Of this stream.
    pub stream: Option<StreamName>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
}

/// Keeps logs and notes of runs. One conformance suite for all implementations.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Appends lines to the log of a run, behind those that are there.
    async fn append_log(&self, run: &RunId, lines: &[LogLine]) -> Result<(), Error>;

    /// The last `count` lines of a run's log, oldest first.
    async fn log(&self, run: &RunId, count: u32) -> Result<Vec<LogLine>, Error>;

    /// Appends notes about records of a run.
    async fn append_rows(&self, run: &RunId, rows: &[RowNote]) -> Result<(), Error>;

    /// The first `count` notes of a run that pass `filter`, in the order they were appended, and how many pass in all.
    async fn rows(&self, run: &RunId, filter: &RowFilter, count: u32) -> Result<(Vec<RowNote>, u64), Error>;

    /// Forgets logs and notes of runs that began before `moment`. The runs themselves stay.
    async fn forget_before(&self, moment: Timestamp) -> Result<(), Error>;
}
