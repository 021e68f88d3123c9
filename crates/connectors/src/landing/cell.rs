//! A value on its way into a column, and what it becomes where the column has another type.

use std::borrow::Cow;

use achub_core::{FieldType, Value};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::landing::moment;

/// A value of the kind of its column, borrowed from the record where it can be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Date(Date),
    Timestamp(Timestamp),
    /// The text of a JSON document.
    Json(Cow<'a, str>),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Cell<'a> {
        match value {
            Value::Null => Cell::Null,
            Value::Boolean(value) => Cell::Boolean(*value),
            Value::Integer(value) => Cell::Integer(*value),
            Value::Float(value) => Cell::Float(*value),
            Value::Text(value) => Cell::Text(Cow::Borrowed(value)),
            Value::Date(value) => Cell::Date(*value),
            Value::Timestamp(value) => Cell::Timestamp(*value),
            Value::Json(value) => Cell::Json(Cow::Borrowed(value)),
        }
    }
}

impl<'a> Cell<'a> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Cell::Null)
    }

    /// The cell as plain text; `Null` is the empty text.
    pub(crate) fn display(&self) -> Cow<'_, str> {
        match self {
            Cell::Null => Cow::Borrowed(""),
            Cell::Boolean(value) => Cow::Owned(value.to_string()),
            Cell::Integer(value) => Cow::Owned(value.to_string()),
            Cell::Float(value) => Cow::Owned(value.to_string()),
            Cell::Text(value) | Cell::Json(value) => Cow::Borrowed(value),
            Cell::Date(value) => Cow::Owned(value.to_string()),
            Cell::Timestamp(value) => Cow::Owned(value.to_string()),
        }
    }

    /// The cell as a JSON value.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Cell::Null => serde_json::Value::Null,
            Cell::Boolean(value) => (*value).into(),
            Cell::Integer(value) => (*value).into(),
            // What is not finite has no spelling in JSON; its text has.
            Cell::Float(value) if !value.is_finite() => value.to_string().into(),
            Cell::Float(value) => (*value).into(),
            Cell::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_ref().into()),
            Cell::Text(_) | Cell::Date(_) | Cell::Timestamp(_) => self.display().into_owned().into(),
        }
    }

    /// The same value as `kind`, or why it has no such form. Nothing is guessed: what would lose digits or meaning is
    /// refused, except that a timestamp put into a date column keeps its UTC day.
    pub(crate) fn cast(self, kind: FieldType) -> Result<Cell<'a>, String> {
        let fits = match (&self, kind) {
            (Cell::Null, _)
            | (Cell::Boolean(_), FieldType::Boolean)
            | (Cell::Integer(_), FieldType::Integer)
            | (Cell::Float(_), FieldType::Float)
            | (Cell::Text(_), FieldType::Text)
            | (Cell::Date(_), FieldType::Date)
            | (Cell::Timestamp(_), FieldType::Timestamp)
            | (Cell::Json(_), FieldType::Json) => return Ok(self),
            (Cell::Text(text), _) if kind != FieldType::Json => parsed(text, kind),
            (_, FieldType::Text) => Some(Cell::Text(Cow::Owned(self.display().into_owned()))),
            (_, FieldType::Json) => Some(Cell::Json(Cow::Owned(self.to_json().to_string()))),
            (Cell::Boolean(value), FieldType::Integer) => Some(Cell::Integer((*value).into())),
            (Cell::Integer(value @ (0 | 1)), FieldType::Boolean) => Some(Cell::Boolean(*value == 1)),
            (Cell::Integer(value), FieldType::Float) => exact_float(*value).map(Cell::Float),
            (Cell::Float(value), FieldType::Integer) => exact_integer(*value).map(Cell::Integer),
            (Cell::Date(day), FieldType::Timestamp) => {
                day.to_zoned(TimeZone::UTC).ok().map(|midnight| Cell::Timestamp(midnight.timestamp()))
            }
            (Cell::Timestamp(instant), FieldType::Date) => {
                Some(Cell::Date(instant.to_zoned(TimeZone::UTC).date()))
            }
            _ => None,
        };
        fits.ok_or_else(|| format!("{:?} is not a value of type {}", shortened(&self.display()), kind.name()))
    }
}

fn parsed(text: &str, kind: FieldType) -> Option<Cell<'static>> {
    let text = text.trim();
    match kind {
        // Leading zeros and signs are not part of a number: what has them is some other code.
        FieldType::Integer => {
            text.parse().ok().filter(|value: &i64| value.to_string() == text).map(Cell::Integer)
        }
        FieldType::Float => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Cell::Float),
        FieldType::Boolean => match text {
            "1" | "true" => Some(Cell::Boolean(true)),
            "0" | "false" => Some(Cell::Boolean(false)),
            _ => None,
        },
        FieldType::Date => text.parse().ok().map(Cell::Date),
        FieldType::Timestamp => moment::parse(text).map(Cell::Timestamp),
        FieldType::Text | FieldType::Json => None,
    }
}

fn exact_float(value: i64) -> Option<f64> {
    let float = value as f64;
    (exact_integer(float) == Some(value)).then_some(float)
}

fn exact_integer(value: f64) -> Option<i64> {
    // 2^63 itself is a double but not an i64, so the upper bound is exclusive.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

/// Enough of a value to recognise it in a message.
fn shortened(text: &str) -> String {
    const CHARS_SHOWN: usize = 60;
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_keep_the_value_or_refuse() {
        let text = |text: &'static str| Cell::Text(Cow::Borrowed(text));
        let cases = [
            (text("42"), FieldType::Integer, Some(Cell::Integer(42))),
            (text("4.5"), FieldType::Integer, None),
            (text("00123"), FieldType::Integer, None),
            (text("soon"), FieldType::Date, None),
            (text("2026-02-30"), FieldType::Date, None),
            (text("a\"b"), FieldType::Json, Some(Cell::Json(r#""a\"b""#.into()))),
            (Cell::Integer(1), FieldType::Boolean, Some(Cell::Boolean(true))),
            (Cell::Integer(2), FieldType::Boolean, None),
            (Cell::Integer(i64::MAX), FieldType::Float, None),
            (Cell::Float(9.2e18), FieldType::Integer, Some(Cell::Integer(9_200_000_000_000_000_000))),
            (Cell::Float(9.3e18), FieldType::Integer, None),
            (Cell::Integer(7), FieldType::Text, Some(text("7"))),
            (Cell::Json("[1]".into()), FieldType::Integer, None),
            (Cell::Null, FieldType::Integer, Some(Cell::Null)),
        ];
        for (cell, kind, expected) in cases {
            let label = format!("{cell:?} as {}", kind.name());
            assert_eq!(cell.cast(kind).ok(), expected, "{label}");
        }
    }
}
