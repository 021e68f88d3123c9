//! `_achub_state`: what a replication is remembered by, in the target and in the transactions of its rows.

use std::collections::HashMap;

use achub_core::{
    Code, Error, FieldType, Outcomes, ReplicationName, StreamName, WalkName,
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
}

impl TableProgress {
    /// Whether an attempt that left `self` can be continued by one that begins as `new`.
    fn continues(&self, new: &TableProgress) -> bool {
        (&self.stream, &self.schema, &self.table, &self.staging, self.mode, &self.columns)
            == (&new.stream, &new.schema, &new.table, &new.staging, new.mode, &new.columns)
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
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Cursor => "cursor",
            Kind::Walk => "walk",
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

/// Stores a cursor, unless the stored one is later.
pub(crate) async fn advance_cursor<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    stream: &StreamName,
    cursor: Timestamp,
) -> Result<(), Fault> {
    let stored = value(session, table, replication, Kind::Cursor, stream.as_str()).await?;
    if let Some(stored) = stored
        && parsed::<Timestamp>(table, stream.as_str(), &stored)? >= cursor
    {
        return Ok(());
    }
    let value = serde_json::Value::from(cursor.to_string()).to_string();
    put(session, table, replication, Kind::Cursor, stream.as_str(), &value).await
}

/// All that is remembered of a replication. A walk whose collected rows are gone is left out: it starts over.
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
        if kind == Kind::Cursor.word() {
            checkpoints.cursors.insert(StreamName::new(name), parsed(table, name, value)?);
        } else if kind == Kind::Walk.word() {
            let progress: Progress = parsed(table, name, value)?;
            if let Some(position) = &progress.position
                && staging_is_there(session, &progress).await?
            {
                checkpoints.walks.insert(WalkName::new(name), position.clone());
            }
        }
    }
    Ok(checkpoints)
}

/// Whether every table that collects rows of this walk still exists.
pub(crate) async fn staging_is_there<S: Session>(
    session: &mut S,
    progress: &Progress,
) -> Result<bool, Fault> {
    let mut known: HashMap<TableName, bool> = HashMap::new();
    for table in &progress.tables {
        if let Some(staging) = &table.staging {
            let name = TableName::new(table.schema.as_deref(), staging);
            let is_there = session.shape(&name).await?.is_some();
            known.insert(name, is_there);
        }
    }
    Ok(known.into_values().all(|is_there| is_there))
}

fn parsed<T: serde::de::DeserializeOwned>(table: &TableName, name: &str, value: &str) -> Result<T, Error> {
    serde_json::from_str(value).map_err(|cause| {
        Error::new(Code::TableChanged, format!("the entry for {name} in {table} is not understood"))
            .with_hint("it was changed by hand or by a newer version; delete the entry to start over")
            .with_source(cause)
    })
}
