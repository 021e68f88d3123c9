//! Rows become record batches.

use std::sync::Arc;

use achub_core::{Column, FieldType};
use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{
        BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
        TimestampMicrosecondBuilder,
    },
};
use arrow_schema::{ArrowError, SchemaRef};
use jiff::civil::Date;

use crate::{arrow, landing::Cell};

/// Day 0 of a `Date32`.
pub(super) const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Collects rows until there are enough for a batch.
pub(crate) struct RowsBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

// What decides about the size of a batch is asked by Parquet alone.
#[cfg_attr(not(feature = "parquet"), allow(dead_code))]
impl RowsBuilder {
    /// Nothing yet, of these columns.
    pub(crate) fn new(columns: &[Column]) -> RowsBuilder {
        RowsBuilder {
            schema: arrow::schema(columns),
            columns: columns.iter().map(|column| ColumnBuilder::new(column.ty)).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    /// The schema of the batches.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows since the last batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes these rows take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a row: one cell for each column in their order, of the column's type or null.
    ///
    /// Errors: a cell of another type, or a row of another width. Cast before ([`Cell::cast`]).
    /// After an error the builder holds half a row and can only be dropped.
    pub(crate) fn push<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<(), ArrowError> {
        let mut width = 0;
        for cell in cells {
            let column = self.columns.get_mut(width).ok_or_else(|| wrong_width(width + 1))?;
            self.bytes += size(&cell);
            column.push(&cell)?;
            width += 1;
        }
        if width != self.columns.len() {
            return Err(wrong_width(width));
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far as a batch; the builder is empty afterwards and can be used again.
    ///
    /// Errors: none that a caller can cause; they are arrow's own.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
    }
}

fn wrong_width(width: usize) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("a row of {width} cells does not fit the columns"))
}

/// Bytes of a cell in an array: its value, or the offset of a text with the text.
fn size(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) | Cell::Json(text) => text.len() + size_of::<i32>(),
        _ => size_of::<i64>(),
    }
}

impl ColumnBuilder {
    fn new(ty: FieldType) -> ColumnBuilder {
        match ty {
            FieldType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            FieldType::Integer => ColumnBuilder::Integer(Int64Builder::new()),
            FieldType::Float => ColumnBuilder::Float(Float64Builder::new()),
            FieldType::Text | FieldType::Json => ColumnBuilder::Text(StringBuilder::new()),
            FieldType::Date => ColumnBuilder::Date(Date32Builder::new()),
            FieldType::Timestamp => ColumnBuilder::Timestamp(
                TimestampMicrosecondBuilder::new().with_data_type(arrow::data_type(FieldType::Timestamp)),
            ),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) -> Result<(), ArrowError> {
        match (self, cell) {
            (ColumnBuilder::Boolean(column), Cell::Boolean(value)) => column.append_value(*value),
            (ColumnBuilder::Boolean(column), Cell::Null) => column.append_null(),
            (ColumnBuilder::Integer(column), Cell::Integer(value)) => column.append_value(*value),
            (ColumnBuilder::Integer(column), Cell::Null) => column.append_null(),
            (ColumnBuilder::Float(column), Cell::Float(value)) => column.append_value(*value),
            (ColumnBuilder::Float(column), Cell::Null) => column.append_null(),
            (ColumnBuilder::Text(column), Cell::Text(value) | Cell::Json(value)) => {
                column.append_value(value)
            }
            (ColumnBuilder::Text(column), Cell::Null) => column.append_null(),
            (ColumnBuilder::Date(column), Cell::Date(value)) => column.append_value(day_number(*value)),
            (ColumnBuilder::Date(column), Cell::Null) => column.append_null(),
            (ColumnBuilder::Timestamp(column), Cell::Timestamp(value)) => {
                column.append_value(value.as_microsecond());
            }
            (ColumnBuilder::Timestamp(column), Cell::Null) => column.append_null(),
            (_, cell) => {
                let message = format!("a value was not cast to the type of its column: {cell:?}");
                return Err(ArrowError::InvalidArgumentError(message));
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Boolean(column) => Arc::new(column.finish()),
            ColumnBuilder::Integer(column) => Arc::new(column.finish()),
            ColumnBuilder::Float(column) => Arc::new(column.finish()),
            ColumnBuilder::Text(column) => Arc::new(column.finish()),
            ColumnBuilder::Date(column) => Arc::new(column.finish()),
            ColumnBuilder::Timestamp(column) => Arc::new(column.finish()),
        }
    }
}

/// Days since 1970-01-01. The days a [`Date`] can be, years -9999 to 9999, all fit.
fn day_number(day: Date) -> i32 {
    (day - EPOCH).get_days()
}
