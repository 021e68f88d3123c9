//! `_achub_state`: what a replication is remembered by, in the target and in the transactions of its rows.

use achub_core::{
    Code, Error, FieldType, Outcomes, ReplicationName, RunId, StreamName, WalkName, failpoint,
    port::{
        source::Position,
        target::{Checkpoints, LoadMode},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sql::{Fault, Session, TableName};

/// The table's name in the state schema.
pub(crate) const TABLE: &str = "_achub_state";

/// A walk that was begun and not finished, as stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Where it stands, `None` before its first commit.
    pub(crate) position: Option<Position>,
    pub(crate) tables: Vec<TableProgress>,
}

/// How far one of its tables is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableProgress {
    pub(crate) stream: StreamName,
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    /// The table that collects its rows, where one does.
    pub(crate) staging: Option<String>,
    /// Its schema, where it is not that of the table.
    #[serde(default)]
    pub(crate) staging_schema: Option<String>,
    pub(crate) mode: LoadMode,
    /// Columns with the kind they are staged as.
    pub(crate) columns: Vec<(String, FieldType)>,
    /// Members that got a column on the way, with the column's type.
    pub(crate) members: Vec<(String, FieldType)>,
    /// The field whose parents were shown with all their children, where there was one.
    pub(crate) scope: Option<String>,
    /// The highest sequence given to a row.
    pub(crate) seq: i64,
    /// Rows in the staging table.
    pub(crate) staged: u64,
    pub(crate) outcomes: Outcomes,
    /// The runs of its attempts.
    #[serde(default)]
    pub(crate) runs: Vec<RunId>,
    /// The table was there when the walk began.
    #[serde(default)]
    pub(crate) was_there: bool,
    /// The table held nothing when the walk began.
    #[serde(default)]
    pub(crate) began_empty: bool,
    /// Columns and members that were left out because no column may be added.
    #[serde(default)]
    pub(crate) left_out: Vec<String>,
}

impl TableProgress {
    /// Whether an attempt that left `self` can be continued by one that begins as `new`.
    fn continues(&self, new: &TableProgress) -> bool {
        let staging = |of: &TableProgress| of.staging_place();
        (&self.stream, &self.schema, &self.table, staging(self), self.mode, &self.columns)
            == (&new.stream, &new.schema, &new.table, staging(new), new.mode, &new.columns)
    }

    fn place(&self) -> TableName {
        TableName::new(self.schema.as_deref(), &self.table)
    }

    fn staging_place(&self) -> Option<TableName> {
        let schema = self.staging_schema.as_ref().or(self.schema.as_ref());
        self.staging.as_ref().map(|name| TableName::new(schema.map(String::as_str), name))
    }

    /// The table without which nothing is left of what was written: the one that collects rows, or the one they went into.
    fn holder(&self) -> Option<TableName> {
        let goes_in_at_once = self.staging.is_none() && self.seq > 0;
        self.staging_place().or_else(|| goes_in_at_once.then(|| self.place()))
    }

    /// The table that rows are to be merged into, where it was there from the beginning.
    fn needed(&self) -> Option<TableName> {
        (self.mode == LoadMode::MergeAtEnd && self.was_there).then(|| self.place())
    }
}

impl Progress {
    /// Whether an attempt that left `self` can be continued by one that begins as `new`.
    pub(crate) fn continues(&self, new: &Progress) -> bool {
        self.tables.len() == new.tables.len()
            && self.tables.iter().zip(&new.tables).all(|(old, new)| old.continues(new))
    }
}

/// What a row of the table stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cursor,
    Walk,
    Checked,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Cursor => "cursor",
            Kind::Walk => "walk",
            Kind::Checked => "checked",
        }
    }
}

/// Makes the table where it is missing.
pub(crate) async fn create<S: Session>(session: &mut S, table: &TableName) -> Result<(), Fault> {
    let (text, json, timestamp) =
        (S::type_sql(FieldType::Text), S::type_sql(FieldType::Json), S::type_sql(FieldType::Timestamp));
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (replication {text} NOT NULL, kind {text} NOT NULL, name {text} NOT NULL, \
         value {json} NOT NULL, updated_at {timestamp} NOT NULL, PRIMARY KEY (replication, kind, name))",
        table.sql()
    );
    session.execute(&sql, &[]).await?;
    Ok(())
}

async fn put<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    kind: Kind,
    name: &str,
    value: &str,
) -> Result<(), Fault> {
    let sql = format!(
        "INSERT INTO {} (replication, kind, name, value, updated_at) VALUES ($1, $2, $3, {}, {}) \
         ON CONFLICT (replication, kind, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        table.sql(),
        S::argument(4, FieldType::Json),
        S::now_sql()
    );
    let arguments = [Some(replication.as_str()), Some(kind.word()), Some(name), Some(value)];
    session.execute(&sql, &arguments).await?;
    Ok(())
}

async fn value<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    kind: Kind,
    name: &str,
) -> Result<Option<String>, Fault> {
    let sql = format!(
        "SELECT CAST(value AS text) FROM {} WHERE replication = $1 AND kind = $2 AND name = $3",
        table.sql()
    );
    let arguments = [Some(replication.as_str()), Some(kind.word()), Some(name)];
    let rows = session.texts(&sql, &arguments).await?;
    Ok(rows.into_iter().flatten().next().flatten())
}

/// Stores how far a walk is.
pub(crate) async fn put_walk<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    walk: &WalkName,
    progress: &Progress,
) -> Result<(), Fault> {
    let value = serde_json::to_string(progress)
        .map_err(|cause| Error::new(Code::Bug, "a position has no JSON form").with_source(cause))?;
    put(session, table, replication, Kind::Walk, walk.as_str(), &value).await
}

