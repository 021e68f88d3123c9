//! Writing to a database or files.

use std::collections::{BTreeMap, HashMap, HashSet};

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
    /// When the row was found to be gone at the source, null while it is there. See [`Absence`].
    DeletedAt,
    /// When the row was last added, changed or found to be gone, as a timestamp.
    SyncedAt,
    /// What was done then: `I`, `U` or `D`.
    SyncedOp,
    /// The run that wrote the row.
    RunId,
    /// A UUID of version 7, made when the row was written.
    RowId,
    /// The row's number among the rows of its stream in this walk, from 1, in the order they came.
    RowNumber,
    /// The whole record as one JSON object: the schema's fields by their names, and what it carries beyond them.
    Record,
}

/// What is done about rows that the source no longer shows.
///
/// It takes a read that showed everything there is ([`Closing::complete`]), or a complete set of a parent's children
/// ([`Scope`]). A row of a complete read is acted upon when two complete reads in a row, by two runs, did not show it; the
/// first sighting is remembered in `_achub_missing` in the transaction of the rows, and forgotten when the row is shown
/// again. A row that is absent from its parent's complete set is acted upon at once: its parent was shown, and without it.
///
/// [`Scope`]: crate::port::source::Scope
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// What is done.
    pub action: AbsenceAction,
    /// Nothing is done, and no sighting counts, where a complete read shows fewer than this share of the live rows the
    /// table held, percent. Tables of fewer than [`Absence::SMALL`] rows are guarded only against becoming empty.
    pub floor_percent: u8,
    /// SQL conditions on the table's columns: only rows that meet it are looked at. Databases only.
    pub only: Option<String>,
}

impl Absence {
    /// Below so many live rows a share says nothing.
    pub const SMALL: u64 = 20;
    /// The share that is taken where nobody names one, percent.
    pub const FLOOR_PERCENT: u8 = 80;
}

/// What is done about a row that is gone at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceAction {
    /// It is counted and stays as it is.
    Report,
    /// The time is written into the column of [`Origin::DeletedAt`] (or, where there is none, `D` into that of
    /// [`Origin::SyncedOp`]). A row that appears again loses the mark.
    Mark,
    /// It is deleted.
    Delete,
}

/// What may become of a table whose columns differ from those that are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evolution {
    /// Missing columns are added; a type that differs stays, values that do not fit it put the row aside.
    #[default]
    Add,
    /// The same, and a type that is narrower than the declared one is widened where no value changes by it.
    AddAndWiden,
    /// Columns stay as they are. Values without a column are left out and counted ([`TableReport::left_out_columns`]).
    Keep,
    /// Any difference ends the load with `DB-106` before a row is written; one that shows itself later, at that commit.
    Stop,
}

/// How a row meets one of the same key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeStrategy {
    /// A new key is added, a row that differs is changed.
    #[default]
    Upsert,
    /// Rows of the keys that came are deleted, then all rows are added: columns the load does not write end up null.
    DeleteInsert,
    /// A new key is added, a known one left alone.
    InsertOnly,
    /// A known key is changed, a new one left alone (`skipped`).
    UpdateOnly,
    /// A row that differs from the newest of its key is added beside it, so that the table keeps every version.
    /// Needs a [`Origin::LoadedAt`] or [`Origin::LoadedAtUnix`] column to tell which is newest.
    History,
}

/// What is asked of the transaction that moves rows into their table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statements {
    /// SQL run before anything else of the load, in its session.
    pub before_load: Vec<String>,
    /// SQL run in the finishing transaction, before rows are moved into the table.
    pub before_merge: Vec<String>,
    /// SQL run in the finishing transaction, after rows were moved into the table.
    pub after_merge: Vec<String>,
    /// SQL run after the finishing transaction, in the load's session.
    pub after_load: Vec<String>,
    /// The isolation level of the finishing transaction, as the database spells it.
    pub isolation: Option<String>,
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
    /// What may become of a table whose columns differ.
    pub evolution: Evolution,
    /// How a row meets one of the same key.
    pub merge: MergeStrategy,
    /// What is done about rows the source no longer shows; `None`: rows absent from a complete set are deleted, and
    /// nothing else is looked at.
    pub absence: Option<Absence>,
    /// Changes with a time at or after this moment in the column of this index were due anyway. Others that a complete read
    /// finds are drift: [`Check::missing`] and [`Check::different`]. `None`: everything that differs was due.
    pub due_since: Option<(usize, Timestamp)>,
    /// The name of the staging table, where somebody named one.
    pub staging: Option<String>,
    /// The staging table is left where it is.
    pub keep_staging: bool,
    /// Rows go straight into the table, without staging; only where they are appended.
    pub direct: bool,
    /// A stream without rows makes an empty table; `false`: no table is made, and one that is there is left alone.
    pub empty_table: bool,
    /// SQL that goes with the load. Databases only.
    pub statements: Statements,
}

