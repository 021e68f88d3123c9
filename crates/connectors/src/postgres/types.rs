//! How declared types meet the types of columns that are there.

use achub_core::FieldType;

use crate::sql::{
    Fit,
    session::{Limit, Moving},
};

/// The type of columns made for values of `ty`.
pub(crate) fn made_for(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Text => "text",
        FieldType::Integer => "bigint",
        FieldType::Float => "double precision",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
        FieldType::Timestamp => "timestamp with time zone",
        FieldType::Json => "jsonb",
    }
}

/// How values get into a column of type `actual`, as `format_type` spells it. A type that is not known here gets the
/// value's text, and the database makes of it what it can.
pub(crate) fn fit(actual: &str) -> Fit {
    let (base, size) = match actual.split_once('(') {
        Some((base, size)) => (base.trim(), size.trim_end_matches(')').parse::<usize>().ok()),
        None => (actual, None),
    };
    let exact = |kind| Fit::exact(kind);
    let moved =
        |kind, limit| Fit { kind, limit, moving: Moving::Cast(actual.to_owned()), compare_text: false };
    match base {
        "text" => exact(FieldType::Text),
        "bigint" => exact(FieldType::Integer),
        "double precision" => exact(FieldType::Float),
        "boolean" => exact(FieldType::Boolean),
        "date" => exact(FieldType::Date),
        "jsonb" => exact(FieldType::Json),
        "timestamp with time zone" => exact(FieldType::Timestamp),
        "timestamp without time zone" => Fit { moving: Moving::DropZone, ..exact(FieldType::Timestamp) },
        "character varying" | "character" => moved(FieldType::Text, size.map_or(Limit::None, Limit::Chars)),
        "smallint" => moved(FieldType::Integer, Limit::Range(i16::MIN.into(), i16::MAX.into())),
        "integer" => moved(FieldType::Integer, Limit::Range(i32::MIN.into(), i32::MAX.into())),
        "real" => moved(FieldType::Float, Limit::None),
        "numeric" => moved(FieldType::Text, Limit::None),
        "json" => Fit { compare_text: true, ..moved(FieldType::Json, Limit::None) },
        _ => Fit { compare_text: true, ..moved(FieldType::Text, Limit::None) },
    }
}
