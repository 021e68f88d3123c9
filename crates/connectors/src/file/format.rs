//! How values are spelled in a text file, and read back.

use std::borrow::Cow;

use achub_core::FieldType;
use serde_json::value::RawValue;

use crate::{file::formula, landing::Cell};

/// The format of the files of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180: a header, CRLF, quotes where needed. Null and the empty text look the same. A cell that a spreadsheet would
    /// run as a formula has a `'` in front: one that begins, behind any number of `'`, with `=`, `+`, `-`, `@`, a tab, a
    /// line break or NUL (or their full-width twins) and is not a number.
    Csv,
    /// The same without that `'`: every cell is what it was. The files' names say so.
    CsvRaw,
    /// One JSON object per line, values typed.
    JsonLines,
}

impl Format {
    /// The files' extension.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::CsvRaw => "raw.csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// Whether a value of this type is kept as such.
    pub(crate) fn keeps(self, ty: FieldType) -> bool {
        match self {
            Format::Csv | Format::CsvRaw => ty == FieldType::Text,
            Format::JsonLines => !matches!(ty, FieldType::Date | FieldType::Timestamp),
        }
    }

    /// The type of a column nobody told the type of: every value stays as it is spelled.
    pub(crate) fn untyped(self) -> FieldType {
        match self {
            Format::Csv | Format::CsvRaw => FieldType::Text,
            Format::JsonLines => FieldType::Json,
        }
    }

    /// The cell as it will be read back, or why it has no spelling.
    pub(crate) fn settle(self, cell: Cell<'_>) -> Result<Cell<'_>, String> {
        match (self, cell) {
            (Format::Csv | Format::CsvRaw, Cell::Text(text) | Cell::Json(text)) if text.is_empty() => {
                Ok(Cell::Null)
            }
            (Format::JsonLines, Cell::Float(value)) if !value.is_finite() => {
                Err(format!("{value} is not a JSON number"))
            }
            (Format::JsonLines, Cell::Json(text)) => settled_json(&text),
            (_, cell) => Ok(cell),
        }
    }

    /// Appends the cell to a line; `stands_alone`: it is the only one of its row.
    pub(crate) fn spell(self, cell: &Cell<'_>, stands_alone: bool, line: &mut Vec<u8>) {
        match self {
            Format::Csv => match cell {
                Cell::Integer(_) | Cell::Float(_) => quote(&cell.display(), false, stands_alone, line),
                cell => {
                    let text = cell.display();
                    quote(&text, formula::is_formula(&text), stands_alone, line);
                }
            },
            Format::CsvRaw => quote(&cell.display(), false, stands_alone, line),
            Format::JsonLines => match cell {
                Cell::Json(text) => line.extend_from_slice(text.as_bytes()),
                cell => line.extend_from_slice(cell.to_json().to_string().as_bytes()),
            },
        }
    }

    /// A field of a CSV file as a cell; what is not spelled as its type would be stays the text it is.
    pub(crate) fn csv_cell(self, field: &str, ty: FieldType) -> Cell<'_> {
        let text = self.csv_text(field);
        match ty {
            _ if text.is_empty() => Cell::Null,
            FieldType::Text => Cell::Text(Cow::Borrowed(text)),
            FieldType::Json => Cell::Json(Cow::Borrowed(text)),
            ty => typed(text, ty).unwrap_or(Cell::Text(Cow::Borrowed(text))),
        }
    }

    /// A field of a CSV file as it was before a quote was put in front of it.
    pub(crate) fn csv_text(self, field: &str) -> &str {
        if self == Format::Csv { formula::revealed(field) } else { field }
    }
}

/// A member of a line as a cell; what is not spelled as its type would be stays the JSON it is, or the text where it is to
/// be one.
pub(crate) fn json_cell(raw: &RawValue, ty: FieldType) -> Cell<'_> {
    let spelled = raw.get();
    let text = || serde_json::from_str::<Cow<'_, str>>(spelled).ok();
    match (spelled.as_bytes().first(), ty) {
        (Some(b'n'), _) => Cell::Null,
        (_, FieldType::Json) => Cell::Json(Cow::Borrowed(spelled)),
        (Some(b'"'), FieldType::Text) => serde_json::from_str(spelled)
            .map_or(Cell::Json(Cow::Borrowed(spelled)), |text: String| Cell::Text(Cow::Owned(text))),
        (_, FieldType::Text) => Cell::Text(Cow::Borrowed(spelled)),
        (Some(b'"'), FieldType::Date | FieldType::Timestamp) => {
            text().and_then(|text| typed(&text, ty)).unwrap_or(Cell::Json(Cow::Borrowed(spelled)))
        }
        (Some(b'"'), _) => Cell::Json(Cow::Borrowed(spelled)),
        (_, FieldType::Float) => {
            let float = spelled.parse().ok().map(Cell::Float);
            let is_same = |float: &Cell<'_>| {
                let mut own = Vec::new();
                Format::JsonLines.spell(float, false, &mut own);
                own == spelled.as_bytes()
            };
            float.filter(is_same).unwrap_or(Cell::Json(Cow::Borrowed(spelled)))
        }
        (_, ty) => typed(spelled, ty).unwrap_or(Cell::Json(Cow::Borrowed(spelled))),
    }
}

/// A value in the spelling it is written in, or in that of a type that was widened to this one.
fn typed(text: &str, ty: FieldType) -> Option<Cell<'static>> {
    let parsed = |ty| {
        let cell = match ty {
            FieldType::Boolean => Cell::Boolean(text.parse().ok()?),
            FieldType::Integer => Cell::Integer(text.parse().ok()?),
            FieldType::Float => Cell::Float(text.parse().ok()?),
            FieldType::Date => Cell::Date(text.parse().ok()?),
            FieldType::Timestamp => Cell::Timestamp(text.parse().ok()?),
            FieldType::Text | FieldType::Json => return None,
        };
        // Another spelling is somebody else's, and is kept.
        (cell.display() == text).then_some(cell)
    };
    let narrower = match ty {
        FieldType::Timestamp => Some(FieldType::Date),
        FieldType::Integer => Some(FieldType::Boolean),
        _ => None,
    };
    parsed(ty).or_else(|| parsed(narrower?)?.cast(ty).ok())
}

/// A document on one line: breaks stand only between its parts, never inside its strings.
fn settled_json(text: &str) -> Result<Cell<'static>, String> {
    let line = text.replace(['\n', '\r'], " ").trim().to_owned();
    match serde_json::from_str::<&RawValue>(&line) {
        Ok(_) if line == "null" => Ok(Cell::Null),
        Ok(_) => Ok(Cell::Json(Cow::Owned(line))),
        Err(cause) => Err(format!("it cannot be a JSON value: {cause}")),
    }
}

/// Writes a field, in quotes where it needs them; an empty one that stands alone does, or its line would be no row.
fn quote(field: &str, is_formula: bool, stands_alone: bool, line: &mut Vec<u8>) {
    let needs_quotes = field.contains(['"', ',', '\r', '\n']) || (stands_alone && field.is_empty());
    if needs_quotes {
        line.push(b'"');
    }
    if is_formula {
        line.push(b'\'');
    }
    for byte in field.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    if needs_quotes {
        line.push(b'"');
    }
}
