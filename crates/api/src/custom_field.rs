//! Custom fields of contacts: what the text of a field value means.
//!
//! Source: activecampaign-api.md §9; the vendor's reference, "Create a custom field" for the types, "Retrieve a field
//! value" for the spellings.

use std::collections::HashMap;

use achub_core::{FieldType, Value};

use crate::{decode, stream::Type, wire::MultiValue};

/// What the values of a custom field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text: `text`, `textarea`, `hidden`, no type, and types that are not known.
    Text,
    /// A decimal number: `number`, `currency`, `decimal`.
    Number,
    /// A day: `date`.
    Day,
    /// An instant: `datetime`.
    Moment,
    /// One of the field's options: `dropdown`, `radio`.
    Choice,
    /// Any of the field's options: `checkbox`, `listbox`, `multiselect`.
    Choices,
}

impl Kind {
    /// The kind of a field whose `type` is this, in any case.
    pub fn of(ty: &str) -> Kind {
        match ty.trim().to_ascii_lowercase().as_str() {
            "number" | "currency" | "decimal" => Kind::Number,
            "date" => Kind::Day,
            "datetime" => Kind::Moment,
            "dropdown" | "radio" => Kind::Choice,
            "checkbox" | "listbox" | "multiselect" => Kind::Choices,
            _ => Kind::Text,
        }
    }

    /// The type its values have once decoded. Choices are a JSON array of text.
    pub fn field_type(self) -> FieldType {
        match self {
            Kind::Text | Kind::Choice => FieldType::Text,
            Kind::Number => FieldType::Float,
            Kind::Day => FieldType::Date,
            Kind::Moment => FieldType::Timestamp,
            Kind::Choices => FieldType::Json,
        }
    }
}

/// The options of a field: the value that a field value names, and the label that people see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(HashMap<String, String>);

impl Options {
    /// Adds an option. One without a label is shown by its value.
    pub fn add(&mut self, value: &str, label: &str) {
        let label = if label.is_empty() { value } else { label };
        self.0.insert(value.to_owned(), label.to_owned());
    }

    /// The label of a value; a value that is no option (any more) stands for itself.
    fn label<'a>(&'a self, value: &'a str) -> &'a str {
        self.0.get(value).map_or(value, String::as_str)
    }
}

/// Reads the text of a field value. `None` where it does not fit the kind.
///
/// The empty text is no value for every kind but text. A number fits where a double holds all its digits; a day is
/// `YYYY-MM-DD`, a moment has an offset or is US Central; the zero date is no value.
pub fn value(kind: Kind, options: &Options, text: &str) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::text(text)),
        _ if text.trim().is_empty() => Some(Value::Null),
        Kind::Number => is_exact(text.trim()).then(|| decode::of_text(Type::Float, text)).flatten(),
        Kind::Day => decode::of_text(Type::Date, text),
        Kind::Moment => decode::of_text(Type::Timestamp, text),
        Kind::Choice => Some(choice(options, text)),
        Kind::Choices => Some(choices(options, text)),
    }
}

/// One choice; one sample of the vendor's wraps it like several.
fn choice(options: &Options, text: &str) -> Value {
    match MultiValue::parse(text).values() {
        [] => Value::Null,
        [one] => Value::text(options.label(one)),
        _ => Value::text(text),
    }
}

fn choices(options: &Options, text: &str) -> Value {
    let values = MultiValue::parse(text);
    let labels: Vec<&str> = values.values().iter().map(|value| options.label(value)).collect();
    if labels.is_empty() {
        return Value::Null;
    }
    Value::Json(serde_json::Value::from(labels).to_string().into())
}

/// Whether a double shows all the digits of a number.
fn is_exact(text: &str) -> bool {
    /// So many significant digits survive the way through a double.
    const DIGITS_MAX: usize = 15;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len() <= DIGITS_MAX
        || text.parse().is_ok_and(|number: f64| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use achub_core::Value;

    use super::{Kind, Options, value};

    fn check(ty: &str, text: &str, expected: Option<Value>) {
        let mut options = Options::default();
        options.add("r", "Red");
        options.add("b", "Blue \"deep\"");
        options.add("plain", "");
        let kind = Kind::of(ty);
        let read = value(kind, &options, text);
        assert_eq!(read, expected, "{ty} {text:?}");
        let ty_read = read.as_ref().and_then(Value::field_type);
        assert!(ty_read.is_none_or(|ty| ty == kind.field_type()), "{ty} {text:?}: {ty_read:?}");
    }

    fn json(text: &str) -> Option<Value> {
        Some(Value::Json(text.into()))
    }

    #[test]
    fn every_kind_reads_its_spelling() {
        let text = |text: &str| Some(Value::text(text));
        for ty in ["text", "textarea", "hidden", "NULL", "", "signature"] {
            check(ty, " a||b ", text(" a||b "));
            check(ty, "", text(""));
        }
        for ty in ["number", "currency", "Decimal"] {
            check(ty, " 12.50 ", Some(Value::Float(12.5)));
            check(ty, "-3", Some(Value::Float(-3.0)));
        }
        check("date", "2020-05-19", Some(Value::Date("2020-05-19".parse().expect("a day"))));
        let moment = "2020-05-19T07:45:00Z".parse().expect("a moment");
        check("datetime", "2020-05-19T02:45:00-05:00", Some(Value::Timestamp(moment)));
        for ty in ["dropdown", "radio"] {
            check(ty, "r", text("Red"));
            check(ty, "||r||", text("Red"));
            check(ty, "plain", text("plain"));
            check(ty, "gone", text("gone"));
            check(ty, "||r||b||", text("||r||b||"));
        }
        for ty in ["checkbox", "listbox", "multiselect"] {
            check(ty, "||r||", json(r#"["Red"]"#));
            check(ty, "||b||gone||", json(r#"["Blue \"deep\"","gone"]"#));
            check(ty, "r", json(r#"["Red"]"#));
        }
    }

    #[test]
    fn empty_text_is_no_value() {
        for ty in ["number", "date", "datetime", "dropdown", "radio", "checkbox", "listbox"] {
            check(ty, "", Some(Value::Null));
            check(ty, "  ", Some(Value::Null));
        }
        check("listbox", "||||", Some(Value::Null));
        check("date", "0000-00-00", Some(Value::Null));
        check("datetime", "0000-00-00 00:00:00", Some(Value::Null));
    }

    #[test]
    fn values_that_do_not_fit_are_told() {
        for (ty, text) in [
            ("number", "about 12"),
            ("number", "1,234"),
            ("number", "inf"),
            ("number", "1e999"),
            ("date", "19.05.2020"),
            ("date", "2020-02-30"),
            ("datetime", "2020-05-19"),
            ("datetime", "soon"),
        ] {
            check(ty, text, None);
        }
    }

    #[test]
    fn numbers_that_would_lose_digits_do_not_fit() {
        check("number", "123456789012345", Some(Value::Float(123_456_789_012_345.0)));
        check("number", "9007199254740992", Some(Value::Float(9_007_199_254_740_992.0)));
        check("number", "0.1000000000000000", Some(Value::Float(0.1)));
        check("number", "9007199254740993", None);
        check("number", "12345678901234567890", None);
    }
}
