//! Rows as Arrow record batches, and back: the one place that names the arrow crates.
//!
//! A new arrow major comes every few months, and two majors in one program do not understand each other. Whoever needs
//! Arrow takes it from here, so that the version is chosen once; `cargo xtask tidy` looks for uses elsewhere and for a
//! second major in `Cargo.lock`.
//!
//! | [`FieldType`] | Arrow |
//! |---|---|
//! | text | `Utf8` |
//! | integer | `Int64` |
//! | float | `Float64` |
//! | boolean | `Boolean` |
//! | date | `Date32` |
//! | timestamp | `Timestamp(µs, "UTC")` |
//! | json | `Utf8` with the extension type `arrow.json` |
//!
//! Every field may be null. Anything else that a file or a database shows is read as text, see [`reading`].

mod foreign;
mod reading;
mod writing;

use std::{collections::HashMap, sync::Arc};

use achub_core::{Column, FieldType};

#[cfg(feature = "duckdb")]
pub(crate) use arrow_array::RecordBatch;
pub(crate) use arrow_schema::SchemaRef;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
pub(crate) use reading::Rows;
pub(crate) use writing::RowsBuilder;

/// The zone of all timestamps. Named rather than `+00:00` because readers show the name.
const ZONE: &str = "UTC";

/// The metadata by which readers know an extension type, and the canonical one for JSON documents.
///
/// Source: the Arrow project's page "Canonical Extension Types", JSON: storage is a string type, the metadata is empty.
const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
const JSON_EXTENSION: &str = "arrow.json";

/// The Arrow schema of these columns, in their order.
pub(crate) fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()))
}

fn field(column: &Column) -> Field {
    let field = Field::new(&column.name, data_type(column.ty), true);
    if column.ty != FieldType::Json {
        return field;
    }
    let pairs = [(EXTENSION_NAME, JSON_EXTENSION), (EXTENSION_METADATA, "")];
    field.with_metadata(HashMap::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

fn data_type(ty: FieldType) -> DataType {
    match ty {
        FieldType::Text | FieldType::Json => DataType::Utf8,
        FieldType::Integer => DataType::Int64,
        FieldType::Float => DataType::Float64,
        FieldType::Boolean => DataType::Boolean,
        FieldType::Date => DataType::Date32,
        FieldType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into())),
    }
}

/// The columns of an Arrow schema. `None` for one of a kind that [`schema`] does not make.
pub(crate) fn columns(schema: &Schema) -> Vec<(String, Option<FieldType>)> {
    schema.fields().iter().map(|field| (field.name().clone(), field_type(field))).collect()
}

fn field_type(field: &Field) -> Option<FieldType> {
    Some(match field.data_type() {
        DataType::Utf8 if field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION) => {
            FieldType::Json
        }
        DataType::Utf8 => FieldType::Text,
        DataType::Int64 => FieldType::Integer,
        DataType::Float64 => FieldType::Float,
        DataType::Boolean => FieldType::Boolean,
        DataType::Date32 => FieldType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => FieldType::Timestamp,
        _ => return None,
    })
}
