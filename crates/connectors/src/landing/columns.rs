//! Where the cell of a column comes from.

use std::borrow::Cow;

use achub_core::{
    Error, RunId, Schema, Value,
    port::target::{Origin, TableLoad},
};
use jiff::Timestamp;
use uuid::Uuid;

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

    /// Whether the cell says when, by whom and how the row was written rather than what the record holds; such a cell
    /// makes no row differ.
    pub(crate) fn is_moment(&self) -> bool {
        match self {
            CellSource::Field(_) | CellSource::Extra | CellSource::Member(_) | CellSource::Record => false,
            CellSource::LoadedAt
            | CellSource::LoadedAtUnix
            | CellSource::DeletedAt
            | CellSource::SyncedAt
            | CellSource::SyncedOp
            | CellSource::RunId
            | CellSource::RowId
            | CellSource::RowNumber => true,
        }
    }
}

/// What is done to a row, as the column of [`Origin::SyncedOp`] spells it.
pub(crate) mod operation {
    pub(crate) const ADDED: &str = "I";
    pub(crate) const CHANGED: &str = "U";
    pub(crate) const GONE: &str = "D";
}

/// Where a record stands in its walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The run that writes it.
    pub(crate) run: &'a RunId,
    /// Its number among the rows of its stream in this walk, from 1.
    pub(crate) number: i64,
    /// The shape of its stream.
    pub(crate) schema: &'a Schema,
}

/// One record with everything a column may ask of it.
pub(crate) struct RowView<'a> {
    values: &'a [Value],
    extra: Option<&'a str>,
    members: Members<'a>,
    started_at: Timestamp,
    place: Option<Place<'a>>,
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
        Ok(RowView { values, extra, members, started_at, place: None })
    }

    /// Also knows where the record stands; without it run, number and the whole record are null.
    pub(crate) fn at(self, place: Place<'a>) -> RowView<'a> {
        RowView { place: Some(place), ..self }
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
            CellSource::SyncedOp => Cell::Text(Cow::Borrowed(operation::ADDED)),
            CellSource::DeletedAt => Cell::Null,
            CellSource::RowId => Cell::Text(Cow::Owned(Uuid::now_v7().to_string())),
            CellSource::RunId => {
                self.place.map_or(Cell::Null, |place| Cell::Text(Cow::Borrowed(place.run.as_str())))
            }
            CellSource::RowNumber => self.place.map_or(Cell::Null, |place| Cell::Integer(place.number)),
            CellSource::Record => {
                self.place.map_or(Cell::Null, |place| Cell::Json(Cow::Owned(self.record(place.schema))))
            }
        }
    }

    /// The whole record as one JSON object: the fields of its schema, and behind them what it carries beyond it.
    fn record(&self, schema: &Schema) -> String {
        let fields = schema.fields.iter().zip(self.values).map(|(field, value)| {
            let name = serde_json::Value::from(field.name.as_str());
            match value {
                // Its text is kept as it came: the spelling of a number is part of it.
                Value::Json(text) => format!("{name}:{text}"),
                value => format!("{name}:{}", Cell::from(value).to_json()),
            }
        });
        let beyond = self.extra.and_then(|extra| extra.trim().strip_prefix('{')?.strip_suffix('}'));
        let beyond = beyond.map(str::trim).filter(|members| !members.is_empty()).map(str::to_owned);
        let members: Vec<String> = fields.chain(beyond).collect();
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use achub_core::{Field, FieldType};

    use super::*;

    /// SL-37: the system columns hold the run, the number, a UUID and the record.
    #[test]
    fn system_cells_tell_where_rows_came_from() {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty, noise: false };
        let fields = vec![field("id", FieldType::Integer), field("a\"b", FieldType::Json)];
        let schema = Schema { fields, key: vec![0] };
        let (values, run) = ([Value::Integer(7), Value::Json("1.0".into())], RunId::new("r-1"));
        let place = Place { run: &run, number: 3, schema: &schema };
        let at = Timestamp::UNIX_EPOCH;

        let view = RowView::new(&values, Some(r#"{"more": [1]}"#), false, at).expect("an object").at(place);

        assert_eq!(view.cell(&CellSource::Record).display(), r#"{"id":7,"a\"b":1.0,"more": [1]}"#);
        assert_eq!(view.cell(&CellSource::RunId), Cell::Text("r-1".into()));
        assert_eq!(view.cell(&CellSource::RowNumber), Cell::Integer(3));
        assert_eq!(view.cell(&CellSource::SyncedOp), Cell::Text("I".into()));
        assert_eq!(view.cell(&CellSource::DeletedAt), Cell::Null);
        let id = view.cell(&CellSource::RowId).display().into_owned();
        let id: Uuid = id.parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
    }
}
