//! Rows on their way into a staging table.

use std::{borrow::Cow, mem};

use crate::{landing::Cell, sql::RowSink};

/// A row: the sequence, the mark for repeats where there is one, and a cell for each column.
pub(crate) type Row = Vec<Cell<'static>>;

/// Rows that own their cells, because another thread hands them to DuckDB.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    begun: Row,
}

impl RowSink for Rows {
    fn begin(&mut self, seq: i64, repeat: Option<bool>) {
        self.begun.clear();
        self.begun.push(Cell::Integer(seq));
        self.begun.extend(repeat.map(Cell::Boolean));
    }

    /// DuckDB holds every value, texts with NUL characters and floats that are not finite among them.
    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        self.begun.push(owned(cell));
        Ok(())
    }

    fn end(&mut self) {
        self.rows.push(mem::take(&mut self.begun));
    }

    fn undo(&mut self) {
        self.begun.clear();
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn clear(&mut self) {
        self.rows.clear();
    }
}

impl Rows {
    /// Takes all rows out.
    pub(super) fn take(&mut self) -> Vec<Row> {
        mem::take(&mut self.rows)
    }
}

fn owned(cell: &Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Boolean(value) => Cell::Boolean(*value),
        Cell::Integer(value) => Cell::Integer(*value),
        Cell::Float(value) => Cell::Float(*value),
        Cell::Text(text) => Cell::Text(Cow::Owned(text.as_ref().to_owned())),
        Cell::Date(day) => Cell::Date(*day),
        Cell::Timestamp(instant) => Cell::Timestamp(*instant),
        Cell::Json(text) => Cell::Json(Cow::Owned(text.as_ref().to_owned())),
    }
}
