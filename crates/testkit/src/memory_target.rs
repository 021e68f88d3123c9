//! A target in memory, for tests under virtual time: nothing in it waits.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use achub_core::{
    Code, Error, FieldType, Outcomes, ReplicationName, StreamName, Value, WalkName,
    port::{
        source::{Page, Part, Position},
        target::{
            Checkpoints, Closing, Load, LoadMode, LoadSpec, Origin, TableLoad, TableReport, Target,
            TargetInfo, WideView, Written,
        },
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::oracle::LandedRow;

type Rows = BTreeMap<String, Vec<Value>>;

#[derive(Debug, Default)]
struct Tables {
    rows: HashMap<String, Rows>,
    staged: HashMap<WalkName, HashMap<StreamName, Rows>>,
    walks: HashMap<WalkName, Position>,
    cursors: HashMap<StreamName, Timestamp>,
    loading: HashSet<WalkName>,
}

/// Tables by name, rows by key. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryTarget(Arc<Mutex<Tables>>);

impl MemoryTarget {
    /// The rows of a table as text, as a database would show them.
    pub fn rows(&self, table: &str) -> Vec<LandedRow> {
        let tables = self.tables();
        let text = |value: &Value| (!value.is_null()).then(|| value.display());
        let rows = tables.rows.get(table).into_iter().flat_map(Rows::values);
        rows.map(|row| row.iter().map(text).collect()).collect()
    }

    /// Walks that were begun and not finished.
    pub fn unfinished(&self) -> usize {
        self.tables().walks.len()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

#[async_trait]
impl Target for MemoryTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "memory", place: "memory".to_owned(), default_schema: None }
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn checkpoints(
        &self,
        _schema: Option<&str>,
        _name: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        let tables = self.tables();
        Ok(Checkpoints {
            walks: tables.walks.clone(),
            cursors: tables.cursors.clone(),
            ..Checkpoints::default()
        })
    }

    async fn newest(
        &self,
        _schema: Option<&str>,
        _table: &str,
        _column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        let mut tables = self.tables();
        if !tables.loading.insert(spec.walk.clone()) {
            return Err(Error::new(Code::Busy, format!("walk {} is being loaded", spec.walk)));
        }
        if !spec.resume {
            tables.staged.remove(&spec.walk);
            tables.walks.remove(&spec.walk);
        }
        drop(tables);
        Ok(Box::new(MemoryLoad { target: self.clone(), spec, outcomes: HashMap::new() }))
    }

    async fn wide_view(&self, _view: &WideView) -> Result<bool, Error> {
        Ok(false)
    }

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}

struct MemoryLoad {
    target: MemoryTarget,
    spec: LoadSpec,
    outcomes: HashMap<StreamName, Outcomes>,
}

impl Drop for MemoryLoad {
    fn drop(&mut self) {
        self.target.tables().loading.remove(&self.spec.walk);
    }
}

#[async_trait]
impl Load for MemoryLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut tables = self.target.tables();
        for page in pages {
            for part in &page.parts {
                *written.rows.entry(part.stream.clone()).or_default() += part.batch.len() as u64;
                let load = load_of(&self.spec, &part.stream);
                let outcomes = self.outcomes.entry(part.stream.clone()).or_default();
                let rows = rows_of(load, part, self.spec.started_at);
                if load.mode == LoadMode::MergeAsYouGo {
                    let table = tables.rows.entry(load.table.name.clone()).or_default();
                    outcomes.removed += drop_gone(load, part, &rows, table);
                    merge(rows, table, outcomes);
                } else {
                    let staged = tables.staged.entry(self.spec.walk.clone()).or_default();
                    staged.entry(part.stream.clone()).or_default().extend(rows);
                }
            }
            tables.walks.insert(self.spec.walk.clone(), page.position);
        }
        Ok(written)
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let mut tables = self.target.tables();
        let mut staged = tables.staged.remove(&self.spec.walk).unwrap_or_default();
        let mut reports = Vec::new();
        for load in &self.spec.tables {
            let outcomes = self.outcomes.entry(load.stream.clone()).or_default();
            let rows = staged.remove(&load.stream).unwrap_or_default();
            let table = tables.rows.entry(load.table.name.clone()).or_default();
            match load.mode {
                LoadMode::Replace | LoadMode::Truncate => {
                    outcomes.added = rows.len() as u64;
                    *table = rows;
                }
                LoadMode::MergeAtEnd => merge(rows, table, outcomes),
                LoadMode::MergeAsYouGo => {}
            }
            reports.push(TableReport::new(load.stream.clone(), *outcomes, table.len() as u64));
        }
        tables.walks.remove(&self.spec.walk);
        for (stream, cursor) in &closing.cursors {
            let known = tables.cursors.entry(stream.clone()).or_insert(*cursor);
            *known = (*known).max(*cursor);
        }
        drop(tables);
        Ok(reports)
    }
}

fn load_of<'a>(spec: &'a LoadSpec, stream: &StreamName) -> &'a TableLoad {
    spec.tables.iter().find(|load| load.stream == *stream).expect("a walk feeds only its streams")
}

/// The rows of a part by key, with the values of their columns.
fn rows_of(load: &TableLoad, part: &Part, started_at: Timestamp) -> Rows {
    part.batch
        .rows()
        .map(|(values, extra)| {
            let value = |origin: &Origin| match origin {
                Origin::Field(index) => values[*index].clone(),
                Origin::Extra => extra.map_or(Value::Null, |extra| Value::Json(extra.into())),
                Origin::ExtraMember
                | Origin::DeletedAt
                | Origin::SyncedOp
                | Origin::RunId
                | Origin::RowId
                | Origin::RowNumber
                | Origin::Record => Value::Null,
                Origin::LoadedAt | Origin::SyncedAt => Value::Timestamp(started_at),
                Origin::LoadedAtUnix => Value::Integer(started_at.as_second()),
            };
            let row: Vec<Value> = load.origins.iter().map(value).collect();
            let key: Vec<String> = load.table.key.iter().map(|&column| row[column].display()).collect();
            (key.join(","), row)
        })
        .collect()
}

/// Removes rows of the part's parents that are not on the page.
fn drop_gone(load: &TableLoad, part: &Part, rows: &Rows, table: &mut Rows) -> u64 {
    let Some(scope) = &part.scope else { return 0 };
    let Some(field) = part.batch.schema().index_of(&scope.field) else { return 0 };
    let Some(column) = load.origins.iter().position(|origin| *origin == Origin::Field(field)) else {
        return 0;
    };
    let before = table.len();
    table.retain(|key, row| {
        rows.contains_key(key)
            || !matches!(row[column], Value::Integer(parent) if scope.parents.contains(&parent))
    });
    (before - table.len()) as u64
}

fn merge(rows: Rows, table: &mut Rows, outcomes: &mut Outcomes) {
    for (key, row) in rows {
        match table.insert(key, row.clone()) {
            None => outcomes.added += 1,
            // The last column tells when the row was written.
            Some(before) if before[..before.len() - 1] == row[..row.len() - 1] => outcomes.same += 1,
            Some(_) => outcomes.changed += 1,
        }
    }
}
