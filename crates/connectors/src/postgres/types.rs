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
        "numeric" => moved(FieldType::Text, decimal(actual)),
        "time without time zone" => Fit { compare_text: true, ..moved(FieldType::Text, Limit::Time) },
        "bytea" => {
            let moving = Moving::Between("convert_to(", ", 'UTF8')");
            Fit { moving, ..exact(FieldType::Text) }
        }
        "json" => Fit { compare_text: true, ..moved(FieldType::Json, Limit::None) },
        _ => Fit { compare_text: true, ..moved(FieldType::Text, Limit::None) },
    }
}

/// What `numeric(10,2)` holds; without a bound everything.
fn decimal(actual: &str) -> Limit {
    let sizes = actual.split_once('(').and_then(|(_, sizes)| sizes.trim_end_matches(')').split_once(','));
    let sizes = sizes.and_then(|(precision, scale)| Some((precision.parse().ok()?, scale.parse().ok()?)));
    sizes.map_or(Limit::None, |(precision, scale)| Limit::Decimal { precision, scale })
}

/// Whether a column of type `actual` can become one of `wanted` without a change of any value.
pub(crate) fn can_widen(actual: &str, wanted: &str) -> bool {
    let integer_digits = |ty: &str| match ty {
        "smallint" => Some(5),
        "integer" => Some(10),
        "bigint" => Some(19),
        _ => None,
    };
    if let (Some(from), Some(to)) = (integer_digits(actual), integer_digits(wanted)) {
        return from < to;
    }
    if let (Some(digits), Some(room)) = (integer_digits(actual), whole_digits(wanted)) {
        return digits <= room;
    }
    match (actual, wanted) {
        ("real", "double precision") | ("uuid" | "integer" | "bigint" | "smallint", "text") => return true,
        _ => {}
    }
    if let (Limit::Decimal { precision, scale }, Some(room)) = (decimal(actual), whole_digits(wanted)) {
        let wanted_scale = match decimal(wanted) {
            Limit::Decimal { scale, .. } => scale,
            _ => usize::MAX,
        };
        return actual != wanted && precision - scale <= room && scale <= wanted_scale;
    }
    match (characters(actual), characters(wanted)) {
        (Some(from), Some(to)) => from < to,
        _ => false,
    }
}

/// Digits before the point of a `numeric` type.
fn whole_digits(ty: &str) -> Option<usize> {
    match decimal(ty) {
        Limit::Decimal { precision, scale } => Some(precision - scale),
        _ => (ty == "numeric").then_some(usize::MAX),
    }
}

/// How many characters a text type of variable length holds.
fn characters(ty: &str) -> Option<usize> {
    match ty {
        "text" => Some(usize::MAX),
        // As good as text, but not spelled like it.
        "character varying" => Some(usize::MAX - 1),
        _ => ty.strip_prefix("character varying(")?.trim_end_matches(')').parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_hold_everything_are_wider() {
        let wider = [
            ("integer", "bigint"),
            ("smallint", "integer"),
            ("integer", "numeric"),
            ("bigint", "numeric(21,2)"),
            ("character varying(20)", "character varying(40)"),
            ("character varying(20)", "text"),
            ("numeric(8,2)", "numeric(10,2)"),
            ("numeric(8,2)", "numeric"),
            ("real", "double precision"),
            ("bigint", "text"),
        ];
        for (actual, wanted) in wider {
            assert!(can_widen(actual, wanted), "{actual} to {wanted}");
            assert!(!can_widen(wanted, actual), "{wanted} to {actual}");
            assert!(!can_widen(actual, actual), "{actual}");
        }
        let others = [
            ("text", "bigint"),
            ("character(5)", "text"),
            ("timestamp without time zone", "timestamp with time zone"),
            ("double precision", "numeric"),
            ("bigint", "double precision"),
            ("json", "jsonb"),
            ("numeric(8,4)", "numeric(10,2)"),
            ("bigint", "numeric(10,2)"),
        ];
        for (actual, wanted) in others {
            assert!(!can_widen(actual, wanted), "{actual} to {wanted}");
        }
    }
}
