//! Appending rows to a staging table, and looking whether they are there.

use achub_core::{Code, Column, Error, FieldType};

use crate::{
    arrow::{RecordBatch, RowsBuilder},
    duckdb::{call, error, rows::Row, session::DuckdbSession, types},
    landing::Cell,
    sql::{
        Fault, Session, TableName,
        plan::{REPEAT, SEQ},
        quote::quoted,
        session::{RowFault, number},
    },
};

/// Appends `rows` and gives those, counted from 0, that DuckDB could not read again.
///
/// Errors: `DB-105` where other rows are in the table than were sent.
pub(super) async fn ingest(
    session: &mut DuckdbSession,
    staging: &TableName,
    columns: &[&str],
    with_repeat: bool,
    rows: Vec<Row>,
) -> Result<Vec<(usize, RowFault)>, Fault> {
    let Some((first, last)) = sequences(&rows) else { return Ok(Vec::new()) };
    let count = rows.len() as u64;
    let staged = match session.staged.get(staging) {
        Some(known) => known.clone(),
        None => staged_columns(session, staging).await?,
    };
    let marks = if with_repeat { &[SEQ, REPEAT][..] } else { &[SEQ][..] };
    let sent: Vec<&str> = marks.iter().chain(columns).copied().collect();
    let batch = batch(&staged, &sent, rows)?;
    let table = staging.clone();
    let appended = session.worker.run(move |connection| call::append(connection, &table, batch)).await?;
    appended.map_err(|cause| error::fault(&format!("cannot write to {staging}"), cause))?;

    let here = format!("{} BETWEEN {first} AND {last}", quoted(SEQ));
    let sql = format!("SELECT CAST(count(*) AS text) FROM {} WHERE {here}", staging.sql());
    // An append that lost its rows says nothing, but leaves a transaction that takes no further statement.
    let landed = number(session, &sql).await.map_err(|fault| {
        let message = format!("staging table {staging}: DuckDB lost the {count} rows that were sent");
        Error::new(Code::CountMismatch, message).with_source(fault.error)
    })?;
    if landed != count {
        let message = format!("staging table {staging} took {landed} rows where {count} were sent");
        return Err(Error::new(Code::CountMismatch, message).into());
    }
    take_out_unreadable(session, staging, &staged, first, &here).await
}

/// The sequences of the first and the last row.
fn sequences(rows: &[Row]) -> Option<(i64, i64)> {
    let sequence = |row: &Row| match row.first() {
        Some(Cell::Integer(seq)) => Some(*seq),
        _ => None,
    };
    sequence(rows.first()?).zip(sequence(rows.last()?))
}

/// The columns of the staging table in its order. A batch has to have just these.
async fn staged_columns(session: &mut DuckdbSession, staging: &TableName) -> Result<Vec<Column>, Fault> {
    let shape = session.shape(staging).await?;
    let shape = shape
        .ok_or_else(|| Error::new(Code::TableChanged, format!("the staging table {staging} is gone")))?;
    let columns = shape.columns.iter().map(|(name, ty)| match types::kind_of(ty) {
        Some(kind) => Ok(Column::new(name, kind)),
        None => {
            let message =
                format!("staging table {staging}: column {name} is of type {ty}, which we never make");
            Err(Error::new(Code::TableChanged, message).into())
        }
    });
    let columns: Vec<Column> = columns.collect::<Result<_, Fault>>()?;
    session.staged.insert(staging.clone(), columns.clone());
    Ok(columns)
}

/// The rows as a batch in the order of the staging table. A column that was not sent is null.
fn batch(staged: &[Column], sent: &[&str], rows: Vec<Row>) -> Result<RecordBatch, Error> {
    let places: Vec<Option<usize>> = staged
        .iter()
        .map(|column| sent.iter().position(|name| name.eq_ignore_ascii_case(&column.name)))
        .collect();
    let mut builder = RowsBuilder::new(staged);
    let bug = |cause| Error::new(Code::Bug, "a row has no form in DuckDB").with_source(cause);
    for mut row in rows {
        let cells = places.iter().map(|place| match place {
            Some(place) => std::mem::replace(&mut row[*place], Cell::Null),
            None => Cell::Null,
        });
        builder.push(cells).map_err(bug)?;
    }
    builder.finish().map_err(bug)
}

/// Takes rows out whose JSON DuckDB cannot read: the bulk append does not look at it, and one such value fails every later
/// query that looks into the column. Lone halves of surrogate pairs are of this kind.
async fn take_out_unreadable(
    session: &mut DuckdbSession,
    staging: &TableName,
    staged: &[Column],
    first: i64,
    here: &str,
) -> Result<Vec<(usize, RowFault)>, Fault> {
    let mut refused = Vec::new();
    for column in staged.iter().filter(|column| column.ty == FieldType::Json) {
        let sql = format!(
            "SELECT CAST({seq} AS text) FROM {table} WHERE {here} AND NOT json_valid(CAST({name} AS text))",
            seq = quoted(SEQ),
            table = staging.sql(),
            name = quoted(&column.name),
        );
        let found = session.texts(&sql, &[]).await?;
        for seq in found.iter().flatten().flatten() {
            session
                .execute(&format!("DELETE FROM {} WHERE {} = {seq}", staging.sql(), quoted(SEQ)), &[])
                .await?;
            let index = seq.parse::<i64>().ok().and_then(|seq| usize::try_from(seq - first).ok());
            let index = index.ok_or_else(|| Error::new(Code::Bug, "a sequence that was not sent"))?;
            let reason = "DuckDB cannot read this JSON document".to_owned();
            refused.push((index, RowFault { column: column.name.clone(), reason }));
        }
    }
    refused.sort_by_key(|(index, _)| *index);
    Ok(refused)
}
