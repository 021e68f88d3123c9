//! Where the cell of a column comes from.

use std::borrow::Cow;

use achub_core::{
    Error, Value,
    port::target::{Origin, TableLoad},
};
use jiff::Timestamp;

use crate::landing::{
    Cell,
    member::{self, Members},
};

/// Where a column's cell comes from; [`Origin`] with the member's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CellSource {
    Field(usize),
    Extra,
    Member(String),
    LoadedAt,
    LoadedAtUnix,
    DeletedAt,
    SyncedAt,
    SyncedOp,
    RunId,
    RowId,
    RowNumber,
    Record,
}

impl CellSource {
    /// The source of column `index` of a load.
    pub(crate) fn of(load: &TableLoad, index: usize) -> CellSource {
        match load.origins[index] {
            Origin::Field(field) => CellSource::Field(field),
            Origin::Extra => CellSource::Extra,
            Origin::ExtraMember => {
                let key = load.extra_keys.get(&index).unwrap_or(&load.table.columns[index].name);
                CellSource::Member(key.clone())
            }
            Origin::LoadedAt => CellSource::LoadedAt,
            Origin::LoadedAtUnix => CellSource::LoadedAtUnix,
            Origin::DeletedAt => CellSource::DeletedAt,
            Origin::SyncedAt => CellSource::SyncedAt,
            Origin::SyncedOp => CellSource::SyncedOp,
            Origin::RunId => CellSource::RunId,
            Origin::RowId => CellSource::RowId,
            Origin::RowNumber => CellSource::RowNumber,
            Origin::Record => CellSource::Record,
        }
    }

    /// Whether the cell says when it was written rather than what the record holds; such a cell makes no row differ.
    pub(crate) fn is_moment(&self) -> bool {
        matches!(self, CellSource::LoadedAt | CellSource::LoadedAtUnix)
    }
}

/// One record with everything a column may ask of it.
pub(crate) struct RowView<'a> {
    values: &'a [Value],
    extra: Option<&'a str>,
    members: Members<'a>,
    started_at: Timestamp,
}

impl<'a> RowView<'a> {
    /// `with_members`: some column holds a single member, so that the extra object has to be taken apart.
    pub(crate) fn new(
        values: &'a [Value],
        extra: Option<&'a str>,
        with_members: bool,
        started_at: Timestamp,
    ) -> Result<RowView<'a>, Error> {
        let members = if with_members { member::members(extra)? } else { Members::new() };
        Ok(RowView { values, extra, members, started_at })
    }

    /// The cell of a column, of whatever kind the record has it.
    pub(crate) fn cell(&self, source: &CellSource) -> Cell<'a> {
        match source {
            CellSource::Field(field) => Cell::from(&self.values[*field]),
            CellSource::Extra => match self.extra {
                Some(extra) => Cell::Json(Cow::Borrowed(extra)),
                None => Cell::Null,
            },
            CellSource::Member(key) => self.members.get(key).map_or(Cell::Null, |raw| member::cell(raw)),
            CellSource::LoadedAt | CellSource::SyncedAt => Cell::Timestamp(self.started_at),
            CellSource::LoadedAtUnix => Cell::Integer(self.started_at.as_second()),
            CellSource::SyncedOp => Cell::Text(Cow::Borrowed("I")),
            CellSource::DeletedAt
            | CellSource::RunId
            | CellSource::RowId
            | CellSource::RowNumber
            | CellSource::Record => Cell::Null,
        }
    }
}
