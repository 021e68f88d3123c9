//! What SQLite's result codes mean.

use achub_core::{Code, Error};
use sqlx::error::DatabaseError;

use crate::sql::{Fault, session::RowFault};

// Primary result codes, the low byte of the extended ones; https://www.sqlite.org/rescode.html.
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const AUTH: i32 = 23;
const NOTADB: i32 = 26;

/// What a failed statement means. The database's own words are in the message; they hold no secrets.
pub(crate) fn fault(doing: &str, cause: sqlx::Error) -> Fault {
    let code = primary_code(&cause);
    let words =
        cause.as_database_error().map_or_else(|| cause.to_string(), |error| error.message().to_owned());
    let row = matches!(code, Some(CONSTRAINT | MISMATCH | TOOBIG))
        .then(|| Box::new(RowFault { column: column(&words), reason: words.clone() }));
    // SQLite has no code for what is not there.
    let is_missing = ["no such table", "no such column"].iter().any(|start| words.starts_with(start))
        || words.contains("has no column named");
    let meaning = if is_missing { Code::TableChanged } else { meaning(code) };
    let error = Error::new(meaning, format!("{doing}: {words}"));
    let error = match code {
        Some(BUSY | LOCKED) => {
            error.with_hint("another program is writing to the file; run again once it is done")
        }
        Some(PERM | READONLY | AUTH) => {
            error.with_hint("allow this user to write to the file and its folder")
        }
        Some(CORRUPT | NOTADB) => {
            error.with_hint("the file is damaged or no SQLite database; choose another")
        }
        _ => error,
    };
    Fault { error: error.with_source(cause), row }
}

fn primary_code(cause: &sqlx::Error) -> Option<i32> {
    let code: i32 = cause.as_database_error().and_then(DatabaseError::code)?.parse().ok()?;
    Some(code & 0xff)
}

fn meaning(code: Option<i32>) -> Code {
    match code {
        Some(BUSY | LOCKED) => Code::GaveWay,
        Some(CANTOPEN) => Code::TargetUnreachable,
        Some(PERM | READONLY | AUTH) => Code::MissingGrant,
        Some(FULL) => Code::DiskFull,
        Some(CONSTRAINT | MISMATCH | TOOBIG) => Code::ValueRefused,
        Some(IOERR | CORRUPT | NOTADB) | Some(_) => Code::TargetRefused,
        None => Code::TargetUnreachable,
    }
}

/// The column in `NOT NULL constraint failed: table.column`; empty where the words name none.
fn column(words: &str) -> String {
    words
        .rsplit_once(": ")
        .and_then(|(_, place)| place.split_once('.'))
        .map_or_else(String::new, |(_, column)| column.to_owned())
}
