//! How one stream's columns meet the table that is there.

use std::collections::BTreeSet;

use achub_core::{
    Code, Column, Error, FieldType,
    port::target::{AbsenceAction, Evolution, LoadMode, MergeStrategy, Origin, TableLoad},
    schema::ColumnRules,
};

use jiff::Timestamp;

use crate::{
    landing::CellSource,
    sql::{
        Fit, Session, Shape, TableName, making,
        quote::{self, quoted},
    },
};

/// The staging column that says in which order rows came; the last version of a key has the highest.
pub(crate) const SEQ: &str = "_achub_seq";

/// The staging column that says that an earlier commit of the same walk already counted the record.
pub(crate) const REPEAT: &str = "_achub_repeat";

/// One column on its way.
#[derive(Debug, Clone)]
pub(crate) struct PlannedColumn {
    pub(crate) name: String,
    /// The kind of its values.
    pub(crate) declared: FieldType,
    /// The type it gets where it is made or widened.
    pub(crate) wanted: String,
    /// What a person asked of it.
    pub(crate) rules: ColumnRules,
    pub(crate) source: CellSource,
    pub(crate) fit: Fit,
}

impl PlannedColumn {
    /// A column of the table `shape`, where there is one.
    fn new<S: Session>(
        column: &Column,
        source: CellSource,
        shape: Option<&Shape>,
        evolution: Evolution,
    ) -> PlannedColumn {
        let (ty, storage) = (column.ty, column.rules.storage);
        let wanted = S::column_type(ty, storage);
        let actual = shape.and_then(|shape| actual_type::<S>(shape, &column.name));
        let fit = match actual {
            Some(actual) if evolution == Evolution::AddAndWiden && S::can_widen(actual, &wanted) => {
                S::fit(ty, &wanted)
            }
            Some(actual) => S::fit(ty, actual),
            None if storage.is_some() => S::fit(ty, &wanted),
            None => Fit::exact(ty),
        };
        let (name, rules) = (column.name.clone(), column.rules.clone());
        PlannedColumn { name, declared: ty, wanted, rules, source, fit }
    }

    /// A text as the table holds it.
    pub(crate) fn constant(&self, text: &str) -> String {
        self.fit.moving.apply(&quote::text_constant(text))
    }

    /// An instant as the table holds it.
    pub(crate) fn instant<S: Session>(&self, instant: Timestamp) -> String {
        match self.fit.kind {
            FieldType::Timestamp => self.fit.moving.apply(&S::moment(instant)),
            FieldType::Integer => self.fit.moving.apply(&instant.as_second().to_string()),
            _ => self.constant(&instant.to_string()),
        }
    }

    /// Its value in the staging table called `alias`, as the table holds it.
    pub(crate) fn moved(&self, alias: &str) -> String {
        self.fit.moving.apply(&format!("{alias}.{}", quoted(&self.name)))
    }
}

/// One table of a walk: where it lies, where its rows are collected, and its columns.
#[derive(Debug, Clone)]
pub(crate) struct TablePlan {
    pub(crate) load: TableLoad,
    pub(crate) table: TableName,
    /// Where rows wait: beside the table for what is moved at the end, a temporary table for what is merged at once.
    pub(crate) staging: TableName,
    /// Where the parents of complete sets of children wait.
    pub(crate) parents: TableName,
    pub(crate) columns: Vec<PlannedColumn>,
    /// Indexes into `columns` by which rows are merged.
    pub(crate) key: Vec<usize>,
    /// Columns the table lacks and may not get.
    pub(crate) left_out: Vec<String>,
}

impl TablePlan {
    /// Plans a table. `shape`: the table that is there. `scratch`: names the temporary tables of this load.
    ///
    /// Errors: `DB-104` where the table lacks a column of the key and may not get it.
    pub(crate) fn new<S: Session>(
        session: &S,
        load: &TableLoad,
        table: TableName,
        shape: Option<&Shape>,
        scratch: &str,
    ) -> Result<TablePlan, Error> {
        let (staging, parents) = waiting_places(session, load, &table, scratch);
        let (key, left_out) = (Vec::new(), Vec::new());
        let mut plan =
            TablePlan { load: load.clone(), table, staging, parents, columns: Vec::new(), key, left_out };
        let mut places = Vec::with_capacity(load.table.columns.len());
        for (index, column) in load.table.columns.iter().enumerate() {
            let is_lacking = shape.is_some_and(|shape| actual_type::<S>(shape, &column.name).is_none());
            if is_lacking && load.evolution == Evolution::Keep {
                plan.left_out.push(column.name.clone());
                places.push(None);
                continue;
            }
            places.push(Some(plan.columns.len()));
            let source = CellSource::of(load, index);
            plan.columns.push(PlannedColumn::new::<S>(column, source, shape, load.evolution));
        }
        let key: Option<Vec<usize>> = load.table.key.iter().map(|&index| places[index]).collect();
        plan.key = key.ok_or_else(|| plan.lacks_key())?;
        Ok(plan)
    }

