//! The activity log: one line for each thing that happened to a record or a run, for people to read.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::{ConnectionName, RunId},
};

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityType {
    /// It went well.
    Success,
    /// It went on with less.
    Warning,
    /// It failed.
    Error,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    /// A person.
    Contact,
    /// A company.
    Account,
    /// A deal.
    Deal,
    /// A list.
    List,
    /// A run as a whole.
    Run,
    /// Configuration: a connection, a schedule, a suppression.
    Setting,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside into the hub.
    ToHub,
    /// From the hub outside.
    FromHub,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityStatus {
    /// It is new.
    Created,
    /// It changed.
    Updated,
    /// It was not taken.
    Failed,
    /// A rule or filter left it out.
    Skipped,
}

macro_rules! words {
    ($name:ident { $($variant:ident $word:literal),* }) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word that is stored, typed and shown.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            /// The one of this word.
            pub fn find(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(ActivityType { Success "success", Warning "warning", Error "error" });
words!(ObjectType {
    Contact "contact", Account "account", Deal "deal", List "list", Run "run", Setting "setting"
});
words!(Direction { ToHub "to_hub", FromHub "from_hub" });
words!(ActivityStatus { Created "created", Updated "updated", Failed "failed", Skipped "skipped" });

/// A field before and after, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Which field.
    pub field: String,
    /// As it was; empty where there was nothing.
    pub before: String,
    /// As it became.
    pub after: String,
}

/// A line that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When it happened.
    pub at: Timestamp,
    /// How it is meant.
    pub kind: ActivityType,
    /// What happened, in the fixed wordings of the documentation where one fits.
    pub message: String,
    /// What it is about.
    pub object: ObjectType,
    /// The key of what it is about, in the store; empty where there is none.
    pub key: String,
    /// Which way it went, where it went any.
    pub direction: Option<Direction>,
    /// What became of it, where it is about one record.
    pub status: Option<ActivityStatus>,
    /// Through which connection.
    pub connection: Option<ConnectionName>,
    /// By which run.
    pub run: Option<RunId>,
    /// A code of a failure, or of a row error.
    pub code: Option<String>,
    /// Old and new values.
    pub changes: Vec<ValueChange>,
}

/// A line that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityLine {
    /// Rises with each line, without gaps.
    pub number: i64,
    /// What it says.
    pub activity: Activity,
    /// SHA-256 over the hash of the line before and everything this one says, as hexadecimal digits.
    pub hash: String,
}

/// Which lines are asked for; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Meant like this.
    pub kind: Option<ActivityType>,
    /// With this status.
    pub status: Option<ActivityStatus>,
    /// About this kind of thing.
    pub object: Option<ObjectType>,
    /// About the thing of this key.
    pub key: Option<String>,
    /// By this run.
    pub run: Option<RunId>,
    /// Through this connection.
    pub connection: Option<ConnectionName>,
    /// Older than the line of this number.
    pub before_number: Option<i64>,
}

/// Whether the chain of hashes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Over all of so many lines.
    Whole(u64),
    /// It breaks at the line of this number: that one or the one before was changed or taken out.
    BrokenAt(i64),
}

/// Keeps the activity log. One conformance suite for all implementations.
#[async_trait]
pub trait ActivityStore: Send + Sync {
    /// Appends lines, in this order.
    async fn append_activity(&self, lines: &[Activity]) -> Result<(), Error>;

    /// The newest `count` lines that pass, the newest first.
    async fn activity(&self, filter: &ActivityFilter, count: u32) -> Result<Vec<ActivityLine>, Error>;

    /// Forgets lines before `moment`. The hash of the last one that goes is kept, so that the rest can still be checked.
    async fn forget_activity_before(&self, moment: Timestamp) -> Result<u64, Error>;

    /// Reads the chain from its beginning.
    async fn check_activity(&self) -> Result<Chain, Error>;
}
