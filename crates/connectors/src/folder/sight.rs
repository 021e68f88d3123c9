//! What is seen of a row when collected rows meet those that are there: its key and contents as fingerprints, and marks.

use std::{
    collections::hash_map::DefaultHasher,
    fs::File,
    hash::Hasher,
    io::{self, BufReader, Read},
    path::Path,
};

use achub_core::Column;
use jiff::Timestamp;

use crate::{
    folder::state::Part,
    folder::{
        row,
        shape::{LoadColumn, Shape},
        spill::Record,
        storage::Storage,
    },
    landing::{Cell, CellSource},
};

/// A row as it is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sight {
    /// Fingerprint of the key.
    pub(crate) key: u128,
    /// Fingerprint of the contents, without the columns that say when and how a row was written.
    pub(crate) content: u128,
    /// The row's number: among the collected ones, or in its file.
    pub(crate) row: u64,
    /// Where it is: the byte a collected row begins at, or the number of its file.
    pub(crate) place: u64,
    /// When it was loaded, for the newest of several; any unit.
    pub(crate) order: i64,
    /// See [`GONE`], [`DUE`] and [`ASIDE`].
    marks: u8,
}

/// It is marked as gone at the source.
const GONE: u8 = 1;
/// Its change was due in this run.
const DUE: u8 = 2;
/// It was shown but put aside: only its key is known.
const ASIDE: u8 = 4;

impl Sight {
    pub(crate) fn is_gone(&self) -> bool {
        self.marks & GONE != 0
    }

    /// The key of a row that was put aside.
    pub(crate) fn aside(key: u128) -> Sight {
        Sight { key, content: 0, row: 0, place: 0, order: 0, marks: ASIDE }
    }

    pub(crate) fn is_aside(&self) -> bool {
        self.marks & ASIDE != 0
    }

    pub(crate) fn is_due(&self) -> bool {
        self.marks & DUE != 0
    }
}

impl Record for Sight {
    const BYTES: usize = 57;

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.key.to_le_bytes());
        bytes.extend(self.content.to_le_bytes());
        bytes.extend(self.row.to_le_bytes());
        bytes.extend(self.place.to_le_bytes());
        bytes.extend(self.order.to_le_bytes());
        bytes.push(self.marks);
    }

    fn take(bytes: &[u8]) -> Sight {
        let long = |at: usize| u128::from_le_bytes(bytes[at..at + 16].try_into().expect("16 bytes"));
        let short = |at: usize| <[u8; 8]>::try_from(&bytes[at..at + 8]).expect("8 bytes");
        Sight {
            key: long(0),
            content: long(16),
            row: u64::from_le_bytes(short(32)),
            place: u64::from_le_bytes(short(40)),
            order: i64::from_le_bytes(short(48)),
            marks: bytes[56],
        }
    }
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Keys and marks; contents stay 0.
    Keys,
    /// Everything.
    Contents,
}

/// Which columns are looked at, and what for.
pub(crate) struct Lens {
    /// The columns to read.
    pub(crate) columns: Vec<Column>,
    key: Vec<usize>,
    content: Vec<usize>,
    /// The column, and whether it is the one of [`CellSource::SyncedOp`].
    gone: Option<(usize, bool)>,
    order: Option<usize>,
    due: Option<(usize, Timestamp)>,
}

impl Lens {
    /// For rows of `shape`. `due`: the column and moment that tell what was due anyway.
    pub(crate) fn new(shape: &Shape, due: Option<(&str, Timestamp)>, depth: Depth) -> Lens {
        let is_needed = |index: usize, known: &LoadColumn| {
            depth == Depth::Contents
                || shape.key.contains(&index)
                || is_gone_mark(&known.source)
                || is_order(&known.source)
        };
        let columns = shape.columns.iter().enumerate();
        let read: Vec<usize> =
            columns.filter(|(index, known)| is_needed(*index, known)).map(|(index, _)| index).collect();
        let sources: Vec<&CellSource> = read.iter().map(|&index| &shape.columns[index].source).collect();
        let deleted = sources.iter().position(|source| **source == CellSource::DeletedAt);
        let operation = sources.iter().position(|source| **source == CellSource::SyncedOp);
        let place = |wanted: &str| read.iter().position(|&i| shape.columns[i].column.name == wanted);
        Lens {
            key: shape.key.iter().filter_map(|key| read.iter().position(|index| index == key)).collect(),
            content: (0..read.len())
                .filter(|&at| depth == Depth::Contents && !sources[at].is_moment())
                .collect(),
            gone: deleted.map(|at| (at, false)).or(operation.map(|at| (at, true))),
            order: sources.iter().position(|source| is_order(source)),
            due: due.and_then(|(column, since)| Some((place(column)?, since))),
            columns: read.iter().map(|&index| shape.columns[index].column.clone()).collect(),
        }
    }