impl TableLoad {
    /// Rows of `stream` into `table`, with nothing out of the ordinary. `origins` has one entry per column.
    pub fn new(stream: StreamName, table: Table, origins: Vec<Origin>, mode: LoadMode) -> TableLoad {
        TableLoad {
            stream,
            table,
            origins,
            extra_keys: BTreeMap::new(),
            mode,
            add_columns: false,
            evolution: Evolution::default(),
            merge: MergeStrategy::default(),
            absence: None,
            due_since: None,
            staging: None,
            keep_staging: false,
            direct: false,
            empty_table: true,
            statements: Statements::default(),
        }
    }

    /// The name of the column that gets its value from `origin`.
    pub fn column_of(&self, origin: Origin) -> Option<&str> {
        let index = self.origins.iter().position(|known| *known == origin)?;
        Some(&self.table.columns[index].name)
    }
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
    /// For each stream: when a run that read all of it, and compared it with the table, began.
    pub checked: HashMap<StreamName, Timestamp>,
}

/// What is known at the end of a walk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Closing {
    /// For each stream: the moment from which the next incremental run reads. A cursor never moves backward.
    pub cursors: HashMap<StreamName, Timestamp>,
    /// Streams of which everything was shown: what is not among the rows of this walk is gone. Where the rows were
    /// collected aside, or the table held nothing when the walk began, [`Checkpoints::checked`] moves to
    /// [`LoadSpec::started_at`], and [`TableLoad::absence`] is carried out.
    pub complete: HashSet<StreamName>,
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
    /// Rows in the table now, those marked as gone not counted.
    pub rows: u64,
    /// What a complete read found out about the table, where it was one.
    pub check: Option<Check>,
    /// Columns that were left out because of [`Evolution::Keep`].
    pub left_out_columns: Vec<String>,
}

impl TableReport {
    /// Outcomes and rows, nothing checked.
    pub fn new(stream: StreamName, outcomes: Outcomes, rows: u64) -> TableReport {
        TableReport { stream, outcomes, rows, check: None, left_out_columns: Vec::new() }
    }
}

/// What a complete read found out about a table that is merged into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Live rows the table held before.
    pub held: u64,
    /// Rows the source showed, each key once.
    pub shown: u64,
    /// Rows the source has that an earlier run should have landed ([`TableLoad::due_since`]); they are added.
    pub missing: u64,
    /// Rows that differ though an earlier run should have landed the change; they are changed.
    pub different: u64,
    /// Rows the source did not show for the first time: they wait for a second sighting (outcome `held`).
    pub waiting: u64,
    /// Rows gone for good: marked, deleted, or only counted, as [`Absence::action`] says.
    pub gone: u64,
    /// The source showed too little of what the table held: nothing was done about absent rows.
    pub guarded: bool,
}

/// A count over rows of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Schema of the table.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Only rows with this integer in this column.
    pub equals: Option<(String, i64)>,
    /// Only rows with null in this column: those not marked as gone.
    pub null: Option<String>,
    /// One count for each value of this column; otherwise one count under the empty text.
    pub by: Option<String>,
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

    /// Checks the collected rows against what was written, moves them into the tables, carries out [`Absence`], stores
    /// cursors and checks, forgets the walk's position; all in one transaction.
    ///
    /// Reports one entry for each table of the spec.
    async fn finish(self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error>;
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
    /// The name of a column with the values of all other fields: a JSON object by field id, null where there are none.
    pub rest: Option<String>,
}

/// How a table that is there differs from the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The table, `schema.name`.
    pub table: String,
    /// The column.
    pub column: String,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The table lacks it; it would be added with this type.
    Missing {
        /// The type it would get, in the target's words.
        wanted: String,
    },
    /// It has another type. Values that do not fit are put aside, unless it is widened.
    Type {
        /// The type it has, in the target's words.
        actual: String,
        /// The type it would have been made with.
        wanted: String,
        /// Whether widening it to `wanted` changes no value.
        can_widen: bool,
    },
    /// Nothing writes it any more, or it is somebody else's; it stays as it is.
    Unused,
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

    /// Counts rows; `None` where the table or a column is missing. Keys are the values as text.
    async fn tally(&self, _tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        Ok(None)
    }

    /// How the tables that are there differ from those that `loads` would make, for people to decide about before a run.
    /// Tables that are not there, and those that are made again, do not differ.
    async fn differences(&self, _loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        Ok(Vec::new())
    }

    /// Whether a value of this type is kept as such; `false` means it lands as text.
    fn keeps(&self, ty: FieldType) -> bool;
}
