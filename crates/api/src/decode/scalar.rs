//! One value from its spelling in the answer to the declared type.

use std::borrow::Cow;

use achub_core::Value;

use crate::{
    decode::text::{surrogates_whole, unescaped},
    stream::Type,
    wire::{IpNumber, MultiValue, WireTime, time},
};

/// A JSON value by its spelling.
enum Spelling<'a> {
    Null,
    Boolean(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object or array.
    Compound(&'a str),
}

impl<'a> Spelling<'a> {
    fn of(raw: &'a str) -> Spelling<'a> {
        match raw.as_bytes().first() {
            Some(b'"') => Spelling::Text(unescaped(raw)),
            Some(b'{' | b'[') => Spelling::Compound(raw),
            Some(b't') => Spelling::Boolean(true),
            Some(b'f') => Spelling::Boolean(false),
            Some(b'n') | None => Spelling::Null,
            Some(_) => Spelling::Number(raw),
        }
    }
}

/// Reads `raw`, the spelling of a valid JSON value, as `ty`. `None` where it does not fit.
///
/// `null`, the empty text and zero dates are no value for every type but text. Text takes everything: a number or
/// boolean as it is spelt, an object or array as its JSON. `twin` is the spelling of the field whose zone a
/// [`Type::LocalTimestamp`] borrows.
pub(super) fn value(ty: Type, raw: &str, twin: Option<&str>) -> Option<Value> {
    let text = match Spelling::of(raw) {
        Spelling::Null => return Some(Value::Null),
        Spelling::Boolean(value) => return boolean(ty, value, raw),
        Spelling::Compound(raw) => return compound(ty, raw),
        Spelling::Number(raw) if ty == Type::Json => return Some(Value::Json(raw.into())),
        Spelling::Number(raw) => Cow::Borrowed(raw),
        Spelling::Text(text) => text,
    };
    if ty == Type::Text {
        return Some(Value::Text(text.into()));
    }
    if text.is_empty() {
        return Some(Value::Null);
    }
    if ty == Type::Json {
        return Some(Value::Json(surrogates_whole(raw).into()));
    }
    from_text(ty, text.trim(), twin)
}

/// Reads `text` as `ty`, as a member that holds it would be.
pub(super) fn of_text(ty: Type, text: &str) -> Option<Value> {
    match (ty, text) {
        (Type::Text, _) => Some(Value::text(text)),
        (_, "") => Some(Value::Null),
        _ => from_text(ty, text.trim(), None),
    }
}

/// Reads `text`, which is not empty, as a type other than text and JSON.
fn from_text(ty: Type, text: &str, twin: Option<&str>) -> Option<Value> {
    let is_date =
        matches!(ty, Type::Date | Type::Timestamp | Type::LocalTimestamp { .. } | Type::UtcTimestamp);
    if is_date && time::is_zero(text) {
        return Some(Value::Null);
    }
    match ty {
        Type::Text => Some(Value::text(text)),
        Type::Integer | Type::MoneyMinor => integer(text).map(Value::Integer),
        Type::Float => float(text).map(Value::Float),
        Type::Boolean => truth(text).map(Value::Boolean),
        Type::Date => time::parse_date(text).map(Value::Date),
        Type::Timestamp => timestamp(WireTime::parse(text)?.instant()?),
        Type::LocalTimestamp { .. } => local_timestamp(text, twin),
        Type::UtcTimestamp => timestamp(WireTime::parse(text)?.instant_utc()?),
        Type::IpNumber => {
            let address = IpNumber::parse(text).ok()?;
            Some(address.map_or(Value::Null, |address| Value::text(address.to_string())))
        }
        Type::MultiValue => multi_value(text),
        Type::Json => None,
    }
}

fn boolean(ty: Type, value: bool, raw: &str) -> Option<Value> {
    match ty {
        Type::Boolean => Some(Value::Boolean(value)),
        Type::Integer => Some(Value::Integer(value.into())),
        Type::Text => Some(Value::text(raw)),
        Type::Json => Some(Value::Json(raw.into())),
        _ => None,
    }
}

fn compound(ty: Type, raw: &str) -> Option<Value> {
    match ty {
        Type::Text => Some(Value::Text(surrogates_whole(raw).into())),
        Type::Json => Some(Value::Json(surrogates_whole(raw).into())),
        Type::MultiValue if raw.starts_with('[') => Some(Value::Json(surrogates_whole(raw).into())),
        _ => None,
    }
}

/// An integer; a decimal spelling is one where nothing is lost: `"5.00"`, `1e3`.
fn integer(text: &str) -> Option<i64> {
    /// Up to here every integer is a double.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value = float(text)?;
    // The cast is exact inside the range that is tested first.
    (value.abs() <= EXACT_MAX && value.fract() == 0.0).then_some(value as i64)
}

fn float(text: &str) -> Option<f64> {
    // The parser knows `inf`, `nan` and `infinity` too, which are no numbers of JSON or SQL.
    let numeric = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value: f64 = if numeric { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "TRUE" | "True" => Some(true),
        "0" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The instant in whole microseconds, as [`Value::Timestamp`] demands; finer parts are cut off.
fn timestamp(instant: jiff::Timestamp) -> Option<Value> {
    let nanoseconds = instant.as_nanosecond();
    let whole = nanoseconds - nanoseconds.rem_euclid(1_000);
    jiff::Timestamp::from_nanosecond(whole).ok().map(Value::Timestamp)
}

fn local_timestamp(text: &str, twin: Option<&str>) -> Option<Value> {
    let twin = match twin.map(Spelling::of) {
        Some(Spelling::Text(twin)) => WireTime::parse(&twin),
        _ => None,
    };
    let time = WireTime::parse(text)?;
    // Most often the two show the same moment, and no clock rule has to be looked up.
    match twin {
        Some(twin) if twin.wall() == time.wall() && time.offset().is_none() => timestamp(twin.instant()?),
        twin => timestamp(time.instant_beside(twin)?),
    }
}

fn multi_value(text: &str) -> Option<Value> {
    let values = serde_json::to_string(MultiValue::parse(text).values()).ok()?;
    Some(Value::Json(values.into()))
}

#[cfg(test)]
mod tests {
    use achub_core::Value;
    use proptest::prelude::*;

    use super::value;
    use crate::stream::Type;

    fn check(ty: Type, cases: &[(&str, Option<&str>)]) {
        for (raw, expected) in cases {
            let read = value(ty, raw, None).map(|value| format!("{value:?}"));
            assert_eq!(read.as_deref(), *expected, "{raw} as {ty:?}");
        }
    }

    #[test]
    fn integers_come_from_every_scalar() {
        let cases = [
            (r#""42""#, Some("Integer(42)")),
            ("42", Some("Integer(42)")),
            (r#"" 7 ""#, Some("Integer(7)")),
            ("true", Some("Integer(1)")),
            (r#""5.00""#, Some("Integer(5)")),
            ("1e3", Some("Integer(1000)")),
            ("null", Some("Null")),
            (r#""""#, Some("Null")),
            ("5.5", None),
            (r#""XX""#, None),
            ("99999999999999999999", None),
            ("[]", None),
        ];
        check(Type::Integer, &cases);
    }

    #[test]
    fn floats_are_finite_numbers() {
        let cases = [
            (r#""0.5""#, Some("Float(0.5)")),
            ("-1", Some("Float(-1.0)")),
            (r#""nan""#, None),
            (r#""inf""#, None),
            ("1e999", None),
            ("true", None),
        ];
        check(Type::Float, &cases);
    }

    #[test]
    fn booleans_come_from_every_scalar() {
        let cases = [
            (r#""1""#, Some("Boolean(true)")),
            ("0", Some("Boolean(false)")),
            ("false", Some("Boolean(false)")),
            (r#""""#, Some("Null")),
            (r#""2""#, None),
        ];
        check(Type::Boolean, &cases);
    }

    #[test]
    fn text_takes_everything_and_keeps_empty() {
        let cases = [
            (r#""""#, Some(r#"Text("")"#)),
            ("null", Some("Null")),
            ("156.24", Some(r#"Text("156.24")"#)),
            ("false", Some(r#"Text("false")"#)),
            (r#"["a","b"]"#, Some(r#"Text("[\"a\",\"b\"]")"#)),
        ];
        check(Type::Text, &cases);
    }

    #[test]
    fn dates_and_times_have_no_zero() {
        for ty in [Type::Date, Type::Timestamp, Type::UtcTimestamp, Type::LocalTimestamp { twin: "cdate" }] {
            check(ty, &[(r#""0000-00-00""#, Some("Null")), (r#""0000-00-00 00:00:00""#, Some("Null"))]);
            check(ty, &[(r#""soon""#, None), ("5", None), ("true", None), ("null", Some("Null"))]);
        }
    }

    #[test]
    fn instants_are_cut_to_microseconds() {
        let read = value(Type::UtcTimestamp, r#""2021-04-16T16:12:22.222685995Z""#, None);
        let expected = "2021-04-16T16:12:22.222685Z".parse().expect("it is an instant");
        assert_eq!(read, Some(Value::Timestamp(expected)));
    }

    #[test]
    fn json_and_choices_keep_their_parts() {
        check(Type::Json, &[("{}", Some(r#"Json("{}")"#)), ("5", Some(r#"Json("5")"#))]);
        check(Type::Json, &[(r#""""#, Some("Null")), (r#""x""#, Some(r#"Json("\"x\"")"#))]);
        check(Type::MultiValue, &[(r#""||a||b||""#, Some(r#"Json("[\"a\",\"b\"]")"#))]);
    }

    #[test]
    fn twin_of_same_wall_clock_lends_its_instant() {
        let ty = Type::LocalTimestamp { twin: "cdate" };
        let read = value(ty, r#""2026-05-28 03:05:54""#, Some(r#""2026-05-28T03:05:54+02:00""#));
        let expected = "2026-05-28T01:05:54Z".parse().expect("it is an instant");
        assert_eq!(read, Some(Value::Timestamp(expected)));
    }

    const TYPES: [Type; 12] = [
        Type::Text,
        Type::Integer,
        Type::Float,
        Type::Boolean,
        Type::Date,
        Type::Timestamp,
        Type::LocalTimestamp { twin: "cdate" },
        Type::UtcTimestamp,
        Type::IpNumber,
        Type::MoneyMinor,
        Type::MultiValue,
        Type::Json,
    ];

    proptest! {
        #[test]
        fn any_string_is_read_without_panic(text in ".{0,30}", twin in ".{0,30}") {
            let raw = serde_json::to_string(&text).expect("a string is JSON");
            let twin = serde_json::to_string(&twin).expect("a string is JSON");
            for ty in TYPES {
                value(ty, &raw, Some(&twin));
            }
        }
    }
}
