//! How one stream's columns meet the table that is there.

use achub_core::{
    Code, Error, FieldType,
    port::target::{LoadMode, TableLoad},
};

use crate::{
    landing::CellSource,
    sql::{
        Fit, Session, Shape, TableName,
        quote::{self, quoted},
        session::Moving,
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
    /// The type a column made for it gets.
    pub(crate) declared: FieldType,
    pub(crate) source: CellSource,
    pub(crate) fit: Fit,
}

impl PlannedColumn {
    /// Its value in the staging table called `alias`, as the table holds it.
    pub(crate) fn moved(&self, alias: &str) -> String {
        let column = format!("{alias}.{}", quoted(&self.name));
        match &self.fit.moving {
            Moving::AsIs => column,
            Moving::Cast(ty) => format!("CAST({column} AS {ty})"),
            Moving::DropZone => format!("({column} AT TIME ZONE 'UTC')"),
        }
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
}

impl TablePlan {
    /// Plans a table. `shape`: the table that is there. `scratch`: names the temporary tables of this load.
    pub(crate) fn new<S: Session>(
        session: &S,
        load: &TableLoad,
        table: TableName,
        shape: Option<&Shape>,
        scratch: &str,
    ) -> Result<TablePlan, Error> {
        let columns = (0..load.table.columns.len())
            .map(|index| {
                let column = &load.table.columns[index];
                planned::<S>(&column.name, column.ty, CellSource::of(load, index), shape)
            })
            .collect();
        let (staging, parents) = if load.mode == LoadMode::MergeAsYouGo {
            (session.temporary(scratch), session.temporary(&format!("{scratch}_parents")))
        } else {
            // `_tmp` and `_tmp_parents` must fit behind the name, and both must belong to this table alone.
            let stem = quote::cut(&table.name, S::NAME_BYTES_MAX - "_tmp_parents".len());
            (table.beside(format!("{stem}_tmp")), table.beside(format!("{stem}_tmp_parents")))
        };
        Ok(TablePlan { load: load.clone(), table, staging, parents, columns })
    }

    pub(crate) fn as_you_go(&self) -> bool {
        self.load.mode == LoadMode::MergeAsYouGo
    }

    /// The columns by which rows are merged, in key order.
    pub(crate) fn key(&self) -> impl Iterator<Item = &PlannedColumn> {
        self.load.table.key.iter().map(|&index| &self.columns[index])
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
        let name = self.free_name::<S>(member);
        self.columns.push(planned::<S>(&name, ty, CellSource::Member(member.to_owned()), shape));
    }

    fn free_name<S: Session>(&self, member: &str) -> String {
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

fn planned<S: Session>(
    name: &str,
    declared: FieldType,
    source: CellSource,
    shape: Option<&Shape>,
) -> PlannedColumn {
    let actual = shape.and_then(|shape| actual_type::<S>(shape, name));
    let fit = actual.map_or_else(|| Fit::exact(declared), |actual| S::fit(declared, actual));
    PlannedColumn { name: name.to_owned(), declared, source, fit }
}

/// The type of a column that is there.
pub(crate) fn actual_type<'a, S: Session>(shape: &'a Shape, name: &str) -> Option<&'a str> {
    let found = shape
        .columns
        .iter()
        .find(|(column, _)| if S::CASE_FOLDS { column.eq_ignore_ascii_case(name) } else { column == name });
    found.map(|(_, ty)| ty.as_str())
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

/// Refuses a table that rows cannot be merged into.
pub(crate) fn check_table<S: Session>(plan: &TablePlan, shape: &Shape) -> Result<(), Error> {
    if !shape.is_table {
        return Err(Error::new(Code::TableChanged, format!("{} is there and is not a table", plan.table))
            .with_hint("rename it, or choose another object"));
    }
    let merges = matches!(plan.load.mode, LoadMode::MergeAsYouGo | LoadMode::MergeAtEnd);
    if !merges || !plan.load.table.declare_key {
        return Ok(());
    }
    let fold = |name: &str| if S::CASE_FOLDS { name.to_ascii_lowercase() } else { name.to_owned() };
    let mut wanted: Vec<String> = plan.key().map(|column| fold(&column.name)).collect();
    wanted.sort();
    let has_key = shape.unique.iter().any(|unique| {
        let mut unique: Vec<String> = unique.iter().map(|name| fold(name)).collect();
        unique.sort();
        unique == wanted
    });
    if has_key {
        return Ok(());
    }
    let key: Vec<&str> = plan.key().map(|column| column.name.as_str()).collect();
    Err(Error::new(
        Code::TableChanged,
        format!("table {} has no unique key ({})", plan.table, key.join(", ")),
    )
    .with_hint("make that key unique, rename the table, or run with mode full-refresh"))
}
