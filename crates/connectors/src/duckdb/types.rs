//! How declared types meet the types of columns that are there.

use achub_core::FieldType;

use crate::sql::{
    Fit,
    session::{Limit, Moving},
};

/// The type of columns made for values of `ty`.
pub(super) fn made_for(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Text => "VARCHAR",
        FieldType::Integer => "BIGINT",
        FieldType::Float => "DOUBLE",
        FieldType::Boolean => "BOOLEAN",
        FieldType::Date => "DATE",
        FieldType::Timestamp => "TIMESTAMP WITH TIME ZONE",
        FieldType::Json => "JSON",
    }
}

/// The kind of values a column of type `actual` was made for, `None` for a type we never make.
pub(super) fn kind_of(actual: &str) -> Option<FieldType> {
    const KINDS: [FieldType; 7] = [
        FieldType::Text,
        FieldType::Integer,
        FieldType::Float,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Timestamp,
        FieldType::Json,
    ];
    KINDS.into_iter().find(|&kind| made_for(kind) == actual)
}

/// How values get into a column of type `actual`, as `duckdb_columns()` spells it. A type that is not known here gets the
/// value's text, and DuckDB makes of it what it can.
pub(super) fn fit(actual: &str) -> Fit {
    if let Some(kind) = kind_of(actual) {
        return Fit::exact(kind);
    }
    let moved =
        |kind, limit| Fit { kind, limit, moving: Moving::Cast(actual.to_owned()), compare_text: false };
    let range = |low, high| moved(FieldType::Integer, Limit::Range(low, high));
    match actual {
        "TINYINT" => range(i8::MIN.into(), i8::MAX.into()),
        "SMALLINT" => range(i16::MIN.into(), i16::MAX.into()),
        "INTEGER" => range(i32::MIN.into(), i32::MAX.into()),
        "UTINYINT" => range(0, u8::MAX.into()),
        "USMALLINT" => range(0, u16::MAX.into()),
        "UINTEGER" => range(0, u32::MAX.into()),
        "UBIGINT" => range(0, i64::MAX),
        "HUGEINT" => range(i64::MIN, i64::MAX),
        "FLOAT" => moved(FieldType::Float, Limit::None),
        "TIMESTAMP" => Fit { moving: Moving::DropZone, ..Fit::exact(FieldType::Timestamp) },
        _ => moved(FieldType::Text, Limit::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_types_are_cast_into() {
        let cases = [
            ("VARCHAR", FieldType::Text, Moving::AsIs),
            ("TIMESTAMP WITH TIME ZONE", FieldType::Timestamp, Moving::AsIs),
            ("TIMESTAMP", FieldType::Timestamp, Moving::DropZone),
            ("INTEGER", FieldType::Integer, Moving::Cast("INTEGER".to_owned())),
            ("DECIMAL(18,3)", FieldType::Text, Moving::Cast("DECIMAL(18,3)".to_owned())),
            ("ENUM('a', 'b')", FieldType::Text, Moving::Cast("ENUM('a', 'b')".to_owned())),
        ];
        for (actual, kind, moving) in cases {
            let fit = fit(actual);
            assert_eq!((fit.kind, fit.moving), (kind, moving), "{actual}");
        }
    }
}
