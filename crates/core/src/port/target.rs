//! Writing to a database or files.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::{ReplicationName, RunId, StreamName, WalkName},
    outcome::Outcomes,
    port::source::{Page, Position},
    schema::Table,
    value::FieldType,
};

/// How rows get from the walk into their table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadMode {
    /// Collected aside; at the end the table is dropped and made again from them, in one transaction.
    Replace,
    /// Collected aside; at the end the table is emptied and filled from them, in one transaction.
    /// Grants, comments and columns of others stay.
    Truncate,
    /// Collected aside; at the end merged by key (appended where there is none), in one transaction.
    MergeAtEnd,
    /// Merged by key with every commit, so that rows can be read while the walk goes on. A file cannot be merged into
    /// like that; there it is the same as `MergeAtEnd`.
    MergeAsYouGo,
}

/// Where a system column gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The field with this index in the stream's schema.
    Field(usize),
    /// What the record carries beyond its schema, all of it, as one JSON object or null.
    Extra,
    /// The member of what the record carries beyond its schema that has this column's `key`.
    ExtraMember,
    /// When the run that wrote the row began, as a timestamp.
    LoadedAt,
    /// The same moment as whole seconds since 1970.
    LoadedAtUnix,
}

/// How one stream of a walk lands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableLoad {
    /// Which stream.
    pub stream: StreamName,
    /// Where it lands.
    pub table: Table,
    /// For each column of the table, in order, where its value comes from.
    pub origins: Vec<Origin>,
    /// For [`Origin::ExtraMember`] columns, by column index: the member's key.
    pub extra_keys: BTreeMap<usize, String>,
    /// How rows get there.
    pub mode: LoadMode,
    /// Unknown members of records become columns of their own instead of one JSON column.
    pub add_columns: bool,
}

/// How a walk lands.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSpec {
    /// Under which name cursors and positions are kept.
    pub replication: ReplicationName,
    /// Where the state table lives, `None` for the target's default schema.
    pub state_schema: Option<String>,
    /// Which walk.
    pub walk: WalkName,
    /// The run that asks.
    pub run: RunId,
    /// When the run began, for the loaded-at columns.
    pub started_at: Timestamp,
    /// The streams it feeds.
    pub tables: Vec<TableLoad>,
    /// Go on with what an earlier attempt has collected; `false` throws that away. What cannot be continued (other
    /// columns, tables or modes, or its rows are gone) fails with `DB-104` and is forgotten, so that the next attempt
    /// starts over.
    pub resume: bool,
}

/// What a target remembers of a replication, written in the transactions of the rows it stands for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoints {
    /// Positions of walks that were begun and not finished. A walk whose collected rows are gone is not among them.
    pub walks: HashMap<WalkName, Position>,
    /// For each stream read to the end: the moment from which the next incremental run reads.
    pub cursors: HashMap<StreamName, Timestamp>,
}

/// What one commit did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// Rows taken of each stream, those put aside not counted.
    pub rows: HashMap<StreamName, u64>,
    /// Rows put aside because the target cannot hold a value of theirs.
    pub quarantined: Vec<Quarantined>,
}

/// A row that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Which stream.
    pub stream: StreamName,
    /// Its key as text, parts joined by `,`.
    pub key: String,
    /// The column whose value could not be held.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// What a finished load did to one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableReport {
    /// Which stream.
    pub stream: StreamName,
    /// What became of the rows over all attempts of the walk; `refused` are those put aside.
    ///
    /// A record that came several times counts once. Where rows are merged with every commit that is known for integer
    /// keys, by the first time the load met them; for other keys, and for records that were written before an
    /// interruption, a record that comes again counts again. Replaced and truncated tables are not compared with what
    /// they held: all their rows count as added. `removed` are rows of complete sets ([`Scope`]) that came no more.
    ///
    /// [`Scope`]: crate::port::source::Scope
    pub outcomes: Outcomes,
    /// Rows in the table now.
    pub rows: u64,
}

/// A walk on its way into its tables.
///
/// The engine calls `write` any number of times and then `finish` once, or drops the load. Dropping it leaves what was
/// written durable and resumable, and the tables as [`LoadMode`] says.
#[async_trait]
pub trait Load: Send {
    /// Makes the rows of `pages` and the position of the last of them durable, in one transaction.
    ///
    /// Where a part has a scope, rows of its parents that are not on the page are removed from a merged table; a parent
    /// with a row that was put aside is left alone. Errors: `CF-104` where the scope's field has no column there.
    ///
    /// On an error nothing of the call is durable, and the load can only be dropped. Rows the target cannot hold are put aside in the same transaction and
    /// reported; they do not make the call fail.
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error>;

    /// Checks the collected rows against what was written, moves them into the tables, stores `cursors`, forgets the
    /// walk's position; all in one transaction.
    ///
    /// A cursor never moves backward. Reports one entry for each table of the spec.
    async fn finish(
        self: Box<Self>,
        cursors: &HashMap<StreamName, Timestamp>,
    ) -> Result<Vec<TableReport>, Error>;
}

/// One column for each custom field of a contact, made of the tall table of values.
#[derive(Debug, Clone, PartialEq)]
pub struct WideView {
    /// The view's name in the schema of `base`.
    pub name: String,
    /// The table with one row per record.
    pub base: Table,
    /// The column of `base` that `parent` refers to.
    pub base_key: String,
    /// The tall table.
    pub values: Table,
    /// The column of `values` with the record's key.
    pub parent: String,
    /// The column of `values` with the field's id.
    pub field: String,
    /// The column of `values` with the value.
    pub value: String,
    /// Field id and column name of each column to add.
    pub columns: Vec<(i64, String)>,
}

/// What a target is, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetInfo {
    /// `sqlite`, `postgres`, `file`.
    pub kind: &'static str,
    /// Host and database or path, without secrets.
    pub place: String,
    /// The schema used where an object names none.
    pub default_schema: Option<String>,
}

/// A database or a folder that replication writes to.
#[async_trait]
pub trait Target: Send + Sync {
    /// What it is.
    fn info(&self) -> TargetInfo;

    /// Connects and tries whether tables may be made and written; leaves nothing behind.
    async fn check(&self) -> Result<(), Error>;

    /// What is remembered of `replication`. Nothing is created where nothing is there.
    ///
    /// `schema`: where the state table lives, `None` for the target's default.
    async fn checkpoints(
        &self,
        schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error>;

    /// The largest value of a timestamp column, `None` where table or column is missing or has no value.
    /// For tables that another tool filled before.
    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error>;

    /// Prepares tables and staging for a walk. Exclusive: a second load of the same replication and walk while this one
    /// lives fails with `RN-101`.
    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error>;

    /// Makes or renews a view, where the target has views. Files have none: `Ok(false)`.
    async fn wide_view(&self, view: &WideView) -> Result<bool, Error>;

    /// Whether a value of this type is kept as such; `false` means it lands as text.
    fn keeps(&self, ty: FieldType) -> bool;
}
