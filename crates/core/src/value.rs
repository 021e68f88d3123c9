//! Values and their types, as every part of the hub passes them on.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// The type of a field, as a target stores it.
///
/// What a vendor spells in its own way (money in minor units, numeric IP addresses, zone-less times) is decoded
/// to one of these before it reaches the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Unicode text of any length.
    Text,
    /// Signed 64-bit integer.
    Integer,
    /// IEEE 754 double.
    Float,
    /// True or false.
    Boolean,
    /// A calendar day without a zone.
    Date,
    /// An instant, UTC, microseconds.
    Timestamp,
    /// A JSON document.
    Json,
}

impl FieldType {
    /// The name used in plans, listings and schema differences.
    pub fn name(self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Integer => "integer",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Date => "date",
            FieldType::Timestamp => "timestamp",
            FieldType::Json => "json",
        }
    }
}

/// One value of a record. Its variant is the declared [`FieldType`] of its field, or `Null`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// See [`FieldType::Boolean`].
    Boolean(bool),
    /// See [`FieldType::Integer`].
    Integer(i64),
    /// See [`FieldType::Float`].
    Float(f64),
    /// See [`FieldType::Text`].
    Text(Box<str>),
    /// See [`FieldType::Date`].
    Date(Date),
    /// See [`FieldType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`FieldType::Json`]: the document's text, valid JSON.
    Json(Box<str>),
}

impl Value {
    /// Text from anything that can be made into it.
    pub fn text(text: impl Into<Box<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type this value has, `None` for `Null`.
    pub fn field_type(&self) -> Option<FieldType> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => FieldType::Boolean,
            Value::Integer(_) => FieldType::Integer,
            Value::Float(_) => FieldType::Float,
            Value::Text(_) => FieldType::Text,
            Value::Date(_) => FieldType::Date,
            Value::Timestamp(_) => FieldType::Timestamp,
            Value::Json(_) => FieldType::Json,
        })
    }

    /// The value as plain text, the way CSV cells and messages show it. `Null` is the empty text.
    pub fn display(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(value) | Value::Json(value) => value.to_string(),
            Value::Date(value) => value.to_string(),
            Value::Timestamp(value) => value.to_string(),
        }
    }
}
