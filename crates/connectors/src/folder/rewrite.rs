//! The table's new files: what is decided is carried out.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    path::PathBuf,
};

use achub_core::{
    Code, Column, Error,
    port::target::{LoadMode, LoadSpec, TableReport},
};

use crate::{
    folder::{
        failed,
        state::{self, Part},
    },
    folder::{
        landing::{Comparison, Decided, verdict_bucket},
        manifest::{FileEntry, MANIFEST, Manifest},
        meeting::{Fate, Verdict},
        place::{self, Place},
        row,
        sight::{self, Depth, Lens},
        spill::Buckets,
        storage::{FILE_ROWS_MAX, RowsWriter, WrittenFile},
        table::LoadingTable,
    },
    landing::{Cell, CellSource, operation},
};

/// Files with fewer rows than this are written anew together with others, so that a table that gets a few rows with every
/// run does not end up as thousands of files.
const SMALL_FILE_ROWS: u64 = FILE_ROWS_MAX / 4;

/// A landed table whose files do not have their names yet.
pub(crate) struct Landed {
    pub(crate) report: TableReport,
    /// New files and the names they get, in this order.
    pub(crate) renames: Vec<(PathBuf, PathBuf)>,
    /// Files that are the table no more.
    pub(crate) removals: Vec<PathBuf>,
}

/// Writes what the table becomes beside what it is. While the table's lock is held.
pub(crate) fn land(
    table: &LoadingTable,
    part: &Part,
    spec: &LoadSpec,
    is_complete: bool,
) -> Result<Landed, Error> {
    place::clear(&table.home.folder)?;
    check_collected(table, part)?;
    let mut known = table.home.known()?;
    if let Some(known) = known.as_mut().filter(|known| known.is_guessed) {
        count_marked(table, known).map_err(|cause| failed("read", &table.home.folder, cause))?;
    }
    if known.is_none() && table.shape.expects_table() {
        let message = format!("table {} is gone since the walk began", table.load.table.full_name());
        return Err(Error::new(Code::TableChanged, message).with_hint("run again; the stream starts over"));
    }
    if part.rows == 0 && !table.load.empty_table {
        let rows = known.map_or(0, |known| known.live_rows());
        let report = TableReport::new(part.stream.clone(), part.outcomes, rows);
        return Ok(Landed { report, renames: Vec::new(), removals: Vec::new() });
    }
    let merges = matches!(part.mode, LoadMode::MergeAtEnd | LoadMode::MergeAsYouGo);
    let mut there =
        known.clone().unwrap_or_else(|| Manifest::new(&table.load.table.name, &spec.run, &[], Vec::new()));
    if !merges {
        (there.files, there.rows, there.missing_since) = (Vec::new(), 0, None);
    }
    let columns = table.shape.merged_with(known.as_ref().map(|known| known.columns()).as_deref());
    let rewrite = Rewrite::new(table, part, spec, &there, &columns);
    let written = Comparison::decide(table, part, &there, &spec.run, is_complete && merges)
        .and_then(|mut decided| rewrite.write(&mut decided).map(|written| (decided, written)));
    let (decided, (kept, written)) =
        written.map_err(|cause| failed("land the rows of", &table.home.folder, cause))?;
    rewrite.land(known.as_ref(), decided, kept, written)
}

/// Counts the rows that are marked as gone in files that somebody else has written.
fn count_marked(table: &LoadingTable, known: &mut Manifest) -> io::Result<()> {
    let lens = Lens::new(&table.shape, None, Depth::Keys);
    for file in &mut known.files {
        let path = table.home.path(file);
        sight::scan_file(table.home.storage, &path, 0, &lens, |there| {
            file.gone += u64::from(there.is_gone());
            Ok(())
        })?;
    }
    Ok(())
}

