//! What a replication is: which streams land in which tables, and by which set of defaults.

use std::time::Duration;

use achub_core::{
    ReplicationName, StreamName,
    port::target::{Absence, AbsenceAction, Evolution, MergeStrategy, Origin, Statements},
    schema::{ColumnRules, TableRules},
    value::FieldType,
};
use jiff::Timestamp;

use crate::shape::{OnBroken, Shaping};

/// A replication, resolved: names are known to exist, templates are rendered, defaults are merged in.
#[derive(Debug, Clone, PartialEq)]
pub struct Replication {
    /// Under which name cursors and positions are kept in the target.
    pub name: ReplicationName,
    /// The streams in the order of work; each stream at most once.
    pub streams: Vec<StreamTask>,
    /// Schema of the target that holds `_achub_state`; `None` for the target's default.
    pub state_schema: Option<String>,
    /// How records become rows.
    pub landing: Landing,
    /// From where an incremental stream without a cursor starts.
    pub anchor: Anchor,
    /// When streams that are read by changes are read as a whole and compared.
    pub full_check: FullCheck,
    /// How the run goes about its work.
    pub working: Working,
}

/// When a stream that is read by changes is read as a whole, so that deletions and missed changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullCheck {
    /// In a run that begins so long after the last one of the stream.
    Every(Duration),
    /// In this run.
    Now,
    /// Never.
    Never,
}

impl FullCheck {
    /// What is taken where nobody says anything.
    pub const WEEKLY: FullCheck = FullCheck::Every(Duration::from_secs(7 * 24 * 3_600));
}

/// How a run goes about its work.
#[derive(Debug, Clone, PartialEq)]
pub struct Working {
    /// Walks read at a time; the account's budget is shared by all of them.
    pub walks_at_a_time: usize,
    /// How often a walk that failed in passing is begun, the first time included.
    pub tries: u32,
    /// How long to wait before it is begun again.
    pub try_delay: Duration,
    /// The run ends at its next safe point after this time.
    pub time_limit: Option<Duration>,
    /// A commit takes no more rows of a stream than this, where somebody said so; a single page is never cut.
    pub commit_rows: Option<u64>,
}

impl Working {
    /// Tries where nobody names a number: a database that restarts is back within the waits between them.
    pub const TRIES: u32 = 3;

    /// The wait between two tries.
    pub const TRY_DELAY: Duration = Duration::from_secs(5);
}

impl Default for Working {
    fn default() -> Working {
        Working {
            walks_at_a_time: 4,
            tries: Working::TRIES,
            try_delay: Working::TRY_DELAY,
            time_limit: None,
            commit_rows: None,
        }
    }
}

/// One stream of a replication.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamTask {
    /// Which stream.
    pub stream: StreamName,
    /// Schema of its table; `None` for the target's default.
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// How it is read and landed.
    pub mode: Mode,
    /// Why that mode was taken, for the report: `from the file`, `has a cursor`.
    pub mode_reason: String,
    /// Field names rows are merged by. `None`: the stream's own key. Empty: rows are appended.
    pub primary_key: Option<Vec<String>>,
    /// The field compared with the cursor, where it is not the stream's own.
    pub update_key: Option<String>,
    /// Which fields become columns, in which order, under which names. `None`: all.
    pub select: Option<Vec<Selected>>,
    /// At most so many records; a limited run never moves a cursor.
    pub row_limit: Option<u64>,
    /// A sentence for the table's comment.
    pub description: Option<String>,
    /// Wanted only where it is to be had: an account without it, or a key that may not read it, is told and no failure.
    pub optional: bool,
    /// The name by which reports and hooks know the task.
    pub id: String,
    /// So many records are passed over first; a run that skips never moves a cursor.
    pub skip: u64,
    /// For [`Mode::Backfill`]: which changes are read.
    pub range: Option<Range>,
    /// What becomes of each record before it lands.
    pub shaping: Shaping,
    /// What was asked of single columns, in the order in which it was asked.
    pub columns: Vec<ColumnWish>,
    /// What happens to its table, apart from the replication's [`Landing`].
    pub table_wish: TableWish,
    /// When it is read as a whole and compared, where it differs from the replication's. Streams that follow one another
    /// are checked together, as soon as one of them asks.
    pub full_check: Option<FullCheck>,
}

impl StreamTask {
    /// `stream` into a table of its name, with nothing out of the ordinary.
    pub fn new(stream: StreamName, mode: Mode, mode_reason: impl Into<String>) -> StreamTask {
        StreamTask {
            schema: None,
            table: stream.as_str().to_owned(),
            mode,
            mode_reason: mode_reason.into(),
            primary_key: None,
            update_key: None,
            select: None,
            row_limit: None,
            description: None,
            optional: false,
            id: stream.as_str().to_owned(),
            skip: 0,
            range: None,
            shaping: Shaping::default(),
            columns: Vec::new(),
            table_wish: TableWish::default(),
            full_check: None,
            stream,
        }
    }
}

/// Changes between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// At or after this moment; `None`: from the beginning.
    pub from: Option<Timestamp>,
    /// Before this moment; `None`: until now.
    pub until: Option<Timestamp>,
    /// Read in windows of this length, each committed as a whole before the next is read.
    pub step: Option<Duration>,
}

