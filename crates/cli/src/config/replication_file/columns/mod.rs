//! `columns`: types, modifiers and constraints, `name: decimal(10,2) not_null | value > 0`.

mod entry;
mod syntax;

use achub_core::{Error, FieldType, schema::Storage};
use achub_engine::shape::Constraint;

use crate::config::{
    replication_file::{columns::entry::Parser, findings::Findings, reader::Reader},
    yaml::{Entry, Place},
};

/// In `columns`: every column that no other entry names.
pub const EVERY_COLUMN: &str = "*";

/// What was asked of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Its name as written, or [`EVERY_COLUMN`].
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The type.
    pub ty: ColumnType,
    /// Rows without a value are put aside.
    pub not_null: bool,
    /// It is part of the table's primary key.
    pub primary_key: bool,
    /// The indexes it is part of.
    pub indexes: Vec<IndexSpec>,
    /// Its comment.
    pub description: Option<String>,
    /// The condition its values must meet.
    pub constraint: Option<Constraint>,
}

/// A column's place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSpec {
    /// Columns that name the same index share it.
    pub name: Option<String>,
    /// The column's place in it.
    pub priority: u64,
    /// Whether it is a unique one.
    pub unique: bool,
}

/// A type with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// One of the types without numbers.
    Plain(Storage),
    /// `decimal`, `decimal(p)`, `decimal(p,s)`.
    Decimal { precision: Option<u8>, scale: u8 },
    /// `string`, `string(n)`.
    Text { length: Option<u32> },
}

impl ColumnType {
    /// How a target stores it.
    pub fn storage(self) -> Storage {
        match self {
            ColumnType::Plain(storage) => storage,
            ColumnType::Decimal { precision, scale } => Storage::Decimal { precision, scale },
            ColumnType::Text { length } => Storage::String { length },
        }
    }

    /// The kind values are turned into; `None` where the target reads what it stores from any kind: a decimal number is
    /// exact as text, as integer and as double, and turning one into another could only lose digits.
    pub fn kind(self) -> Option<FieldType> {
        Some(match self.storage() {
            Storage::SmallInt | Storage::Integer | Storage::BigInt => FieldType::Integer,
            Storage::Bool => FieldType::Boolean,
            Storage::Date => FieldType::Date,
            Storage::DateTime | Storage::TimestampTz => FieldType::Timestamp,
            Storage::Decimal { .. } => return None,
            Storage::Float => FieldType::Float,
            Storage::Json => FieldType::Json,
            Storage::String { .. } | Storage::Uuid | Storage::Time | Storage::TimeTz | Storage::Binary => {
                FieldType::Text
            }
        })
    }
}

