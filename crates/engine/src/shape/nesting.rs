//! Nested values as columns of their own, or whole records as one.

use std::collections::BTreeMap;

use achub_core::{Schema, Value};
use serde_json::value::RawValue;

use crate::shape::convert::json_member;

/// How nested values become columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nesting {
    /// They stay JSON documents.
    #[default]
    AsJson,
    /// Members of objects become columns of their own, names joined by `__`: 1 stops at the field's own members, 2 at
    /// those of its members, and so on. Lists and empty objects stay JSON documents.
    Depth(u8),
    /// The whole record becomes one JSON column, [`WHOLE_RECORD`].
    WholeRecord,
}

/// The field that holds the whole record under [`Nesting::WholeRecord`]. The key's fields stay beside it.
pub const WHOLE_RECORD: &str = "data";

/// What joins names.
const JOINT: &str = "__";

/// What a record carries beyond its schema, member by member.
type Members = BTreeMap<String, Box<RawValue>>;

/// Takes objects apart: those in `fields` of `values`, and those among the members of `extra`. Their members go to the
/// extra members under joined names; a field that was taken apart is null.
pub(super) fn take_apart(
    schema: &Schema,
    fields: &[usize],
    values: &mut [Value],
    extra: Option<Box<str>>,
    depth: u8,
) -> Option<Box<str>> {
    let nested = fields.iter().any(|&field| is_object(&values[field]));
    if !nested && !extra.as_deref().is_some_and(|extra| extra.contains(":{")) {
        return extra;
    }
    let mut members = Members::new();
    if let Some(text) = &extra {
        // What a batch calls an extra object is one; were it not, it would go on as it is.
        let Ok(own) = serde_json::from_str::<Members>(text) else { return extra };
        for (name, value) in own {
            spread(&name, value, depth, &mut members);
        }
    }
    for &field in fields {
        let Value::Json(text) = &values[field] else { continue };
        let Ok(inner) = serde_json::from_str::<Members>(text) else { continue };
        if inner.is_empty() {
            continue;
        }
        for (name, value) in inner {
            spread(&format!("{}{JOINT}{name}", schema.fields[field].name), value, depth - 1, &mut members);
        }
        values[field] = Value::Null;
    }
    (!members.is_empty()).then(|| object(&members))
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Json(text) if text.trim_start().starts_with('{'))
}

/// Puts `value` among the members under `name`, taken apart where it is an object and the depth allows.
fn spread(name: &str, value: Box<RawValue>, depth: u8, members: &mut Members) {
    let inner = (depth > 0 && value.get().starts_with('{'))
        .then(|| serde_json::from_str::<Members>(value.get()).ok())
        .flatten()
        .filter(|inner| !inner.is_empty());
    match inner {
        Some(inner) => {
            for (member, value) in inner {
                spread(&format!("{name}{JOINT}{member}"), value, depth - 1, members);
            }
        }
        None => {
            // Two ways to one name must not swallow a value.
            let mut free = name.to_owned();
            while members.contains_key(&free) {
                free.push('_');
            }
            members.insert(free, value);
        }
    }
}

fn object(members: &Members) -> Box<str> {
    serde_json::to_string(members).expect("names are text and values are JSON already").into()
}

/// The whole record as one JSON object: fields that have a value, then what it carries beyond the schema.
pub(super) fn whole(schema: &Schema, values: &[Value], extra: Option<&str>) -> Value {
    let mut text = String::from("{");
    for (field, value) in schema.fields.iter().zip(values) {
        push_member(&mut text, &field.name, &json_member(value));
    }
    let own = extra.and_then(|extra| serde_json::from_str::<BTreeMap<String, &RawValue>>(extra).ok());
    for (name, value) in own.iter().flatten() {
        push_member(&mut text, name, value.get());
    }
    text.push('}');
    Value::Json(text.into())
}

fn push_member(text: &mut String, name: &str, value: &str) {
    if text.len() > 1 {
        text.push(',');
    }
    text.push_str(&serde_json::Value::from(name).to_string());
    text.push(':');
    text.push_str(value);
}

#[cfg(test)]
mod tests {
    use achub_core::{Field, FieldType, Schema, Value};

    use super::{take_apart, whole};

    fn schema() -> Schema {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty, noise: false };
        Schema { fields: vec![field("id", FieldType::Integer), field("a", FieldType::Json)], key: vec![0] }
    }

    fn check(json: &str, extra: Option<&str>, depth: u8, field: &str, expected: Option<&str>) {
        let mut values = [Value::Integer(1), Value::Json(json.into())];
        let extra = take_apart(&schema(), &[1], &mut values, extra.map(Into::into), depth);
        assert_eq!(extra.as_deref(), expected, "{json} to {depth}");
        assert_eq!(values[1].display(), field, "{json} to {depth}");
    }

    #[test]
    fn objects_are_taken_apart_to_depth() {
        let nested = r#"{"b":1.50,"c":{"d":{"e":[1]}}}"#;
        check(nested, None, 1, "", Some(r#"{"a__b":1.50,"a__c":{"d":{"e":[1]}}}"#));
        check(nested, None, 2, "", Some(r#"{"a__b":1.50,"a__c__d":{"e":[1]}}"#));
        check(nested, None, u8::MAX, "", Some(r#"{"a__b":1.50,"a__c__d__e":[1]}"#));
        check("[1]", Some(r#"{"x":{"y":{"z":1}}}"#), 1, "[1]", Some(r#"{"x__y":{"z":1}}"#));
        check("{}", None, 3, "{}", None);
    }

    #[test]
    fn equal_joined_names_keep_both_values() {
        check(r#"{"b":1}"#, Some(r#"{"a__b":2}"#), 1, "", Some(r#"{"a__b":2,"a__b_":1}"#));
    }

    #[test]
    fn whole_record_holds_fields_and_extras() {
        let values = [Value::Integer(1), Value::Json(r#"{"b":2}"#.into())];
        let whole = whole(&schema(), &values, Some(r#"{"x":"y"}"#));
        assert_eq!(whole.display(), r#"{"id":1,"a":{"b":2},"x":"y"}"#);
    }
}
