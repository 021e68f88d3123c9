//! `_achub_quarantine`: rows the target cannot hold, with column and reason.

use achub_core::{FieldType, ReplicationName, RunId};

use crate::{
    landing::RefusedRow,
    sql::{Fault, Session, TableName},
};

/// The table's name in the state schema.
pub(crate) const TABLE: &str = "_achub_quarantine";

/// Rows written by one statement.
const ROWS_PER_STATEMENT: usize = 100;

/// Makes the table where it is missing.
pub(crate) async fn create<S: Session>(session: &mut S, table: &TableName) -> Result<(), Fault> {
    let (text, timestamp) = (S::type_sql(FieldType::Text), S::type_sql(FieldType::Timestamp));
    // The row is JSON kept as text: a JSON type may be unable to hold the very value that was refused.
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (replication {text} NOT NULL, stream {text} NOT NULL, run {text} NOT NULL, \
         \"key\" {text} NOT NULL, \"column\" {text} NOT NULL, reason {text} NOT NULL, \"row\" {text} NOT NULL, \
         \"at\" {timestamp} NOT NULL)",
        table.sql()
    );
    session.execute(&sql, &[]).await?;
    Ok(())
}

/// Puts rows aside.
pub(crate) async fn put<S: Session>(
    session: &mut S,
    table: &TableName,
    replication: &ReplicationName,
    run: &RunId,
    rows: &[RefusedRow],
) -> Result<(), Fault> {
    const ARGUMENTS: usize = 7;
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        let mut values = Vec::with_capacity(chunk.len());
        let mut arguments = Vec::with_capacity(chunk.len() * ARGUMENTS);
        for row in chunk {
            let places: Vec<String> = (1..=ARGUMENTS).map(|n| format!("${}", arguments.len() + n)).collect();
            values.push(format!("({}, {})", places.join(", "), S::now_sql()));
            arguments.extend([
                Some(replication.as_str()),
                Some(row.about.stream.as_str()),
                Some(run.as_str()),
                Some(row.about.key.as_str()),
                Some(row.about.column.as_str()),
                Some(row.about.reason.as_str()),
                Some(row.row.as_str()),
            ]);
        }
        let sql = format!(
            "INSERT INTO {} (replication, stream, run, \"key\", \"column\", reason, \"row\", \"at\") VALUES {}",
            table.sql(),
            values.join(", ")
        );
        session.execute(&sql, &arguments).await?;
    }
    Ok(())
}
