//! Rows as one array for each column, in PostgreSQL's binary form of arrays.
//!
//! Form: dimensions, whether there are nulls, element type; for the one dimension its length and first index; then each
//! element as its length (-1 for null) and its bytes. Source: `array_recv` in the server's `arrayfuncs.c`, PostgreSQL 15;
//! the forms of elements are those of binary COPY, <https://www.postgresql.org/docs/current/sql-copy.html>.

use jiff::{Timestamp, civil::Date};
use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, types::Oid},
};

use crate::{landing::Cell, sql::RowSink};

/// Dates and times count from the first day of 2000.
const EPOCH: Date = jiff::civil::date(2000, 1, 1);
const EPOCH_SECONDS: i64 = 946_684_800;

/// The first day PostgreSQL knows, 24 November 4714 BC in the Gregorian calendar.
const FIRST_DAY: Date = jiff::civil::date(-4713, 11, 24);
const FIRST_SECOND: i64 = -210_866_803_200;

/// Encoded rows. The memory is kept from commit to commit; no row allocates.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    /// The column that takes the next cell.
    next: usize,
    count: usize,
}

/// The cells of one column.
#[derive(Debug, Default)]
struct Column {
    /// Known from the first cell that is not null.
    ty: Option<ElementType>,
    cells: Vec<u8>,
    /// Where the cells of ended rows end.
    ended: usize,
}

/// A type and that of its arrays, by the numbers of the server's `pg_type.dat`, which never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ElementType {
    element: u32,
    array: u32,
}

impl ElementType {
    fn of(cell: &Cell<'_>) -> Option<ElementType> {
        let (element, array) = match cell {
            Cell::Null => return None,
            Cell::Boolean(_) => (16, 1000),
            Cell::Integer(_) => (20, 1016),
            Cell::Float(_) => (701, 1022),
            Cell::Text(_) => (25, 1009),
            Cell::Date(_) => (1082, 1182),
            Cell::Timestamp(_) => (1184, 1185),
            Cell::Json(_) => (3802, 3807),
        };
        Some(ElementType { element, array })
    }
}

impl Rows {
    /// The columns that hold something in the rows from `first` up to `end`, not included: their places and arrays.
    pub(crate) fn arrays(&self, first: usize, end: usize) -> impl Iterator<Item = (usize, Array<'_>)> {
        // Not as many as the row that was begun last had: that one may have been taken back half way.
        let places = self.columns.iter().enumerate();
        places.filter_map(move |(place, column)| {
            let ty = column.ty?;
            Some((place, Array { ty, count: end - first, cells: column.slice(first, end) }))
        })
    }

    /// Bytes of all cells.
    pub(crate) fn size(&self) -> usize {
        self.columns.iter().map(|column| column.cells.len()).sum()
    }

    fn push(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        if self.columns.len() == self.next {
            self.columns.push(Column::default());
        }
        self.columns[self.next].push(cell)?;
        self.next += 1;
        Ok(())
    }
}

impl RowSink for Rows {
    fn begin(&mut self, seq: i64, repeat: Option<bool>) {
        self.next = 0;
        let marks = std::iter::once(Cell::Integer(seq)).chain(repeat.map(Cell::Boolean));
        for mark in marks {
            self.push(&mark).expect("numbers and flags are always held");
        }
    }

    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        self.push(cell)
    }

    fn end(&mut self) {
        self.columns.iter_mut().for_each(|column| column.ended = column.cells.len());
        self.count += 1;
    }

    fn undo(&mut self) {
        self.columns.iter_mut().for_each(|column| column.cells.truncate(column.ended));
    }

    fn len(&self) -> usize {
        self.count
    }

    fn clear(&mut self) {
        for column in &mut self.columns {
            *column = Column { cells: std::mem::take(&mut column.cells), ..Column::default() };
            column.cells.clear();
        }
        self.count = 0;
    }
}

impl Column {
    fn push(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        match cell {
            Cell::Null => self.cells.extend_from_slice(&(-1i32).to_be_bytes()),
            Cell::Boolean(value) => self.bytes(&[], &[u8::from(*value)])?,
            Cell::Integer(value) => self.bytes(&[], &value.to_be_bytes())?,
            Cell::Float(value) => self.bytes(&[], &value.to_be_bytes())?,
            Cell::Text(text) if text.contains('\0') => return Err("a NUL character in text".to_owned()),
            Cell::Text(text) => self.bytes(&[], text.as_bytes())?,
            Cell::Date(day) => self.bytes(&[], &days(*day)?.to_be_bytes())?,
            Cell::Timestamp(instant) => self.bytes(&[], &microseconds(*instant)?.to_be_bytes())?,
            Cell::Json(text) => {
                check_escapes(text)?;
                // The version of the jsonb format.
                self.bytes(&[1], text.as_bytes())?;
            }
        }
        self.ty = self.ty.or(ElementType::of(cell));
        Ok(())
    }

    fn bytes(&mut self, head: &[u8], value: &[u8]) -> Result<(), String> {
        let length = i32::try_from(head.len() + value.len()).map_err(|_| "longer than 2 GiB".to_owned())?;
        self.cells.extend_from_slice(&length.to_be_bytes());
        self.cells.extend_from_slice(head);
        self.cells.extend_from_slice(value);
        Ok(())
    }

    /// The cells of the rows from `first` up to `end`, not included.
    fn slice(&self, first: usize, end: usize) -> &[u8] {
        let start = skip(&self.cells, first);
        let length = skip(&self.cells[start..], end - first);
        &self.cells[start..start + length]
    }
}

