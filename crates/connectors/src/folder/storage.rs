//! How rows are kept in the files of a table.

use std::{
    io,
    path::{Path, PathBuf},
};

use achub_core::{Column, FieldType};

#[cfg(feature = "parquet")]
use crate::parquet::data;
use crate::{
    file::{Format, text},
    landing::Cell,
};

/// Rows of one file, where a table is kept in several. Such a file is the unit that is written anew when rows in it change.
/// Unit tests have files of their own size.
pub(crate) const FILE_ROWS_MAX: u64 = if cfg!(test) { 8 } else { 500_000 };

/// The kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Text, one file for each table.
    Text(Format),
    /// Parquet, several files for each table.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// A file that is durable under its first name.
#[derive(Debug, Clone)]
pub(crate) struct WrittenFile {
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    /// Rows that are marked as gone.
    pub(crate) gone: u64,
    pub(crate) bytes: u64,
}

impl Storage {
    /// The word for it in messages.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Storage::Text(_) => "file",
            #[cfg(feature = "parquet")]
            Storage::Parquet => "parquet",
        }
    }

    /// Whether a value of this type is kept as such.
    pub(crate) fn keeps(self, ty: FieldType) -> bool {
        match self {
            Storage::Text(format) => format.keeps(ty),
            #[cfg(feature = "parquet")]
            Storage::Parquet => true,
        }
    }

    /// Hands over every row of a file with its number from 0: a cell for each of `columns`, of its type or null. A column
    /// the file does not have is null. In text files, a value that is not spelled as its type would be stays the text it is.
    ///
    /// Errors: `InvalidData` where the file cannot be read as what it says it is.
    pub(crate) fn scan(
        self,
        path: &Path,
        columns: &[Column],
        take: impl FnMut(u64, &[Cell<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Storage::Text(format) => text::scan(format, path, columns, take),
            #[cfg(feature = "parquet")]
            Storage::Parquet => data::scan(path, columns, take),
        }
    }

    /// The cell as it will be read back, so that a row equals itself; or why it has no spelling.
    pub(crate) fn settle(self, cell: Cell<'_>) -> Result<Cell<'_>, String> {
        match self {
            Storage::Text(format) => format.settle(cell),
            #[cfg(feature = "parquet")]
            Storage::Parquet => Ok(cell),
        }
    }

    /// Whether a table is a single file, which has its place for good.
    pub(crate) fn is_single_file(self) -> bool {
        match self {
            Storage::Text(_) => true,
            #[cfg(feature = "parquet")]
            Storage::Parquet => false,
        }
    }

    /// No row yet; unfinished files lie in `folder` and end with `.new`.
    pub(crate) fn writer(self, folder: &Path, columns: &[Column]) -> io::Result<RowsWriter> {
        match self {
            Storage::Text(format) => {
                text::TextWriter::create(format, folder, columns).map(Box::new).map(RowsWriter::Text)
            }
            #[cfg(feature = "parquet")]
            Storage::Parquet => Ok(RowsWriter::Parquet(Box::new(data::FilesWriter::new(folder, columns)))),
        }
    }
}

/// Rows on their way into files.
pub(crate) enum RowsWriter {
    /// One text file.
    Text(Box<text::TextWriter>),
    /// As many Parquet files as they need.
    #[cfg(feature = "parquet")]
    Parquet(Box<data::FilesWriter>),
}

impl RowsWriter {
    /// Appends a row: a cell for each column.
    pub(crate) fn push<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'a>>,
        is_gone: bool,
    ) -> io::Result<()> {
        match self {
            RowsWriter::Text(writer) => writer.push(cells, is_gone),
            #[cfg(feature = "parquet")]
            RowsWriter::Parquet(writer) => writer.push(cells, is_gone),
        }
    }

    /// Ends the last file, durable. At least one comes out, without a row where none was pushed: it tells the columns.
    pub(crate) fn finish(self) -> io::Result<Vec<WrittenFile>> {
        match self {
            RowsWriter::Text(writer) => Ok(vec![writer.finish()?]),
            #[cfg(feature = "parquet")]
            RowsWriter::Parquet(writer) => writer.finish(),
        }
    }
}
