//! Rows that are put aside.

use achub_core::port::target::Quarantined;

use crate::landing::Cell;

/// A row that is put aside, with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RefusedRow {
    pub(crate) about: Quarantined,
    /// The row as a JSON object, by column.
    pub(crate) row: String,
}

/// The text of a key, parts joined by `,`.
pub(crate) fn key_text<'a>(cells: impl Iterator<Item = Cell<'a>>) -> String {
    let mut text = String::new();
    for cell in cells {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&cell.display());
    }
    printable(&text)
}

/// The row as a JSON object, by column.
pub(crate) fn row_json<'a>(cells: impl Iterator<Item = (&'a str, Cell<'a>)>) -> String {
    let row: serde_json::Map<String, serde_json::Value> =
        cells.map(|(column, cell)| (column.to_owned(), cell.to_json())).collect();
    serde_json::Value::Object(row).to_string()
}

/// NUL characters as their escape: the tables that keep refused rows must be able to hold what others could not.
pub(crate) fn printable(text: &str) -> String {
    text.replace('\0', "\\u0000")
}
