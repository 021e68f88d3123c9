//! What the hub remembers for itself, apart from what targets remember.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::{AccountName, ReplicationName, RunId},
};

/// How a run stands. The words are those of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Working. Set by the run itself when it starts.
    Running,
    /// Everything accounted for.
    Done,
    /// Finished; some rows were refused.
    DoneSomeRefused,
    /// Nothing more will happen by itself.
    Failed,
    /// Ended by a person or the system at a safe point.
    Stopped,
    /// Checked, no differences.
    NothingToDo,
}

/// One execution, as remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its identifier.
    pub id: RunId,
    /// What was replicated.
    pub replication: ReplicationName,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, `None` while it works or where it was killed.
    pub finished_at: Option<Timestamp>,
    /// How it stands.
    pub status: RunStatus,
    /// Its figures as JSON: per stream outcomes, requests, seconds.
    pub summary: serde_json::Value,
}

/// Something found out about an account by asking it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What was found, as JSON.
    pub value: serde_json::Value,
    /// When.
    pub found_at: Timestamp,
}

/// Runs and facts. One conformance suite for all implementations.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Writes a run; a run of the same id is overwritten.
    async fn put_run(&self, run: &RunRecord) -> Result<(), Error>;

    /// The last `count` runs, newest first; of one replication where one is named.
    async fn runs(&self, replication: Option<&ReplicationName>, count: u32) -> Result<Vec<RunRecord>, Error>;

    /// Remembers a fact about an account; one of the same name is overwritten.
    async fn put_fact(&self, account: &AccountName, name: &str, fact: &Fact) -> Result<(), Error>;

    /// A remembered fact.
    async fn fact(&self, account: &AccountName, name: &str) -> Result<Option<Fact>, Error>;
}
