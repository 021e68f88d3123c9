//! The parts of one stream in one commit, encoded row after row.

use std::collections::HashSet;

use achub_core::{
    Batch, Code, Error, RunId, Value,
    port::{
        source::Part,
        target::{LoadMode, Quarantined},
    },
};
use jiff::Timestamp;

use crate::{
    landing::{Cell, CellSource, Place, RefusedRow, RowView, refused, seen::Seen},
    sql::{PlannedColumn, RowSink, TablePlan, session::RowFault},
};

/// What is known of the rows of a commit besides their encoding.
#[derive(Default)]
pub(crate) struct Encoded {
    /// Part and row of each encoded row, in order.
    pub(crate) places: Vec<(usize, usize)>,
    /// Complete sets of children: their parents, and the sequence of the set's first row.
    pub(crate) scopes: Vec<(Vec<i64>, i64)>,
    /// Rows that the target cannot hold.
    pub(crate) refused: Vec<RefusedRow>,
    /// Refused rows whose key was not met before.
    pub(crate) refused_new: u64,
    /// Integer keys met in this commit.
    pub(crate) keys: Seen,
    /// The same, one by one.
    pub(crate) key_list: Vec<i64>,
    /// Some key may have come twice in this commit.
    pub(crate) may_repeat: bool,
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) started_at: Timestamp,
}

impl<'a> Writer<'a> {
    /// A row of `part` as columns ask for it; `number` is its own among those of its stream.
    pub(crate) fn view(
        self,
        plan: &TablePlan,
        part: &'a Part,
        row: usize,
        number: i64,
    ) -> Result<RowView<'a>, Error> {
        let batch = &part.batch;
        let view = RowView::new(batch.row(row), batch.extra(row), plan.wants_members(), self.started_at)?;
        Ok(view.at(Place { run: self.run, number, schema: batch.schema() }))
    }
}

/// Encodes all rows of `parts` into `rows`; `seq` is the last sequence given out and is moved on.
pub(crate) fn encode<R: RowSink>(
    plan: &TablePlan,
    rows: &mut R,
    seen: &Seen,
    seq: &mut i64,
    parts: &[&Part],
    writer: Writer<'_>,
) -> Result<Encoded, Error> {
    rows.clear();
    let mut encoded = Encoded::default();
    let single_key = single_field_key(plan);
    for (part_index, part) in parts.iter().enumerate() {
        let set_begins = *seq + 1;
        let mut incomplete = HashSet::new();
        for row in 0..part.batch.len() {
            let view = writer.view(plan, part, row, *seq + 1)?;
            let key = integer_key(single_key, &part.batch, row);
            let is_repeat = key.is_some_and(|key| seen.contains(key));
            let again = encoded.note_key(key);
            rows.begin(*seq + 1, plan.as_you_go().then_some(is_repeat));
            match encode_row(plan, rows, &view) {
                Ok(()) => {
                    rows.end();
                    *seq += 1;
                    encoded.places.push((part_index, row));
                }
                Err(fault) => {
                    rows.undo();
                    encoded.refused_new += u64::from(!is_repeat && !again);
                    encoded.refused.push(refused_row(plan, &view, fault));
                    incomplete.extend(parent(part, row));
                }
            }
        }
        encoded.note_scope(part, set_begins, &incomplete);
    }
    Ok(encoded)
}

impl Encoded {
    /// Remembers a key; tells whether this commit had it before.
    fn note_key(&mut self, key: Option<i64>) -> bool {
        let Some(key) = key else {
            self.may_repeat = true;
            return false;
        };
        if self.keys.contains(key) {
            self.may_repeat = true;
            return true;
        }
        self.keys.insert(key);
        self.key_list.push(key);
        false
    }

    /// Remembers a complete set. Parents with a refused child are left out: their set is not complete in the table, and
    /// an older version of the child that is there stays.
    fn note_scope(&mut self, part: &Part, set_begins: i64, incomplete: &HashSet<i64>) {
        if let Some(scope) = &part.scope {
            let complete = scope.parents.iter().copied().filter(|parent| !incomplete.contains(parent));
            self.scopes.push((complete.collect(), set_begins));
        }
    }
}

fn encode_row<R: RowSink>(plan: &TablePlan, rows: &mut R, view: &RowView<'_>) -> Result<(), RowFault> {
    for (index, column) in plan.columns.iter().enumerate() {
        encode_cell(column, rows, view, plan.key.contains(&index)).map_err(|reason| RowFault {
            column: column.name.clone(),
            reason: refused::printable(&reason),
        })?;
    }
    Ok(())
}

fn encode_cell<R: RowSink>(
    column: &PlannedColumn,
    rows: &mut R,
    view: &RowView<'_>,
    is_key: bool,
) -> Result<(), String> {
    let cell = view.cell(&column.source).cast(column.fit.kind)?;
    if is_key && cell.is_null() {
        return Err("the key has no value".to_owned());
    }
    if column.rules.not_null && cell.is_null() {
        return Err("no value where there must be one".to_owned());
    }
    column.fit.limit.check(&cell)?;
    rows.cell(&cell)
}

/// What is kept of a row that is put aside.
pub(crate) fn refused_row(plan: &TablePlan, view: &RowView<'_>, fault: RowFault) -> RefusedRow {
    let cells = plan.columns.iter().map(|column| (column.name.as_str(), view.cell(&column.source)));
    RefusedRow {
        about: Quarantined {
            stream: plan.load.stream.clone(),
            key: refused::key_text(plan.key().map(|column| view.cell(&column.source))),
            column: fault.column,
            reason: fault.reason,
        },
        row: refused::row_json(cells),
    }
}

/// The field of the key, where the key is a single field.
fn single_field_key(plan: &TablePlan) -> Option<usize> {
    let mut key = plan.key();
    match (key.next().map(|column| &column.source), key.next()) {
        (Some(CellSource::Field(field)), None) => Some(*field),
        _ => None,
    }
}

fn integer_key(field: Option<usize>, batch: &Batch, row: usize) -> Option<i64> {
    match batch.row(row)[field?] {
        Value::Integer(key) => Some(key),
        _ => None,
    }
}

fn parent(part: &Part, row: usize) -> Option<i64> {
    let scope = part.scope.as_ref()?;
    let field = part.batch.schema().index_of(&scope.field)?;
    match Cell::from(&part.batch.row(row)[field]).cast(achub_core::FieldType::Integer) {
        Ok(Cell::Integer(parent)) => Some(parent),
        _ => None,
    }
}

/// The column that refers to the parents of complete sets, where parts have such sets.
///
/// Errors: `CF-104` where the field is not among the columns of a merged table: what is gone could not be removed.
pub(crate) fn scope_column(plan: &TablePlan, parts: &[&Part]) -> Result<Option<usize>, Error> {
    let Some((part, scope)) = parts.iter().find_map(|part| Some((part, part.scope.as_ref()?))) else {
        return Ok(None);
    };
    let field = part.batch.schema().index_of(&scope.field);
    let column = field.and_then(|field| plan.column_of_field(field));
    let merges = matches!(plan.load.mode, LoadMode::MergeAsYouGo | LoadMode::MergeAtEnd);
    if column.is_none() && merges {
        let message = format!(
            "stream {}: rows are replaced parent by parent, but the field {} is not selected",
            plan.load.stream, scope.field
        );
        return Err(Error::new(Code::BadFile, message).with_hint("select that field too"));
    }
    Ok(column)
}
