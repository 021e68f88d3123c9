//! Rows on their way from a source to a target.

use crate::{schema::SharedSchema, value::Value};

/// Records of one stream, stored row after row.
///
/// `extras` holds for each row what the schema has no field for: a JSON object with the unknown fields as they came,
/// and with `<field>__raw` for a value that did not fit its declared type (that field is then `Null`).
#[derive(Debug, Clone)]
pub struct Batch {
    schema: SharedSchema,
    values: Vec<Value>,
    extras: Vec<Option<Box<str>>>,
}

impl Batch {
    /// An empty batch of records shaped like `schema`.
    pub fn new(schema: SharedSchema) -> Batch {
        Batch { schema, values: Vec::new(), extras: Vec::new() }
    }

    /// The shape of the records.
    pub fn schema(&self) -> &SharedSchema {
        &self.schema
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.extras.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.extras.is_empty()
    }

    /// Appends a record.
    ///
    /// `values` has one value per field of the schema, in its order. `extra` is a JSON object or `None`.
    ///
    /// # Panics
    /// Where the number of values is not the number of fields: rows out of step would land in wrong columns.
    pub fn push(&mut self, values: impl IntoIterator<Item = Value>, extra: Option<Box<str>>) {
        self.values.extend(values);
        self.extras.push(extra);
        assert_eq!(
            self.values.len(),
            self.extras.len() * self.schema.fields.len(),
            "a record has one value per field of its schema"
        );
    }

    /// The values of record `row`.
    pub fn row(&self, row: usize) -> &[Value] {
        let width = self.schema.fields.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// What record `row` carries beyond its schema: a JSON object.
    pub fn extra(&self, row: usize) -> Option<&str> {
        self.extras[row].as_deref()
    }

    /// The values of the key of record `row`, in key order.
    pub fn key(&self, row: usize) -> impl Iterator<Item = &Value> {
        let values = self.row(row);
        self.schema.key.iter().map(move |&index| &values[index])
    }

    /// All records with what they carry beyond the schema.
    pub fn rows(&self) -> impl Iterator<Item = (&[Value], Option<&str>)> {
        (0..self.len()).map(|row| (self.row(row), self.extra(row)))
    }

    /// All records with what they carry beyond the schema, by value.
    pub fn into_records(self) -> impl Iterator<Item = (Vec<Value>, Option<Box<str>>)> {
        let width = self.schema.fields.len();
        let mut values = self.values.into_iter();
        self.extras.into_iter().map(move |extra| (values.by_ref().take(width).collect(), extra))
    }

    /// Keeps the records for which `keep` says true; `keep` sees the values in schema order.
    pub fn retain(&mut self, mut keep: impl FnMut(&[Value]) -> bool) {
        let width = self.schema.fields.len();
        let mut kept = Vec::with_capacity(self.extras.len());
        for row in 0..self.extras.len() {
            kept.push(keep(&self.values[row * width..(row + 1) * width]));
        }
        if kept.iter().all(|&keep| keep) {
            return;
        }
        let mut index = 0;
        self.values.retain(|_| {
            let keep = kept[index / width.max(1)];
            index += 1;
            keep
        });
        let mut row = 0;
        self.extras.retain(|_| {
            let keep = kept[row];
            row += 1;
            keep
        });
    }
}
