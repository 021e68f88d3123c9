//! The tables a replication lands in, made of streams, tasks and defaults.

use std::collections::HashMap;

use achub_core::{
    Code, Column, Error, FieldType, Schema, SharedSchema, StreamName, Table,
    port::target::{LoadMode, Origin, TableLoad},
};

use crate::{
    naming::{self, Distinct},
    replication::{Casing, Landing, Mode, Replication, Selected, StreamTask, Unknown},
};

/// The JSON column for members of a record without a declared field.
const EXTRA: &str = "_achub_extra";

/// How `task` lands: its table with columns, where their values come from, and how rows get there.
pub(crate) fn table_load(task: &StreamTask, schema: &Schema, landing: &Landing) -> Result<TableLoad, Error> {
    let mut columns = Columns { distinct: Distinct::new(), columns: Vec::new(), origins: Vec::new() };
    for selected in selection(task, schema, landing) {
        let index =
            find(schema, &selected.field).ok_or_else(|| unknown_field(task, &selected.field, schema))?;
        let wanted =
            selected.column.unwrap_or_else(|| naming::column(&schema.fields[index].name, landing.casing));
        columns.push(wanted, schema.fields[index].ty, Origin::Field(index));
    }
    if landing.unknown == Unknown::OneColumn {
        columns.push(EXTRA.to_owned(), FieldType::Json, Origin::Extra);
    }
    if let Some(loaded_at) = &landing.loaded_at {
        let (ty, origin) = if loaded_at.unix {
            (FieldType::Integer, Origin::LoadedAtUnix)
        } else {
            (FieldType::Timestamp, Origin::LoadedAt)
        };
        columns.push(loaded_at.column.clone(), ty, origin);
    }
    let key = key_columns(task, schema, &columns)?;
    let table = Table {
        schema: task.schema.clone(),
        name: task.table.clone(),
        declare_key: landing.declare_key && !key.is_empty(),
        key,
        columns: columns.columns,
        comment: task.description.clone(),
        rules: task.table_wish.rules.clone(),
    };
    let load = TableLoad::new(task.stream.clone(), table, columns.origins, load_mode(task.mode, landing));
    Ok(TableLoad { add_columns: landing.unknown == Unknown::OwnColumns, ..load })
}

/// A stream and where it lands.
pub(crate) struct Placed {
    pub(crate) load: TableLoad,
    pub(crate) schema: SharedSchema,
}

impl Placed {
    /// The column that gets the field called `name`, where it was selected.
    pub(crate) fn column(&self, name: &str) -> Option<&str> {
        let field = find(&self.schema, name)?;
        let column = self.load.origins.iter().position(|origin| *origin == Origin::Field(field))?;
        Some(&self.load.table.columns[column].name)
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

fn key_columns(task: &StreamTask, schema: &Schema, columns: &Columns) -> Result<Vec<usize>, Error> {
    let fields: Vec<&str> = match &task.primary_key {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => schema.key.iter().map(|&index| schema.fields[index].name.as_str()).collect(),
    };
    fields
        .iter()
        .map(|name| {
            let field = find(schema, name).ok_or_else(|| unknown_field(task, name, schema))?;
            columns.origins.iter().position(|origin| *origin == Origin::Field(field)).ok_or_else(|| {
                let message =
                    format!("stream {}: the key field {name} is not among the selected fields", task.stream);
                Error::new(Code::BadFile, message)
                    .with_hint("select the key field too, or name another primary_key")
            })
        })
        .collect()
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

fn load_mode(mode: Mode, landing: &Landing) -> LoadMode {
    match mode {
        Mode::FullRefresh | Mode::DefinitionOnly => LoadMode::Replace,
        Mode::Truncate => LoadMode::Truncate,
        Mode::Incremental if landing.as_you_go => LoadMode::MergeAsYouGo,
        Mode::Incremental | Mode::Snapshot | Mode::Backfill => LoadMode::MergeAtEnd,
    }
}
