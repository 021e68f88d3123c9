//! Which rows a table could not take. DuckDB has no savepoints: a row that is refused ends the transaction, so what can be
//! known beforehand is asked beforehand.

use crate::{
    duckdb::session::DuckdbSession,
    sql::{
        Fault, PlannedColumn, Session, TablePlan,
        merge::Range,
        plan::SEQ,
        quote::quoted,
        session::{Moving, RowFault},
    },
};

/// A condition under which a staged row is refused, and for which column and reason.
struct Objection {
    condition: String,
    fault: RowFault,
}

/// The rows of `range` that their table could not take: a value that is not of the column's type, none where one is needed,
/// or one that is unique and taken. What a `CHECK` says is not foreseen; it fails the statement.
pub(super) async fn unfit(
    session: &mut DuckdbSession,
    plan: &TablePlan,
    range: Range,
) -> Result<Vec<(i64, RowFault)>, Fault> {
    let objections = objections(session, plan).await?;
    if objections.is_empty() {
        return Ok(Vec::new());
    }
    let whens: Vec<String> = objections
        .iter()
        .enumerate()
        .map(|(index, objection)| format!("WHEN {} THEN '{index}'", objection.condition))
        .collect();
    let seq = format!("s.{}", quoted(SEQ));
    let sql = format!(
        "SELECT seq, objection FROM (SELECT CAST({seq} AS text) AS seq, CASE {} END AS objection FROM {} AS s \
         WHERE {seq} BETWEEN {} AND {}) AS x WHERE objection IS NOT NULL ORDER BY CAST(seq AS BIGINT)",
        whens.join(" "),
        plan.staging.sql(),
        range.first,
        range.last
    );
    let found = session.texts(&sql, &[]).await?;
    let rows = found.iter().filter_map(|row| {
        let [Some(seq), Some(index)] = row.as_slice() else { return None };
        let objection = objections.get(index.parse::<usize>().ok()?)?;
        Some((seq.parse().ok()?, objection.fault.clone()))
    });
    Ok(rows.collect())
}

async fn objections(session: &mut DuckdbSession, plan: &TablePlan) -> Result<Vec<Objection>, Fault> {
    let needed = columns_without_null(session, plan).await?;
    let mut objections = Vec::new();
    for column in &plan.columns {
        let staged = format!("s.{}", quoted(&column.name));
        let fault = |reason: String| RowFault { column: column.name.clone(), reason };
        if let Moving::Cast(ty) = &column.fit.moving {
            objections.push(Objection {
                condition: format!("{staged} IS NOT NULL AND TRY_CAST({staged} AS {ty}) IS NULL"),
                fault: fault(format!("the value is not of the column's type {ty}")),
            });
        }
        if needed.iter().any(|name| name.eq_ignore_ascii_case(&column.name)) {
            objections.push(Objection {
                condition: format!("{staged} IS NULL"),
                fault: fault("the column needs a value".to_owned()),
            });
        }
    }
    let shape = session.shape(&plan.table).await?.unwrap_or_default();
    objections.extend(shape.unique.iter().filter_map(|unique| taken(plan, unique)));
    Ok(objections)
}

/// Against rows whose values in `unique` another row has: one that came before, or one of another key in the table.
/// `None` where the set is the key rows are merged by, or has a column that is not loaded.
fn taken(plan: &TablePlan, unique: &[String]) -> Option<Objection> {
    let columns: Vec<&PlannedColumn> = unique
        .iter()
        .map(|name| plan.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
        .collect::<Option<_>>()?;
    let is_key = !plan.key.is_empty()
        && plan.key().all(|key| columns.iter().any(|column| column.name == key.name))
        && columns.len() == plan.key.len();
    if is_key {
        return None;
    }
    let values: Vec<String> = columns.iter().map(|column| column.moved("s")).collect();
    let given: Vec<String> = values.iter().map(|value| format!("{value} IS NOT NULL")).collect();
    let same: Vec<String> = columns
        .iter()
        .zip(&values)
        .map(|(column, value)| format!("t.{} = {value}", quoted(&column.name)))
        .collect();
    let other = match plan.key.is_empty() {
        true => String::new(),
        false => format!(" AND NOT ({})", plan.same_key()),
    };
    let condition = format!(
        "{} AND (row_number() OVER (PARTITION BY {} ORDER BY s.{}) > 1 OR EXISTS (SELECT 1 FROM {} AS t WHERE {}{other}))",
        given.join(" AND "),
        values.join(", "),
        quoted(SEQ),
        plan.table.sql(),
        same.join(" AND "),
    );
    let reason = "another row has the value, and it has to be unique".to_owned();
    Some(Objection { condition, fault: RowFault { column: columns.first()?.name.clone(), reason } })
}

async fn columns_without_null(session: &mut DuckdbSession, plan: &TablePlan) -> Result<Vec<String>, Fault> {
    let sql = "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() \
               AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2) AND NOT is_nullable";
    let place = [plan.table.schema.as_deref(), Some(plan.table.name.as_str())];
    let found = session.texts(sql, &place).await?;
    Ok(found.into_iter().flatten().flatten().collect())
}
