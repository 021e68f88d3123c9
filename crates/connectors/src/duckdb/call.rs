//! Calls into DuckDB through ADBC, one function for each kind. All of them block.

use achub_core::{Column, FieldType};
use adbc_core::{
    Connection as _, Optionable, Statement as _,
    error::Result,
    options::{IngestMode, OptionStatement, OptionValue},
};
use adbc_driver_manager::ManagedConnection;

use crate::{
    arrow::{self, RecordBatch, RowsBuilder},
    duckdb::session::place_of,
    landing::Cell,
    sql::TableName,
};

/// What a statement answered, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The names of the columns; none where there is no row.
    pub columns: Vec<String>,
    /// The rows, one text or null for each column.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// How many rows the statement changed: DuckDB answers a change with one row of one column, `Count`.
    pub(super) fn touched(&self) -> u64 {
        match (self.columns.as_slice(), self.rows.as_slice()) {
            ([name], [row]) if name == "Count" => {
                row.first().and_then(Option::as_deref).and_then(|count| count.parse().ok()).unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// Runs one statement to its end.
///
/// The statement ends with this function, however that goes: DuckDB takes the process down when a statement is executed
/// that it could not prepare.
pub(super) fn run(
    connection: &mut ManagedConnection,
    sql: &str,
    arguments: &[Option<String>],
) -> Result<Answer> {
    let mut answer = Answer::default();
    each_row(connection, sql, arguments, |columns, cells| {
        if answer.columns.is_empty() {
            answer.columns = columns.to_vec();
        }
        answer.rows.push(cells.iter().map(text).collect());
    })?;
    Ok(answer)
}

/// Runs a statement, or several of which the last one answers, and hands over each row of the answer with the names of its
/// columns. As for [`run`], the statement ends with this function.
pub(super) fn each_row(
    connection: &mut ManagedConnection,
    sql: &str,
    arguments: &[Option<String>],
    mut take: impl FnMut(&[String], &[Cell<'_>]),
) -> Result<()> {
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(sql)?;
    if !arguments.is_empty() {
        statement.bind(bound(arguments)?)?;
    }
    for batch in statement.execute()? {
        let batch = batch?;
        let rows = arrow::Rows::of(&batch)?;
        let names: Vec<String> =
            arrow::columns(batch.schema_ref()).into_iter().map(|(name, _)| name).collect();
        for row in 0..rows.len() {
            let cells = (0..names.len()).map(|column| rows.cell(column, row));
            take(&names, &cells.collect::<std::result::Result<Vec<_>, _>>()?);
        }
    }
    Ok(())
}

/// Appends a batch to a table that has exactly its columns.
///
/// `Ok` does not say that the rows are there: where a constraint refuses one of them, DuckDB 1.5.6 writes none and reports
/// all. Only tables without constraints may be appended to, and are to be counted afterwards.
pub(super) fn append(
    connection: &mut ManagedConnection,
    table: &TableName,
    batch: RecordBatch,
) -> Result<()> {
    let mut statement = connection.new_statement()?;
    statement.set_option(OptionStatement::TargetTable, table.name.as_str().into())?;
    let (database, schema) = place_of(table);
    statement.set_option(OptionStatement::TargetCatalog, database.into())?;
    statement.set_option(OptionStatement::TargetDbSchema, schema.into())?;
    statement.set_option(OptionStatement::IngestMode, OptionValue::from(IngestMode::Append))?;
    statement.bind(batch)?;
    statement.execute_update()?;
    Ok(())
}

/// One row of texts: the arguments `$1`, `$2`, … of a statement.
fn bound(arguments: &[Option<String>]) -> Result<RecordBatch> {
    let columns: Vec<Column> =
        (1..=arguments.len()).map(|n| Column::new(n.to_string(), FieldType::Text)).collect();
    let mut row = RowsBuilder::new(&columns);
    row.push(arguments.iter().map(|argument| match argument {
        Some(text) => Cell::Text(text.as_str().into()),
        None => Cell::Null,
    }))?;
    Ok(row.finish()?)
}

fn text(cell: &Cell<'_>) -> Option<String> {
    (!cell.is_null()).then(|| cell.display().into_owned())
}
