//! A walk on its way into files.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::PathBuf,
};

use achub_core::{
    Code, Error, FieldType, Outcomes, StreamName, failpoint,
    port::{
        source::{Page, Part as PagePart},
        target::{Load, LoadMode, LoadSpec, Quarantined, TableLoad, TableReport, Written},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    file::{
        Place, failed,
        format::Format,
        merge::Merge,
        state::{self, HeldState, Part, Progress},
    },
    landing::{CellSource, RefusedRow, RowView, member, refused},
    lock::WalkLock,
};

/// One column on its way.
struct Column {
    name: String,
    ty: FieldType,
    source: CellSource,
}

/// One table of a walk.
struct LoadingFile {
    load: TableLoad,
    path: PathBuf,
    columns: Vec<Column>,
}

/// A load without the runtime around it.
struct Work {
    place: Place,
    spec: LoadSpec,
    files: Vec<LoadingFile>,
    progress: Progress,
    _lock: WalkLock,
}

/// A load; its work is done on threads that may wait for disks. `None` after a call that was given up or failed.
pub(crate) struct FileLoad(Option<Work>);

impl FileLoad {
    pub(crate) async fn begin(place: Place, spec: LoadSpec) -> Result<FileLoad, Error> {
        blocking(move || Work::begin(place, spec)).await.map(|work| FileLoad(Some(work)))
    }

    fn take(&mut self) -> Result<Work, Error> {
        self.0.take().ok_or_else(|| Error::new(Code::Bug, "a load was used again after a call that failed"))
    }
}

#[async_trait]
impl Load for FileLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut work = self.take()?;
        let (work, written) = blocking(move || work.write(&pages).map(|written| (work, written))).await?;
        self.0 = Some(work);
        Ok(written)
    }

    async fn finish(
        mut self: Box<Self>,
        cursors: &HashMap<StreamName, Timestamp>,
    ) -> Result<Vec<TableReport>, Error> {
        let (work, cursors) = (self.take()?, cursors.clone());
        blocking(move || work.finish(cursors)).await
    }
}

/// Runs what waits for disks where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| Error::new(Code::Bug, "writing files ended in a panic").with_source(cause))?
}

impl Work {
    fn begin(place: Place, spec: LoadSpec) -> Result<Work, Error> {
        let files: Vec<LoadingFile> =
            spec.tables.iter().map(|load| LoadingFile::new(&place, load)).collect::<Result<_, _>>()?;
        let mut held = HeldState::hold(&place.folder)?;
        let lock = WalkLock::take(&place.folder.join("_achub_walk"), &spec)?;
        let fresh = Progress { position: None, tables: files.iter().map(LoadingFile::begin).collect() };
        let stored = held.remembered(&spec.replication).walks.get(&spec.walk).cloned();
        let progress = if spec.resume {
            match stored.filter(|stored| continues(stored, &fresh)) {
                Some(stored) => stored,
                None => {
                    held.remembered(&spec.replication).walks.remove(&spec.walk);
                    held.store()?;
                    return Err(cannot_resume(&spec));
                }
            }
        } else {
            for part in &fresh.tables {
                state::append(&prepared(&part.path)?, 0, &[])?;
            }
            fresh
        };
        held.remembered(&spec.replication).walks.insert(spec.walk.clone(), progress.clone());
        held.store()?;
        let mut work = Work { place, spec, files, progress, _lock: lock };
        for (file, part) in work.files.iter_mut().zip(&work.progress.tables) {
            for (member, ty) in &part.members {
                file.add_member(member, *ty);
            }
        }
        Ok(work)
    }

    fn write(&mut self, pages: &[Page]) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut put_aside = Vec::new();
        for (file, part) in self.files.iter_mut().zip(&mut self.progress.tables) {
            let parts: Vec<&PagePart> =
                pages.iter().flat_map(|page| &page.parts).filter(|p| p.stream == part.stream).collect();
            if parts.is_empty() {
                continue;
            }
            let before = part.rows;
            file.write(self.place.format, part, &parts, self.spec.started_at, &mut put_aside)?;
            *written.rows.entry(part.stream.clone()).or_default() += part.rows - before;
        }
        if let Some(last) = pages.last() {
            self.progress.position = Some(last.position.clone());
        }
        let mut held = HeldState::hold(&self.place.folder)?;
        held.put_aside(&self.quarantine_lines(&put_aside))?;
        held.remembered(&self.spec.replication).walks.insert(self.spec.walk.clone(), self.progress.clone());
        failpoint::pass("before-commit");
        held.store()?;
        failpoint::pass("after-commit");
        written.quarantined = put_aside.into_iter().map(|row| row.about).collect();
        Ok(written)
    }

    fn quarantine_lines(&self, rows: &[RefusedRow]) -> Vec<u8> {
        let mut lines = Vec::new();
        for RefusedRow { about, row } in rows {
            let line = serde_json::json!({
                "replication": self.spec.replication, "stream": about.stream, "run": self.spec.run,
                "key": about.key, "column": about.column, "reason": about.reason,
                "row": serde_json::from_str(row).unwrap_or(serde_json::Value::Null),
                "at": self.spec.started_at,
            });
            lines.extend_from_slice(line.to_string().as_bytes());
            lines.push(b'\n');
        }
        lines
    }

    fn finish(self, cursors: HashMap<StreamName, Timestamp>) -> Result<Vec<TableReport>, Error> {
        let mut reports = Vec::new();
        let mut renames = Vec::new();
        for (file, part) in self.files.iter().zip(&self.progress.tables) {
            let (report, fresh) = file.land(self.place.format, part)?;
            reports.push(report);
            renames.push((fresh, file.path.clone()));
        }
        let mut held = HeldState::hold(&self.place.folder)?;
        let remembered = held.remembered(&self.spec.replication);
        remembered.walks.remove(&self.spec.walk);
        for (stream, cursor) in cursors {
            let stored = remembered.cursors.entry(stream).or_insert(cursor);
            *stored = cursor.max(*stored);
        }
        held.state.renames = renames;
        failpoint::pass("end-of-stream");
        held.store()?;
        held.end_renames()?;
        for part in &self.progress.tables {
            for path in [part.path.clone(), part.scope_path()] {
                match fs::remove_file(&path) {
                    Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("remove", &path, cause));
                    }
                    _ => {}
                }
            }
        }
        Ok(reports)
    }
}