fn check_collected(table: &LoadingTable, part: &Part) -> Result<(), Error> {
    if !state::is_whole(part) {
        let message = format!("{} was cut or removed", part.path.display());
        return Err(Error::new(Code::TableChanged, message).with_hint("run again; the stream starts over"));
    }
    let columns: Vec<Column> = table.shape.columns.iter().map(|known| known.column.clone()).collect();
    let rows = sight::scan_collected(part, &columns, |_, _, _| Ok(()))
        .map_err(|cause| failed("read", &part.path, cause))?;
    if rows == part.rows {
        return Ok(());
    }
    let message = format!("{} holds {rows} rows where {} were written", part.path.display(), part.rows);
    Err(Error::new(Code::CountMismatch, message))
}

/// Where a cell of the new files comes from.
struct Cells<'a> {
    /// The columns of the new files.
    columns: &'a [Column],
    /// For each of them, its place among the collected columns.
    collected: Vec<Option<usize>>,
    /// The columns that tell what was done to a row and when, by their places in `columns`.
    deleted_at: Option<usize>,
    synced_at: Option<usize>,
    synced_op: Option<usize>,
}

impl<'a> Cells<'a> {
    fn new(table: &LoadingTable, columns: &'a [Column]) -> Cells<'a> {
        let of = |source: CellSource| {
            let known = table.shape.columns.iter().find(|known| known.source == source)?;
            columns.iter().position(|column| column.name == known.column.name)
        };
        let collected =
            |column: &Column| table.shape.columns.iter().position(|known| known.column.name == column.name);
        Cells {
            columns,
            collected: columns.iter().map(collected).collect(),
            deleted_at: of(CellSource::DeletedAt),
            synced_at: of(CellSource::SyncedAt),
            synced_op: of(CellSource::SyncedOp),
        }
    }

    /// A collected row, over the row `there` where it takes its place.
    fn merged<'c>(&self, collected: &[Cell<'c>], there: Option<&[Cell<'c>]>) -> io::Result<Vec<Cell<'c>>> {
        let cells = self.columns.iter().zip(&self.collected).enumerate();
        cells
            .map(|(index, (column, place))| match (place, there) {
                (Some(place), _) => cast(collected[*place].clone(), column),
                (None, Some(there)) => Ok(there[index].clone()),
                (None, None) => Ok(Cell::Null),
            })
            .collect()
    }

    /// Notes in a row what was done to it.
    fn note(&self, row: &mut [Cell<'_>], operation: &'static str) {
        if let Some(at) = self.synced_op {
            row[at] = Cell::Text(operation.into());
        }
    }

    fn mark_as_gone(&self, row: &mut [Cell<'_>], at: jiff::Timestamp) -> io::Result<()> {
        for place in [self.deleted_at, self.synced_at].into_iter().flatten() {
            row[place] = cast(Cell::Timestamp(at), &self.columns[place])?;
        }
        self.note(row, operation::GONE);
        Ok(())
    }

    fn unmark(&self, row: &mut [Cell<'_>], at: jiff::Timestamp) -> io::Result<()> {
        if let Some(place) = self.deleted_at {
            row[place] = Cell::Null;
        }
        if let Some(place) = self.synced_at {
            row[place] = cast(Cell::Timestamp(at), &self.columns[place])?;
        }
        self.note(row, operation::CHANGED);
        Ok(())
    }

    fn is_gone(&self, row: &[Cell<'_>]) -> bool {
        match (self.deleted_at, self.synced_op) {
            (Some(at), _) => sight::is_gone_cell(&row[at], false),
            (None, Some(at)) => sight::is_gone_cell(&row[at], true),
            (None, None) => false,
        }
    }
}

fn cast<'a>(cell: Cell<'a>, column: &Column) -> io::Result<Cell<'a>> {
    cell.cast(column.ty).map_err(|reason| {
        let message = format!("column {}: {reason}", column.name);
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// What was decided about the rows of one file, read as they are asked for in order, one bucket at a time.
struct Fates {
    file: u64,
    first_row: u64,
    rows: u64,
    bucket: Option<usize>,
    fates: HashMap<u64, Fate>,
}

impl Fates {
    fn of(file: u64, there: &Manifest) -> Fates {
        let first_row = there.first_rows()[file as usize];
        Fates { file, first_row, rows: there.rows, bucket: None, fates: HashMap::new() }
    }

    fn get(&mut self, verdicts: &mut Buckets<Verdict>, row: u64) -> io::Result<Option<Fate>> {
        let bucket = verdict_bucket(self.first_row + row, self.rows, verdicts.count());
        if self.bucket.replace(bucket) != Some(bucket) {
            self.fates.clear();
            verdicts.each(bucket, |verdict| {
                if verdict.file == self.file {
                    self.fates.insert(verdict.row, verdict.fate);
                }
                Ok(())
            })?;
        }
        Ok(self.fates.get(&row).copied())
    }
}

/// The making of new files.
struct Rewrite<'a> {
    table: &'a LoadingTable,
    part: &'a Part,
    spec: &'a LoadSpec,
    there: &'a Manifest,
    cells: Cells<'a>,
    collected: Vec<Column>,
}

impl<'a> Rewrite<'a> {
    fn new(
        table: &'a LoadingTable,
        part: &'a Part,
        spec: &'a LoadSpec,
        there: &'a Manifest,
        columns: &'a [Column],
    ) -> Rewrite<'a> {
        let collected = table.shape.columns.iter().map(|known| known.column.clone()).collect();
        Rewrite { table, part, spec, there, cells: Cells::new(table, columns), collected }
    }

    /// Writes what has to be written; gives the files that stay as they are, and the new ones.
    fn write(&self, decided: &mut Decided) -> io::Result<(Vec<FileEntry>, Vec<WrittenFile>)> {
        let is_new_shape = self.there.columns() != self.cells.columns;
        let has_touched = (0..self.there.files.len()).any(|file| decided.touched.has(file as u64));
        let is_single_file = self.table.home.storage.is_single_file();
        if !is_new_shape && !has_touched && decided.appended == 0 && !self.there.files.is_empty() {
            return Ok((self.there.files.clone(), Vec::new()));
        }
        let mut kept = Vec::new();
        let home = &self.table.home;
        let mut writer = home.storage.writer(&Place::work(&home.folder), self.cells.columns)?;
        for (index, file) in self.there.files.iter().enumerate() {
            if is_single_file
                || is_new_shape
                || decided.touched.has(index as u64)
                || self.is_taken_along(file)
            {
                self.copy(index, decided, &mut writer)?;
            } else {
                kept.push(file.clone());
            }
        }
        self.append(decided, &mut writer)?;
        let mut written = writer.finish()?;
        // The file without rows that only tells the columns is needed only where there is no other.
        written.retain(|file| file.rows > 0 || kept.is_empty());
        Ok((kept, written))
    }

    /// Rows without a key stay in the folder of the run that brought them; a file without rows is replaced by any other.
    fn is_taken_along(&self, file: &FileEntry) -> bool {
        let is_merged = !self.table.shape.key.is_empty();
        file.rows == 0 || (is_merged && file.rows < SMALL_FILE_ROWS)
    }

    /// Copies the rows of a file that stay, changed as was decided.
    fn copy(&self, file: usize, decided: &mut Decided, writer: &mut RowsWriter) -> io::Result<()> {
        let mut fates = Fates::of(file as u64, self.there);
        let path = self.table.home.path(&self.there.files[file]);
        let mut collected = BufReader::new(File::open(&self.part.path)?);
        let (mut position, mut bytes) = (0_u64, Vec::new());
        self.table.home.storage.scan(&path, self.cells.columns, |row, cells| {
            match fates.get(&mut decided.verdicts, row)? {
                None => writer.push(cells.iter().cloned(), self.cells.is_gone(cells)),
                Some(Fate::Drop) => Ok(()),
                Some(Fate::Mark) => {
                    let mut cells = cells.to_vec();
                    self.cells.mark_as_gone(&mut cells, self.spec.started_at)?;
                    writer.push(cells, true)
                }
                Some(Fate::Unmark) => {
                    let mut cells = cells.to_vec();
                    self.cells.unmark(&mut cells, self.spec.started_at)?;
                    writer.push(cells, false)
                }
                Some(Fate::Replace(offset)) => {
                    // Relative, so that rows in the order they came are read from the buffer.
                    collected.seek_relative(offset as i64 - position as i64)?;
                    let length =
                        row::next_row(&mut collected, &mut bytes)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                    position = offset + length;
                    let fresh = sight::collected_cells(&bytes, &self.collected)?;
                    let fresh = fresh.ok_or(io::ErrorKind::InvalidData)?;
                    let mut cells = self.cells.merged(&fresh, Some(cells))?;
                    self.cells.note(&mut cells, operation::CHANGED);
                    writer.push(cells, false)
                }
            }
        })
    }

    fn append(&self, decided: &Decided, writer: &mut RowsWriter) -> io::Result<()> {
        sight::scan_collected(self.part, &self.collected, |row, _, cells| {
            if decided.left_out.has(row) {
                return Ok(());
            }
            let mut cells = self.cells.merged(cells, None)?;
            self.cells.note(
                &mut cells,
                if decided.changed.has(row) { operation::CHANGED } else { operation::ADDED },
            );
            writer.push(cells, false)
        })?;
        Ok(())
    }

    /// The paths of so many new files, as seen from the folder of the table's files. Makes their folders.
    fn names(&self, count: usize) -> Result<Vec<PathBuf>, Error> {
        let home = &self.table.home;
        if home.storage.is_single_file() {
            state::make_folder(&home.files)?;
            return Ok(vec![PathBuf::from(&home.file)]);
        }
        let partition = Place::partition(&self.spec.run);
        if count > 0 {
            state::make_folder(&home.files.join(&partition))?;
        }
        let numbers = free_numbers(home.files.join(&partition)).take(count);
        Ok(numbers.map(|number| partition.join(format!("part-{number:05}.parquet"))).collect())
    }

    /// Names the new files and writes the manifest, both for later.
    fn land(
        &self,
        known: Option<&Manifest>,
        decided: Decided,
        mut files: Vec<FileEntry>,
        written: Vec<WrittenFile>,
    ) -> Result<Landed, Error> {
        let home = &self.table.home;
        let folder = &home.folder;
        let names = self.names(written.len())?;
        let mut renames = Vec::new();
        for (file, path) in written.into_iter().zip(names) {
            renames.push((file.path, home.files.join(&path)));
            files.push(FileEntry { path, rows: file.rows, gone: file.gone, bytes: file.bytes });
        }
        let is_table = |old: &&FileEntry| files.iter().any(|file| file.path == old.path);
        let removals = known.iter().flat_map(|known| &known.files).filter(|old| !is_table(old));
        let mut removals: Vec<PathBuf> = removals.map(|old| home.path(old)).collect();
        match decided.missing_since {
            Some(_) => {
                renames.push((Place::work(folder).join("missing.new"), Place::missing(folder)));
            }
            None => removals.push(Place::missing(folder)),
        }
        let mut manifest =
            Manifest::new(&self.table.load.table.name, &self.spec.run, self.cells.columns, files);
        manifest.comment = self.table.load.table.comment.clone();
        manifest.key = self.table.shape.key.iter().map(|&key| self.collected[key].name.clone()).collect();
        manifest.missing_since = decided.missing_since;
        let fresh = Place::work(folder).join("manifest.new");
        manifest.write(&fresh)?;
        renames.push((fresh, folder.join(MANIFEST)));
        let mut outcomes = decided.outcomes;
        outcomes += self.part.outcomes;
        let mut report = TableReport::new(self.part.stream.clone(), outcomes, manifest.live_rows());
        report.check = decided.check;
        report.left_out_columns = self.table.shape.left_out.iter().cloned().collect();
        Ok(Landed { report, renames, removals })
    }
}

/// Numbers that no file in the partition has, where the same run landed in the table before.
fn free_numbers(partition: PathBuf) -> impl Iterator<Item = u64> {
    (1..).filter(move |number| !partition.join(format!("part-{number:05}.parquet")).exists())
}
