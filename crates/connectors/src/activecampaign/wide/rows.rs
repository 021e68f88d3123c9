//! From contacts and their field values to rows with a column for each custom field.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use achub_api::custom_field;
use achub_core::{Batch, Field, FieldType, Schema, SharedSchema, Value};
use serde_json::value::RawValue;

use super::{
    definitions::{Definition, Definitions},
    names::{COLUMNS_MAX, Names, REST},
};

/// What follows a field's name where its value did not fit and is kept as it came.
const RAW_SUFFIX: &str = "__raw";

/// The columns of the wide stream, and where values go.
#[derive(Debug)]
pub(in crate::activecampaign) struct Layout {
    schema: SharedSchema,
    /// For each custom field its column; `None`: the rest.
    columns: HashMap<i64, (Option<usize>, Definition)>,
    rest: Option<usize>,
    tags: Vec<(i64, String)>,
}

/// Rows, and for each field how many values did not fit its kind.
#[derive(Debug)]
pub(in crate::activecampaign) struct Laid {
    pub(in crate::activecampaign) batch: Batch,
    pub(in crate::activecampaign) drift: BTreeMap<String, u64>,
}

/// One row while it is filled.
struct Row {
    values: Vec<Value>,
    rest: serde_json::Map<String, serde_json::Value>,
    /// Values that did not fit, by column.
    unfit: BTreeMap<usize, Box<str>>,
}

impl Layout {
    /// The fields of `contacts`, then the custom fields in the order of their ids, then the rest where there is one.
    pub(in crate::activecampaign) fn new(
        contacts: &Schema,
        definitions: Definitions,
        names: &Names,
    ) -> Layout {
        let tags = definitions.tags();
        let mut fields = contacts.fields.clone();
        let mut columns = HashMap::new();
        for (id, definition) in definitions.0 {
            let column = names.column(id).map(|name| {
                fields.push(field(name, definition.kind.field_type()));
                fields.len() - 1
            });
            columns.insert(id, (column, definition));
        }
        let rest = columns.values().any(|(column, _)| column.is_none()).then(|| {
            fields.push(field(REST, FieldType::Json));
            fields.len() - 1
        });
        let schema = Arc::new(Schema { fields, key: contacts.key.clone() });
        Layout { schema, columns, rest, tags }
    }

    pub(in crate::activecampaign) fn schema(&self) -> &SharedSchema {
        &self.schema
    }

    /// Id and name of each field, by id.
    pub(in crate::activecampaign) fn tags(&self) -> &[(i64, String)] {
        &self.tags
    }

    /// What is to be told about it.
    pub(in crate::activecampaign) fn note(&self) -> Option<String> {
        let rest = self.columns.values().filter(|(column, _)| column.is_none()).count();
        (rest > 0).then(|| {
            let count = self.columns.len();
            format!(
                "contacts have {count} custom fields, {COLUMNS_MAX} at the most have a column: the values of {rest} \
                 are in {REST}, by field id"
            )
        })
    }

    /// The rows of `contacts`, with those of `values` that belong to them. Of several values of one field the one with
    /// the highest id counts.
    pub(in crate::activecampaign) fn lay_out(&self, contacts: &Batch, values: Option<&Batch>) -> Laid {
        let mut rows: Vec<Row> = contacts.rows().map(|(values, _)| self.row(values)).collect();
        if let Some(values) = values {
            let by_contact = by_id(contacts);
            for (contact, field, text) in in_order(values) {
                if let Some(&row) = by_contact.get(&contact) {
                    self.put(&mut rows[row], field, text);
                }
            }
        }
        let mut laid = Laid { batch: Batch::new(self.schema.clone()), drift: BTreeMap::new() };
        for (number, row) in rows.into_iter().enumerate() {
            self.finish(row, contacts.extra(number), &mut laid);
        }
        laid
    }

