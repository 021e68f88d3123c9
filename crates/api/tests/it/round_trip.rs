//! What came in against what goes out again: the same values, whatever their spelling.

use std::net::Ipv4Addr;

use achub_api::{
    decode::DecodedPart,
    encode,
    stream::{Role, Stream, Type},
};
use jiff::{Timestamp, civil::DateTime};
use serde_json::{Map, Value};

/// Asserts that the records of `part`, written as JSON, hold every value of `rows`, and nothing that was not there.
pub fn assert_same(place: &str, part: &DecodedPart, rows: &[&Value]) {
    assert_eq!(part.batch.len(), rows.len(), "{place}: {}", part.stream.name);
    for (number, row) in rows.iter().enumerate() {
        let came = row.as_object().expect("a record is an object");
        let goes = encode::record(&part.batch, number);
        for (name, value) in came {
            let back = goes.get(name).unwrap_or(&Value::Null);
            let same = is_same(part.stream, came, name, value, back);
            assert!(same, "{place}: {}.{name} came as {value} and goes as {back}", part.stream.name);
        }
        for (name, value) in &goes {
            let invented = !came.contains_key(name) && !value.is_null();
            assert!(!invented, "{place}: {}.{name} goes as {value} and never came", part.stream.name);
        }
    }
}

fn is_same(stream: &Stream, row: &Map<String, Value>, name: &str, came: &Value, goes: &Value) -> bool {
    let Some(field) = stream.field(name) else { return came == goes };
    let is_blank = matches!(came, Value::Null) || came == "" || (came.as_array().is_some_and(Vec::is_empty));
    if came == goes || (field.role == Role::Sideload && is_blank) {
        return true;
    }
    let text = came.as_str().map_or_else(|| came.to_string(), str::to_owned);
    let is_zero_date = text.starts_with("0000-00-00");
    match field.ty {
        Type::Text => match came {
            Value::Array(_) | Value::Object(_) => parsed(goes).as_ref() == Some(came),
            _ => goes == text.as_str(),
        },
        _ if goes.is_null() => is_blank || is_zero_date || (field.ty == Type::IpNumber && text == "0"),
        Type::Integer | Type::MoneyMinor | Type::Float => text.parse::<f64>().ok() == goes.as_f64(),
        Type::Boolean => goes.as_bool() == Some(matches!(text.as_str(), "1" | "true")),
        Type::Date => goes.as_str() == text.get(..10),
        Type::Timestamp => same_instant(&text, None, goes),
        Type::LocalTimestamp { twin } => same_instant(&text, row.get(twin).and_then(Value::as_str), goes),
        Type::UtcTimestamp => same_instant(&text, Some("1970-01-01T00:00:00+00:00"), goes),
        Type::IpNumber => {
            text.parse().is_ok_and(|number: u32| goes == &Value::from(Ipv4Addr::from(number).to_string()))
        }
        Type::MultiValue | Type::Json => false,
    }
}

fn parsed(json: &Value) -> Option<Value> {
    serde_json::from_str(json.as_str()?).ok()
}

/// Whether `goes` is the instant of `came`, in whole microseconds.
///
/// Without an offset `came` is held against the twin's, and without one it has to be five or six hours behind UTC.
fn same_instant(came: &str, twin: Option<&str>, goes: &Value) -> bool {
    let Some(goes) = goes.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return false };
    if let Ok(came) = came.parse::<Timestamp>() {
        return came.as_microsecond() == goes.as_microsecond();
    }
    let Ok(wall) = came.parse::<DateTime>() else { return false };
    let hours = |instant: Timestamp, wall: DateTime| {
        let utc = wall.in_tz("UTC").expect("every wall clock is a time in UTC").timestamp();
        instant.duration_since(utc).as_secs() as f64 / 3_600.0
    };
    let behind = hours(goes, wall);
    let twin_behind = twin.and_then(|twin| Some(hours(twin.parse().ok()?, twin.get(..19)?.parse().ok()?)));
    let is_central = |hours: f64| hours == 5.0 || hours == 6.0;
    match twin_behind {
        // On US Central time the two may lie on different sides of a clock change.
        Some(twin_behind) => behind == twin_behind || (is_central(behind) && is_central(twin_behind)),
        None => is_central(behind),
    }
}
