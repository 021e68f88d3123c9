//! The tables a replication lands in, made of streams, tasks and defaults.

use std::collections::HashMap;

use achub_core::{
    Code, Column, Error, FieldType, Schema, SharedSchema, StreamName, Table,
    port::target::{LoadMode, Origin, TableLoad},
    schema::{ColumnRules, TableRules},
};

use crate::{
    naming::{self, Distinct},
    replication::{Casing, Landing, LoadedAt, Mode, Replication, Selected, StreamTask, Unknown},
    shape::Nesting,
};

/// The JSON column for members of a record without a declared field.
const EXTRA: &str = "_achub_extra";

/// How `task` lands: its table with columns, where their values come from, and what was asked of them. `schema` is that
/// of the records behind their shaping. How rows get there is settled with how they are read.
pub(crate) fn table_load(task: &StreamTask, schema: &Schema, landing: &Landing) -> Result<TableLoad, Error> {
    let casing = task.table_wish.casing.unwrap_or(landing.casing);
    let mut columns = Columns { distinct: Distinct::new(), columns: Vec::new(), origins: Vec::new() };
    for selected in selection(task, schema, landing) {
        let index =
            find(schema, &selected.field).ok_or_else(|| unknown_field(task, &selected.field, schema))?;
        let field = &schema.fields[index];
        let wanted = selected.column.unwrap_or_else(|| naming::column(&field.name, casing));
        columns.push(wanted, field.ty, Origin::Field(index));
        columns.rule(column_rules(task, &field.name));
    }
    if unknown(task, landing) == Unknown::OneColumn {
        columns.push(EXTRA.to_owned(), FieldType::Json, Origin::Extra);
    }
    system_columns(&mut columns, task, landing);
    let key = key_columns(task, schema, &columns)?;
    let rules = table_rules(task, schema, &columns)?;
    let table = Table {
        schema: task.schema.clone(),
        name: task.table.clone(),
        declare_key: landing.declare_key && !key.is_empty(),
        key,
        columns: columns.columns,
        comment: task.description.clone(),
        rules,
    };
    Ok(with_wishes(
        TableLoad::new(task.stream.clone(), table, columns.origins, LoadMode::Replace),
        task,
        landing,
    ))
}

/// Where members without a declared field go. What a file wants taken apart has no declared field, and whoever asks for it
/// asks for columns: in one JSON column it would be put together again.
fn unknown(task: &StreamTask, landing: &Landing) -> Unknown {
    match task.shaping.nesting {
        Nesting::Depth(_) => Unknown::OwnColumns,
        Nesting::AsJson | Nesting::WholeRecord => landing.unknown,
    }
}

fn with_wishes(load: TableLoad, task: &StreamTask, landing: &Landing) -> TableLoad {
    let wish = &task.table_wish;
    TableLoad {
        add_columns: unknown(task, landing) == Unknown::OwnColumns,
        evolution: wish.evolution.unwrap_or(landing.evolution),
        merge: wish.merge,
        staging: wish.staging.clone(),
        keep_staging: wish.keep_staging,
        direct: wish.direct,
        empty_table: landing.empty_tables || task.mode == Mode::DefinitionOnly,
        statements: wish.statements.clone(),
        ..load
    }
}

/// What was asked of the column of `field`: by name, else for all others.
fn column_rules(task: &StreamTask, field: &str) -> ColumnRules {
    let named = task.columns.iter().find(|wish| wish.field.eq_ignore_ascii_case(field));
    let wish = named.or_else(|| task.columns.iter().find(|wish| wish.field == "*"));
    wish.map(|wish| wish.rules.clone()).unwrap_or_default()
}

