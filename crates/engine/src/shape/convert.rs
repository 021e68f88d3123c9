//! Values turned into another kind, as a person asked for a column.

use achub_core::{FieldType, Value};
use jiff::{Timestamp, civil, tz::TimeZone};

/// The largest whole number up to which every one has a double of its own.
const WHOLE_DOUBLES_MAX: i64 = 1 << 53;

/// `value` as `ty`. The error is the value itself, where it has no form of that kind that says the same.
///
/// A day is its first second in UTC, and an instant its day in UTC: whoever asks for a day wants the time left out.
pub(super) fn convert(value: Value, ty: FieldType) -> Result<Value, Value> {
    if value.is_null() || value.field_type() == Some(ty) {
        return Ok(value);
    }
    let converted = match ty {
        FieldType::Text => Some(Value::text(value.display())),
        FieldType::Integer => integer(&value).map(Value::Integer),
        FieldType::Float => float(&value).map(Value::Float),
        FieldType::Boolean => boolean(&value).map(Value::Boolean),
        FieldType::Date => date(&value).map(Value::Date),
        FieldType::Timestamp => timestamp(&value).map(Value::Timestamp),
        FieldType::Json => Some(Value::Json(json(&value).into())),
    };
    converted.ok_or(value)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Boolean(value) => Some(i64::from(*value)),
        Value::Float(value) => whole(*value),
        Value::Text(text) => {
            let text = text.trim();
            text.parse::<i64>().ok().or_else(|| {
                // `12.00` is a whole number too; digits are looked at, a double would lose some.
                let (whole, fraction) = text.split_once('.')?;
                let is_zero = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
                is_zero.then(|| whole.parse().ok())?
            })
        }
        _ => None,
    }
}

fn whole(value: f64) -> Option<i64> {
    let is_exact = value.fract() == 0.0 && value.abs() <= WHOLE_DOUBLES_MAX as f64;
    is_exact.then_some(value as i64)
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Boolean(value) => Some(f64::from(u8::from(*value))),
        Value::Integer(value) => (value.abs() <= WHOLE_DOUBLES_MAX).then_some(*value as f64),
        Value::Text(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
            "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn date(value: &Value) -> Option<civil::Date> {
    match value {
        Value::Timestamp(moment) => Some(moment.to_zoned(TimeZone::UTC).date()),
        Value::Text(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .filter(|_| !text.contains([':', 'T']))
                .or_else(|| moment(text).map(|moment| moment.to_zoned(TimeZone::UTC).date()))
        }
        _ => None,
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Date(day) => day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()),
        Value::Text(text) => moment(text),
        _ => None,
    }
}

/// A moment written with an offset, or as a date, or as date and time in UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let wall = text.parse::<civil::DateTime>().ok()?;
    wall.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn json(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(_) | Value::Integer(_) => value.display(),
        Value::Float(number) => serde_json::Value::from(*number).to_string(),
        Value::Json(text) => text.to_string(),
        // A text that is a document already is taken for one; every other is a JSON string.
        Value::Text(text) if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => {
            text.trim().to_owned()
        }
        Value::Text(_) | Value::Date(_) | Value::Timestamp(_) => {
            serde_json::Value::from(value.display()).to_string()
        }
    }
}

/// `value` as a JSON text, for documents made of whole records.
pub(super) fn json_member(value: &Value) -> String {
    match value {
        Value::Text(text) => serde_json::Value::from(text.as_ref()).to_string(),
        other => json(other),
    }
}

#[cfg(test)]
mod tests {
    use achub_core::{
        FieldType::{self, Boolean, Date, Float, Integer, Json, Text, Timestamp},
        Value,
    };

    use super::convert;

    fn check(value: Value, ty: FieldType, expected: Option<&str>) {
        let shown = format!("{value:?} as {}", ty.name());
        match (convert(value.clone(), ty), expected) {
            (Ok(converted), Some(expected)) => {
                assert_eq!(converted.display(), expected, "{shown}");
                assert_eq!(converted.field_type(), Some(ty), "{shown}");
            }
            (Err(given), None) => assert_eq!(given, value, "{shown}"),
            (result, _) => panic!("{shown}: {result:?}"),
        }
    }

    #[test]
    fn values_convert_where_nothing_is_lost() {
        for (value, ty, expected) in [
            (Value::text(" 12 "), Integer, Some("12")),
            (Value::text("12.00"), Integer, Some("12")),
            (Value::text("-9223372036854775808"), Integer, Some("-9223372036854775808")),
            (Value::text("12.5"), Integer, None),
            (Value::text("+15550000001"), Integer, Some("15550000001")),
            (Value::text(""), Integer, None),
            (Value::Float(3.0), Integer, Some("3")),
            (Value::Float(3.5), Integer, None),
            (Value::Float(1e300), Integer, None),
            (Value::Integer(i64::MAX), Float, None),
            (Value::Integer(5), Float, Some("5")),
            (Value::text("1e400"), Float, None),
            (Value::text("2.5"), Float, Some("2.5")),
            (Value::Integer(1), Boolean, Some("true")),
            (Value::Integer(2), Boolean, None),
            (Value::text("No"), Boolean, Some("false")),
            (Value::Integer(7), Text, Some("7")),
            (Value::Boolean(true), Text, Some("true")),
            (Value::text("2024-02-30"), Date, None),
            (Value::text("2024-02-29"), Date, Some("2024-02-29")),
            (Value::text("2024-02-29T23:30:00-02:00"), Date, Some("2024-03-01")),
            (Value::text("2024-02-29 10:00:00"), Timestamp, Some("2024-02-29T10:00:00Z")),
            (Value::text("2024-02-29"), Timestamp, Some("2024-02-29T00:00:00Z")),
            (Value::text("soon"), Timestamp, None),
            (Value::Integer(5), Timestamp, None),
            (Value::text("[1]"), Json, Some("[1]")),
            (Value::text("a \"b\""), Json, Some(r#""a \"b\"""#)),
            (Value::Json("{}".into()), Text, Some("{}")),
            (Value::Json("{}".into()), Integer, None),
        ] {
            check(value, ty, expected);
        }
        assert_eq!(convert(Value::Null, Integer), Ok(Value::Null));
    }
}