    /// What is seen of a row with these cells, those of [`Lens::columns`].
    pub(crate) fn see(&self, cells: &[Cell<'_>], row: u64, place: u64) -> Sight {
        let mut marks = 0;
        if self.is_gone(cells) {
            marks |= GONE;
        }
        if self.due.is_none_or(|(column, since)| is_since(&cells[column], since)) {
            marks |= DUE;
        }
        Sight {
            key: key_fingerprint(self.key.iter().map(|&at| &cells[at])),
            content: self.content_fingerprint(cells),
            row,
            place,
            order: self.order.map_or(0, |at| order(&cells[at])),
            marks,
        }
    }

    fn is_gone(&self, cells: &[Cell<'_>]) -> bool {
        self.gone.is_some_and(|(at, is_operation)| is_gone_cell(&cells[at], is_operation))
    }

    fn content_fingerprint(&self, cells: &[Cell<'_>]) -> u128 {
        if self.content.is_empty() {
            return 0;
        }
        let mut bytes = Vec::new();
        for &at in &self.content {
            row::put_cell(&cells[at], &mut bytes);
        }
        let half = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(seed);
            hasher.write(&bytes);
            hasher.finish()
        };
        u128::from(half(0)) << 64 | u128::from(half(1))
    }
}

/// Whether this value marks a row as gone: the operation `D`, or any time of deletion.
pub(crate) fn is_gone_cell(cell: &Cell<'_>, is_operation: bool) -> bool {
    match cell {
        Cell::Null => false,
        Cell::Text(operation) if is_operation => operation == "D",
        _ => !is_operation,
    }
}

fn is_gone_mark(source: &CellSource) -> bool {
    matches!(source, CellSource::DeletedAt | CellSource::SyncedOp)
}

fn is_order(source: &CellSource) -> bool {
    matches!(source, CellSource::LoadedAt | CellSource::LoadedAtUnix)
}

fn order(cell: &Cell<'_>) -> i64 {
    match cell {
        Cell::Timestamp(instant) => instant.as_microsecond(),
        Cell::Integer(seconds) => *seconds,
        _ => i64::MIN,
    }
}

/// A row without a time counts as due: nothing says that it is old.
fn is_since(cell: &Cell<'_>, since: Timestamp) -> bool {
    match cell {
        Cell::Timestamp(instant) => *instant >= since,
        Cell::Integer(seconds) => *seconds >= since.as_second(),
        _ => true,
    }
}

/// The fingerprint of a key. It is kept in files, so it must stay the same in all versions: FNV-1a of 128 bits over the
/// cells as they are spelled in rows (RFC 9923, section 2).
pub(crate) fn key_fingerprint<'a, 'b: 'a>(cells: impl Iterator<Item = &'a Cell<'b>>) -> u128 {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut bytes = Vec::new();
    for cell in cells {
        row::put_cell(cell, &mut bytes);
    }
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// The bucket a fingerprint belongs into.
pub(crate) fn bucket(fingerprint: u128, count: usize) -> usize {
    ((fingerprint ^ (fingerprint >> 64)) % count as u128) as usize
}

/// Hands over every collected row that counts with its number and the byte it begins at, cells in the order of `columns`.
/// Gives how many there are.
pub(crate) fn scan_collected(
    part: &Part,
    columns: &[Column],
    mut take: impl FnMut(u64, u64, &[Cell<'_>]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut number = 0;
    scan_all(part, |row, offset| {
        if let Some(cells) = collected_cells(row, columns)? {
            take(number, offset, &cells)?;
            number += 1;
        }
        Ok(())
    })?;
    Ok(number)
}

/// Hands over the keys of rows that were put aside.
pub(crate) fn scan_put_aside(part: &Part, mut take: impl FnMut(u128) -> io::Result<()>) -> io::Result<()> {
    scan_all(part, |mut row, _| {
        if row::is_put_aside(&mut row)? {
            let key: Vec<Cell<'_>> = row::cells(row).collect::<io::Result<_>>()?;
            take(key_fingerprint(key.iter()))?;
        }
        Ok(())
    })
}

fn scan_all(part: &Part, mut take: impl FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
    // Behind the bytes that count may lie rows of an attempt that was killed before it could count them.
    let mut reader = BufReader::with_capacity(1 << 16, File::open(&part.path)?.take(part.bytes));
    let (mut bytes, mut offset) = (Vec::new(), 0);
    while let Some(length) = row::next_row(&mut reader, &mut bytes)? {
        take(&bytes, offset)?;
        offset += length;
    }
    Ok(())
}

/// The cells of a collected row, null where the row came before its column; `None` for one that was put aside.
pub(crate) fn collected_cells<'a>(
    mut bytes: &'a [u8],
    columns: &[Column],
) -> io::Result<Option<Vec<Cell<'a>>>> {
    if row::is_put_aside(&mut bytes)? {
        return Ok(None);
    }
    let mut cells = row::cells(bytes);
    let cell = |column: &Column| {
        let cell = cells.next().transpose()?.unwrap_or(Cell::Null);
        cell.cast(column.ty).map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
    };
    columns.iter().map(cell).collect::<io::Result<_>>().map(Some)
}

/// Hands over what is seen of every row of a file that is there.
pub(crate) fn scan_file(
    storage: Storage,
    path: &Path,
    place: u64,
    lens: &Lens,
    mut take: impl FnMut(Sight) -> io::Result<()>,
) -> io::Result<()> {
    storage.scan(path, &lens.columns, |row, cells| take(lens.see(cells, row, place)))
}
