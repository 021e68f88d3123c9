//! How tables that are there differ from those that are wanted.

use achub_core::{
    Code, Error,
    port::target::{Difference, DifferenceKind, Evolution, LoadMode, TableLoad},
};

use crate::sql::{
    Fault, Session, Shape, TablePlan,
    plan::{self, actual_type},
};

/// How the tables of `loads` differ. Nothing is made or changed.
pub(crate) async fn differences<S: Session>(
    session: &mut S,
    loads: &[TableLoad],
) -> Result<Vec<Difference>, Fault> {
    let mut found = Vec::new();
    for load in loads.iter().filter(|load| load.mode != LoadMode::Replace) {
        let table = session.place(&load.table);
        if let Some(shape) = session.shape(&table).await? {
            found.extend(of_table::<S>(load, &shape));
        }
    }
    Ok(found)
}

/// Refuses a table that differs, where that is what was asked for. Columns that nothing writes do no harm.
///
/// Errors: `DB-106` with every difference as a detail.
pub(crate) fn refuse<S: Session>(plan: &TablePlan, shape: &Shape) -> Result<(), Error> {
    if plan.load.evolution != Evolution::Stop {
        return Ok(());
    }
    let differences = of_table::<S>(&plan.load, shape);
    let told: Vec<String> = differences.iter().filter_map(told).collect();
    if told.is_empty() {
        return Ok(());
    }
    let message = format!("table {} differs from what stream {} needs", plan.table, plan.load.stream);
    Err(told
        .into_iter()
        .fold(Error::new(Code::ColumnsDiffer, message), |error, line| error.with_detail("column", line)))
}

/// Refuses a member that would need a column, where that is what was asked for.
pub(crate) fn refuse_member(plan: &TablePlan, member: &str) -> Error {
    let message = format!("records of stream {} have a member {member} without a column", plan.load.stream);
    Error::new(Code::ColumnsDiffer, message).with_detail("column", format!("{member}: missing"))
}

fn told(difference: &Difference) -> Option<String> {
    let column = &difference.column;
    match &difference.kind {
        DifferenceKind::Missing { wanted } => Some(format!("{column}: missing, would be {wanted}")),
        DifferenceKind::Type { actual, wanted, .. } => Some(format!("{column}: {actual}, would be {wanted}")),
        DifferenceKind::Unused => None,
    }
}

fn of_table<S: Session>(load: &TableLoad, shape: &Shape) -> Vec<Difference> {
    let difference =
        |column: &str, kind| Difference { table: load.table.full_name(), column: column.to_owned(), kind };
    let mut found = Vec::new();
    for column in &load.table.columns {
        let wanted = S::column_type(column.ty, column.rules.storage);
        match actual_type::<S>(shape, &column.name) {
            None => found.push(difference(&column.name, DifferenceKind::Missing { wanted })),
            Some(actual) if !S::is_same_type(actual, &wanted) => {
                let (actual, can_widen) = (actual.to_owned(), S::can_widen(actual, &wanted));
                let kind = DifferenceKind::Type { actual, wanted, can_widen };
                found.push(difference(&column.name, kind));
            }
            Some(_) => {}
        }
    }
    // Members of records have columns that no load names beforehand.
    if !load.add_columns {
        let unused = shape.columns.iter().filter(|(name, _)| !plan::writes::<S>(load, name));
        found.extend(unused.map(|(name, _)| difference(name, DifferenceKind::Unused)));
    }
    found
}
