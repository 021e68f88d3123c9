//! One value of a row before it is written, and how it is written.

use achub_api::stream::{Field, Type, Wire};

use crate::{
    clock::{Zone, push_utc},
    json::{push_number, push_quoted, push_string},
};

/// A value without its spelling: the field says whether `Number(5)` is sent as `5` or as `"5"`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Word(&'static str),
    Text(String),
    /// 32 hexadecimal digits.
    Hash(u64, u64),
    /// Seconds since 1970.
    Moment(i64),
    /// Ready JSON.
    Json(&'static str),
    /// Ready JSON made for this row.
    Made(String),
}

impl Cell {
    pub(crate) fn flag(on: bool) -> Cell {
        Cell::Number(i64::from(on))
    }

    pub(crate) fn id(id: u64) -> Cell {
        Cell::Number(id as i64)
    }

    /// Appends the value as JSON, spelled the way `field` is sent.
    pub(crate) fn push(&self, out: &mut Vec<u8>, field: &Field, zone: &Zone) {
        match self {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Number(number) => push_integer(out, *number, field.wire),
            Cell::Word(word) => push_string(out, word),
            Cell::Text(text) => push_string(out, text),
            Cell::Hash(high, low) => out.extend_from_slice(format!("\"{high:016x}{low:016x}\"").as_bytes()),
            Cell::Moment(second) => push_moment(out, *second, field.ty, zone),
            Cell::Json(json) => out.extend_from_slice(json.as_bytes()),
            Cell::Made(json) => out.extend_from_slice(json.as_bytes()),
        }
    }

    /// What a filter compares: the text inside the quotes, or the digits.
    pub(crate) fn text(&self, field: &Field, zone: &Zone) -> String {
        let mut out = Vec::new();
        self.push(&mut out, field, zone);
        match serde_json::from_slice(&out) {
            Ok(serde_json::Value::String(text)) => text,
            _ => String::from_utf8(out).expect("cells are written as UTF-8"),
        }
    }
}

fn push_integer(out: &mut Vec<u8>, number: i64, wire: Wire) {
    match wire {
        Wire::Bool => out.extend_from_slice(if number != 0 { b"true" } else { b"false" }),
        Wire::Int | Wire::Float if number < 0 => out.extend_from_slice(number.to_string().as_bytes()),
        Wire::Int | Wire::Float => push_number(out, number as u64),
        Wire::String | Wire::Object | Wire::Array if number < 0 => push_string(out, &number.to_string()),
        Wire::String | Wire::Object | Wire::Array => push_quoted(out, number as u64),
    }
}

fn push_moment(out: &mut Vec<u8>, second: i64, ty: Type, zone: &Zone) {
    out.push(b'"');
    match ty {
        Type::LocalTimestamp { .. } => zone.push_wall(out, second),
        Type::UtcTimestamp => push_utc(out, second),
        Type::Date => zone.push_day(out, second),
        _ => zone.push_iso(out, second),
    }
    out.push(b'"');
}
