//! Text files: rows go in, rows come out.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use achub_core::{Column, Error, RunId};
use serde_json::value::RawValue;

use crate::{
    file::{
        format::{self, Format},
        line::Lines,
    },
    folder::{
        failed,
        manifest::{FileEntry, Manifest},
        place::Home,
        storage::WrittenFile,
    },
    landing::Cell,
};

/// Bytes read and written at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Rows on their way into one file.
pub(crate) struct TextWriter {
    lines: Lines,
    file: BufWriter<File>,
    line: Vec<u8>,
    about: WrittenFile,
}

impl TextWriter {
    /// Begins a file that lies in `folder` and ends with `.new`.
    pub(crate) fn create(format: Format, folder: &Path, columns: &[Column]) -> io::Result<TextWriter> {
        let path = folder.join("rows.new");
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(&path)?);
        let about = WrittenFile { path, rows: 0, gone: 0, bytes: 0 };
        let mut writer = TextWriter { lines: Lines::of(format, columns), file, line: Vec::new(), about };
        writer.lines.put_header(columns, &mut writer.line);
        writer.send()?;
        Ok(writer)
    }

    /// Appends a row: a cell for each column.
    pub(crate) fn push<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'a>>,
        is_gone: bool,
    ) -> io::Result<()> {
        self.about.rows += 1;
        self.about.gone += u64::from(is_gone);
        self.lines.put(cells, &mut self.line);
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        self.about.bytes += self.line.len() as u64;
        self.file.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }

    /// Ends the file, durable.
    pub(crate) fn finish(self) -> io::Result<WrittenFile> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(self.about)
    }
}

/// Hands over every row of a file with its number from 0: a cell for each of `columns`, null where the file lacks it.
pub(crate) fn scan(
    format: Format,
    path: &Path,
    columns: &[Column],
    take: impl FnMut(u64, &[Cell<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    match format {
        Format::Csv | Format::CsvRaw => scan_csv(format, path, columns, take),
        Format::JsonLines => scan_lines(path, columns, take),
    }
}

fn scan_csv(
    format: Format,
    path: &Path,
    columns: &[Column],
    mut take: impl FnMut(u64, &[Cell<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = csv_reader(path)?;
    let names = csv_columns(format, &mut reader)?;
    let place = |column: &Column| names.iter().position(|name| *name == column.name);
    let places: Vec<Option<usize>> = columns.iter().map(place).collect();
    let (mut record, mut number) = (csv::StringRecord::new(), 0);
    while reader.read_record(&mut record).map_err(csv_error)? {
        let field = |place: &Option<usize>| place.and_then(|place| record.get(place)).unwrap_or_default();
        let cells = columns.iter().zip(&places);
        let cells: Vec<Cell<'_>> =
            cells.map(|(column, place)| format.csv_cell(field(place), column.ty)).collect();
        take(number, &cells)?;
        number += 1;
    }
    Ok(())
}

fn scan_lines(
    path: &Path,
    columns: &[Column],
    mut take: impl FnMut(u64, &[Cell<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    each_line(path, |number, members| {
        let cell = |column: &Column| {
            members.get(&column.name).map_or(Cell::Null, |raw| format::json_cell(raw, column.ty))
        };
        let cells: Vec<Cell<'_>> = columns.iter().map(cell).collect();
        take(number, &cells)
    })
}

fn each_line(
    path: &Path,
    mut take: impl FnMut(u64, &BTreeMap<String, &RawValue>) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let (mut line, mut number) = (String::new(), 0);
    while reader.read_line(&mut line)? > 0 {
        let members = serde_json::from_str(&line).map_err(|cause| broken(path, number, cause))?;
        take(number, &members)?;
        line.clear();
        number += 1;
    }
    Ok(())
}

fn broken(path: &Path, number: u64, cause: serde_json::Error) -> io::Error {
    let message = format!("line {} of {} is not a JSON object: {cause}", number + 1, path.display());
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn csv_reader(path: &Path) -> io::Result<csv::Reader<File>> {
    let mut builder = csv::ReaderBuilder::new();
    builder.flexible(true).buffer_capacity(BUFFER_BYTES).from_path(path).map_err(csv_error)
}

fn csv_columns(format: Format, reader: &mut csv::Reader<File>) -> io::Result<Vec<String>> {
    let headers = reader.headers().map_err(csv_error)?;
    Ok(headers.iter().map(|name| format.csv_text(name).to_owned()).collect())
}

/// The failure of the disk where it was one, else that of the file.
fn csv_error(cause: csv::Error) -> io::Error {
    match cause.is_io_error() {
        true => cause.into(),
        false => io::Error::new(io::ErrorKind::InvalidData, cause),
    }
}

/// The columns of a file by its header or members, and its rows.
fn look(format: Format, path: &Path) -> io::Result<(Vec<String>, u64)> {
    let (mut names, mut rows): (Vec<String>, u64) = (Vec::new(), 0);
    match format {
        Format::Csv | Format::CsvRaw => {
            names = csv_columns(format, &mut csv_reader(path)?)?;
            scan_csv(format, path, &[], |_, _| {
                rows += 1;
                Ok(())
            })?;
        }
        Format::JsonLines => each_line(path, |_, members| {
            rows += 1;
            names.extend(members.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
            Ok(())
        })?,
    }
    Ok((names, rows))
}

/// What is known of a table: what was written down with its file, or, where somebody else has written the file since, what
/// the file says itself.
///
/// Errors: `DB-104` where manifest or file are not understood.
pub(crate) fn known(home: &Home, format: Format) -> Result<Option<Manifest>, Error> {
    let path = home.landmark();
    let bytes = match fs::metadata(&path) {
        Ok(file) => file.len(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed("read", &path, cause)),
    };
    let stored = Manifest::read(&home.folder)?;
    if let Some(stored) = &stored
        && stored.files.iter().any(|file| file.bytes == bytes)
    {
        return Ok(Some(stored.clone()));
    }
    let (names, rows) = look(format, &path).map_err(|cause| failed("read", &path, cause))?;
    let ty = |name: &String| {
        let column = stored.iter().flat_map(Manifest::columns).find(|column| column.name == *name);
        column.map_or(format.untyped(), |column| column.ty)
    };
    let columns: Vec<Column> = names.iter().map(|name| Column::new(name, ty(name))).collect();
    let files = vec![FileEntry { path: PathBuf::from(&home.file), rows, gone: 0, bytes }];
    let mut manifest = Manifest::new(&home.file, &RunId::new(""), &columns, files);
    manifest.missing_since = stored.and_then(|stored| stored.missing_since);
    manifest.is_guessed = true;
    Ok(Some(manifest))
}