/// When the row was written, and whatever else task and landing add behind the stream's own fields.
fn system_columns(columns: &mut Columns, task: &StreamTask, landing: &Landing) {
    let own = &task.table_wish.system;
    let has = |wanted: Origin| own.iter().any(|(origin, _)| *origin == wanted);
    let of_landing = || landing.system.iter().filter(|(origin, _)| !has(*origin));
    let is_dated = own.iter().chain(of_landing()).any(|(origin, _)| is_loaded_at(*origin));
    // Rows of a snapshot can be told apart by nothing else.
    let always =
        (task.mode == Mode::Snapshot).then(|| LoadedAt { column: "_loaded_at".to_owned(), unix: false });
    if let Some(loaded_at) = landing.loaded_at.clone().or(always).filter(|_| !is_dated) {
        let origin = if loaded_at.unix { Origin::LoadedAtUnix } else { Origin::LoadedAt };
        columns.push(loaded_at.column, system_type(origin), origin);
    }
    for (origin, name) in own.iter().chain(of_landing()) {
        columns.push(name.clone(), system_type(*origin), *origin);
    }
}

fn is_loaded_at(origin: Origin) -> bool {
    matches!(origin, Origin::LoadedAt | Origin::LoadedAtUnix)
}

/// Keys and indexes by names of columns; a person may name the field instead.
fn table_rules(task: &StreamTask, schema: &Schema, columns: &Columns) -> Result<TableRules, Error> {
    let column = |name: &String| -> Result<String, Error> {
        let named = columns.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let of_field = || {
            let field = find(schema, name)?;
            let index = columns.origins.iter().position(|origin| *origin == Origin::Field(field))?;
            Some(&columns.columns[index])
        };
        match named.or_else(of_field) {
            Some(column) => Ok(column.name.clone()),
            None => {
                let known: Vec<&str> = columns.columns.iter().map(|column| column.name.as_str()).collect();
                let what = format!("stream {}: a key or index names {name}, which is no column", task.stream);
                Err(Error::new(Code::BadFile, what)
                    .with_hint(format!("the columns are {}", known.join(", "))))
            }
        }
    };
    let set = |names: &Vec<String>| names.iter().map(column).collect::<Result<Vec<_>, _>>();
    let sets = |sets: &[Vec<String>]| sets.iter().map(set).collect::<Result<Vec<_>, _>>();
    let rules = &task.table_wish.rules;
    Ok(TableRules {
        primary: rules.primary.as_ref().map(set).transpose()?,
        unique: sets(&rules.unique)?,
        indexes: sets(&rules.indexes)?,
        ddl: rules.ddl.clone(),
    })
}

fn system_type(origin: Origin) -> FieldType {
    match origin {
        Origin::LoadedAt | Origin::DeletedAt | Origin::SyncedAt => FieldType::Timestamp,
        Origin::LoadedAtUnix | Origin::RowNumber => FieldType::Integer,
        Origin::SyncedOp | Origin::RunId | Origin::RowId => FieldType::Text,
        Origin::Extra | Origin::Record => FieldType::Json,
        // A landing names no columns of these; their own column says what they are.
        Origin::Field(_) | Origin::ExtraMember => FieldType::Text,
    }
}

/// A stream's table and the shape of the records that land there.
pub(crate) struct Placement {
    pub(crate) load: TableLoad,
    pub(crate) schema: SharedSchema,
}

impl Placement {
    /// The column that gets the field called `name`, where it was selected.
    pub(crate) fn column(&self, name: &str) -> Option<&str> {
        self.column_index(name).map(|index| self.load.table.columns[index].name.as_str())
    }

    /// The index of that column.
    pub(crate) fn column_index(&self, name: &str) -> Option<usize> {
        let field = find(&self.schema, name)?;
        self.load.origins.iter().position(|origin| *origin == Origin::Field(field))
    }
}

/// Two tasks must not land in one table: the second would wipe out the first.
pub(crate) fn refuse_shared_tables(replication: &Replication) -> Result<(), Error> {
    let mut taken: HashMap<(Option<String>, String), &StreamName> = HashMap::new();
    for task in &replication.streams {
        let place = (task.schema.as_ref().map(|schema| schema.to_lowercase()), task.table.to_lowercase());
        if let Some(other) = taken.insert(place, &task.stream) {
            let message =
                format!("streams {other} and {} would both land in table {}", task.stream, task.table);
            return Err(Error::new(Code::BadTableName, message));
        }
    }
    Ok(())
}

