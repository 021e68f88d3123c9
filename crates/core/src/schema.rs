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
    /// Keys and indexes a person asked for, beside the key rows are merged by.
    #[serde(default)]
    pub rules: TableRules,
}

/// What a person asked of a table beyond its columns. Targets without keys and indexes leave it aside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRules {
    /// The columns of the primary key, where it is not the key rows are merged by.
    pub primary: Option<Vec<String>>,
    /// Column sets that are made unique.
    pub unique: Vec<Vec<String>>,
    /// Column sets that get an index.
    pub indexes: Vec<Vec<String>>,
    /// The statement that makes the table, with `{col_types}` for its columns and `{object_name}` for its name.
    pub ddl: Option<String>,
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
    /// The kind of its values.
    pub ty: FieldType,
    /// What a person asked of it beyond that.
    #[serde(default)]
    pub rules: ColumnRules,
}

impl Column {
    /// A column of values of `ty`, without rules.
    pub fn new(name: impl Into<String>, ty: FieldType) -> Column {
        Column { name: name.into(), ty, rules: ColumnRules::default() }
    }
}

/// What a person asked of a column beyond the kind of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRules {
    /// The type the target stores it as; `None` for the target's own choice for the kind.
    pub storage: Option<Storage>,
    /// Rows without a value are put aside.
    pub not_null: bool,
    /// A sentence kept with the column where the target can.
    pub description: Option<String>,
}

/// A type as a person names it in a replication file. A target without it takes the nearest that loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// 16-bit integer.
    SmallInt,
    /// 32-bit integer.
    Integer,
    /// 64-bit integer.
    BigInt,
    /// True or false.
    Bool,
    /// A calendar day.
    Date,
    /// Date and time without a zone; instants are written as UTC.
    DateTime,
    /// An instant.
    TimestampTz,
    /// A decimal number of so many digits, so many of them behind the point.
    Decimal {
        /// All digits; `None` for as many as the target allows.
        precision: Option<u8>,
        /// Digits behind the point.
        scale: u8,
    },
    /// IEEE 754 double.
    Float,
    /// Text of at most so many characters.
    String {
        /// `None` for text of any length.
        length: Option<u32>,
    },
    /// A JSON document.
    Json,
    /// A UUID.
    Uuid,
    /// A time of the day.
    Time,
    /// A time of the day with its distance to UTC.
    TimeTz,
    /// Bytes; text is stored as UTF-8.
    Binary,
}

/// A schema shared by the batches made of it.
pub type SharedSchema = Arc<Schema>;
