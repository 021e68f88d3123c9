//! Rows in PostgreSQL's binary COPY format; <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
//!
//! Everything goes into one buffer that is used again for every commit; no row allocates.

use jiff::{Timestamp, civil::Date};

use crate::{landing::Cell, sql::RowSink};

/// Signature, flags, and length of the header's extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A field count of -1.
const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Dates and times count from the first day of 2000.
const EPOCH: Date = jiff::civil::date(2000, 1, 1);
const EPOCH_SECONDS: i64 = 946_684_800;

/// The first day PostgreSQL knows, 24 November 4714 BC in the Gregorian calendar.
const FIRST_DAY: Date = jiff::civil::date(-4713, 11, 24);
const FIRST_SECOND: i64 = -210_866_803_200;

/// Encoded rows.
#[derive(Debug)]
pub(crate) struct Rows {
    buffer: Vec<u8>,
    /// Where each ended row begins, and behind the last one.
    starts: Vec<usize>,
    fields: i16,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { buffer: HEADER.to_vec(), starts: vec![HEADER.len()], fields: 0 }
    }
}

impl Rows {
    /// A complete COPY stream of the rows from `first` up to `end`, not included, in up to three pieces.
    pub(crate) fn stream(&self, first: usize, end: usize) -> [&[u8]; 3] {
        [HEADER, &self.buffer[self.starts[first]..self.starts[end]], TRAILER]
    }

    fn begun(&self) -> usize {
        *self.starts.last().expect("there is always a start")
    }

    fn field(&mut self, bytes: &[u8]) -> Result<(), String> {
        let length = i32::try_from(bytes.len()).map_err(|_| "longer than 2 GiB".to_owned())?;
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(bytes);
        self.fields += 1;
        Ok(())
    }

    fn json(&mut self, text: &str) -> Result<(), String> {
        let length = i32::try_from(text.len() + 1).map_err(|_| "longer than 2 GiB".to_owned())?;
        self.buffer.extend_from_slice(&length.to_be_bytes());
        // The version of the jsonb format.
        self.buffer.push(1);
        self.buffer.extend_from_slice(text.as_bytes());
        self.fields += 1;
        Ok(())
    }
}

impl RowSink for Rows {
    fn begin(&mut self, seq: i64, repeat: Option<bool>) {
        self.fields = 0;
        self.buffer.extend_from_slice(&[0, 0]);
        let marks = std::iter::once(Cell::Integer(seq)).chain(repeat.map(Cell::Boolean));
        for mark in marks {
            self.cell(&mark).expect("numbers and flags are always held");
        }
    }

    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        match cell {
            Cell::Null => {
                self.buffer.extend_from_slice(&(-1i32).to_be_bytes());
                self.fields += 1;
                Ok(())
            }
            Cell::Boolean(value) => self.field(&[u8::from(*value)]),
            Cell::Integer(value) => self.field(&value.to_be_bytes()),
            Cell::Float(value) => self.field(&value.to_be_bytes()),
            Cell::Text(text) if text.contains('\0') => Err("a NUL character in text".to_owned()),
            Cell::Text(text) => self.field(text.as_bytes()),
            Cell::Date(day) => self.field(&days(*day)?.to_be_bytes()),
            Cell::Timestamp(instant) => self.field(&microseconds(*instant)?.to_be_bytes()),
            Cell::Json(text) => {
                check_escapes(text)?;
                self.json(text)
            }
        }
    }

    fn end(&mut self) {
        let begun = self.begun();
        self.buffer[begun..begun + 2].copy_from_slice(&self.fields.to_be_bytes());
        self.starts.push(self.buffer.len());
    }

    fn undo(&mut self) {
        self.buffer.truncate(self.begun());
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn clear(&mut self) {
        self.buffer.truncate(HEADER.len());
        self.starts.truncate(1);
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

    #[test]
    fn a_row_taken_back_leaves_nothing() {
        let mut rows = Rows::default();
        rows.begin(1, None);
        rows.end();
        let before = rows.buffer.clone();
        rows.begin(2, Some(true));
        assert!(rows.cell(&Cell::Text("a\0b".into())).is_err());
        rows.undo();
        assert_eq!((rows.buffer.clone(), rows.len()), (before, 1));
    }

    #[test]
    fn days_and_moments_count_from_2000() {
        assert_eq!(days(EPOCH), Ok(0));
        assert_eq!(days(jiff::civil::date(1999, 12, 31)), Ok(-1));
        assert!(days(jiff::civil::date(-9999, 1, 1)).is_err());
        assert_eq!(microseconds("2000-01-01T00:00:01.5Z".parse().expect("a literal")), Ok(1_500_000));
    }
}