/// How far a walk is, `None` where it was not begun.
pub(crate) async fn walk<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    walk: &WalkName,
) -> Result<Option<Progress>, Fault> {
    let Some(value) = value(session, table, replication, Kind::Walk, walk.as_str()).await? else {
        return Ok(None);
    };
    Ok(Some(parsed(table, walk.as_str(), &value)?))
}

/// Forgets a walk.
pub(crate) async fn forget_walk<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    walk: &WalkName,
) -> Result<(), Fault> {
    let sql = format!("DELETE FROM {} WHERE replication = $1 AND kind = $2 AND name = $3", table.sql());
    let arguments = [Some(replication.as_str()), Some(Kind::Walk.word()), Some(walk.as_str())];
    session.execute(&sql, &arguments).await?;
    Ok(())
}

/// A moment that says something about a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Moment {
    /// With the table: it says nothing any more once that is gone.
    Of { at: Timestamp, schema: Option<String>, table: String },
    /// As earlier versions stored it.
    Alone(Timestamp),
}

impl Moment {
    fn at(&self) -> Timestamp {
        match self {
            Moment::Of { at, .. } | Moment::Alone(at) => *at,
        }
    }
}

/// Stores a cursor, unless the stored one is later.
pub(crate) async fn advance_cursor<S: Session>(
    session: &mut S,
    state: &TableName,
    replication: &ReplicationName,
    stream: &StreamName,
    cursor: Timestamp,
    table: Option<&TableName>,
) -> Result<(), Fault> {
    advance(session, state, replication, Kind::Cursor, stream, cursor, table).await?;
    failpoint::pass("cursor-save");
    Ok(())
}

/// Stores when a complete read began that was compared with the table, unless a later one is stored.
pub(crate) async fn advance_checked<S: Session>(
    session: &mut S,
    state: &TableName,
    replication: &ReplicationName,
    stream: &StreamName,
    began: Timestamp,
    table: &TableName,
) -> Result<(), Fault> {
    advance(session, state, replication, Kind::Checked, stream, began, Some(table)).await
}

async fn advance<S: Session>(
    session: &mut S,
    state: &TableName,
    replication: &ReplicationName,
    kind: Kind,
    stream: &StreamName,
    at: Timestamp,
    table: Option<&TableName>,
) -> Result<(), Fault> {
    let stored = value(session, state, replication, kind, stream.as_str()).await?;
    let stored = stored.map(|stored| parsed::<Moment>(state, stream.as_str(), &stored)).transpose()?;
    let at = stored.map_or(at, |stored| stored.at().max(at));
    let moment = match table {
        Some(table) => Moment::Of { at, schema: table.schema.clone(), table: table.name.clone() },
        None => Moment::Alone(at),
    };
    let value = serde_json::to_string(&moment)
        .map_err(|cause| Error::new(Code::Bug, "a moment has no JSON form").with_source(cause))?;
    put(session, state, replication, kind, stream.as_str(), &value).await
}

/// All that is remembered of a replication. A walk whose collected rows are gone is left out: it starts over. A cursor
/// whose table is gone is left out, too: rows from before it would be missing without a word.
pub(crate) async fn checkpoints<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
) -> Result<Checkpoints, Fault> {
    let mut checkpoints = Checkpoints::default();
    if session.shape(table).await?.is_none() {
        return Ok(checkpoints);
    }
    let sql = format!("SELECT kind, name, CAST(value AS text) FROM {} WHERE replication = $1", table.sql());
    for row in session.texts(&sql, &[Some(replication.as_str())]).await? {
        let [Some(kind), Some(name), Some(value)] = row.as_slice() else { continue };
        if kind == Kind::Walk.word() {
            let progress: Progress = parsed(table, name, value)?;
            if let Some(position) = &progress.position
                && rows_are_there(session, &progress).await?
            {
                checkpoints.walks.insert(WalkName::new(name), position.clone());
            }
            continue;
        }
        let moments = match kind {
            kind if kind == Kind::Cursor.word() => &mut checkpoints.cursors,
            kind if kind == Kind::Checked.word() => &mut checkpoints.checked,
            _ => continue,
        };
        let moment: Moment = parsed(table, name, value)?;
        if table_is_there(session, &moment).await? {
            moments.insert(StreamName::new(name), moment.at());
        }
    }
    Ok(checkpoints)
}

async fn table_is_there<S: Session>(session: &mut S, moment: &Moment) -> Result<bool, Fault> {
    let Moment::Of { schema, table, .. } = moment else { return Ok(true) };
    Ok(session.shape(&TableName::new(schema.as_deref(), table)).await?.is_some())
}

/// Whether every table that holds rows of this walk still exists.
pub(crate) async fn rows_are_there<S: Session>(session: &mut S, progress: &Progress) -> Result<bool, Fault> {
    let mut needed: Vec<TableName> = progress.tables.iter().filter_map(TableProgress::holder).collect();
    needed.extend(progress.tables.iter().filter_map(TableProgress::needed));
    for table in needed {
        if session.shape(&table).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn parsed<T: serde::de::DeserializeOwned>(table: &TableName, name: &str, value: &str) -> Result<T, Error> {
    serde_json::from_str(value).map_err(|cause| {
        Error::new(Code::TableChanged, format!("the entry for {name} in {table} is not understood"))
            .with_hint("it was changed by hand or by a newer version; delete the entry to start over")
            .with_source(cause)
    })
}
