//! Making a table, or making the one that is there fit.

use std::collections::BTreeSet;

use achub_core::{
    Code, Error, failpoint,
    port::target::{Evolution, TableLoad},
};

use crate::sql::{
    Fault, PlannedColumn, Session, Shape, TableName, TablePlan,
    plan::{self, actual_type},
    quote::{cut, quoted, quoted_list},
    session::Moving,
};

/// Makes the table with its keys, indexes and comments; or adds the columns it lacks and widens those that are to be.
///
/// Errors: `DB-104` where rows cannot be merged into what is there.
pub(crate) async fn make_table<S: Session>(session: &mut S, plan: &mut TablePlan) -> Result<(), Fault> {
    let shape = match session.shape(&plan.table).await? {
        None => {
            session.execute(&create::<S>(plan), &[]).await?;
            comment(session, plan).await?;
            take_on::<S>(plan, made_shape(session, plan).await?)?
        }
        Some(shape) => {
            plan::check_table::<S>(plan, &shape)?;
            add_columns(session, plan, &shape).await?;
            widen_columns(session, plan, &shape).await?;
            shape
        }
    };
    make_indexes(session, plan, &shape).await
}

/// Adds one column to the table.
pub(crate) async fn add_column<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    column: &PlannedColumn,
) -> Result<(), Fault> {
    let sql =
        format!("ALTER TABLE {} ADD COLUMN {} {}", plan.table.sql(), quoted(&column.name), column.wanted);
    session.execute(&sql, &[]).await?;
    failpoint::pass("schema-change");
    if let Some(description) = &column.rules.description {
        session.comment_column(&plan.table, &column.name, description).await?;
    }
    Ok(())
}

/// Refuses rules about columns that the load does not have.
pub(crate) fn check_rules(load: &TableLoad) -> Result<(), Error> {
    let rules = &load.table.rules;
    let named = rules.primary.iter().chain(&rules.unique).chain(&rules.indexes).flatten();
    match named.into_iter().find(|name| load.table.index_of(name).is_none()) {
        None => Ok(()),
        Some(name) => {
            let message = format!("stream {}: a key or index names {name}, which is no column", load.stream);
            Err(Error::new(Code::BadFile, message).with_hint("use the names of columns in the table"))
        }
    }
}

/// The statement that makes the table.
fn create<S: Session>(plan: &TablePlan) -> String {
    let columns = plan.columns.iter().map(|column| {
        let end = if column.rules.not_null { " NOT NULL" } else { "" };
        format!("{} {}{end}", quoted(&column.name), column.wanted)
    });
    let columns: Vec<String> = columns.collect();
    if let Some(ddl) = &plan.load.table.rules.ddl {
        return ddl.replace("{col_types}", &columns.join(", ")).replace("{object_name}", &plan.table.sql());
    }
    let parts: Vec<String> = columns.into_iter().chain(keys(plan)).collect();
    format!("CREATE TABLE {} ({})", plan.table.sql(), parts.join(", "))
}

/// The primary key, and the key rows are merged by where that is another one.
fn keys(plan: &TablePlan) -> Vec<String> {
    let merged: Option<BTreeSet<&str>> =
        plan.has_unique_key().then(|| plan.key().map(|column| column.name.as_str()).collect());
    match &plan.load.table.rules.primary {
        None if merged.is_some() => vec![format!("PRIMARY KEY ({})", plan.key_list(""))],
        None => Vec::new(),
        Some(primary) => {
            let names = quoted_list("", primary.iter().map(String::as_str));
            let is_merged = merged == Some(primary.iter().map(String::as_str).collect());
            let also = merged.filter(|_| !is_merged).map(|_| format!("UNIQUE ({})", plan.key_list("")));
            [format!("PRIMARY KEY ({names})")].into_iter().chain(also).collect()
        }
    }
}

async fn comment<S: Session>(session: &mut S, plan: &TablePlan) -> Result<(), Fault> {
    if let Some(comment) = &plan.load.table.comment {
        session.comment(&plan.table, comment).await?;
    }
    for column in &plan.columns {
        if let Some(description) = &column.rules.description {
            session.comment_column(&plan.table, &column.name, description).await?;
        }
    }
    Ok(())
}

