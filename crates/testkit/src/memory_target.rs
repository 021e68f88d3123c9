//! A target in memory, for tests under virtual time: nothing in it waits.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use achub_core::{
    Code, Error, FieldType, Outcomes, ReplicationName, RunId, StreamName, Value, WalkName,
    port::{
        source::{Page, Part, Position},
        target::{
            Absence, AbsenceAction, Check, Checkpoints, Closing, Load, LoadMode, LoadSpec, Origin, TableLoad,
            TableReport, Tally, Target, TargetInfo, WideView, Written,
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
    checked: HashMap<StreamName, Timestamp>,
    /// For each table: the names of its columns.
    columns: HashMap<String, Vec<String>>,
    /// For each table: keys that a complete read missed, and the run that did.
    sightings: HashMap<String, BTreeMap<String, RunId>>,
    /// Streams of unfinished walks whose table held nothing when the walk began.
    began_empty: HashMap<WalkName, HashSet<StreamName>>,
    loading: HashSet<WalkName>,
}

/// Tables by name, rows by key; rows without a key replace each other. Clones share them.
///
/// Complete sets of children are looked at where rows are merged as the walk goes. Rows meet those of their key by [`MergeStrategy::Upsert`] whatever is asked; row ids, row numbers and whole records are
/// null.
///
/// [`MergeStrategy::Upsert`]: achub_core::port::target::MergeStrategy
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
            checked: tables.checked.clone(),
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
        for load in &spec.tables {
            let columns = load.table.columns.iter().map(|column| column.name.clone()).collect();
            tables.columns.insert(load.table.name.clone(), columns);
        }
        if !spec.resume {
            tables.staged.remove(&spec.walk);
            tables.walks.remove(&spec.walk);
            let is_empty =
                |load: &&TableLoad| tables.rows.get(&load.table.name).is_none_or(BTreeMap::is_empty);
            let empty = spec.tables.iter().filter(is_empty).map(|load| load.stream.clone()).collect();
            tables.began_empty.insert(spec.walk.clone(), empty);
        }
        drop(tables);
        Ok(Box::new(MemoryLoad { target: self.clone(), spec, outcomes: HashMap::new() }))
    }

    async fn wide_view(&self, _view: &WideView) -> Result<bool, Error> {
        Ok(false)
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        Ok(self.tables().tally(tally))
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
                let rows = rows_of(load, part, &self.spec);
                if load.mode == LoadMode::MergeAsYouGo {
                    tables.forget_shown(load, &rows);
                    let table = tables.rows.entry(load.table.name.clone()).or_default();
                    drop_gone(load, part, &rows, table, self.spec.started_at, outcomes);
                    merge(load, rows, table, outcomes);
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
        let began_empty = tables.began_empty.remove(&self.spec.walk).unwrap_or_default();
        let mut reports = Vec::new();
        for load in &self.spec.tables {
            let outcomes = self.outcomes.entry(load.stream.clone()).or_default();
            let rows = staged.remove(&load.stream).unwrap_or_default();
            let is_complete = closing.complete.contains(&load.stream);
            let check = match load.mode {
                LoadMode::Replace | LoadMode::Truncate => {
                    outcomes.added = rows.len() as u64;
                    tables.sightings.remove(&load.table.name);
                    tables.rows.insert(load.table.name.clone(), rows);
                    None
                }
                LoadMode::MergeAtEnd => tables.land(load, rows, &self.spec, is_complete, outcomes),
                LoadMode::MergeAsYouGo => {
                    (is_complete && began_empty.contains(&load.stream)).then(Check::default)
                }
            };
            let counts = load.mode != LoadMode::MergeAsYouGo || began_empty.contains(&load.stream);
            if is_complete && counts {
                tables.checked.insert(load.stream.clone(), self.spec.started_at);
            }
            let rows = tables.live(load);
            let mut report = TableReport::new(load.stream.clone(), *outcomes, rows);
            report.check = match check {
                Some(check) if load.mode == LoadMode::MergeAsYouGo => Some(Check { shown: rows, ..check }),
                check => check,
            };
            reports.push(report);
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

impl Tables {
    /// Merges the rows of a walk, and deals with what a complete read did not show.
    fn land(
        &mut self,
        load: &TableLoad,
        rows: Rows,
        spec: &LoadSpec,
        is_complete: bool,
        outcomes: &mut Outcomes,
    ) -> Option<Check> {
        let held = self.live(load);
        self.forget_shown(load, &rows);
        let shown: HashSet<String> = rows.keys().cloned().collect();
        let table = self.rows.entry(load.table.name.clone()).or_default();
        let drift = drift(load, &rows, table);
        merge(load, rows, table, outcomes);
        if !is_complete {
            return None;
        }
        let (missing, different) = drift;
        let mut check = Check { held, shown: shown.len() as u64, missing, different, ..Check::default() };
        let Some(absence) = &load.absence else { return Some(check) };
        check.guarded = is_guarded(absence, held, check.shown);
        if check.guarded {
            return Some(check);
        }
        let sightings = self.sightings.entry(load.table.name.clone()).or_default();
        let absent: Vec<String> = table
            .iter()
            .filter(|(key, row)| !shown.contains(*key) && !is_marked(load, row))
            .map(|(key, _)| key.clone())
            .collect();
        for key in absent {
            let first = sightings.entry(key.clone()).or_insert_with(|| spec.run.clone());
            if *first == spec.run {
                check.waiting += 1;
                outcomes.held += 1;
                continue;
            }
            check.gone += 1;
            if absence.action == AbsenceAction::Report {
                outcomes.held += 1;
            } else {
                sightings.remove(&key);
                outcomes.removed += 1;
                remove(load, absence.action, &key, table, spec.started_at);
            }
        }
        Some(check)
    }

    fn forget_shown(&mut self, load: &TableLoad, rows: &Rows) {
        if let Some(sightings) = self.sightings.get_mut(&load.table.name) {
            sightings.retain(|key, _| !rows.contains_key(key));
        }
    }

    fn live(&self, load: &TableLoad) -> u64 {
        let rows = self.rows.get(&load.table.name).into_iter().flat_map(Rows::values);
        rows.filter(|row| !is_marked(load, row)).count() as u64
    }

    fn tally(&self, tally: &Tally) -> Option<HashMap<String, u64>> {
        let (rows, columns) = (self.rows.get(&tally.table)?, self.columns.get(&tally.table)?);
        let place = |name: &String| columns.iter().position(|column| column == name);
        let equals = match &tally.equals {
            Some((column, value)) => Some((place(column)?, *value)),
            None => None,
        };
        let null = tally.null.as_ref().map(place);
        let by = tally.by.as_ref().map(place);
        if null == Some(None) || by == Some(None) {
            return None;
        }
        let (null, by) = (null.flatten(), by.flatten());
        let mut counts = HashMap::new();
        if by.is_none() {
            counts.insert(String::new(), 0);
        }
        for row in rows.values() {
            let is_counted = equals.is_none_or(|(column, value)| row[column] == Value::Integer(value))
                && null.is_none_or(|column| row[column].is_null())
                && by.is_none_or(|column| !row[column].is_null());
            if is_counted {
                *counts.entry(by.map_or_else(String::new, |column| row[column].display())).or_insert(0) += 1;
            }
        }
        Some(counts)
    }
}

fn load_of<'a>(spec: &'a LoadSpec, stream: &StreamName) -> &'a TableLoad {
    spec.tables.iter().find(|load| load.stream == *stream).expect("a walk feeds only its streams")
}

/// As [`Absence::floor_percent`] says.
fn is_guarded(absence: &Absence, held: u64, shown: u64) -> bool {
    let floor = u64::from(absence.floor_percent);
    floor > 0 && (held > 0 && shown == 0 || held >= Absence::SMALL && shown * 100 < held * floor)
}

fn column_of(load: &TableLoad, origin: Origin) -> Option<usize> {
    load.origins.iter().position(|known| *known == origin)
}

fn is_marked(load: &TableLoad, row: &[Value]) -> bool {
    match (column_of(load, Origin::DeletedAt), column_of(load, Origin::SyncedOp)) {
        (Some(column), _) => !row[column].is_null(),
        (None, Some(column)) => row[column] == Value::text("D"),
        (None, None) => false,
    }
}

/// Marks or deletes a row.
fn remove(load: &TableLoad, action: AbsenceAction, key: &str, table: &mut Rows, at: Timestamp) {
    if action == AbsenceAction::Delete {
        table.remove(key);
        return;
    }
    let Some(row) = table.get_mut(key) else { return };
    let marks = [
        (Origin::DeletedAt, Value::Timestamp(at)),
        (Origin::SyncedAt, Value::Timestamp(at)),
        (Origin::SyncedOp, Value::text("D")),
    ];
    for (origin, value) in marks {
        if let Some(column) = column_of(load, origin) {
            row[column] = value;
        }
    }
}

/// Rows that are new, and that differ, though an earlier run should have landed them.
fn drift(load: &TableLoad, rows: &Rows, table: &Rows) -> (u64, u64) {
    let Some((column, since)) = load.due_since else { return (0, 0) };
    let late = |row: &[Value]| !matches!(row[column], Value::Timestamp(at) if at >= since);
    let late = rows.iter().filter(|(_, row)| late(row));
    let (mut missing, mut different) = (0, 0);
    for (key, row) in late {
        match table.get(key) {
            None => missing += 1,
            Some(before) if differs(load, before, row) => different += 1,
            Some(_) => {}
        }
    }
    (missing, different)
}

/// Whether a row holds something else, or loses its mark; what tells when it was written is no difference.
fn differs(load: &TableLoad, before: &[Value], row: &[Value]) -> bool {
    let is_content = |origin: &Origin| {
        matches!(origin, Origin::Field(_) | Origin::Extra | Origin::ExtraMember | Origin::Record)
    };
    let values = load.origins.iter().zip(before.iter().zip(row));
    is_marked(load, before) || values.into_iter().any(|(origin, (old, new))| is_content(origin) && old != new)
}

/// The rows of a part by key, with the values of their columns.
fn rows_of(load: &TableLoad, part: &Part, spec: &LoadSpec) -> Rows {
    part.batch
        .rows()
        .map(|(values, extra)| {
            let value = |origin: &Origin| match origin {
                Origin::Field(index) => values[*index].clone(),
                Origin::Extra => extra.map_or(Value::Null, |extra| Value::Json(extra.into())),
                Origin::ExtraMember
                | Origin::DeletedAt
                | Origin::RowId
                | Origin::RowNumber
                | Origin::Record => Value::Null,
                Origin::LoadedAt | Origin::SyncedAt => Value::Timestamp(spec.started_at),
                Origin::LoadedAtUnix => Value::Integer(spec.started_at.as_second()),
                Origin::SyncedOp => Value::text("I"),
                Origin::RunId => Value::text(spec.run.as_str()),
            };
            let row: Vec<Value> = load.origins.iter().map(value).collect();
            let key: Vec<String> = load.table.key.iter().map(|&column| row[column].display()).collect();
            (key.join(","), row)
        })
        .collect()
}

/// Deals with rows of the part's parents that are not on the page.
fn drop_gone(
    load: &TableLoad,
    part: &Part,
    rows: &Rows,
    table: &mut Rows,
    at: Timestamp,
    outcomes: &mut Outcomes,
) {
    let Some(scope) = &part.scope else { return };
    let field = part.batch.schema().index_of(&scope.field);
    let Some(column) = field.and_then(|field| column_of(load, Origin::Field(field))) else { return };
    let action = load.absence.as_ref().map_or(AbsenceAction::Delete, |absence| absence.action);
    let is_gone = |(key, row): &(&String, &Vec<Value>)| {
        let of_parent = matches!(row[column], Value::Integer(parent) if scope.parents.contains(&parent));
        of_parent && !rows.contains_key(*key) && (action == AbsenceAction::Delete || !is_marked(load, row))
    };
    let gone: Vec<String> = table.iter().filter(is_gone).map(|(key, _)| key.clone()).collect();
    if action == AbsenceAction::Report {
        outcomes.held += gone.len() as u64;
        return;
    }
    outcomes.removed += gone.len() as u64;
    gone.iter().for_each(|key| remove(load, action, key, table, at));
}

fn merge(load: &TableLoad, rows: Rows, table: &mut Rows, outcomes: &mut Outcomes) {
    for (key, mut row) in rows {
        match table.get(&key) {
            None => outcomes.added += 1,
            Some(before) if !differs(load, before, &row) => {
                outcomes.same += 1;
                continue;
            }
            Some(_) => {
                outcomes.changed += 1;
                if let Some(column) = column_of(load, Origin::SyncedOp) {
                    row[column] = Value::text("U");
                }
            }
        }
        table.insert(key, row);
    }
}