impl LoadingFile {
    fn new(place: &Place, load: &TableLoad) -> Result<LoadingFile, Error> {
        let path = place.file(load.table.schema.as_deref(), &load.table.name)?;
        let columns = load.table.columns.iter().enumerate();
        let columns = columns
            .map(|(index, column)| Column {
                name: column.name.clone(),
                ty: column.ty,
                source: CellSource::of(load, index),
            })
            .collect();
        Ok(LoadingFile { load: load.clone(), path, columns })
    }

    fn begin(&self) -> Part {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".part");
        Part {
            stream: self.load.stream.clone(),
            mode: self.load.mode,
            path: PathBuf::from(path),
            bytes: 0,
            rows: 0,
            columns: self.column_names(),
            members: Vec::new(),
            scope: None,
            scope_bytes: 0,
            outcomes: Outcomes::default(),
        }
    }

    fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Adds a column for a member; its name is the member's own, unless another column has it.
    fn add_member(&mut self, member: &str, ty: FieldType) {
        let is_free = |name: &String| !self.columns.iter().any(|column| column.name == *name);
        let others = (2..).map(|n| format!("{member}_{n}"));
        let name = std::iter::once(member.to_owned()).chain(others).find(is_free);
        let name = name.expect("one of endlessly many names is free");
        self.columns.push(Column { name, ty, source: CellSource::Member(member.to_owned()) });
    }

    /// Appends the rows of one commit to the file that collects them.
    fn write(
        &mut self,
        format: Format,
        part: &mut Part,
        parts: &[&PagePart],
        started_at: Timestamp,
        put_aside: &mut Vec<RefusedRow>,
    ) -> Result<(), Error> {
        self.add_new_members(part, parts)?;
        let wants_members = self.columns.iter().any(|column| matches!(column.source, CellSource::Member(_)));
        let names = self.column_names();
        let (mut lines, mut scopes) = (Vec::new(), String::new());
        for page_part in parts {
            let first = part.rows;
            let mut incomplete = HashSet::new();
            for (values, extra) in page_part.batch.rows() {
                let view = RowView::new(values, extra, wants_members, started_at)?;
                match self.spell(format, &view) {
                    Ok(row) => {
                        format
                            .line(&names, &row, &mut lines)
                            .map_err(|cause| failed("write", &part.path, cause))?;
                        part.rows += 1;
                    }
                    Err(about) => {
                        let cells = self.columns.iter().map(|c| (c.name.as_str(), view.cell(&c.source)));
                        put_aside.push(RefusedRow { about, row: refused::row_json(cells) });
                        part.outcomes.refused += 1;
                        incomplete.extend(parent_of(page_part, values));
                    }
                }
            }
            self.note_scope(part, page_part, first, &incomplete, &mut scopes)?;
        }
        failpoint::pass("mid-stage");
        part.bytes = state::append(&part.path, part.bytes, &lines)?;
        if !scopes.is_empty() {
            part.scope_bytes = state::append(&part.scope_path(), part.scope_bytes, scopes.as_bytes())?;
        }
        Ok(())
    }

    /// Notes a complete set of children. Parents with a refused child are left out, their set is not complete here.
    fn note_scope(
        &self,
        part: &mut Part,
        page_part: &PagePart,
        first: u64,
        incomplete: &HashSet<String>,
        scopes: &mut String,
    ) -> Result<(), Error> {
        let Some(scope) = &page_part.scope else { return Ok(()) };
        let field = page_part.batch.schema().index_of(&scope.field);
        let column = field
            .and_then(|field| self.columns.iter().find(|column| column.source == CellSource::Field(field)));
        let Some(column) = column else {
            if matches!(self.load.mode, LoadMode::Replace | LoadMode::Truncate) {
                return Ok(());
            }
            let message = format!(
                "stream {}: rows are replaced parent by parent, but the field {} is not selected",
                self.load.stream, scope.field
            );
            return Err(Error::new(Code::BadFile, message).with_hint("select that field too"));
        };
        part.scope = Some(column.name.clone());
        for parent in scope.parents.iter().map(i64::to_string).filter(|parent| !incomplete.contains(parent)) {
            scopes.push_str(&format!("{parent} {first}\n"));
        }
        Ok(())
    }

    fn spell(&self, format: Format, view: &RowView<'_>) -> Result<Vec<String>, Quarantined> {
        let mut row = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let is_key = self.load.table.key.contains(&index);
            let spelled = view.cell(&column.source).cast(column.ty).and_then(|cell| {
                if is_key && cell.is_null() {
                    return Err("the key has no value".to_owned());
                }
                format.spell(&cell)
            });
            row.push(spelled.map_err(|reason| Quarantined {
                stream: self.load.stream.clone(),
                key: refused::key_text(
                    self.load.table.key.iter().map(|&index| view.cell(&self.columns[index].source)),
                ),
                column: column.name.clone(),
                reason: refused::printable(&reason),
            })?);
        }
        Ok(row)
    }

    fn add_new_members(&mut self, part: &mut Part, parts: &[&PagePart]) -> Result<(), Error> {
        if !self.load.add_columns {
            return Ok(());
        }
        let mut found = BTreeMap::new();
        for extra in parts.iter().flat_map(|part| part.batch.rows()).filter_map(|(_, extra)| extra) {
            for (name, raw) in member::members(Some(extra))? {
                let source = CellSource::Member(name.clone());
                let is_known = self.columns.iter().any(|column| column.source == source);
                if let Some(ty) = member::column_type(raw).filter(|_| !is_known) {
                    found.entry(name).or_insert(ty);
                }
            }
        }
        for (name, ty) in found {
            self.add_member(&name, ty);
            part.members.push((name, ty));
        }
        Ok(())
    }

    /// Makes the new file beside the old one.
    fn land(&self, format: Format, part: &Part) -> Result<(TableReport, PathBuf), Error> {
        let part_columns = self.column_names();
        let mut columns = match part.mode {
            LoadMode::Replace => Vec::new(),
            _ => format.columns(&self.path).map_err(|cause| failed("read", &self.path, cause))?,
        };
        let missing: Vec<String> =
            part_columns.iter().filter(|name| !columns.contains(name)).cloned().collect();
        columns.extend(missing);
        let named = |wanted: &dyn Fn(usize, &Column) -> bool| -> Vec<String> {
            let columns = self.columns.iter().enumerate();
            columns.filter(|(index, column)| wanted(*index, column)).map(|(_, c)| c.name.clone()).collect()
        };
        let merge = Merge {
            format,
            part,
            part_columns: &part_columns,
            key: &named(&|index, _| self.load.table.key.contains(&index)),
            moments: &named(&|_, column| column.source.is_moment()),
            old: &self.path,
            columns: &columns,
        };
        let broken = |cause| failed("read", &part.path, cause);
        if !state::is_whole(part) {
            return Err(Error::new(
                Code::TableChanged,
                format!("{} was cut or removed", part.path.display()),
            )
            .with_hint("run again; the stream starts over"));
        }
        let rows = merge.count_new().map_err(broken)?;
        if rows != part.rows {
            let message =
                format!("{} holds {rows} rows where {} were written", part.path.display(), part.rows);
            return Err(Error::new(Code::CountMismatch, message));
        }
        let mut fresh = self.path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        let (rows, mut outcomes) = merge.write(&fresh).map_err(|cause| failed("write", &fresh, cause))?;
        outcomes += part.outcomes;
        Ok((TableReport { stream: part.stream.clone(), outcomes, rows }, fresh))
    }
}

fn parent_of(part: &PagePart, values: &[achub_core::Value]) -> Option<String> {
    let field = part.batch.schema().index_of(&part.scope.as_ref()?.field)?;
    Some(values[field].display())
}

/// Makes the folder of a file.
fn prepared(path: &std::path::Path) -> Result<PathBuf, Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| failed("make the folder", folder, cause))?;
    }
    Ok(path.to_owned())
}

/// Whether an attempt that left `stored` can be continued by one that begins as `fresh`.
fn continues(stored: &Progress, fresh: &Progress) -> bool {
    let same = |(old, new): (&Part, &Part)| {
        (&old.stream, old.mode, &old.path, &old.columns) == (&new.stream, new.mode, &new.path, &new.columns)
            && state::is_whole(old)
    };
    stored.tables.len() == fresh.tables.len() && stored.tables.iter().zip(&fresh.tables).all(same)
}

fn cannot_resume(spec: &LoadSpec) -> Error {
    let message = format!(
        "cannot continue {} of {}: the earlier attempt had other columns, files or modes, or its rows are gone",
        spec.walk, spec.replication
    );
    Error::new(Code::TableChanged, message).with_hint("run again; what is not finished starts over")
}
