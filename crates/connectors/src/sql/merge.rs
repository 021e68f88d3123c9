//! The statements that move rows from a staging table into their table.
//!
//! `s` is the staging table, `t` the table, `p` the parents. All statements are set-based, and the same for all databases.

use crate::sql::{
    PlannedColumn, Session, TablePlan,
    plan::{REPEAT, SEQ},
    quote::{quoted, quoted_list},
};

/// Rows of the staging table by their sequence, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Range {
    fn sql(self) -> String {
        format!("s.{} BETWEEN {} AND {}", quoted(SEQ), self.first, self.last)
    }
}

/// Makes the staging table.
pub(crate) fn create_staging<S: Session>(plan: &TablePlan) -> String {
    let temporary = if plan.as_you_go() { "TEMPORARY " } else { "" };
    let name = staging_in_create(plan, &plan.staging.sql(), &plan.staging.name);
    let repeat = if plan.as_you_go() {
        format!(", {} {}", quoted(REPEAT), S::type_sql(achub_core::FieldType::Boolean))
    } else {
        String::new()
    };
    let columns: String =
        plan.columns.iter().map(|column| format!(", {}", staged_column::<S>(column))).collect();
    let sequence = S::type_sql(achub_core::FieldType::Integer);
    let end = if plan.as_you_go() { S::TEMPORARY_END } else { "" };
    format!(
        "CREATE {temporary}TABLE {name} ({} {sequence}{}{repeat}{columns}){end}",
        quoted(SEQ),
        S::SEQUENCE_END
    )
}

/// Makes the table of parents. `column` is the child's column that refers to them.
pub(crate) fn create_parents<S: Session>(plan: &TablePlan, column: &PlannedColumn) -> String {
    let temporary = if plan.as_you_go() { "TEMPORARY " } else { "" };
    let name = staging_in_create(plan, &plan.parents.sql(), &plan.parents.name);
    let ty = S::type_sql(column.fit.kind);
    let sequence = S::type_sql(achub_core::FieldType::Integer);
    format!(
        "CREATE {temporary}TABLE IF NOT EXISTS {name} ({} {ty}, {} {sequence}){}",
        quoted(&column.name),
        quoted(SEQ),
        if plan.as_you_go() { S::TEMPORARY_END } else { "" }
    )
}

/// A temporary table is made without naming its schema.
fn staging_in_create(plan: &TablePlan, full: &str, name: &str) -> String {
    if plan.as_you_go() { quoted(name) } else { full.to_owned() }
}

pub(crate) fn staged_column<S: Session>(column: &PlannedColumn) -> String {
    format!("{} {}", quoted(&column.name), S::type_sql(column.fit.kind))
}

/// Makes the table with the declared types.
pub(crate) fn create_table<S: Session>(plan: &TablePlan) -> String {
    let mut parts: Vec<String> = plan
        .columns
        .iter()
        .map(|column| format!("{} {}", quoted(&column.name), S::type_sql(column.declared)))
        .collect();
    if plan.load.table.declare_key && !plan.load.table.key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", key_list(plan, "")));
    }
    format!("CREATE TABLE {} ({})", plan.table.sql(), parts.join(", "))
}

pub(crate) fn key_list(plan: &TablePlan, prefix: &str) -> String {
    quoted_list(prefix, plan.key().map(|column| column.name.as_str()))
}

/// Keeps of each key only the row that came last.
pub(crate) fn drop_earlier_versions(plan: &TablePlan) -> String {
    let (staging, seq) = (plan.staging.sql(), quoted(SEQ));
    format!(
        "DELETE FROM {staging} WHERE {seq} IN (SELECT {seq} FROM (SELECT {seq}, row_number() OVER \
         (PARTITION BY {} ORDER BY {seq} DESC) AS n FROM {staging}) AS v WHERE n > 1)",
        key_list(plan, "")
    )
}

/// Drops children that came before the last complete set of their parent's children.
pub(crate) fn drop_outdated_children(plan: &TablePlan, parent: &PlannedColumn) -> String {
    let (staging, parents, seq, parent) =
        (plan.staging.sql(), plan.parents.sql(), quoted(SEQ), quoted(&parent.name));
    format!(
        "DELETE FROM {staging} WHERE {seq} IN (SELECT s.{seq} FROM {staging} AS s JOIN \
         (SELECT {parent}, max({seq}) AS {seq} FROM {parents} GROUP BY {parent}) AS p \
         ON s.{parent} = p.{parent} WHERE s.{seq} < p.{seq})"
    )
}

/// Appends rows.
pub(crate) fn insert(plan: &TablePlan, range: Range) -> String {
    let columns = quoted_list("", plan.columns.iter().map(|column| column.name.as_str()));
    let values: Vec<String> = plan.columns.iter().map(|column| column.moved("s")).collect();
    format!(
        "INSERT INTO {} AS t ({columns}) SELECT {} FROM {} AS s WHERE {} ORDER BY s.{}",
        plan.table.sql(),
        values.join(", "),
        plan.staging.sql(),
        range.sql(),
        quoted(SEQ)
    )
}

