//! How declared types meet the types of columns that are there; <https://www.sqlite.org/datatype3.html>, section 3.1.
//!
//! SQLite's columns hold values of any type and have no bounds, so none has to be widened; what a column does to a value
//! is its affinity, which is read off the words of its declared type.

use achub_core::{FieldType, schema::Storage};

use crate::sql::{
    Fit,
    session::{Limit, Moving},
};

/// The type of columns made for values of `ty`. The words tell tools what is meant. JSON says `TEXT`, or a document like
/// `1.0` would be kept as the integer 1.
pub(crate) fn made_for(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Text => "TEXT",
        FieldType::Integer => "INTEGER",
        FieldType::Float => "REAL",
        FieldType::Boolean => "BOOLEAN",
        FieldType::Date => "DATE",
        FieldType::Timestamp => "TIMESTAMP",
        FieldType::Json => "JSON TEXT",
    }
}

/// The type of a column a person asked for. What SQLite has no type for is text, which loses nothing.
pub(crate) fn stored_as(storage: Storage) -> String {
    match storage {
        Storage::SmallInt => "SMALLINT".to_owned(),
        Storage::Integer => "INTEGER".to_owned(),
        Storage::BigInt => "BIGINT".to_owned(),
        Storage::Bool => "BOOLEAN".to_owned(),
        Storage::Date => "DATE".to_owned(),
        Storage::DateTime => "DATETIME".to_owned(),
        Storage::TimestampTz => "TIMESTAMP".to_owned(),
        Storage::Decimal { precision: None, .. } => "DECIMAL TEXT".to_owned(),
        Storage::Decimal { precision: Some(precision), scale } => {
            format!("DECIMAL TEXT({precision},{scale})")
        }
        Storage::Float => "REAL".to_owned(),
        Storage::String { length: None } => "TEXT".to_owned(),
        Storage::String { length: Some(length) } => format!("VARCHAR({length})"),
        Storage::Json => "JSON TEXT".to_owned(),
        Storage::Uuid => "UUID TEXT".to_owned(),
        Storage::Time => "TIME TEXT".to_owned(),
        Storage::TimeTz => "TIMETZ TEXT".to_owned(),
        Storage::Binary => "BLOB".to_owned(),
    }
}

/// What a column does to a value, by the words of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// The affinity of a column, by the rules in their order.
pub(crate) fn affinity(ty: &str) -> Affinity {
    let ty = ty.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| ty.contains(word));
    if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if has(&["BLOB"]) || ty.is_empty() {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// How values of `declared` type get into a column, so that none is changed by it.
pub(crate) fn fit(declared: FieldType, actual: &str) -> Fit {
    let exact = Fit::exact(declared);
    match (declared, affinity(actual)) {
        (FieldType::Timestamp, _) if actual.eq_ignore_ascii_case("DATETIME") => {
            Fit { moving: Moving::Between("replace(", ", '+00:00', '')"), ..exact }
        }
        (FieldType::Text | FieldType::Json, Affinity::Blob) if actual.eq_ignore_ascii_case("BLOB") => {
            Fit { moving: Moving::Between("CAST(", " AS BLOB)"), ..exact }
        }
        (FieldType::Text, Affinity::Integer) => Fit::exact(FieldType::Integer),
        (FieldType::Text | FieldType::Integer, Affinity::Real) => Fit::exact(FieldType::Float),
        (FieldType::Text, Affinity::Numeric) => Fit { limit: Limit::AsSpelled, ..exact },
        // A document that is a number would become one.
        (FieldType::Json, Affinity::Integer | Affinity::Real | Affinity::Numeric) => {
            Fit { limit: Limit::AsSpelled, ..Fit::exact(FieldType::Text) }
        }
        // SQLite would spell it with 15 digits.
        (FieldType::Float, Affinity::Text) => Fit { limit: bound(actual), ..Fit::exact(FieldType::Text) },
        (FieldType::Text, Affinity::Text) => Fit { limit: bound(actual), ..exact },
        _ => exact,
    }
}

/// The bound that the words of a text type name.
fn bound(actual: &str) -> Limit {
    let Some((word, sizes)) = actual.split_once('(') else {
        return if actual.eq_ignore_ascii_case("TIME TEXT") { Limit::Time } else { Limit::None };
    };
    let sizes = sizes.split_once(')').map_or(sizes, |(sizes, _)| sizes);
    let number = |text: &str| text.trim().parse::<usize>().ok();
    match (word.trim().to_ascii_uppercase().as_str(), sizes.split_once(',')) {
        ("VARCHAR", None) => number(sizes).map_or(Limit::None, Limit::Chars),
        ("DECIMAL TEXT", Some((precision, scale))) => match (number(precision), number(scale)) {
            (Some(precision), Some(scale)) => Limit::Decimal { precision, scale },
            _ => Limit::None,
        },
        _ => Limit::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinity_follows_the_rules_in_order() {
        let cases = [
            ("BIGINT", Affinity::Integer),
            ("JSON TEXT", Affinity::Text),
            ("DECIMAL TEXT(10,2)", Affinity::Text),
            ("BLOB", Affinity::Blob),
            ("DOUBLE PRECISION", Affinity::Real),
            ("DATETIME", Affinity::Numeric),
            // The rule for `INT` comes first.
            ("FLOATING POINT", Affinity::Integer),
        ];
        for (ty, expected) in cases {
            assert_eq!(affinity(ty), expected, "{ty}");
        }
    }
}
