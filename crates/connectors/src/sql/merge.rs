//! The statements that move rows from a staging table into their table.
//!
//! `s` is the staging table, `t` the table. All statements are set-based, and the same for all databases.

use achub_core::port::target::MergeStrategy;

use crate::{
    landing::{CellSource, operation},
    sql::{
        PlannedColumn, Session, TablePlan,
        plan::{REPEAT, SEQ},
        quote::{quoted, quoted_list},
    },
};

/// Rows of the staging table by their sequence, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Range {
    pub(crate) fn sql(self) -> String {
        format!("s.{} BETWEEN {} AND {}", quoted(SEQ), self.first, self.last)
    }
}

/// Appends rows.
pub(crate) fn insert(plan: &TablePlan, range: Range) -> String {
    let (columns, values) = (column_list(plan), value_list(plan));
    format!(
        "INSERT INTO {} AS t ({columns}) SELECT {values} FROM {} AS s WHERE {} ORDER BY s.{}",
        plan.table.sql(),
        plan.staging.sql(),
        range.sql(),
        quoted(SEQ)
    )
}

/// Adds rows and changes those that are there and differ, by a unique key.
pub(crate) fn upsert(plan: &TablePlan, range: Range) -> String {
    let new = |column: &PlannedColumn| format!("excluded.{}", quoted(&column.name));
    let action = match differs(plan, new) {
        Some(differs) => format!("DO UPDATE SET {} WHERE {differs}", assignments(plan, new)),
        None => "DO NOTHING".to_owned(),
    };
    format!("{} ON CONFLICT ({}) {action}", insert(plan, range), plan.key_list(""))
}

/// Adds the rows whose unique key is not there.
pub(crate) fn insert_new(plan: &TablePlan, range: Range) -> String {
    format!("{} ON CONFLICT ({}) DO NOTHING", insert(plan, range), plan.key_list(""))
}

/// Changes rows that are there and differ; `None` where there is nothing that could.
pub(crate) fn update(plan: &TablePlan, range: Range) -> Option<String> {
    let differs = differs(plan, |column| column.moved("s"))?;
    Some(format!(
        "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND {} AND {differs}",
        plan.table.sql(),
        assignments(plan, |column| column.moved("s")),
        plan.staging.sql(),
        plan.same_key(),
        range.sql(),
    ))
}

/// Adds the rows that are not there, without a unique key.
pub(crate) fn insert_missing(plan: &TablePlan, range: Range) -> String {
    insert_unmatched(plan, range, &format!("{} AS t ON {}", plan.table.sql(), plan.same_key()))
}

/// Adds the rows that differ from the newest version of their key.
pub(crate) fn insert_versions(plan: &TablePlan, range: Range) -> String {
    let equal = match differs(plan, |column| column.moved("s")) {
        Some(differs) => format!(" AND NOT {differs}"),
        None => String::new(),
    };
    insert_unmatched(plan, range, &format!("{} AS t ON {}{equal}", newest(plan), plan.same_key()))
}

fn insert_unmatched(plan: &TablePlan, range: Range, joined: &str) -> String {
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM {} AS s LEFT JOIN {joined} WHERE {} AND {} ORDER BY s.{}",
        plan.table.sql(),
        column_list(plan),
        value_list(plan),
        plan.staging.sql(),
        plan.not_there(),
        range.sql(),
        quoted(SEQ),
    )
}

/// Deletes the rows of the keys that came.
pub(crate) fn delete_known(plan: &TablePlan, range: Range) -> String {
    let keys: Vec<String> = plan.key().map(|column| column.moved("s")).collect();
    format!(
        "DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {} AS s WHERE {})",
        plan.table.sql(),
        plan.key_list(""),
        keys.join(", "),
        plan.staging.sql(),
        range.sql(),
    )
}

/// Takes the mark off rows that were found to be gone and came again; `None` where no column takes a mark.
pub(crate) fn unmark(plan: &TablePlan, range: Range) -> Option<String> {
    let marked = plan.marked("t")?;
    let touched: Vec<String> = plan
        .columns
        .iter()
        .filter(|column| {
            matches!(column.source, CellSource::DeletedAt | CellSource::SyncedAt | CellSource::SyncedOp)
        })
        .map(|column| assignment(column, column.moved("s")))
        .collect();
    Some(format!(
        "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND {} AND {marked}",
        plan.table.sql(),
        touched.join(", "),
        plan.staging.sql(),
        plan.same_key(),
        range.sql(),
    ))
}

/// Writes down in the staging table which rows have a known key, for strategies that only ever add; `None` where no
/// column tells.
pub(crate) fn note_known(plan: &TablePlan, range: Range) -> Option<String> {
    let column = plan.column_of(&CellSource::SyncedOp)?;
    Some(format!(
        "UPDATE {} AS s SET {} = '{}' WHERE {} AND EXISTS (SELECT 1 FROM {} AS t WHERE {})",
        plan.staging.sql(),
        quoted(&column.name),
        operation::CHANGED,
        range.sql(),
        plan.table.sql(),
        plan.same_key(),
    ))
}

