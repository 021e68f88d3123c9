//! SQL that a person wrote, on a connection of its own to the open file.

use std::path::Path;

use achub_core::{Code, Error};

use crate::{
    duckdb::{DuckdbTarget, LibrarySearch, call, error, worker::Worker},
    sql::{exec::Answer, holder::Holder as _},
};

/// Runs `sql` on the file at `path`, which is not made where it is missing. A run of this process that has the file open
/// goes on: the connection is another one, and sees what was committed.
///
/// Of several statements DuckDB answers for the last one only.
pub(crate) async fn run(
    path: &Path,
    library: &LibrarySearch,
    sql: &str,
    rows_max: usize,
) -> Result<Answer, Error> {
    let target = DuckdbTarget::open(path, library)?;
    if !path.is_file() {
        let message = format!("there is no database file {}", path.display());
        return Err(Error::new(Code::TargetUnreachable, message));
    }
    let instance = target.database.connection.hold().await?.instance.clone();
    let (worker, ()) = Worker::start(move || instance.connect().map(|connection| ((), connection))).await?;
    let statement = sql.to_owned();
    let answer = worker.run(move |connection| {
        let mut answer = Answer::default();
        call::each_row(connection, &statement, &[], |columns, cells| {
            answer.take(columns.to_vec(), cells.iter().map(|cell| cell.to_json()).collect(), rows_max);
        })
        .map(|()| answer)
    });
    let answer = answer.await?.map_err(|cause| refused(&cause))?;
    Ok(if is_change(sql) { touched(answer) } else { answer })
}

fn refused(cause: &adbc_core::error::Error) -> Error {
    let words = error::words(cause);
    let error = Error::new(Code::TargetRefused, format!("the database says: {words}"));
    match words.contains("of a kind that is not read") {
        true => error.with_hint("cast the column: `CAST(… AS text)`"),
        false => error,
    }
}

/// Whether the last statement is one that DuckDB answers with the number of rows it changed.
fn is_change(sql: &str) -> bool {
    const QUERIES: [&str; 5] = ["SELECT", "WITH", "FROM", "VALUES", "TABLE"];
    let last = sql.rsplit(';').find(|statement| !statement.trim().is_empty()).unwrap_or_default();
    let word = last.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    !QUERIES.contains(&word.as_str())
}

/// A change is answered with one row of one column, `Count`.
fn touched(answer: Answer) -> Answer {
    let count = match (answer.columns.as_slice(), answer.rows.as_slice()) {
        ([name], [row]) if name == "Count" => row[0].as_u64(),
        _ => None,
    };
    count.map_or(answer, |touched| Answer { touched, ..Answer::default() })
}