    fn lacks_key(&self) -> Error {
        let message = format!("table {} lacks a column of the key, and none may be added", self.table);
        Error::new(Code::TableChanged, message).with_hint("allow columns to be added, or rename the table")
    }

    /// Whether rows go into the table with every commit. Rows that are appended directly do so in the same way: their
    /// staging table is a temporary one.
    pub(crate) fn as_you_go(&self) -> bool {
        appends_directly(&self.load) || self.load.mode == LoadMode::MergeAsYouGo
    }

    /// Whether the key is, or becomes, a unique one of the table.
    pub(crate) fn has_unique_key(&self) -> bool {
        self.load.table.declare_key && !self.key.is_empty() && self.load.merge != MergeStrategy::History
    }

    /// Whether rows are added without a look at those that are there.
    pub(crate) fn appends(&self) -> bool {
        self.key.is_empty() || matches!(self.load.mode, LoadMode::Replace | LoadMode::Truncate)
    }

    /// The columns by which rows are merged, in key order.
    pub(crate) fn key(&self) -> impl Iterator<Item = &PlannedColumn> {
        self.key.iter().map(|&index| &self.columns[index])
    }

    /// The column with cells of this source.
    pub(crate) fn column_of(&self, source: &CellSource) -> Option<&PlannedColumn> {
        self.columns.iter().find(|column| column.source == *source)
    }

    /// Whether some column holds a single member, so that extra objects have to be taken apart.
    pub(crate) fn wants_members(&self) -> bool {
        self.load.add_columns
            || self.columns.iter().any(|column| matches!(column.source, CellSource::Member(_)))
    }

    /// Whether some column holds this member.
    pub(crate) fn has_member(&self, member: &str) -> bool {
        self.columns.iter().any(|column| matches!(&column.source, CellSource::Member(key) if key == member))
    }

    /// The column with the value of the field of this index, where it was selected.
    pub(crate) fn column_of_field(&self, field: usize) -> Option<usize> {
        self.columns.iter().position(|column| column.source == CellSource::Field(field))
    }

    /// Adds a column for a member that has none yet. The name is the member's own, unless another column has it.
    pub(crate) fn add_member<S: Session>(&mut self, member: &str, ty: FieldType, shape: Option<&Shape>) {
        let column = Column::new(self.free_name::<S>(member), ty);
        let source = CellSource::Member(member.to_owned());
        self.columns.push(PlannedColumn::new::<S>(&column, source, shape, self.load.evolution));
    }

    /// The name a column for this member gets.
    pub(crate) fn free_name<S: Session>(&self, member: &str) -> String {
        let same = |one: &str, other: &str| {
            if S::CASE_FOLDS { one.eq_ignore_ascii_case(other) } else { one == other }
        };
        let base = member.replace('\0', "\u{fffd}");
        let base = if base.is_empty() { "_".to_owned() } else { base };
        let candidates = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}_{n}")));
        candidates
            .map(|name| quote::cut(&name, S::NAME_BYTES_MAX))
            .find(|name| {
                let taken = self.columns.iter().any(|column| same(&column.name, name));
                !taken && !same(name, SEQ) && !same(name, REPEAT)
            })
            .expect("one of endlessly many names is free")
    }
}

/// Whether rows are appended without a staging table.
fn appends_directly(load: &TableLoad) -> bool {
    load.direct && load.table.key.is_empty() && load.mode == LoadMode::MergeAtEnd
}

/// Where rows and parents wait.
fn waiting_places<S: Session>(
    session: &S,
    load: &TableLoad,
    table: &TableName,
    scratch: &str,
) -> (TableName, TableName) {
    if load.mode == LoadMode::MergeAsYouGo || appends_directly(load) {
        return (session.temporary(scratch), session.temporary(&format!("{scratch}_parents")));
    }
    // `_tmp` and `_tmp_parents` must fit behind the name, and both must belong to this table alone.
    let stem = quote::cut(&table.name, S::NAME_BYTES_MAX - "_tmp_parents".len());
    let staging = match load.staging.as_deref().map(|name| name.split_once('.').unwrap_or(("", name))) {
        None => table.beside(format!("{stem}_tmp")),
        Some(("", name)) => table.beside(name),
        Some((schema, name)) => session.own_place(Some(schema), name),
    };
    (staging, table.beside(format!("{stem}_tmp_parents")))
}