/// Of the rows not counted before: all, those not there, those there that differ, those there that do not; and of the
/// second and third those that an earlier run should have landed.
pub(crate) fn count<S: Session>(plan: &TablePlan, range: Range) -> String {
    // Without a unique key the table may hold a key more than once; a record is counted once all the same.
    let each = if plan.has_unique_key() { "" } else { "DISTINCT " };
    let tally = |condition: &str| {
        format!("CAST(count({each}CASE WHEN {condition} THEN s.{} END) AS text)", quoted(SEQ))
    };
    let absent = plan.not_there();
    let keeps_versions = plan.load.merge == MergeStrategy::History;
    let differs = differs(plan, |column| column.moved("s"));
    let differs = differs.map_or("1 = 0".to_owned(), |differs| format!("NOT ({absent}) AND {differs}"));
    let equal =
        if keeps_versions { tally(&format!("NOT ({absent}) AND NOT ({differs})")) } else { "'0'".into() };
    let drift = match plan.was_due::<S>() {
        Some(due) => {
            let late = |condition: &str| tally(&format!("{condition} AND {due}"));
            format!("{}, {}", late(&absent), late(&differs))
        }
        None => "'0', '0'".to_owned(),
    };
    format!(
        "SELECT {}, {}, {}, {equal}, {drift} FROM {} AS s LEFT JOIN {} AS t ON {} WHERE {}{}",
        tally("1 = 1"),
        tally(&absent),
        tally(&differs),
        plan.staging.sql(),
        if keeps_versions { newest(plan) } else { plan.table.sql() },
        plan.same_key(),
        range.sql(),
        if plan.as_you_go() { format!(" AND NOT s.{}", quoted(REPEAT)) } else { String::new() },
    )
}

/// The newest version of each key; several where they are of the same moment.
fn newest(plan: &TablePlan) -> String {
    let moment = plan.written_at().expect("versions are kept only where a column tells their moment");
    let moment = quoted(&moment.name);
    format!(
        "(SELECT * FROM (SELECT n.*, rank() OVER (PARTITION BY {} ORDER BY n.{moment} IS NULL, n.{moment} DESC) \
         AS _achub_rank FROM {} AS n) AS n WHERE _achub_rank = 1)",
        plan.key_list("n."),
        plan.table.sql(),
    )
}

fn column_list(plan: &TablePlan) -> String {
    quoted_list("", plan.columns.iter().map(|column| column.name.as_str()))
}

fn value_list(plan: &TablePlan) -> String {
    plan.columns.iter().map(|column| column.moved("s")).collect::<Vec<_>>().join(", ")
}

fn others(plan: &TablePlan) -> impl Iterator<Item = &PlannedColumn> {
    let in_key = |index: &usize| plan.key.contains(index);
    plan.columns.iter().enumerate().filter(move |(index, _)| !in_key(index)).map(|(_, column)| column)
}

fn assignments(plan: &TablePlan, new: impl Fn(&PlannedColumn) -> String) -> String {
    others(plan).map(|column| assignment(column, new(column))).collect::<Vec<_>>().join(", ")
}

fn assignment(column: &PlannedColumn, new: String) -> String {
    let new = if column.source == CellSource::SyncedOp { column.constant(operation::CHANGED) } else { new };
    format!("{} = {new}", quoted(&column.name))
}

/// Whether the row that is there holds something else, `None` where there is nothing to compare. The moment of writing
/// is no difference, so a row that came again unchanged is not written again; a mark is one, so it goes.
fn differs(plan: &TablePlan, new: impl Fn(&PlannedColumn) -> String) -> Option<String> {
    let contents = others(plan).filter(|column| !column.source.is_moment()).map(|column| {
        let (old, new) = (format!("t.{}", quoted(&column.name)), new(column));
        if column.fit.compare_text {
            format!("CAST({old} AS text) IS DISTINCT FROM CAST({new} AS text)")
        } else {
            format!("{old} IS DISTINCT FROM {new}")
        }
    });
    let parts: Vec<String> = contents.chain(plan.marked("t")).collect();
    (!parts.is_empty()).then(|| any_of(&parts))
}

/// Whether any of many conditions is met. SQLite refuses expressions nested more than 1,000 deep, and a chain nests once
/// for each link; a chain of chains does not.
fn any_of(parts: &[String]) -> String {
    const LINKS_MAX: usize = 100;
    let chain = |parts: &[String]| format!("({})", parts.join(" OR "));
    if parts.len() <= LINKS_MAX {
        return chain(parts);
    }
    let chains: Vec<String> = parts.chunks(LINKS_MAX).map(chain).collect();
    chain(&chains)
}