/// Reads the map behind `columns`, its order kept. An entry without a value takes what `defaults` say away and is left out.
///
/// Errors: `CF-104` with place and column; what is reserved or not known goes to `findings`.
pub fn read(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<Vec<ColumnSpec>, Error> {
    let inner = reader.inner("columns");
    let mut columns = Vec::new();
    for entry in reader.entries(entry)? {
        let Some(text) = inner.text(entry)? else { continue };
        let parser = Parser { origin: inner.origin, what: format!("{}: `{}`", inner.what, entry.key), entry };
        columns.extend(parser.column(&text, findings)?);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use achub_core::{Error, FieldType, schema::Storage};

    use super::{ColumnSpec, read};
    use crate::config::{
        keys::Origin,
        replication_file::{findings::Findings, reader::Reader},
        yaml::parse,
    };

    fn columns(text: &str) -> Result<(Vec<ColumnSpec>, Vec<String>), Error> {
        let origin = Origin::new("r.yaml");
        let root = parse(&format!("columns: {text}")).unwrap();
        let mut findings = Findings::new(origin.clone(), false);
        let columns = read(&Reader::new(&origin, "stream x"), &root.entries().unwrap()[0], &mut findings)?;
        Ok((columns, findings.close()?))
    }

    fn one(value: &str) -> ColumnSpec {
        let (mut columns, _) =
            columns(&format!("{{ a: \"{value}\" }}")).unwrap_or_else(|error| panic!("{}", error.message()));
        columns.remove(0)
    }

    #[test]
    fn every_type_has_kind_and_storage() {
        for (text, storage, kind) in [
            ("bigint", Storage::BigInt, Some(FieldType::Integer)),
            ("SMALLINT", Storage::SmallInt, Some(FieldType::Integer)),
            ("bool", Storage::Bool, Some(FieldType::Boolean)),
            ("timestamp", Storage::DateTime, Some(FieldType::Timestamp)),
            ("timestampz", Storage::TimestampTz, Some(FieldType::Timestamp)),
            ("decimal(10, 2)", Storage::Decimal { precision: Some(10), scale: 2 }, None),
            ("decimal (10,2)", Storage::Decimal { precision: Some(10), scale: 2 }, None),
            ("decimal", Storage::Decimal { precision: None, scale: 9 }, None),
            ("string(50)", Storage::String { length: Some(50) }, Some(FieldType::Text)),
            ("text", Storage::String { length: None }, Some(FieldType::Text)),
            ("uuid", Storage::Uuid, Some(FieldType::Text)),
            ("float", Storage::Float, Some(FieldType::Float)),
        ] {
            let column = one(text);
            assert_eq!((column.ty.storage(), column.ty.kind()), (storage, kind), "{text}");
        }
    }

    #[test]
    fn modifiers_and_constraint_are_read() {
        let column =
            one("integer not_null primary_key unique index(name=ix, priority=2) unique_index(name='u, x') \
             description('it''s | (this)') | value > 0 || value == -1");
        assert!(column.not_null && column.primary_key);
        let indexes: Vec<_> = column
            .indexes
            .iter()
            .map(|index| (index.name.as_deref(), index.priority, index.unique))
            .collect();
        assert_eq!(indexes, [(None, 0, true), (Some("ix"), 2, false), (Some("u, x"), 0, true)]);
        assert_eq!(column.description.as_deref(), Some("it's | (this)"));
        assert_eq!(column.constraint.unwrap().text(), "value > 0 || value == -1");
        assert!(columns("{ a: ~, b: date }").unwrap().0.iter().all(|column| column.name == "b"));
    }

    #[test]
    fn wrong_columns_are_named() {
        for (text, code, what) in [
            ("{a: bigin}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has the unknown type \"bigin\""),
            ("{a: bigint nt_null}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has the unknown modifier"),
            ("{a: bigint(3)}", "CF-104", "r.yaml:1:14: stream x, columns: `a` bigint takes no numbers"),
            ("{a: 'decimal(2,3)'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` decimal needs"),
            ("{a: 'decimal(x)'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` decimal takes"),
            ("{a: string(0)}", "CF-104", "r.yaml:1:14: stream x, columns: `a` string takes"),
            ("{a: bigint not_null nullable}", "CF-104", "r.yaml:1:14: stream x, columns: `a` is both"),
            (
                "{a: bigint default}",
                "CF-105",
                "r.yaml:1:14: stream x, columns: `a`: `default` is not done: it is reserved",
            ),
            (
                "{a: 'bigint | value >'}",
                "CF-104",
                "r.yaml:1:14: stream x, columns: `a`: the condition \"value >\" is not",
            ),
            ("{a: '| value > 1'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` names no type"),
            (
                "{'*': bigint primary_key}",
                "CF-104",
                "r.yaml:1:16: stream x, columns: `*` `primary_key` is for one",
            ),
            (
                "{a: 'text index(nmae=x)'}",
                "CF-104",
                "r.yaml:1:14: stream x, columns: `a` index: \"nmae\" is not known",
            ),
            ("{a: 'text index(name=x'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has parentheses"),
            (
                "{a: 'text unique_index(where=x)'}",
                "CF-105",
                "r.yaml:1:14: stream x, columns: `a` unique_index: a unique",
            ),
            ("[a]", "CF-104", "r.yaml:1:10: stream x: `columns` must be a map"),
        ] {
            let error = columns(text).unwrap_err();
            assert_eq!(error.code().id(), code, "{text}: {}", error.message());
            assert!(error.message().starts_with(what), "{text}: {}", error.message());
        }
        let (_, warnings) = columns("{a: geometry, b: 'text index(sort=desc)'}").unwrap();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