/// The type of a column that is there.
pub(crate) fn actual_type<'a, S: Session>(shape: &'a Shape, name: &str) -> Option<&'a str> {
    let found = shape.columns.iter().find(|(column, _)| is_same_name::<S>(column, name));
    found.map(|(_, ty)| ty.as_str())
}

/// Whether the load has a column of this name.
pub(crate) fn writes<S: Session>(load: &TableLoad, name: &str) -> bool {
    load.table.columns.iter().any(|column| is_same_name::<S>(&column.name, name))
}

fn is_same_name<S: Session>(one: &str, other: &str) -> bool {
    if S::CASE_FOLDS { one.eq_ignore_ascii_case(other) } else { one == other }
}

/// Refuses names the database would cut or not take, before anything is done.
pub(crate) fn check_names<S: Session>(table: &TableName, load: &TableLoad) -> Result<(), Error> {
    let schema = table.schema.iter().map(|name| ("schema", name));
    let columns = load.table.columns.iter().map(|column| ("column", &column.name));
    for (what, name) in schema.chain([("table", &table.name)]).chain(columns) {
        let fault = if name.is_empty() {
            "is empty".to_owned()
        } else if name.contains('\0') {
            "contains a NUL character".to_owned()
        } else if name.len() > S::NAME_BYTES_MAX {
            format!("has {} bytes, {} are allowed", name.len(), S::NAME_BYTES_MAX)
        } else {
            continue;
        };
        let message = format!("stream {}: the {what} name {name:?} {fault}", load.stream);
        return Err(Error::new(Code::BadTableName, message).with_hint("choose another name"));
    }
    Ok(())
}

/// Refuses what cannot be done with the columns there are.
pub(crate) fn check_demands(load: &TableLoad) -> Result<(), Error> {
    let lacks = |origins: &[Origin]| origins.iter().all(|origin| load.column_of(*origin).is_none());
    let marks = load.absence.as_ref().is_some_and(|absence| absence.action == AbsenceAction::Mark);
    let fault = if marks && lacks(&[Origin::DeletedAt, Origin::SyncedOp]) {
        "rows that are gone are to be marked, and no column takes the mark"
    } else if load.merge == MergeStrategy::History && lacks(&[Origin::LoadedAt, Origin::LoadedAtUnix]) {
        "every version is to be kept, and no column tells which is the newest"
    } else {
        return making::check_rules(load);
    };
    Err(Error::new(Code::BadFile, format!("stream {}: {fault}", load.stream))
        .with_hint("add the system column that is missing"))
}

/// Refuses a table that rows cannot be merged into.
pub(crate) fn check_table<S: Session>(plan: &TablePlan, shape: &Shape) -> Result<(), Error> {
    if !shape.is_table {
        return Err(Error::new(Code::TableChanged, format!("{} is there and is not a table", plan.table))
            .with_hint("rename it, or choose another object"));
    }
    if plan.appends() {
        return Ok(());
    }
    let has_key = has_unique::<S>(shape, plan.key().map(|column| column.name.as_str()));
    let key = || plan.key().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    if plan.has_unique_key() && !has_key {
        let message = format!("table {} has no unique key ({})", plan.table, key());
        return Err(Error::new(Code::TableChanged, message)
            .with_hint("make that key unique, rename the table, or run with mode full-refresh"));
    }
    if plan.load.merge == MergeStrategy::History && has_key {
        let message = format!("table {} cannot keep several versions: ({}) is unique", plan.table, key());
        return Err(Error::new(Code::TableChanged, message)
            .with_hint("drop that key, rename the table, or choose another merge strategy"));
    }
    Ok(())
}

/// Whether this set of columns is unique in the table.
pub(crate) fn has_unique<'a, S: Session>(shape: &Shape, columns: impl Iterator<Item = &'a str>) -> bool {
    let fold = |name: &str| if S::CASE_FOLDS { name.to_ascii_lowercase() } else { name.to_owned() };
    let wanted: BTreeSet<String> = columns.map(fold).collect();
    shape.unique.iter().any(|unique| unique.iter().map(|name| fold(name)).collect::<BTreeSet<_>>() == wanted)
}
