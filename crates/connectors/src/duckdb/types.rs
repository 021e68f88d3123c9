//! How declared types meet the types of columns that are there.

use achub_core::{FieldType, schema::Storage};

use crate::sql::{
    Fit,
    session::{Limit, Moving},
};

/// Digits of the longest decimal number DuckDB holds.
const DECIMAL_DIGITS_MAX: u8 = 38;

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

/// The type of a column a person asked for. What DuckDB has no type for is text, which loses nothing.
pub(super) fn stored_as(storage: Storage) -> String {
    let made = |ty| made_for(ty).to_owned();
    match storage {
        Storage::SmallInt => "SMALLINT".to_owned(),
        Storage::Integer => "INTEGER".to_owned(),
        Storage::BigInt => made(FieldType::Integer),
        Storage::Bool => made(FieldType::Boolean),
        Storage::Date => made(FieldType::Date),
        Storage::DateTime => "TIMESTAMP".to_owned(),
        Storage::TimestampTz => made(FieldType::Timestamp),
        Storage::Decimal { precision: Some(precision @ 1..=DECIMAL_DIGITS_MAX), scale } => {
            format!("DECIMAL({precision},{scale})")
        }
        Storage::Decimal { .. } => made(FieldType::Text),
        Storage::Float => made(FieldType::Float),
        // DuckDB takes a length and holds texts of any.
        Storage::String { .. } => made(FieldType::Text),
        Storage::Json => made(FieldType::Json),
        Storage::Uuid => "UUID".to_owned(),
        Storage::Time => "TIME".to_owned(),
        Storage::TimeTz => "TIME WITH TIME ZONE".to_owned(),
        Storage::Binary => "BLOB".to_owned(),
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
        "TIME" => moved(FieldType::Text, Limit::Time),
        // A cast would read `\x41` as one byte.
        "BLOB" => Fit { moving: Moving::Between("encode(", ")"), ..Fit::exact(FieldType::Text) },
        _ => moved(FieldType::Text, decimal(actual)),
    }
}

/// What `DECIMAL(10,2)` holds; nothing is known of other types.
fn decimal(actual: &str) -> Limit {
    let sizes = actual.strip_prefix("DECIMAL(").and_then(|rest| rest.trim_end_matches(')').split_once(','));
    let sizes = sizes.and_then(|(precision, scale)| Some((precision.parse().ok()?, scale.parse().ok()?)));
    sizes.map_or(Limit::None, |(precision, scale)| Limit::Decimal { precision, scale })
}

/// Whether a column of type `actual` can become one of `wanted` without a change of any value.
pub(super) fn can_widen(actual: &str, wanted: &str) -> bool {
    let integers = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"];
    let digits = [3, 5, 10, 19];
    let size = |ty: &str| integers.iter().position(|known| *known == ty);
    match (size(actual), size(wanted), decimal(actual), decimal(wanted)) {
        (Some(from), Some(to), _, _) => from < to,
        (Some(from), _, _, Limit::Decimal { precision, scale }) => digits[from] + scale <= precision,
        (_, _, Limit::Decimal { precision: p, scale: s }, Limit::Decimal { precision, scale }) => {
            actual != wanted && s <= scale && p - s <= precision - scale
        }
        (from, _, _, _) => {
            (actual, wanted) == ("FLOAT", "DOUBLE")
                || (wanted == "VARCHAR" && (from.is_some() || actual == "UUID"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_hold_everything_are_wider() {
        for (actual, wanted) in [
            ("INTEGER", "BIGINT"),
            ("BIGINT", "DECIMAL(21,2)"),
            ("DECIMAL(8,2)", "DECIMAL(10,2)"),
            ("FLOAT", "DOUBLE"),
            ("BIGINT", "VARCHAR"),
            ("UUID", "VARCHAR"),
        ] {
            assert!(can_widen(actual, wanted), "{actual} to {wanted}");
            assert!(!can_widen(wanted, actual), "{wanted} to {actual}");
            assert!(!can_widen(actual, actual), "{actual}");
        }
        for (actual, wanted) in [
            ("VARCHAR", "BIGINT"),
            ("BIGINT", "DECIMAL(10,2)"),
            ("DECIMAL(8,4)", "DECIMAL(10,2)"),
            ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
            ("BIGINT", "DOUBLE"),
        ] {
            assert!(!can_widen(actual, wanted), "{actual} to {wanted}");
        }
    }

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
