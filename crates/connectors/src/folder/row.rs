//! How a collected row is spelled in the file that collects rows: cell by cell, each with its kind, so that rows that came
//! before a column was added are read as rows without a value there.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use jiff::{Timestamp, civil::Date};

use crate::landing::Cell;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const DATE: u8 = 6;
const TIMESTAMP: u8 = 7;
const JSON: u8 = 8;

/// Spells a cell. What cannot be told apart in a table is spelled alike: an instant has microseconds.
pub(crate) fn put_cell(cell: &Cell<'_>, bytes: &mut Vec<u8>) {
    match cell {
        Cell::Null => bytes.push(NULL),
        Cell::Boolean(value) => bytes.push(if *value { TRUE } else { FALSE }),
        Cell::Integer(value) => put(INTEGER, &value.to_le_bytes(), bytes),
        Cell::Float(value) => put(FLOAT, &value.to_bits().to_le_bytes(), bytes),
        Cell::Text(text) => put_text(TEXT, text, bytes),
        Cell::Json(text) => put_text(JSON, text, bytes),
        Cell::Date(day) => {
            put(DATE, &day.year().to_le_bytes(), bytes);
            bytes.extend([day.month() as u8, day.day() as u8]);
        }
        Cell::Timestamp(instant) => put(TIMESTAMP, &instant.as_microsecond().to_le_bytes(), bytes),
    }
}

fn put(kind: u8, value: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(kind);
    bytes.extend_from_slice(value);
}

fn put_text(kind: u8, text: &str, bytes: &mut Vec<u8>) {
    put(kind, &(text.len() as u64).to_le_bytes(), bytes);
    bytes.extend_from_slice(text.as_bytes());
}

/// Appends the key of a row that was put aside: it was shown, though it cannot be held.
pub(crate) fn put_aside<'a>(key: impl IntoIterator<Item = Cell<'a>>, bytes: &mut Vec<u8>) {
    put_row(std::iter::once(Cell::Boolean(true)).chain(key), bytes);
}

/// Appends a row that counts.
pub(crate) fn put_counted<'a>(cells: impl IntoIterator<Item = Cell<'a>>, bytes: &mut Vec<u8>) {
    put_row(std::iter::once(Cell::Boolean(false)).chain(cells), bytes);
}

/// Appends cells with their length in front.
fn put_row<'a>(cells: impl IntoIterator<Item = Cell<'a>>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend([0; LENGTH_BYTES]);
    for cell in cells {
        put_cell(&cell, bytes);
    }
    let length = (bytes.len() - start - LENGTH_BYTES) as u64;
    bytes[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

const LENGTH_BYTES: usize = size_of::<u64>();

/// Reads the next row into `row`; the bytes it took, `None` at the end. Errors: a row that is cut off.
pub(crate) fn next_row(reader: &mut impl BufRead, row: &mut Vec<u8>) -> io::Result<Option<u64>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut length = [0; LENGTH_BYTES];
    reader.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    row.clear();
    // Not allocated by the length alone, which may be anything in a broken file.
    if reader.by_ref().take(length).read_to_end(row)? as u64 != length {
        return Err(broken());
    }
    Ok(Some(length + LENGTH_BYTES as u64))
}

/// What a row is, taken from its front.
pub(crate) fn is_put_aside(row: &mut &[u8]) -> io::Result<bool> {
    match take_cell(row) {
        Some(Cell::Boolean(is_put_aside)) => Ok(is_put_aside),
        _ => Err(broken()),
    }
}

/// The cells of a row. What cannot be read is an error, and the last item.
pub(crate) fn cells(mut row: &[u8]) -> impl Iterator<Item = io::Result<Cell<'_>>> {
    std::iter::from_fn(move || {
        if row.is_empty() {
            return None;
        }
        let cell = take_cell(&mut row);
        if cell.is_none() {
            row = &[];
        }
        Some(cell.ok_or_else(broken))
    })
}

fn take_cell<'a>(row: &mut &'a [u8]) -> Option<Cell<'a>> {
    let kind = take::<1>(row)?[0];
    Some(match kind {
        NULL => Cell::Null,
        FALSE | TRUE => Cell::Boolean(kind == TRUE),
        INTEGER => Cell::Integer(i64::from_le_bytes(take(row)?)),
        FLOAT => Cell::Float(f64::from_bits(u64::from_le_bytes(take(row)?))),
        TEXT => Cell::Text(Cow::Borrowed(take_text(row)?)),
        JSON => Cell::Json(Cow::Borrowed(take_text(row)?)),
        DATE => {
            let year = i16::from_le_bytes(take(row)?);
            let [month, day] = take(row)?;
            Cell::Date(Date::new(year, month as i8, day as i8).ok()?)
        }
        TIMESTAMP => {
            let microseconds = i64::from_le_bytes(take(row)?);
            Cell::Timestamp(Timestamp::from_nanosecond(i128::from(microseconds) * 1_000).ok()?)
        }
        _ => return None,
    })
}

fn take<const N: usize>(row: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = row.split_first_chunk()?;
    *row = rest;
    Some(*value)
}

fn take_text<'a>(row: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u64::from_le_bytes(take(row)?)).ok()?;
    let (text, rest) = row.split_at_checked(length)?;
    *row = rest;
    std::str::from_utf8(text).ok()
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a collected row is cut off or changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_written() {
        let rows = [
            vec![Cell::Null, Cell::Boolean(true), Cell::Integer(i64::MIN), Cell::Float(-0.0)],
            vec![],
            vec![
                Cell::Text("a\0b\u{1F600}".into()),
                Cell::Json("{\"a\":\n1}".into()),
                Cell::Date("-009999-01-01".parse().expect("a literal")),
                Cell::Timestamp("9999-12-30T22:00:00.999999Z".parse().expect("a literal")),
                Cell::Boolean(false),
            ],
        ];
        let mut bytes = Vec::new();
        for row in &rows {
            put_row(row.iter().cloned(), &mut bytes);
        }

        let (mut reader, mut buffer, mut read, mut length) = (bytes.as_slice(), Vec::new(), Vec::new(), 0);
        while let Some(taken) = next_row(&mut reader, &mut buffer).expect("whole rows") {
            length += taken;
            let cells: io::Result<Vec<Cell<'_>>> = cells(&buffer).collect();
            read.push(format!("{:?}", cells.expect("whole cells")));
        }

        assert_eq!(read, rows.map(|row| format!("{row:?}")));
        assert_eq!(length, bytes.len() as u64);
    }

    #[test]
    fn rows_cut_off_anywhere_are_errors() {
        let mut bytes = Vec::new();
        put_row([Cell::Text("abc".into()), Cell::Integer(7)], &mut bytes);
        for end in 1..bytes.len() {
            assert!(next_row(&mut &bytes[..end], &mut Vec::new()).is_err(), "cut at {end}");
        }
        let row = &bytes[LENGTH_BYTES..];
        let whole = [0, 1 + LENGTH_BYTES + 3, row.len()];
        for end in (0..=row.len()).filter(|end| !whole.contains(end)) {
            assert!(cells(&row[..end]).any(|cell| cell.is_err()), "cut at {end}");
        }
    }
}
