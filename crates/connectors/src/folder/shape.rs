//! How the columns a load wants meet those that are there.

use std::collections::BTreeSet;

use achub_core::{
    Code, Column, Error, FieldType,
    port::target::{Difference, DifferenceKind, Evolution, LoadMode, TableLoad},
};

use crate::landing::CellSource;

/// One column on its way.
#[derive(Debug, Clone)]
pub(crate) struct LoadColumn {
    /// Its name, and the type its values are stored as.
    pub(crate) column: Column,
    pub(crate) source: CellSource,
}

/// The columns of one load.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Those that are written, in the order in which rows are collected.
    pub(crate) columns: Vec<LoadColumn>,
    /// Indexes into `columns` of the key.
    pub(crate) key: Vec<usize>,
    /// Those that would be written if columns could be added.
    pub(crate) left_out: BTreeSet<String>,
    /// The table as it is; `None` where there is none, or it is made again.
    there: Option<Vec<Column>>,
    evolution: Evolution,
    table: String,
}

impl Shape {
    /// The columns of `load` where the table has the columns `there`.
    ///
    /// Errors: `DB-106` where they differ and may not, or the key has no column.
    pub(crate) fn of(load: &TableLoad, there: Option<Vec<Column>>) -> Result<Shape, Error> {
        let there = there.filter(|_| load.mode != LoadMode::Replace);
        let mut shape = Shape {
            columns: Vec::new(),
            key: Vec::new(),
            left_out: BTreeSet::new(),
            there,
            evolution: load.evolution,
            table: load.table.full_name(),
        };
        let mut differences = shape.differences(load);
        // Columns that nothing writes do no harm.
        differences.retain(|difference| difference.kind != DifferenceKind::Unused);
        if load.evolution == Evolution::Stop && !differences.is_empty() {
            return Err(differ(&shape.table, &differences));
        }
        for (index, column) in load.table.columns.iter().enumerate() {
            shape.add(column.clone(), CellSource::of(load, index))?;
        }
        for &index in &load.table.key {
            let name = &load.table.columns[index].name;
            let place = shape.columns.iter().position(|known| known.column.name == *name);
            shape.key.push(place.ok_or_else(|| {
                let message = format!("table {} has no column {name}, the key", shape.table);
                Error::new(Code::ColumnsDiffer, message)
            })?);
        }
        Ok(shape)
    }

    /// How the table differs from what `load` wants.
    pub(crate) fn differences(&self, load: &TableLoad) -> Vec<Difference> {
        let Some(there) = &self.there else { return Vec::new() };
        let mut kinds: Vec<(String, DifferenceKind)> = Vec::new();
        for column in &load.table.columns {
            let wanted = column.ty.name().to_owned();
            match there.iter().find(|known| known.name == column.name) {
                None => kinds.push((column.name.clone(), DifferenceKind::Missing { wanted })),
                Some(known) if known.ty != column.ty => {
                    let (actual, can_widen) = (known.ty.name().to_owned(), can_widen(known.ty, column.ty));
                    kinds.push((column.name.clone(), DifferenceKind::Type { actual, wanted, can_widen }));
                }
                Some(_) => {}
            }
        }
        // Where members become columns, which ones are written shows itself later.
        let unused =
            there.iter().filter(|known| !load.add_columns && load.table.index_of(&known.name).is_none());
        kinds.extend(unused.map(|known| (known.name.clone(), DifferenceKind::Unused)));
        let difference = |(column, kind)| Difference { table: self.table.clone(), column, kind };
        kinds.into_iter().map(difference).collect()
    }

    /// Whether a member of what records carry beyond their schema has a column, or was left out before.
    pub(crate) fn knows_member(&self, member: &str) -> bool {
        let source = CellSource::Member(member.to_owned());
        self.left_out.contains(member) || self.columns.iter().any(|known| known.source == source)
    }

    /// Adds a column for a member. Its name is the member's own, unless another column has it: readers of these files do
    /// not tell apart names that differ in case only.
    ///
    /// Errors: `DB-106` where the table lacks it and may not get it.
    pub(crate) fn add_member(&mut self, member: &str, ty: FieldType) -> Result<(), Error> {
        let taken: BTreeSet<String> =
            self.columns.iter().map(|known| known.column.name.to_lowercase()).collect();
        let others = (2..).map(|number| format!("{member}_{number}"));
        let mut names = std::iter::once(member.to_owned()).chain(others);
        let name = names.find(|name| !taken.contains(&name.to_lowercase()));
        let name = name.expect("one of endlessly many names is free");
        if self.lacks(&name) && self.evolution == Evolution::Keep {
            self.left_out.insert(member.to_owned());
            return Ok(());
        }
        self.add(Column::new(name, ty), CellSource::Member(member.to_owned()))
    }

    fn lacks(&self, name: &str) -> bool {
        self.there.as_ref().is_some_and(|there| !there.iter().any(|known| known.name == name))
    }

    fn add(&mut self, mut column: Column, source: CellSource) -> Result<(), Error> {
        if self.lacks(&column.name) {
            match self.evolution {
                Evolution::Add | Evolution::AddAndWiden => {}
                Evolution::Keep => {
                    self.left_out.insert(column.name);
                    return Ok(());
                }
                Evolution::Stop => {
                    let kind = DifferenceKind::Missing { wanted: column.ty.name().to_owned() };
                    let table = self.table.clone();
                    return Err(differ(&self.table, &[Difference { table, column: column.name, kind }]));
                }
            }
        }
        let known = self.there.iter().flatten().find(|known| known.name == column.name);
        if let Some(known) = known {
            let widens = self.evolution == Evolution::AddAndWiden && can_widen(known.ty, column.ty);
            column.ty = if widens { column.ty } else { known.ty };
        }
        self.columns.push(LoadColumn { column, source });
        Ok(())
    }

    /// Whether there was a table to land in when the walk began.
    pub(crate) fn expects_table(&self) -> bool {
        self.there.is_some()
    }

    /// The columns the table has afterwards: those that were there, then new ones.
    pub(crate) fn merged_with(&self, there: Option<&[Column]>) -> Vec<Column> {
        let there = there.filter(|_| self.there.is_some()).unwrap_or_default();
        let mut columns = there.to_vec();
        for LoadColumn { column, .. } in &self.columns {
            match columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => known.ty = column.ty,
                None => columns.push(Column::new(&column.name, column.ty)),
            }
        }
        columns
    }

    /// Columns and types as they are remembered with an unfinished walk.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |known: &LoadColumn| format!("{}:{}", known.column.name, known.column.ty.name());
        self.columns.iter().map(word).collect()
    }
}

/// Whether every value of `actual` keeps its meaning as a value of `wanted`.
fn can_widen(actual: FieldType, wanted: FieldType) -> bool {
    match (actual, wanted) {
        (actual, FieldType::Text) => actual != FieldType::Text,
        (FieldType::Boolean, FieldType::Integer) | (FieldType::Date, FieldType::Timestamp) => true,
        _ => false,
    }
}

/// The error that names every difference.
fn differ(table: &str, differences: &[Difference]) -> Error {
    let message = format!("table {table} differs from what is to be written");
    let error = Error::new(Code::ColumnsDiffer, message);
    differences.iter().fold(error, |error, Difference { column, kind, .. }| {
        let about = match kind {
            DifferenceKind::Missing { wanted } => format!("missing, would be {wanted}"),
            DifferenceKind::Type { actual, wanted, .. } => format!("{actual}, would be {wanted}"),
            DifferenceKind::Unused => "nothing writes it".to_owned(),
        };
        error.with_detail("column", format!("{column}: {about}"))
    })
}