async fn made_shape<S: Session>(session: &mut S, plan: &TablePlan) -> Result<Shape, Fault> {
    let shape = session.shape(&plan.table).await?;
    Ok(shape.ok_or_else(|| {
        Error::new(Code::BadFile, format!("the statement that makes {} does not make it", plan.table))
            .with_hint("write {object_name} where the table's name belongs")
    })?)
}

/// Goes by what a person's own statement made: types may be others than the load would have chosen.
fn take_on<S: Session>(plan: &mut TablePlan, shape: Shape) -> Result<Shape, Error> {
    if plan.load.table.rules.ddl.is_none() {
        return Ok(shape);
    }
    plan::check_table::<S>(plan, &shape)?;
    let table = plan.table.clone();
    for column in &mut plan.columns {
        let Some(actual) = actual_type::<S>(&shape, &column.name) else {
            return Err(lacks(&table, &column.name).with_hint("write {col_types} where its columns belong"));
        };
        if S::is_same_type(actual, &column.wanted) {
            continue;
        }
        let fit = S::fit(column.declared, actual);
        // Rows may be waiting in the kind that was planned; what is left to do happens on the way into the table.
        let is_same_kind = fit.kind == column.fit.kind;
        column.fit.moving = if is_same_kind { fit.moving } else { Moving::Cast(actual.to_owned()) };
        column.fit.compare_text = fit.compare_text;
    }
    Ok(shape)
}

async fn add_columns<S: Session>(session: &mut S, plan: &TablePlan, shape: &Shape) -> Result<(), Fault> {
    for column in &plan.columns {
        if actual_type::<S>(shape, &column.name).is_some() {
            continue;
        }
        if matches!(plan.load.evolution, Evolution::Keep | Evolution::Stop) {
            return Err(lacks(&plan.table, &column.name).into());
        }
        add_column(session, plan, column).await?;
    }
    Ok(())
}

fn lacks(table: &TableName, column: &str) -> Error {
    Error::new(Code::TableChanged, format!("table {table} has no column {column}"))
}

async fn widen_columns<S: Session>(session: &mut S, plan: &TablePlan, shape: &Shape) -> Result<(), Fault> {
    if plan.load.evolution != Evolution::AddAndWiden {
        return Ok(());
    }
    let narrow: Vec<&PlannedColumn> = plan
        .columns
        .iter()
        .filter(|column| {
            let actual = actual_type::<S>(shape, &column.name);
            actual.is_some_and(|actual| S::can_widen(actual, &column.wanted))
        })
        .collect();
    if narrow.is_empty() {
        return Ok(());
    }
    let views = session.drop_views(&plan.table).await?;
    for column in narrow {
        session.widen(&plan.table, &column.name, &column.wanted).await?;
    }
    for view in views {
        session.remake_view(&view).await?;
    }
    Ok(())
}

async fn make_indexes<S: Session>(session: &mut S, plan: &TablePlan, shape: &Shape) -> Result<(), Fault> {
    let rules = &plan.load.table.rules;
    for columns in &rules.unique {
        if !plan::has_unique::<S>(shape, columns.iter().map(String::as_str)) {
            session.execute(&index::<S>(plan, "UNIQUE INDEX", "key", columns), &[]).await?;
        }
    }
    for columns in &rules.indexes {
        session.execute(&index::<S>(plan, "INDEX", "idx", columns), &[]).await?;
    }
    Ok(())
}

fn index<S: Session>(plan: &TablePlan, what: &str, end: &str, columns: &[String]) -> String {
    let name = cut(&format!("{}_{}_{end}", plan.table.name, columns.join("_")), S::NAME_BYTES_MAX);
    let columns = quoted_list("", columns.iter().map(String::as_str));
    format!("CREATE {what} IF NOT EXISTS {} ON {} ({columns})", quoted(&name), plan.table.sql())
}
