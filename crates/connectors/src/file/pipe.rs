//! Rows of one stream on their way to whoever reads them now, above all standard output.
//!
//! Each commit leaves at once, and nothing is kept: memory is that of a commit. What has left cannot be taken back, so a row
//! cannot meet one of its key; whoever runs into this target asks for no key, and the engine lets each record pass once.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use achub_core::{
    Code, Error, FieldType, Outcomes, ReplicationName,
    port::{
        source::{Page, Part},
        target::{
            Checkpoints, Closing, Difference, Load, LoadSpec, Quarantined, TableLoad, TableReport, Tally,
            Target, TargetInfo, WideView, Written,
        },
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    file::{Format, line::Lines},
    folder::{
        load::blocking,
        shape::{LoadColumn, Shape},
    },
    landing::{Cell, CellSource, Place, RowView, member},
};

/// The member of a JSON line with what a record carries beyond its schema, where no column has it.
const EXTRA: &str = "_achub_extra";

/// Takes the rows of one stream and hands them on as text. Clones share the writer.
#[derive(Clone)]
pub struct PipeTarget(Arc<Pipe>);

struct Pipe {
    format: Format,
    writer: Mutex<Box<dyn Write + Send>>,
    is_closed: AtomicBool,
}

impl PipeTarget {
    /// Rows go to `writer`, spelled as in a file of this format.
    pub fn new(writer: impl Write + Send + 'static, format: Format) -> PipeTarget {
        let (writer, is_closed) = (Mutex::new(Box::new(writer) as Box<_>), AtomicBool::new(false));
        PipeTarget(Arc::new(Pipe { format, writer, is_closed }))
    }

    /// Whether the reader went away, which ended the load with `RN-105`.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Relaxed)
    }
}

impl Pipe {
    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(cause) = writer.write_all(bytes).and_then(|()| writer.flush()) else { return Ok(()) };
        if cause.kind() == io::ErrorKind::BrokenPipe {
            self.is_closed.store(true, Ordering::Relaxed);
            return Err(Error::new(Code::StoppedSafely, "nobody reads the rows any more"));
        }
        Err(Error::new(Code::TargetRefused, "cannot write the rows").with_source(cause))
    }
}

#[async_trait]
impl Target for PipeTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "pipe", place: "standard output".to_owned(), default_schema: None }
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Nothing is remembered: what left is gone.
    async fn checkpoints(
        &self,
        _schema: Option<&str>,
        _replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        Ok(Checkpoints::default())
    }

    async fn newest(
        &self,
        _schema: Option<&str>,
        _table: &str,
        _column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }

    /// Errors: `CF-105` for several streams, or one whose rows are to meet those of their key.
    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        let [load] = spec.tables.as_slice() else {
            return Err(Error::new(Code::NotGranted, "rows of one stream can be printed, not of several"));
        };
        if !load.table.key.is_empty() {
            let message = "rows that are printed cannot be merged by a key";
            return Err(Error::new(Code::NotGranted, message).with_hint("leave out the primary key"));
        }
        let shape = Shape::of(load, None)?;
        let lines = Lines::of(self.0.format, shape.columns.iter().map(|known| &known.column));
        let (pipe, outcomes, left_out) = (self.0.clone(), Outcomes::default(), BTreeSet::new());
        Ok(Box::new(PipeLoad { pipe, spec, shape, lines, outcomes, left_out }))
    }

    async fn wide_view(&self, _view: &WideView) -> Result<bool, Error> {
        Ok(false)
    }

    async fn tally(&self, _tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        Ok(None)
    }

    async fn differences(&self, _loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        Ok(Vec::new())
    }

    fn keeps(&self, ty: FieldType) -> bool {
        self.0.format.keeps(ty)
    }
}

struct PipeLoad {
    pipe: Arc<Pipe>,
    spec: LoadSpec,
    shape: Shape,
    lines: Lines,
    outcomes: Outcomes,
    /// Members that would be columns, had the header not left before they came.
    left_out: BTreeSet<String>,
}

#[async_trait]
impl Load for PipeLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut bytes = Vec::new();
        let before = self.outcomes.added;
        if before == 0 {
            self.lines.put_header(self.shape.columns.iter().map(|known| &known.column), &mut bytes);
        }
        let stream = self.spec.tables[0].stream.clone();
        for part in pages.iter().flat_map(|page| &page.parts).filter(|part| part.stream == stream) {
            self.put(part, &mut bytes, &mut written.quarantined)?;
        }
        let rows = self.outcomes.added - before;
        if rows > 0 {
            let pipe = self.pipe.clone();
            blocking(move || pipe.write(&bytes)).await?;
        }
        written.rows.insert(stream, rows);
        Ok(written)
    }

    async fn finish(self: Box<Self>, _closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let stream = self.spec.tables[0].stream.clone();
        let mut report = TableReport::new(stream, self.outcomes, self.outcomes.added);
        report.left_out_columns = self.left_out.into_iter().collect();
        Ok(vec![report])
    }
}

impl PipeLoad {
    /// Appends the rows of a part. Rows without a spelling are left out and reported; nothing keeps them.
    fn put(&mut self, part: &Part, bytes: &mut Vec<u8>, refused: &mut Vec<Quarantined>) -> Result<(), Error> {
        let wants_members =
            self.shape.columns.iter().any(|known| matches!(known.source, CellSource::Member(_)));
        for (values, extra) in part.batch.rows() {
            let number = (self.outcomes.added + 1) as i64;
            let place = Place { run: &self.spec.run, number, schema: part.batch.schema() };
            let view = RowView::new(values, extra, wants_members, self.spec.started_at)?.at(place);
            match cells(&self.shape, &view, self.pipe.format) {
                Ok(cells) => {
                    self.lines.put(cells, bytes);
                    self.outcomes.added += 1;
                    if let Some(extra) = extra.filter(|_| self.spec.tables[0].add_columns) {
                        put_extra(self.pipe.format, extra, bytes, &mut self.left_out)?;
                    }
                }
                Err((column, reason)) => {
                    self.outcomes.refused += 1;
                    let (stream, key) = (part.stream.clone(), String::new());
                    refused.push(Quarantined { stream, key, column, reason });
                }
            }
        }
        Ok(())
    }
}

/// What has no column goes into a member of its own behind the line that was put; CSV has no room for it, which is noted.
fn put_extra(
    format: Format,
    extra: &str,
    bytes: &mut Vec<u8>,
    left_out: &mut BTreeSet<String>,
) -> Result<(), Error> {
    if format == Format::JsonLines {
        bytes.truncate(bytes.len() - "}\n".len());
        let document = extra.replace(['\n', '\r'], " ");
        bytes.extend_from_slice(format!(",\"{EXTRA}\":{document}}}\n").as_bytes());
        return Ok(());
    }
    left_out.extend(member::members(Some(extra))?.into_keys());
    Ok(())
}

/// The cells of a row, or the column whose value has no spelling, and why.
fn cells<'a>(shape: &Shape, view: &RowView<'a>, format: Format) -> Result<Vec<Cell<'a>>, (String, String)> {
    let cell = |known: &LoadColumn| {
        let cell = view.cell(&known.source).cast(known.column.ty);
        let cell = cell.and_then(|cell| match cell.is_null() && known.column.rules.not_null {
            true => Err("there is no value, and the column may not be null".to_owned()),
            false => format.settle(cell),
        });
        cell.map_err(|reason| (known.column.name.clone(), reason))
    };
    shape.columns.iter().map(cell).collect()
}