struct Columns {
    distinct: Distinct,
    columns: Vec<Column>,
    origins: Vec<Origin>,
}

impl Columns {
    fn push(&mut self, wanted: String, ty: FieldType, origin: Origin) {
        self.columns.push(Column::new(self.distinct.name(wanted), ty));
        self.origins.push(origin);
    }

    /// Puts `rules` on the column that was pushed last.
    fn rule(&mut self, rules: ColumnRules) {
        if let Some(column) = self.columns.last_mut() {
            column.rules = rules;
        }
    }
}

fn selection(task: &StreamTask, schema: &Schema, landing: &Landing) -> Vec<Selected> {
    match &task.select {
        Some(selected) => selected.clone(),
        None => schema
            .fields
            .iter()
            .filter(|field| landing.noise || !field.noise)
            .map(|field| Selected { field: field.name.clone(), column: None })
            .collect(),
    }
}

/// The columns rows are merged by. None where rows are only ever added, or where a table that is made of nothing but the
/// rows of one read was asked for without its key: then the engine lets each record pass once.
fn key_columns(task: &StreamTask, schema: &Schema, columns: &Columns) -> Result<Vec<usize>, Error> {
    if task.mode == Mode::Snapshot {
        return Ok(Vec::new());
    }
    let fields: Vec<&str> = match &task.primary_key {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => schema.key.iter().map(|&index| schema.fields[index].name.as_str()).collect(),
    };
    let mut key = Vec::new();
    for name in fields {
        let field = find(schema, name).ok_or_else(|| unknown_field(task, name, schema))?;
        match columns.origins.iter().position(|origin| *origin == Origin::Field(field)) {
            Some(column) => key.push(column),
            None if matches!(task.mode, Mode::FullRefresh | Mode::Truncate | Mode::DefinitionOnly) => {
                return Ok(Vec::new());
            }
            None => return Err(key_not_selected(task, name)),
        }
    }
    Ok(key)
}

fn key_not_selected(task: &StreamTask, name: &str) -> Error {
    let message = format!("stream {}: the key field {name} is not among the selected fields", task.stream);
    Error::new(Code::BadFile, message).with_hint("select the key field too, or name another primary_key")
}

/// The index of a field named by a person: as it is spelled, else without regard to case, else by its snake-case form.
pub(crate) fn find(schema: &Schema, name: &str) -> Option<usize> {
    schema.index_of(name).or_else(|| {
        schema.fields.iter().position(|field| {
            field.name.eq_ignore_ascii_case(name) || naming::column(&field.name, Casing::Snake) == name
        })
    })
}

fn unknown_field(task: &StreamTask, name: &str, schema: &Schema) -> Error {
    let known: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    Error::new(Code::BadFile, format!("stream {} has no field {name}", task.stream))
        .with_hint(format!("its fields are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use achub_core::{Field, FieldType, Schema, StreamName, port::target::Origin};

    use super::table_load;
    use crate::{
        replication::{Landing, Mode, StreamTask},
        shape::Nesting,
    };

    /// What a file wants taken apart becomes columns under our own defaults too.
    #[test]
    fn flattened_members_become_columns_everywhere() {
        let field = Field { name: "id".to_owned(), ty: FieldType::Integer, noise: false };
        let schema = Schema { fields: vec![field], key: vec![0] };
        for (nesting, own_columns) in [(Nesting::AsJson, false), (Nesting::Depth(1), true)] {
            let mut task = StreamTask::new(StreamName::new("tags"), Mode::Incremental, "a test");
            task.shaping.nesting = nesting;

            let load = table_load(&task, &schema, &Landing::ours()).expect("a table");

            let has_extra = load.origins.contains(&Origin::Extra);
            assert_eq!((load.add_columns, has_extra), (own_columns, !own_columns), "{nesting:?}");
        }
    }
}
