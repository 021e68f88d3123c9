//! One table of a walk: records become rows of the file that collects them.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

use achub_core::{
    Code, Error, FieldType, Outcomes, failpoint,
    port::{
        source::Part as PagePart,
        target::{LoadMode, Quarantined, TableLoad, TableReport},
    },
};
use jiff::Timestamp;

use crate::{
    file::{
        Place, failed,
        format::Format,
        merge::Merge,
        state::{self, Part},
    },
    landing::{CellSource, RefusedRow, RowView, member, refused},
};

/// One column on its way.
struct Column {
    name: String,
    ty: FieldType,
    source: CellSource,
}

/// One table of a walk.
pub(crate) struct LoadingFile {
    load: TableLoad,
    pub(crate) path: PathBuf,
    columns: Vec<Column>,
}

impl LoadingFile {
    pub(crate) fn new(place: &Place, load: &TableLoad) -> Result<LoadingFile, Error> {
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

    pub(crate) fn begin(&self) -> Part {
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
    pub(crate) fn add_member(&mut self, member: &str, ty: FieldType) {
        let is_free = |name: &String| !self.columns.iter().any(|column| column.name == *name);
        let others = (2..).map(|n| format!("{member}_{n}"));
        let name = std::iter::once(member.to_owned()).chain(others).find(is_free);
        let name = name.expect("one of endlessly many names is free");
        self.columns.push(Column { name, ty, source: CellSource::Member(member.to_owned()) });
    }

    /// Appends the rows of one commit to the file that collects them.
    pub(crate) fn write(
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
    pub(crate) fn land(&self, format: Format, part: &Part) -> Result<(TableReport, PathBuf), Error> {
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
        Ok((TableReport::new(part.stream.clone(), outcomes, rows), fresh))
    }
}

fn parent_of(part: &PagePart, values: &[achub_core::Value]) -> Option<String> {
    let field = part.batch.schema().index_of(&part.scope.as_ref()?.field)?;
    Some(values[field].display())
}