    fn row(&self, contact: &[Value]) -> Row {
        let mut values = Vec::with_capacity(self.schema.fields.len());
        values.extend_from_slice(contact);
        values.resize(self.schema.fields.len(), Value::Null);
        Row { values, rest: serde_json::Map::new(), unfit: BTreeMap::new() }
    }

    fn put(&self, row: &mut Row, field: i64, text: &Value) {
        // A value of a field that was made since the definitions were read: writing it moved the contact's time, so
        // the next run reads it again.
        let Some((column, definition)) = self.columns.get(&field) else { return };
        let Some(column) = *column else {
            match text {
                Value::Text(text) => _ = row.rest.insert(field.to_string(), text.as_ref().into()),
                _ => _ = row.rest.remove(&field.to_string()),
            }
            return;
        };
        row.unfit.remove(&column);
        row.values[column] = match text {
            Value::Text(text) => custom_field::value(definition.kind, &definition.options, text)
                .unwrap_or_else(|| {
                    row.unfit.insert(column, text.clone());
                    Value::Null
                }),
            _ => Value::Null,
        };
    }

    fn finish(&self, mut row: Row, extra: Option<&str>, laid: &mut Laid) {
        if let Some(rest) = self.rest.filter(|_| !row.rest.is_empty()) {
            row.values[rest] = Value::Json(serde_json::Value::Object(row.rest).to_string().into());
        }
        let named = |(column, text): (usize, Box<str>)| (self.schema.fields[column].name.clone(), text);
        let unfit: Vec<(String, Box<str>)> = row.unfit.into_iter().map(named).collect();
        for (name, _) in &unfit {
            *laid.drift.entry(name.clone()).or_default() += 1;
        }
        laid.batch.push(row.values, with_raw(extra, &unfit));
    }
}

fn field(name: &str, ty: FieldType) -> Field {
    Field { name: name.to_owned(), ty, noise: false }
}

fn by_id(contacts: &Batch) -> HashMap<i64, usize> {
    let id = |row: usize| match contacts.key(row).next() {
        Some(Value::Integer(id)) => Some((*id, row)),
        _ => None,
    };
    (0..contacts.len()).filter_map(id).collect()
}

/// Contact, field and text of each value, by the ids of the values.
fn in_order(values: &Batch) -> Vec<(i64, i64, &Value)> {
    let column = |name: &str| values.schema().index_of(name);
    let (Some(id), Some(contact), Some(field), Some(text)) =
        (column("id"), column("contact"), column("field"), column("value"))
    else {
        return Vec::new();
    };
    let mut found: Vec<(i64, i64, i64, &Value)> = values
        .rows()
        .filter_map(|(values, _)| match (&values[id], &values[contact], &values[field]) {
            (Value::Integer(id), Value::Integer(contact), Value::Integer(field)) => {
                Some((*id, *contact, *field, &values[text]))
            }
            // A value of no contact or of no field belongs nowhere.
            _ => None,
        })
        .collect();
    found.sort_by_key(|(id, ..)| *id);
    found.into_iter().map(|(_, contact, field, text)| (contact, field, text)).collect()
}

/// What a record carries beyond its schema, with the values that did not fit beside it.
fn with_raw(extra: Option<&str>, unfit: &[(String, Box<str>)]) -> Option<Box<str>> {
    if unfit.is_empty() {
        return extra.map(Into::into);
    }
    let members = extra.map(serde_json::from_str::<BTreeMap<String, Box<RawValue>>>);
    let mut members =
        members.transpose().expect("what a record carries is a JSON object").unwrap_or_default();
    for (name, text) in unfit {
        let mut key = format!("{name}{RAW_SUFFIX}");
        while members.contains_key(&key) {
            key.push('_');
        }
        let raw = serde_json::value::to_raw_value(text).expect("a text is a JSON value");
        members.insert(key, raw);
    }
    Some(serde_json::to_string(&members).expect("members are JSON values").into())
}
