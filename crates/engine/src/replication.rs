//! What a replication is: which streams land in which tables, and by which set of defaults.

use achub_core::{ReplicationName, StreamName};
use jiff::Timestamp;

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
    /// Changes since the cursor are read and merged.
    Incremental,
}

impl Mode {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Mode::FullRefresh => "full-refresh",
            Mode::Truncate => "truncate",
            Mode::Incremental => "incremental",
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
    /// Whether `contacts_wide` is made beside `field_values`.
    pub wide_view: bool,
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
