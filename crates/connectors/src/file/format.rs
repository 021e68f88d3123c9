//! How rows are spelled in a file, and read back.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use achub_core::FieldType;
use serde_json::value::RawValue;

use crate::landing::Cell;

/// The format of the files of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180: a header, CRLF, quotes where needed. Null and the empty text look the same.
    Csv,
    /// One JSON object per line, values typed.
    JsonLines,
}

impl Format {
    /// The files' extension.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// How a missing value is spelled.
    pub(crate) fn null(self) -> &'static str {
        match self {
            Format::Csv => "",
            Format::JsonLines => "null",
        }
    }

    /// How a cell is spelled, or why it has no spelling.
    pub(crate) fn spell(self, cell: &Cell<'_>) -> Result<String, String> {
        match (self, cell) {
            (Format::Csv, _) => Ok(cell.display().into_owned()),
            (Format::JsonLines, Cell::Float(value)) if !value.is_finite() => {
                Err(format!("{value} is not a JSON number"))
            }
            // Line breaks stand only between the parts of a document, never inside its strings.
            (Format::JsonLines, Cell::Json(text)) => Ok(text.replace(['\n', '\r'], " ")),
            (Format::JsonLines, _) => Ok(cell.to_json().to_string()),
        }
    }

    /// The plain text of a spelled value, for keys and moments.
    pub(crate) fn plain(self, spelled: &str) -> String {
        match self {
            Format::Csv => spelled.to_owned(),
            Format::JsonLines => serde_json::from_str(spelled).unwrap_or_else(|_| spelled.to_owned()),
        }
    }

    /// Whether a value of this type is kept as such.
    pub(crate) fn keeps(self, ty: FieldType) -> bool {
        match self {
            Format::Csv => ty == FieldType::Text,
            Format::JsonLines => !matches!(ty, FieldType::Date | FieldType::Timestamp),
        }
    }

    /// The columns of a file with a header or members; none where there is no file.
    pub(crate) fn columns(self, path: &Path) -> io::Result<Vec<String>> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        match self {
            Format::Csv => {
                let mut reader =
                    csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(io_error)?;
                Ok(reader.headers().map_err(io_error)?.iter().map(str::to_owned).collect())
            }
            Format::JsonLines => {
                let mut columns: Vec<String> = Vec::new();
                for line in BufReader::new(File::open(path)?).lines() {
                    let line = line?;
                    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&line)?;
                    for name in members.into_keys() {
                        if !columns.contains(&name) {
                            columns.push(name);
                        }
                    }
                }
                Ok(columns)
            }
        }
    }

    /// Hands over every row of a file with its number, spelled values in the order of `columns`. A CSV file without a
    /// header (`has_header: false`) has exactly these columns, later ones may be missing.
    pub(crate) fn scan(
        self,
        path: &Path,
        columns: &[String],
        has_header: bool,
        mut take: impl FnMut(usize, &[String]) -> io::Result<()>,
    ) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        let mut row = vec![String::new(); columns.len()];
        match self {
            Format::Csv => {
                let mut reader = csv::ReaderBuilder::new();
                let mut reader =
                    reader.flexible(true).has_headers(has_header).from_path(path).map_err(io_error)?;
                let places: Vec<usize> = if has_header {
                    let headers = reader.headers().map_err(io_error)?;
                    let place = |name: &String| headers.iter().position(|header| header == name);
                    columns.iter().map(|name| place(name).unwrap_or(usize::MAX)).collect()
                } else {
                    (0..columns.len()).collect()
                };
                let mut record = csv::StringRecord::new();
                let mut number = 0;
                while reader.read_record(&mut record).map_err(io_error)? {
                    for (field, &place) in row.iter_mut().zip(&places) {
                        field.clear();
                        field.push_str(record.get(place).unwrap_or_default());
                    }
                    take(number, &row)?;
                    number += 1;
                }
            }
            Format::JsonLines => {
                for (number, line) in BufReader::new(File::open(path)?).lines().enumerate() {
                    let line = line?;
                    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&line)?;
                    for (field, name) in row.iter_mut().zip(columns) {
                        field.clear();
                        field.push_str(members.get(name).map_or("null", |raw| raw.get()));
                    }
                    take(number, &row)?;
                }
            }
        }
        Ok(())
    }

    /// Spells a row.
    pub(crate) fn line(self, columns: &[String], row: &[String], line: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Format::Csv => {
                for (index, field) in row.iter().enumerate() {
                    if index > 0 {
                        line.push(b',');
                    }
                    quote(field, row.len() == 1, line);
                }
                line.extend_from_slice(b"\r\n");
                Ok(())
            }
            Format::JsonLines => {
                for (index, (name, value)) in columns.iter().zip(row).enumerate() {
                    line.push(if index == 0 { b'{' } else { b',' });
                    serde_json::to_writer(&mut *line, name)?;
                    line.push(b':');
                    line.extend_from_slice(value.as_bytes());
                }
                line.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
                Ok(())
            }
        }
    }

    /// Begins a file.
    pub(crate) fn create(self, path: &Path, columns: &[String]) -> io::Result<BufWriter<File>> {
        let mut file = BufWriter::new(File::create(path)?);
        if self == Format::Csv {
            let mut header = Vec::new();
            self.line(columns, columns, &mut header)?;
            file.write_all(&header)?;
        }
        Ok(file)
    }
}

/// Writes a field, in quotes where it needs them; an empty one that stands alone does, or its line would be no row.
fn quote(field: &str, stands_alone: bool, line: &mut Vec<u8>) {
    let needs_quotes = field.contains(['"', ',', '\r', '\n']) || (stands_alone && field.is_empty());
    if !needs_quotes {
        line.extend_from_slice(field.as_bytes());
        return;
    }
    line.push(b'"');
    for byte in field.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

fn io_error(cause: csv::Error) -> io::Error {
    io::Error::other(cause)
}
