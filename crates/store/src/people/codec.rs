//! Values as text: bare where their type is known, else behind a letter for it.

use achub_core::{FieldType, Value};

/// The letters of the types, for values that stand alone.
const LETTERS: [(FieldType, &str); 7] = [
    (FieldType::Text, "t"),
    (FieldType::Integer, "i"),
    (FieldType::Float, "f"),
    (FieldType::Boolean, "b"),
    (FieldType::Date, "d"),
    (FieldType::Timestamp, "s"),
    (FieldType::Json, "j"),
];

/// A value of this type that was written by [`Value::display`].
pub(crate) fn value(field_type: FieldType, text: &str) -> Option<Value> {
    Some(match field_type {
        FieldType::Text => Value::text(text),
        FieldType::Integer => Value::Integer(text.parse().ok()?),
        FieldType::Float => Value::Float(text.parse().ok()?),
        FieldType::Boolean => Value::Boolean(text.parse().ok()?),
        FieldType::Date => Value::Date(text.parse().ok()?),
        FieldType::Timestamp => Value::Timestamp(text.parse().ok()?),
        FieldType::Json => Value::Json(text.into()),
    })
}

/// A value with the letter of its type: `t:Ann`. `None` for nothing.
pub(crate) fn lettered(value: &Value) -> Option<String> {
    let field_type = value.field_type()?;
    let (_, letter) = LETTERS.into_iter().find(|(listed, _)| *listed == field_type)?;
    Some(format!("{letter}:{}", value.display()))
}

/// The value of [`lettered`]; `None` for what it never writes.
pub(crate) fn unlettered(text: Option<&str>) -> Option<Value> {
    let Some(text) = text else { return Some(Value::Null) };
    let (letter, rest) = text.split_once(':')?;
    let (field_type, _) = LETTERS.into_iter().find(|(_, listed)| *listed == letter)?;
    value(field_type, rest)
}

/// The type of a stored name.
pub(crate) fn field_type(name: &str) -> Option<FieldType> {
    LETTERS.into_iter().map(|(listed, _)| listed).find(|listed| listed.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was() {
        let values = [
            Value::Null,
            Value::text(""),
            Value::text("a:b\0"),
            Value::Integer(i64::MIN),
            Value::Float(0.1),
            Value::Float(-1e300),
            Value::Boolean(true),
            Value::Date(jiff::civil::date(2024, 2, 29)),
            Value::Timestamp("2026-01-02T03:04:05.000006Z".parse().unwrap()),
            Value::Json("[\"a\", \"b\"]".into()),
        ];
        for value in values {
            assert_eq!(unlettered(lettered(&value).as_deref()), Some(value));
        }
        assert_eq!(unlettered(Some("x")), None);
    }
}
