//! Counting the rows of a table.

use std::collections::HashMap;

use achub_core::port::target::Tally;

use crate::sql::{Fault, Session, TableName, plan::actual_type, quoted};

/// Counts rows; `None` where the table or a column is missing.
pub(crate) async fn tally<S: Session>(
    session: &mut S,
    table: &TableName,
    tally: &Tally,
) -> Result<Option<HashMap<String, u64>>, Fault> {
    let Some(shape) = session.shape(table).await? else { return Ok(None) };
    let equals = tally.equals.as_ref().map(|(column, _)| column);
    let columns = equals.into_iter().chain(&tally.null).chain(&tally.by);
    if columns.into_iter().any(|column| actual_type::<S>(&shape, column).is_none()) {
        return Ok(None);
    }
    let rows = session.texts(&query(table, tally), &[]).await?;
    let count = |text: Option<String>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Some(
        rows.into_iter()
            .filter_map(|row| {
                let mut texts = row.into_iter();
                Some((texts.next()??, count(texts.next()?)))
            })
            .collect(),
    ))
}

/// Two columns: the value as text, and the count. Columns are compared as text, whatever a person made them.
fn query(table: &TableName, tally: &Tally) -> String {
    let equals =
        tally.equals.as_ref().map(|(column, value)| format!("CAST({} AS text) = '{value}'", quoted(column)));
    let null = tally.null.as_ref().map(|column| format!("{} IS NULL", quoted(column)));
    let by = tally.by.as_ref().map(|column| quoted(column));
    let some = by.as_ref().map(|by| format!("{by} IS NOT NULL"));
    let conditions: Vec<String> = equals.into_iter().chain(null).chain(some).collect();
    let conditions =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let (value, group) = match by {
        Some(by) => (format!("CAST({by} AS text)"), format!(" GROUP BY {by}")),
        None => ("''".to_owned(), String::new()),
    };
    format!("SELECT {value}, CAST(count(*) AS text) FROM {}{conditions}{group}", table.sql())
}
