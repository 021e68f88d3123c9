//! One table of a walk: records become rows of the file that collects them.

use std::collections::{BTreeMap, HashSet};

use achub_core::{
    Code, Error, Outcomes, Value, failpoint,
    port::{
        source::Part as PagePart,
        target::{LoadMode, LoadSpec, Quarantined, TableLoad},
    },
};

use crate::{
    folder::state::{self, Part},
    folder::{
        place::{Home, Place},
        row,
        shape::{LoadColumn, Shape},
    },
    landing::{Cell, CellSource, Place as Standing, RefusedRow, RowView, member, refused},
    sql::plan,
};

/// One table of a walk.
pub(crate) struct LoadingTable {
    pub(crate) load: TableLoad,
    pub(crate) home: Home,
    pub(crate) shape: Shape,
}

impl LoadingTable {
    /// Looks at the table that is there.
    pub(crate) fn new(place: &Place, load: &TableLoad) -> Result<LoadingTable, Error> {
        let home = place.home(load.table.schema.as_deref(), &load.table.name)?;
        plan::check_demands(load)?;
        let there = home.known()?.map(|manifest| manifest.columns());
        let shape = Shape::of(load, there)?;
        Ok(LoadingTable { load: load.clone(), home, shape })
    }

    /// Nothing collected yet.
    pub(crate) fn begin(&self, spec: &LoadSpec) -> Part {
        Part {
            stream: self.load.stream.clone(),
            mode: self.load.mode,
            path: Place::collected(&self.home.folder, spec),
            bytes: 0,
            rows: 0,
            columns: self.shape.words(),
            members: Vec::new(),
            scope: None,
            table: self.shape.expects_table().then(|| self.home.landmark()),
            scope_bytes: 0,
            outcomes: Outcomes::default(),
        }
    }

    /// Appends the rows of one commit to the file that collects them.
    pub(crate) fn write(
        &mut self,
        part: &mut Part,
        parts: &[&PagePart],
        LoadSpec { run, started_at, .. }: &LoadSpec,
        put_aside: &mut Vec<RefusedRow>,
    ) -> Result<(), Error> {
        let started_at = *started_at;
        self.add_new_members(part, parts)?;
        let is_member = |known: &LoadColumn| matches!(known.source, CellSource::Member(_));
        let wants_members = self.shape.columns.iter().any(is_member);
        let (mut rows, mut scopes) = (Vec::new(), String::new());
        for page_part in parts {
            let first = part.rows;
            let mut incomplete = HashSet::new();
            for (values, extra) in page_part.batch.rows() {
                let number = (part.rows + 1) as i64;
                let standing = Standing { run, number, schema: page_part.batch.schema() };
                let view = RowView::new(values, extra, wants_members, started_at)?.at(standing);
                match self.cells(&view) {
                    Ok(cells) => {
                        row::put_counted(cells, &mut rows);
                        part.rows += 1;
                    }
                    Err(about) => {
                        put_aside.push(RefusedRow { about, row: self.json(&view) });
                        part.outcomes.refused += 1;
                        if let Some(key) = self.key(&view) {
                            row::put_aside(key, &mut rows);
                        }
                        incomplete.extend(parent_of(page_part, values));
                    }
                }
            }
            self.note_scope(part, page_part, first, &incomplete, &mut scopes)?;
        }
        failpoint::pass("before-upsert");
        part.bytes = state::append(&part.path, part.bytes, &rows)?;
        if !scopes.is_empty() {
            part.scope_bytes = state::append(&part.scope_path(), part.scope_bytes, scopes.as_bytes())?;
        }
        Ok(())
    }

    fn cells<'a>(&self, view: &RowView<'a>) -> Result<Vec<Cell<'a>>, Quarantined> {
        let mut cells = Vec::with_capacity(self.shape.columns.len());
        for (index, LoadColumn { column, source }) in self.shape.columns.iter().enumerate() {
            let cell = view.cell(source).cast(column.ty).and_then(|cell| {
                if !cell.is_null() {
                    return Ok(cell);
                }
                match (self.shape.key.contains(&index), column.rules.not_null) {
                    (true, _) => Err("the key has no value".to_owned()),
                    (false, true) => Err("there is no value, and the column may not be null".to_owned()),
                    (false, false) => Ok(cell),
                }
            });
            let cell = cell.and_then(|cell| self.home.storage.settle(cell));
            cells.push(cell.map_err(|reason| self.refused(view, &column.name, &reason))?);
        }
        Ok(cells)
    }

    /// The key of a row, where it can be held.
    fn key<'a>(&self, view: &RowView<'a>) -> Option<Vec<Cell<'a>>> {
        let columns = self.shape.key.iter().map(|&index| &self.shape.columns[index]);
        let cell = |known: &LoadColumn| {
            let cell = view.cell(&known.source).cast(known.column.ty).ok()?;
            let cell = self.home.storage.settle(cell).ok()?;
            (!cell.is_null()).then_some(cell)
        };
        columns.map(cell).collect::<Option<Vec<_>>>().filter(|key| !key.is_empty())
    }

    fn refused(&self, view: &RowView<'_>, column: &str, reason: &str) -> Quarantined {
        let key = self.shape.key.iter().map(|&index| view.cell(&self.shape.columns[index].source));
        Quarantined {
            stream: self.load.stream.clone(),
            key: refused::key_text(key),
            column: column.to_owned(),
            reason: refused::printable(reason),
        }
    }

    fn json(&self, view: &RowView<'_>) -> String {
        let cells = self.shape.columns.iter();
        refused::row_json(cells.map(|known| (known.column.name.as_str(), view.cell(&known.source))))
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
        let field = page_part.batch.schema().index_of(&scope.field).map(CellSource::Field);
        let column = field.and_then(|field| self.shape.columns.iter().find(|known| known.source == field));
        let Some(LoadColumn { column, .. }) = column else {
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

    fn add_new_members(&mut self, part: &mut Part, parts: &[&PagePart]) -> Result<(), Error> {
        if !self.load.add_columns {
            return Ok(());
        }
        let mut found = BTreeMap::new();
        for extra in parts.iter().flat_map(|part| part.batch.rows()).filter_map(|(_, extra)| extra) {
            for (name, raw) in member::members(Some(extra))? {
                if let Some(ty) = member::column_type(raw).filter(|_| !self.shape.knows_member(&name)) {
                    found.entry(name).or_insert(ty);
                }
            }
        }
        for (name, ty) in found {
            self.shape.add_member(&name, ty)?;
            part.members.push((name, ty));
        }
        Ok(())
    }
}

fn parent_of(part: &PagePart, values: &[Value]) -> Option<String> {
    let field = part.batch.schema().index_of(&part.scope.as_ref()?.field)?;
    Some(values[field].display())
}
