//! The shape of a stream and of the table it lands in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::FieldType;

/// One field of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name as the source spells it.
    pub name: String,
    /// The declared type.
    pub ty: FieldType,
    /// Carries nothing a reader of the data needs (link blocks); landed only where asked for.
    pub noise: bool,
}

/// The fields of a stream in their order, and which of them identify a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The fields; a record holds one value for each, in this order.
    pub fields: Vec<Field>,
    /// Indexes into `fields` of the key, in key order. Empty where the stream has no key.
    pub key: Vec<usize>,
}

impl Schema {
    /// The index of the field called `name`, compared exactly.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

/// A table of a target and how a stream's fields land in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Schema, database or folder; `None` where the target's default is meant.
    pub schema: Option<String>,
    /// Name of the table or file, without extension.
    pub name: String,
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// Indexes into `columns` by which rows are merged. Empty: rows are appended.
    pub key: Vec<usize>,
    /// Whether the key becomes a primary key of the table, or is only used for merging.
    pub declare_key: bool,
    /// A sentence kept with the table where the target can.
    pub comment: Option<String>,
}

impl Table {
    /// The name for people: `schema.name`.
    pub fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// The index of the column called `name`, compared exactly.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name in the target.
    pub name: String,
    /// The declared type.
    pub ty: FieldType,
}

/// A schema shared by the batches made of it.
pub type SharedSchema = Arc<Schema>;
