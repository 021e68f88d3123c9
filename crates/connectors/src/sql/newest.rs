//! The largest timestamp of a column.

use jiff::Timestamp;

use crate::{
    landing::moment,
    sql::{Fault, Session, TableName, quoted},
};

/// The largest value of `column`, `None` where table or column is missing, holds nothing, or nothing that reads as a time.
pub(crate) async fn newest<S: Session>(
    session: &mut S,
    table: &TableName,
    column: &str,
) -> Result<Option<Timestamp>, Fault> {
    let Some(shape) = session.shape(table).await? else { return Ok(None) };
    if !shape.columns.iter().any(|(name, _)| name == column) {
        return Ok(None);
    }
    let sql = format!("SELECT CAST(max({}) AS text) FROM {}", quoted(column), table.sql());
    let rows = session.texts(&sql, &[]).await?;
    let text = rows.into_iter().flatten().next().flatten();
    Ok(text.as_deref().and_then(moment::parse))
}
