//! Parquet files: rows go in, rows come out.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use achub_core::Column;
use parquet::{
    arrow::{ArrowWriter, ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{metadata::ParquetMetaData, properties::WriterProperties},
};

use crate::{
    arrow::{self, Rows, RowsBuilder},
    folder::storage::{FILE_ROWS_MAX, WrittenFile},
    landing::Cell,
};

/// Rows of one row group, as many as DuckDB puts into one of its own.
const GROUP_ROWS_MAX: usize = 122_880;

/// Bytes a row group may take in memory before it is written, so that long texts do not fill it up.
const GROUP_BYTES_MAX: usize = 32 << 20;

/// Rows and bytes handed to the writer, or taken from the reader, at a time.
const BATCH_ROWS_MAX: usize = 4_096;
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Fast, and within some percent of the smallest.
const ZSTD_LEVEL: i32 = 3;

/// Rows on their way into as many files as they need.
pub(crate) struct FilesWriter {
    folder: PathBuf,
    columns: Vec<Column>,
    open: Option<OpenFile>,
    written: Vec<WrittenFile>,
}

struct OpenFile {
    writer: ArrowWriter<File>,
    rows: RowsBuilder,
    about: WrittenFile,
}

impl FilesWriter {
    /// No file yet; they will lie in `folder` and end with `.new`.
    pub(crate) fn new(folder: &Path, columns: &[Column]) -> FilesWriter {
        FilesWriter {
            folder: folder.to_owned(),
            columns: columns.to_owned(),
            open: None,
            written: Vec::new(),
        }
    }

    /// Appends a row: a cell for each column, of its type or null.
    pub(crate) fn push<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'a>>,
        is_gone: bool,
    ) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        open.rows.push(cells).map_err(io::Error::other)?;
        open.about.rows += 1;
        open.about.gone += u64::from(is_gone);
        if open.rows.rows() >= BATCH_ROWS_MAX || open.rows.bytes() >= BATCH_BYTES_MAX {
            open.write_batch()?;
        }
        if open.about.rows < FILE_ROWS_MAX {
            self.open = Some(open);
        } else {
            self.written.push(open.close()?);
        }
        Ok(())
    }

    /// Ends the last file. At least one comes out, without a row where none was pushed: it tells the columns.
    pub(crate) fn finish(mut self) -> io::Result<Vec<WrittenFile>> {
        let open = match self.open.take() {
            None if self.written.is_empty() => Some(self.create()?),
            open => open,
        };
        if let Some(open) = open {
            self.written.push(open.close()?);
        }
        Ok(self.written)
    }

    fn create(&self) -> io::Result<OpenFile> {
        let path = self.folder.join(format!("rows-{:05}.new", self.written.len() + 1));
        let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(io_error)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .set_created_by(concat!("achub ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let rows = RowsBuilder::new(&self.columns);
        let file = File::create(&path)?;
        let writer = ArrowWriter::try_new(file, rows.schema().clone(), Some(properties)).map_err(io_error)?;
        Ok(OpenFile { writer, rows, about: WrittenFile { path, rows: 0, gone: 0, bytes: 0 } })
    }
}

impl OpenFile {
    fn write_batch(&mut self) -> io::Result<()> {
        let batch = self.rows.finish().map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(io_error)?;
        if self.writer.memory_size() >= GROUP_BYTES_MAX {
            self.writer.flush().map_err(io_error)?;
        }
        Ok(())
    }

    fn close(mut self) -> io::Result<WrittenFile> {
        self.write_batch()?;
        let file = self.writer.into_inner().map_err(io_error)?;
        file.sync_all()?;
        self.about.bytes = file.metadata()?.len();
        Ok(self.about)
    }
}

/// Hands over every row of a file with its number from 0: a cell for each of `columns`, of its type. A column the file
/// does not have is null.
///
/// Errors: `InvalidData` where the file cannot be read as what it says it is, or a value has no form in its column's type.
pub(crate) fn scan(
    path: &Path,
    columns: &[Column],
    mut take: impl FnMut(u64, &[Cell<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?).map_err(io_error)?;
    let there = arrow::columns(builder.schema());
    let wanted = |name: &String| columns.iter().any(|column| column.name == *name);
    let roots = there.iter().enumerate().filter(|(_, (name, _))| wanted(name)).map(|(index, _)| index);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let batch_rows = batch_rows(builder.metadata());
    let reader = builder.with_projection(mask).with_batch_size(batch_rows).build().map_err(io_error)?;
    let mut number = 0;
    for batch in reader {
        let batch = batch.map_err(unreadable)?;
        let names = arrow::columns(batch.schema_ref());
        let place = |column: &Column| names.iter().position(|(name, _)| *name == column.name);
        let places: Vec<Option<usize>> = columns.iter().map(place).collect();
        let rows = Rows::of(&batch).map_err(unreadable)?;
        let mut cells = Vec::with_capacity(columns.len());
        for row in 0..rows.len() {
            cells.clear();
            for (column, place) in columns.iter().zip(&places) {
                let cell = place.map_or(Ok(Cell::Null), |place| rows.cell(place, row)).map_err(unreadable)?;
                let cell = cell.cast(column.ty);
                cells.push(cell.map_err(|reason| unreadable(format!("column {}: {reason}", column.name)))?);
            }
            take(number, &cells)?;
            number += 1;
        }
    }
    Ok(())
}

/// Rows to read at a time so that a batch stays small where rows are large.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let bytes: i64 = metadata.row_groups().iter().map(|group| group.total_byte_size()).sum();
    let rows = metadata.file_metadata().num_rows().max(1);
    let row_bytes = usize::try_from(bytes / rows).unwrap_or_default().max(1);
    (BATCH_BYTES_MAX / row_bytes).clamp(64, BATCH_ROWS_MAX)
}

fn unreadable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// The failure of the disk where it was one, else that of the file.
fn io_error(cause: ParquetError) -> io::Error {
    match cause {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => unreadable(cause),
        },
        cause => unreadable(cause),
    }
}
