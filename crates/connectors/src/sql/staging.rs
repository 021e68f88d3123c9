//! The tables in which rows and the parents of complete sets wait.

use achub_core::FieldType;

use crate::sql::{
    PlannedColumn, Session, TablePlan,
    plan::{REPEAT, SEQ},
    quote::quoted,
};

/// Makes the staging table.
pub(crate) fn create_staging<S: Session>(plan: &TablePlan) -> String {
    let temporary = if plan.as_you_go() { "TEMPORARY " } else { "" };
    let name = staging_in_create(plan, &plan.staging.sql(), &plan.staging.name);
    let repeat = if plan.as_you_go() {
        format!(", {} {}", quoted(REPEAT), S::type_sql(FieldType::Boolean))
    } else {
        String::new()
    };
    let columns: String =
        plan.columns.iter().map(|column| format!(", {}", staged_column::<S>(column))).collect();
    let sequence = S::type_sql(FieldType::Integer);
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
    let sequence = S::type_sql(FieldType::Integer);
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

/// Keeps of each key only the row that came last.
pub(crate) fn drop_earlier_versions(plan: &TablePlan) -> String {
    let (staging, seq) = (plan.staging.sql(), quoted(SEQ));
    format!(
        "DELETE FROM {staging} WHERE {seq} IN (SELECT {seq} FROM (SELECT {seq}, row_number() OVER \
         (PARTITION BY {} ORDER BY {seq} DESC) AS n FROM {staging}) AS v WHERE n > 1)",
        plan.key_list("")
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