/// Where the cell behind `count` cells begins.
fn skip(cells: &[u8], count: usize) -> usize {
    (0..count).fold(0, |at, _| {
        let length = cells[at..at + 4].try_into().expect("every cell begins with its length");
        // Null has the length -1 and no bytes.
        at + 4 + usize::try_from(i32::from_be_bytes(length)).unwrap_or(0)
    })
}

/// A column of rows as an argument of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Array<'a> {
    ty: ElementType,
    count: usize,
    cells: &'a [u8],
}

impl Type<Postgres> for Array<'_> {
    /// Each value says its own; see `produces`.
    fn type_info() -> PgTypeInfo {
        <Vec<String> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Array<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let count = i32::try_from(self.count)?;
        // One dimension; nulls may be among the elements.
        for number in [1, 1, self.ty.element.cast_signed(), count, 1] {
            buffer.extend_from_slice(&number.to_be_bytes());
        }
        buffer.extend_from_slice(self.cells);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.ty.array)))
    }

    fn size_hint(&self) -> usize {
        20 + self.cells.len()
    }
}

fn days(day: Date) -> Result<i32, String> {
    if day < FIRST_DAY {
        return Err(format!("{day} is before the first day the database knows"));
    }
    let span = day.since((jiff::Unit::Day, EPOCH)).map_err(|cause| cause.to_string())?;
    Ok(span.get_days())
}

fn microseconds(instant: Timestamp) -> Result<i64, String> {
    if instant.as_second() < FIRST_SECOND {
        return Err(format!("{instant} is before the first moment the database knows"));
    }
    Ok(instant.as_microsecond() - EPOCH_SECONDS * 1_000_000)
}

/// Refuses the escapes that are valid JSON and no text: NUL, and halves of surrogate pairs.
fn check_escapes(text: &str) -> Result<(), String> {
    let mut high = false;
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        if high && at > 0 {
            return Err("half a surrogate pair in JSON".to_owned());
        }
        let unit = (rest.as_bytes().get(at + 1) == Some(&b'u'))
            .then(|| rest.get(at + 2..at + 6).and_then(|digits| u16::from_str_radix(digits, 16).ok()))
            .flatten();
        let is_low = unit.is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
        if high != is_low {
            return Err("half a surrogate pair in JSON".to_owned());
        }
        if unit == Some(0) {
            return Err("a NUL character in JSON".to_owned());
        }
        high = unit.is_some_and(|unit| (0xd800..0xdc00).contains(&unit));
        rest = rest.get(at + if unit.is_some() { 6 } else { 2 }..).unwrap_or_default();
    }
    if high { Err("half a surrogate pair in JSON".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_that_are_no_text_are_refused() {
        let good = [r#"{"a":"\ud83d\ude00"}"#, r#""\\u0000""#, r#""\n\t\u00e9""#, "[1,2]"];
        let bad = [r#""\u0000""#, r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx\ude00""#, r#""\ud83d\n""#];
        for text in good {
            assert_eq!(check_escapes(text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(check_escapes(text).is_err(), "{text}");
        }
    }

    fn rows(texts: &[Option<&str>]) -> Rows {
        let mut rows = Rows::default();
        for (text, seq) in texts.iter().zip(1..) {
            rows.begin(seq, None);
            rows.cell(&text.map_or(Cell::Null, |text| Cell::Text(text.into()))).expect("good text");
            rows.end();
        }
        rows
    }

    fn cells(rows: &Rows, first: usize, end: usize) -> Vec<(usize, Vec<u8>)> {
        rows.arrays(first, end).map(|(place, array)| (place, array.cells.to_vec())).collect()
    }

    #[test]
    fn a_row_taken_back_leaves_nothing() {
        let mut rows = rows(&[Some("a")]);
        let before = cells(&rows, 0, 1);

        rows.begin(2, None);
        assert!(rows.cell(&Cell::Text("a\0b".into())).is_err());
        rows.undo();
        rows.begin(2, None);
        rows.cell(&Cell::Null).unwrap();
        rows.end();

        assert_eq!((cells(&rows, 0, 1), rows.len()), (before, 2));
        assert_eq!(
            cells(&rows, 1, 2),
            [(0, [&[0, 0, 0, 8][..], &2i64.to_be_bytes()].concat()), (1, vec![255; 4])]
        );
    }

    #[test]
    fn last_row_taken_back_costs_no_column() {
        let mut rows = rows(&[Some("a")]);
        let before = cells(&rows, 0, 1);
        rows.begin(2, None);
        rows.undo();
        assert_eq!(cells(&rows, 0, 1), before);
    }

    #[test]
    fn a_part_of_the_rows_is_cut_between_cells() {
        let rows = rows(&[Some("a"), None, Some("bcd"), Some("")]);
        let texts = |first, end| cells(&rows, first, end).pop().expect("a column of text").1;
        assert_eq!(texts(1, 3), b"\xff\xff\xff\xff\0\0\0\x03bcd");
        assert_eq!(texts(3, 4), b"\0\0\0\0");
    }

    #[test]
    fn columns_of_nulls_only_are_left_out() {
        let mut rows = rows(&[None, None]);
        assert_eq!(cells(&rows, 0, 2).len(), 1);

        rows.clear();
        assert_eq!((rows.len(), rows.size()), (0, 0));
    }

    #[test]
    fn days_and_moments_count_from_2000() {
        assert_eq!(days(EPOCH), Ok(0));
        assert_eq!(days(jiff::civil::date(1999, 12, 31)), Ok(-1));
        assert!(days(jiff::civil::date(-9999, 1, 1)).is_err());
        assert_eq!(microseconds("2000-01-01T00:00:01.5Z".parse().expect("a literal")), Ok(1_500_000));
    }
}
