//! How a row of a text file becomes a line.

use achub_core::Column;

use crate::{file::format::Format, landing::Cell};

/// The lines of one table.
#[derive(Debug)]
pub(crate) struct Lines {
    format: Format,
    /// The columns' names as members of a line, with their colons.
    members: Vec<Vec<u8>>,
}

impl Lines {
    /// Lines with a cell for each of `columns`.
    pub(crate) fn of<'a>(format: Format, columns: impl IntoIterator<Item = &'a Column>) -> Lines {
        let member = |column: &Column| format!("{}:", serde_json::Value::from(&*column.name)).into_bytes();
        Lines { format, members: columns.into_iter().map(member).collect() }
    }

    /// Appends the line that names the columns, where the format has one.
    pub(crate) fn put_header<'a>(&self, columns: impl IntoIterator<Item = &'a Column>, line: &mut Vec<u8>) {
        if self.format != Format::JsonLines {
            self.put(columns.into_iter().map(|column| Cell::Text(column.name.as_str().into())), line);
        }
    }

    /// Appends a row: a cell for each column.
    pub(crate) fn put<'a>(&self, cells: impl IntoIterator<Item = Cell<'a>>, line: &mut Vec<u8>) {
        let (stands_alone, is_json) = (self.members.len() == 1, self.format == Format::JsonLines);
        if is_json {
            line.push(b'{');
        }
        for (index, (cell, member)) in cells.into_iter().zip(&self.members).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            if is_json {
                line.extend_from_slice(member);
            }
            self.format.spell(&cell, stands_alone, line);
        }
        line.extend_from_slice(if is_json { b"}\n" } else { b"\r\n" });
    }
}