/// Adds rows and changes those that are there and differ, by a unique key.
pub(crate) fn upsert(plan: &TablePlan, range: Range) -> String {
    let key = key_list(plan, "");
    let set: Vec<String> =
        others(plan).map(|column| format!("{0} = excluded.{0}", quoted(&column.name))).collect();
    let differs = differs(plan, |column| format!("excluded.{}", quoted(&column.name)));
    let action = match differs {
        Some(differs) => format!("DO UPDATE SET {} WHERE {differs}", set.join(", ")),
        None => "DO NOTHING".to_owned(),
    };
    format!("{} ON CONFLICT ({key}) {action}", insert(plan, range))
}

/// Changes rows that are there and differ, without a unique key.
pub(crate) fn update(plan: &TablePlan, range: Range) -> Option<String> {
    let differs = differs(plan, |column| column.moved("s"))?;
    let set: Vec<String> =
        others(plan).map(|column| format!("{} = {}", quoted(&column.name), column.moved("s"))).collect();
    Some(format!(
        "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND {} AND {differs}",
        plan.table.sql(),
        set.join(", "),
        plan.staging.sql(),
        same_key(plan),
        range.sql(),
    ))
}

/// Adds the rows that are not there, without a unique key.
pub(crate) fn insert_missing(plan: &TablePlan, range: Range) -> String {
    let columns = quoted_list("", plan.columns.iter().map(|column| column.name.as_str()));
    let values: Vec<String> = plan.columns.iter().map(|column| column.moved("s")).collect();
    format!(
        "INSERT INTO {table} ({columns}) SELECT {} FROM {} AS s LEFT JOIN {table} AS t ON {} \
         WHERE {} AND {} ORDER BY s.{}",
        values.join(", "),
        plan.staging.sql(),
        same_key(plan),
        not_there(plan),
        range.sql(),
        quoted(SEQ),
        table = plan.table.sql(),
    )
}

/// Of the rows not counted before: all, those not there, those there that differ.
pub(crate) fn count(plan: &TablePlan, range: Range) -> String {
    let seq = format!("s.{}", quoted(SEQ));
    // Without a unique key the table may hold a key more than once; a record is counted once all the same.
    let each = if plan.load.table.declare_key { seq.clone() } else { format!("DISTINCT {seq}") };
    let changed = match differs(plan, |column| column.moved("s")) {
        Some(differs) => {
            format!("count(DISTINCT CASE WHEN NOT ({}) AND {differs} THEN {seq} END)", not_there(plan))
        }
        None => "0".to_owned(),
    };
    let counted = if plan.as_you_go() { format!(" AND NOT s.{}", quoted(REPEAT)) } else { String::new() };
    format!(
        "SELECT CAST(count({each}) AS text), CAST(count(CASE WHEN {} THEN 1 END) AS text), \
         CAST({changed} AS text) FROM {} AS s LEFT JOIN {} AS t ON {} WHERE {}{counted}",
        not_there(plan),
        plan.staging.sql(),
        plan.table.sql(),
        same_key(plan),
        range.sql(),
    )
}

/// Removes children of complete sets that are not among the rows of the staging table.
pub(crate) fn remove_absent(plan: &TablePlan, parent: &PlannedColumn) -> String {
    let table = plan.table.sql();
    let parents = format!("SELECT {} FROM {} AS p", parent.moved("p"), plan.parents.sql());
    let parent = quoted(&parent.name);
    if plan.load.table.key.is_empty() {
        return format!("DELETE FROM {table} WHERE {parent} IN ({parents})");
    }
    format!(
        "DELETE FROM {table} WHERE ({}) IN (SELECT {} FROM {table} AS t LEFT JOIN {} AS s ON {} \
         WHERE t.{parent} IN ({parents}) AND s.{} IS NULL)",
        key_list(plan, ""),
        key_list(plan, "t."),
        plan.staging.sql(),
        same_key(plan),
        quoted(SEQ),
    )
}

fn others(plan: &TablePlan) -> impl Iterator<Item = &PlannedColumn> {
    let in_key = |index: &usize| plan.load.table.key.contains(index);
    plan.columns.iter().enumerate().filter(move |(index, _)| !in_key(index)).map(|(_, column)| column)
}

/// Whether the row that is there holds something else, `None` where there is nothing to compare. The moment of writing
/// is no difference, so a row that came again unchanged is not written again.
fn differs(plan: &TablePlan, new: impl Fn(&PlannedColumn) -> String) -> Option<String> {
    let parts: Vec<String> = others(plan)
        .filter(|column| !column.source.is_moment())
        .map(|column| {
            let (old, new) = (format!("t.{}", quoted(&column.name)), new(column));
            if column.fit.compare_text {
                format!("CAST({old} AS text) IS DISTINCT FROM CAST({new} AS text)")
            } else {
                format!("{old} IS DISTINCT FROM {new}")
            }
        })
        .collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join(" OR ")))
}

fn same_key(plan: &TablePlan) -> String {
    let parts: Vec<String> =
        plan.key().map(|column| format!("t.{} = {}", quoted(&column.name), column.moved("s"))).collect();
    parts.join(" AND ")
}

/// Rows without a key never get into a staging table, so a null key means that the join found nothing.
fn not_there(plan: &TablePlan) -> String {
    let first = plan.key().next().expect("only keyed tables are merged");
    format!("t.{} IS NULL", quoted(&first.name))
}