/// What was asked of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnWish {
    /// The field's name; `*` for every field that no other wish names.
    pub field: String,
    /// The kind values are turned into, where it differs from the declared one.
    pub ty: Option<FieldType>,
    /// Storage, not null, description.
    pub rules: ColumnRules,
    /// The condition its values must meet, and what happens to rows that do not.
    pub constraint: Option<(crate::shape::Constraint, OnBroken)>,
}

/// What was asked of a stream's table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableWish {
    /// How column names are made, where it differs from the replication's.
    pub casing: Option<Casing>,
    /// What may become of a table whose columns differ, where it differs from the replication's.
    pub evolution: Option<Evolution>,
    /// How a row meets one of the same key.
    pub merge: MergeStrategy,
    /// What is done about rows the source no longer shows, where it differs from the replication's.
    pub absence: Option<Absence>,
    /// Keys and indexes, by names of fields or of columns.
    pub rules: TableRules,
    /// System columns of this table alone, in front of those of the [`Landing`]: where they get their value, and their
    /// names. One whose origin the landing has too is made once.
    pub system: Vec<(Origin, String)>,
    /// SQL that goes with the load.
    pub statements: Statements,
    /// The staging table.
    pub staging: Option<String>,
    /// The staging table is left where it is.
    pub keep_staging: bool,
    /// Rows go straight into the table.
    pub direct: bool,
    /// A table that is there is left alone, and the stream is not read.
    pub ignore_existing: bool,
}

/// A selected field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The field's name in the stream.
    pub field: String,
    /// The column's name, where it differs from what the casing makes of the field's name.
    pub column: Option<String>,
}

/// How a stream is read and landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything is read; the table is dropped and made again.
    FullRefresh,
    /// Everything is read; the table is emptied and filled.
    Truncate,
    /// Changes since the cursor are read and merged. Where changes cannot be asked for, everything is read, and what
    /// differs is merged.
    Incremental,
    /// Everything is read and appended.
    Snapshot,
    /// Changes within a range are read and merged; no cursor is moved.
    Backfill,
    /// The table is made without rows; nothing is read.
    DefinitionOnly,
}

impl Mode {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Mode::FullRefresh => "full-refresh",
            Mode::Truncate => "truncate",
            Mode::Incremental => "incremental",
            Mode::Snapshot => "snapshot",
            Mode::Backfill => "backfill",
            Mode::DefinitionOnly => "definition-only",
        }
    }
}

/// From where an incremental stream without a cursor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// All records.
    Everything,
    /// Records changed at or after this moment.
    Since(Timestamp),
}

/// How records become rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// How column names are made of field names.
    pub casing: Casing,
    /// Whether the key becomes the table's primary key.
    pub declare_key: bool,
    /// Where members without a declared field go.
    pub unknown: Unknown,
    /// The column that tells when a row was written.
    pub loaded_at: Option<LoadedAt>,
    /// Whether link blocks become a column.
    pub noise: bool,
    /// Whether rows of an incremental stream can be read while the run goes on.
    pub as_you_go: bool,
    /// Whether the view `contacts_wide` is made beside `field_values`.
    pub wide_view: bool,
    /// System columns behind all others, in this order: where they get their value, and their names.
    pub system: Vec<(Origin, String)>,
    /// What may become of a table whose columns differ.
    pub evolution: Evolution,
    /// What is done about rows the source no longer shows. `None`: nothing.
    pub absence: Option<Absence>,
    /// A stream without rows makes an empty table.
    pub empty_tables: bool,
}

impl Landing {
    /// Our own defaults, those of `achub replicate`.
    pub fn ours() -> Landing {
        Landing {
            casing: Casing::Snake,
            declare_key: true,
            unknown: Unknown::OneColumn,
            loaded_at: Some(LoadedAt { column: "_achub_loaded_at".to_owned(), unix: false }),
            noise: false,
            as_you_go: true,
            wide_view: true,
            system: vec![(Origin::DeletedAt, "_achub_deleted_at".to_owned())],
            evolution: Evolution::Add,
            absence: Some(Absence {
                action: AbsenceAction::Mark,
                floor_percent: Absence::FLOOR_PERCENT,
                only: None,
            }),
            empty_tables: true,
        }
    }

    /// The defaults a replication file relies on, those of `achub run`.
    pub fn sling(loaded_at: Option<LoadedAt>) -> Landing {
        Landing {
            casing: Casing::Normalize,
            declare_key: false,
            unknown: Unknown::OwnColumns,
            loaded_at,
            noise: true,
            as_you_go: false,
            wide_view: true,
            system: Vec::new(),
            evolution: Evolution::Add,
            absence: None,
            empty_tables: false,
        }
    }
}

/// How column names are made of field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Casing {
    /// `firstName` becomes `first_name`.
    Snake,
    /// Lower case, unless the name has mixed case or odd characters; then it is kept as it is.
    Normalize,
    /// As the source spells it.
    Source,
    /// As the target folds unquoted names: lower case in every target there is.
    Target,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
    /// `first_name` becomes `firstName`.
    Camel,
}

/// Where members of a record go for which the stream declares no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Into the JSON column `_achub_extra`.
    OneColumn,
    /// Into columns of their own, added when they first appear.
    OwnColumns,
}

/// The column that tells when a row was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedAt {
    /// Its name.
    pub column: String,
    /// Whole seconds since 1970 instead of a timestamp.
    pub unix: bool,
}
