//! The echo rule: a write is answered with the types that were sent, while strings are stored.

use achub_api::stream::{Field, Role, Type, Wire};
use serde_json::{Map, Number, Value, json};

use crate::account::Table;

/// Names that callers may use for a field besides its own.
const ALIASES: &[(&str, &str, &str)] = &[
    ("listGroups", "listid", "list"),
    ("listGroups", "groupid", "group"),
    ("lists", "user", "userid"),
    ("addresses", "company_name", "companyName"),
    ("addresses", "address_1", "address1"),
    ("addresses", "address_2", "address2"),
    ("addresses", "is_default", "isDefault"),
    ("dealCustomFieldData", "customFieldId", "dealCustomFieldMetumId"),
    ("accountCustomFieldData", "customerAccountId", "accountId"),
    ("deals", "account", "customerAccount"),
];

/// What of `sent` is stored: known fields as strings or numbers, the way lists show them. Unknown names are passed over.
pub(super) fn stored(table: &Table, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, value) in sent {
        if let Some(field) = writable(table, name) {
            values.insert(name.clone(), spelled(field, value));
        }
        if let Some(field) = aliased(table, name).and_then(|other| writable(table, other)) {
            values.insert(field.name.to_owned(), spelled(field, value));
        }
    }
    values
}

/// The field that `name` is another name of.
fn aliased(table: &Table, name: &str) -> Option<&'static str> {
    ALIASES
        .iter()
        .find(|(of, alias, _)| *of == table.envelope() && *alias == name)
        .map(|(_, _, other)| *other)
}

fn writable(table: &Table, name: &str) -> Option<&'static Field> {
    table.field(name).filter(|field| name != "id" && field.role == Role::Data)
}

/// `value` the way `field` is sent in lists.
fn spelled(field: &Field, value: &Value) -> Value {
    match (field.wire, value) {
        (_, Value::Null) | (Wire::Object | Wire::Array, _) => value.clone(),
        (Wire::String, Value::Bool(on)) => json!(if *on { "1" } else { "0" }),
        (Wire::String, Value::Number(number)) if matches!(field.ty, Type::MoneyMinor | Type::Integer) => {
            json!(truncated(number))
        }
        (Wire::String, Value::Number(number)) => json!(number.to_string()),
        (Wire::String, other) => other.clone(),
        (Wire::Int, Value::String(text)) => {
            text.parse::<i64>().map_or_else(|_| value.clone(), |number| json!(number))
        }
        (Wire::Int, Value::Bool(on)) => json!(i64::from(*on)),
        (Wire::Bool, other) => {
            json!(matches!(other, Value::Bool(true)) || other == &json!(1) || other == &json!("1"))
        }
        (Wire::Int | Wire::Float, other) => other.clone(),
    }
}

/// The whole part: a fraction is echoed and lost.
fn truncated(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.as_i64().is_none() => (float.trunc() as i64).to_string(),
        _ => number.to_string(),
    }
}

/// Lays what was sent over a loaded row, with the types it was sent in.
pub(super) fn overlay(table: &Table, object: &mut Map<String, Value>, sent: &Map<String, Value>) {
    for (name, value) in sent {
        if writable(table, name).is_some() && object.contains_key(name) {
            object.insert(name.clone(), value.clone());
        }
    }
}

/// What of `sent` is echoed by a create: known fields and their other names, as sent.
pub(super) fn echoed(table: &Table, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in sent {
        let own = writable(table, name).map(|field| field.name);
        if let Some(name) = own.or_else(|| aliased(table, name)) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    object
}
