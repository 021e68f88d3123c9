//! Values of custom fields in their columns.

use achub_core::{FieldType, Value, condition::is_filled};
use jiff::tz::TimeZone;

use super::micros;
use crate::{people::codec, sql::session::Fault};

/// Between two choices. JSON escapes it, so it is in none of them.
pub(crate) const CHOICE_END: char = '\u{1f}';

/// What conditions compare a value by.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Compared {
    pub(crate) folded: Option<String>,
    pub(crate) number: Option<f64>,
    pub(crate) instant: Option<i64>,
    pub(crate) is_filled: bool,
}

/// A text in lower case, where `lower` of a database that knows ASCII only does not make it.
pub(crate) fn folded(text: &str) -> Option<String> {
    (!text.is_ascii()).then(|| text.to_lowercase())
}

/// A choice in the form in which several of them are searched.
pub(crate) fn choice(text: &str) -> String {
    let quoted = serde_json::to_string(&text.to_lowercase()).unwrap_or_default();
    format!("{CHOICE_END}{quoted}{CHOICE_END}")
}

fn choices(text: &str) -> Option<String> {
    let choices: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    Some(choices.iter().filter_map(serde_json::Value::as_str).map(choice).collect())
}

/// The columns of a value.
pub(crate) fn compared(value: &Value) -> Compared {
    let mut compared = Compared { is_filled: is_filled(value), ..Compared::default() };
    match value {
        Value::Null => {}
        Value::Text(text) => compared.folded = folded(text),
        Value::Json(text) => compared.folded = choices(text),
        Value::Boolean(value) => compared.number = Some(if *value { 1.0 } else { 0.0 }),
        Value::Integer(value) => compared.number = Some(*value as f64),
        Value::Float(value) => compared.number = Some(*value),
        Value::Timestamp(moment) => compared.instant = Some(micros(*moment)),
        Value::Date(day) => {
            compared.instant = day.to_zoned(TimeZone::UTC).ok().map(|start| micros(start.timestamp()));
        }
    }
    compared
}

/// A value of this type from its column.
pub(crate) fn read(field_type: &str, text: &str) -> Result<Value, Fault> {
    let known: Option<FieldType> = codec::field_type(field_type);
    known
        .and_then(|field_type| codec::value(field_type, text))
        .ok_or_else(|| Fault::unreadable(format!("a value is no {field_type}")))
}
