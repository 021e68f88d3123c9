//! Record batches become rows.
//!
//! What we wrote comes back as it was. Databases answer in a few kinds that we never write: they are read as the nearest
//! of our types, and a kind that has none is an error that names the column.

use std::borrow::Cow;

use achub_core::FieldType;
use arrow_array::{
    Array, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, Field};
use jiff::{Span, Timestamp, civil::Date};

use crate::{
    arrow::{self, foreign, writing::EPOCH},
    landing::Cell,
};

/// The rows of a batch.
pub(crate) struct Rows<'a> {
    columns: Vec<Cells<'a>>,
    rows: usize,
}

/// One column of a batch.
enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    SmallInteger(&'a Int32Array),
    Float(&'a Float64Array),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    Json(&'a StringArray),
    Date(&'a Date32Array),
    /// Without a zone, too: then it is UTC.
    Timestamp(&'a TimestampMicrosecondArray),
    /// Of a kind that a person's query may answer with and we never write.
    Foreign(Vec<Cell<'static>>),
}

impl<'a> Rows<'a> {
    /// Looks at a batch. Errors: a column of a kind that has no type of ours.
    pub(crate) fn of(batch: &'a RecordBatch) -> Result<Rows<'a>, ArrowError> {
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns =
            columns.map(|(field, array)| Cells::of(field, array.as_ref())).collect::<Result<_, _>>()?;
        Ok(Rows { columns, rows: batch.num_rows() })
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The cell in `column` of `row`, both counted from 0.
    ///
    /// Errors: a moment or day outside the years -9999 to 9999.
    pub(crate) fn cell(&self, column: usize, row: usize) -> Result<Cell<'a>, ArrowError> {
        self.columns[column].cell(row)
    }
}

impl<'a> Cells<'a> {
    fn of(field: &Field, array: &'a dyn Array) -> Result<Cells<'a>, ArrowError> {
        let any = array.as_any();
        let is_json = arrow::field_type(field) == Some(FieldType::Json);
        let known = None
            .or_else(|| any.downcast_ref().map(Cells::Boolean))
            .or_else(|| any.downcast_ref().map(Cells::Integer))
            .or_else(|| any.downcast_ref().map(Cells::SmallInteger))
            .or_else(|| any.downcast_ref().map(Cells::Float))
            .or_else(|| any.downcast_ref().map(if is_json { Cells::Json } else { Cells::Text }))
            .or_else(|| any.downcast_ref().map(Cells::LargeText))
            .or_else(|| any.downcast_ref().map(Cells::Date))
            .or_else(|| any.downcast_ref().map(Cells::Timestamp))
            .or_else(|| foreign::cells(array).map(Cells::Foreign));
        known.ok_or_else(|| {
            let message =
                format!("column {} is of a kind that is not read: {}", field.name(), field.data_type());
            ArrowError::NotYetImplemented(message)
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Cells::Boolean(array) => array.is_null(row),
            Cells::Integer(array) => array.is_null(row),
            Cells::SmallInteger(array) => array.is_null(row),
            Cells::Float(array) => array.is_null(row),
            Cells::Text(array) | Cells::Json(array) => array.is_null(row),
            Cells::LargeText(array) => array.is_null(row),
            Cells::Date(array) => array.is_null(row),
            Cells::Timestamp(array) => array.is_null(row),
            Cells::Foreign(cells) => cells[row].is_null(),
        }
    }

    fn cell(&self, row: usize) -> Result<Cell<'a>, ArrowError> {
        if self.is_null(row) {
            return Ok(Cell::Null);
        }
        Ok(match self {
            Cells::Boolean(array) => Cell::Boolean(array.value(row)),
            Cells::Integer(array) => Cell::Integer(array.value(row)),
            Cells::SmallInteger(array) => Cell::Integer(array.value(row).into()),
            Cells::Float(array) => Cell::Float(array.value(row)),
            Cells::Text(array) => Cell::Text(Cow::Borrowed(array.value(row))),
            Cells::LargeText(array) => Cell::Text(Cow::Borrowed(array.value(row))),
            Cells::Json(array) => Cell::Json(Cow::Borrowed(array.value(row))),
            Cells::Date(array) => Cell::Date(day(array.value(row))?),
            Cells::Timestamp(array) => Cell::Timestamp(instant(array.value(row))?),
            Cells::Foreign(cells) => cells[row].clone(),
        })
    }
}

/// The day with this number, 1970-01-01 being 0.
fn day(number: i32) -> Result<Date, ArrowError> {
    let span = Span::new().try_days(number).map_err(out_of_range)?;
    EPOCH.checked_add(span).map_err(out_of_range)
}

fn instant(microseconds: i64) -> Result<Timestamp, ArrowError> {
    // Not `from_microsecond`, which refuses the last second an instant can be in.
    Timestamp::from_nanosecond(i128::from(microseconds) * 1_000).map_err(out_of_range)
}

fn out_of_range(cause: jiff::Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(cause))
}

#[cfg(test)]
mod tests {
    use achub_core::Column;

    use super::*;
    use crate::arrow::RowsBuilder;

    fn column(name: &str, ty: FieldType) -> Column {
        Column::new(name, ty)
    }

    #[test]
    fn cells_come_back_as_written() {
        let text = |text: &'static str| Cell::Text(Cow::Borrowed(text));
        let moment = |text: &str| Cell::Timestamp(text.parse().expect("a literal"));
        let day = |text: &str| Cell::Date(text.parse().expect("a literal"));
        let cases = [
            (FieldType::Boolean, vec![Cell::Boolean(true), Cell::Boolean(false)]),
            (FieldType::Integer, vec![Cell::Integer(i64::MIN), Cell::Integer(0), Cell::Integer(i64::MAX)]),
            (FieldType::Float, vec![Cell::Float(-0.1), Cell::Float(f64::INFINITY), Cell::Float(5e-324)]),
            (FieldType::Text, vec![text(""), text("a\0b"), text("\u{1F600}\r\n")]),
            (FieldType::Json, vec![Cell::Json(Cow::Borrowed("{\"a\": [1]}"))]),
            (FieldType::Date, vec![day("-009999-01-01"), day("1969-12-31"), day("9999-12-31")]),
            (
                FieldType::Timestamp,
                vec![
                    moment("-009999-01-02T01:59:59Z"),
                    moment("1969-12-31T23:59:59.999999Z"),
                    moment("9999-12-30T22:00:00.999999Z"),
                ],
            ),
        ];
        for (ty, mut cells) in cases {
            cells.push(Cell::Null);
            let mut builder = RowsBuilder::new(&[column("c", ty)]);
            for cell in &cells {
                builder.push([cell.clone()]).expect("the cell is of the column's type");
            }
            let batch = builder.finish().expect("a batch can be made");
            let rows = Rows::of(&batch).expect("what we write we read");
            let read: Vec<Cell<'_>> =
                (0..rows.len()).map(|row| rows.cell(0, row).expect("in range")).collect();
            assert_eq!(read, cells, "{}", ty.name());
        }
    }

    #[test]
    fn columns_of_a_schema_come_back() {
        let types = [
            FieldType::Text,
            FieldType::Integer,
            FieldType::Float,
            FieldType::Boolean,
            FieldType::Date,
            FieldType::Timestamp,
            FieldType::Json,
        ];
        let columns: Vec<Column> = types.iter().map(|&ty| column(ty.name(), ty)).collect();
        let expected: Vec<_> = types.iter().map(|&ty| (ty.name().to_owned(), Some(ty))).collect();
        assert_eq!(arrow::columns(&arrow::schema(&columns)), expected);
    }

    #[test]
    fn cells_of_another_type_are_refused() {
        let mut builder = RowsBuilder::new(&[column("n", FieldType::Integer)]);
        assert!(builder.push([Cell::Text("7".into())]).is_err());
        let mut builder = RowsBuilder::new(&[column("n", FieldType::Integer)]);
        assert!(builder.push([]).is_err());
        let mut builder = RowsBuilder::new(&[column("n", FieldType::Integer)]);
        assert!(builder.push([Cell::Null, Cell::Null]).is_err());
    }

    #[test]
    fn builder_is_empty_after_batch() {
        let mut builder = RowsBuilder::new(&[column("n", FieldType::Text)]);
        builder.push([Cell::Text("four".into())]).expect("the cell is of the column's type");
        assert_eq!((builder.rows(), builder.bytes()), (1, 8));
        assert_eq!(builder.finish().expect("a batch can be made").num_rows(), 1);
        assert_eq!((builder.rows(), builder.bytes()), (0, 0));
        assert_eq!(builder.finish().expect("a batch can be made").num_rows(), 0);
    }
}
