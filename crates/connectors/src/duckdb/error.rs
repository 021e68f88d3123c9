//! What DuckDB's errors mean.
//!
//! ADBC's status says little: DuckDB 1.5.6 reports a syntax error as `Internal` and a conversion as `InvalidArguments`, and
//! sets no SQLSTATE. Its own words begin with the kind of the error: `Constraint Error: …`.

use achub_core::{Code, Error};

use crate::sql::{Fault, session::RowFault};

/// What a failed call means. DuckDB's words are in the message, without the lines that repeat the statement.
pub(super) fn fault(doing: &str, cause: adbc_core::error::Error) -> Fault {
    let words = words(&cause).to_owned();
    let (kind, said) = words.split_once(" Error: ").unwrap_or(("", words.as_str()));
    let (code, hint) = meaning(kind, said);
    let row = (code == Code::ValueRefused)
        .then(|| Box::new(RowFault { column: column(said), reason: said.to_owned() }));
    let mut error = Error::new(code, format!("{doing}: {words}"));
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    Fault { error: error.with_source(cause), row }
}

/// DuckDB's words without the lines that repeat the statement.
pub(super) fn words(cause: &adbc_core::error::Error) -> &str {
    cause.message.lines().next().unwrap_or_default()
}

fn meaning(kind: &str, said: &str) -> (Code, Option<&'static str>) {
    match kind {
        "IO" if said.contains("Could not set lock on file") => (
            Code::Busy,
            Some(
                "DuckDB lets one process at a time use a file: close the program that is named, or wait for its end",
            ),
        ),
        "IO" if said.contains("No space left") => (Code::DiskFull, None),
        "IO" if said.contains("Permission denied") || said.contains("read-only") => {
            (Code::MissingGrant, Some("allow this user to write to the file and its folder"))
        }
        "IO" | "Serialization"
            if said.contains("not a valid DuckDB database") || said.contains("version") =>
        {
            (
                Code::TargetRefused,
                Some("the file is no DuckDB database, or one of a newer DuckDB; choose another"),
            )
        }
        "IO" => (Code::TargetUnreachable, None),
        "Permission" => (Code::MissingGrant, None),
        "Out of Memory" => (
            Code::TargetRefused,
            Some(
                "DuckDB may use a share of the memory: run on a machine with more, or load fewer streams at once",
            ),
        ),
        "Constraint" | "Conversion" | "Out of Range" | "Mismatch Type" => (Code::ValueRefused, None),
        "Catalog" | "Dependency" => (Code::TableChanged, None),
        _ => (Code::TargetRefused, None),
    }
}

/// The column in `NOT NULL constraint failed: table.column`; empty where the words name none.
fn column(said: &str) -> String {
    said.strip_prefix("NOT NULL constraint failed: ")
        .and_then(|place| place.split_once('.'))
        .map_or_else(String::new, |(_, column)| column.to_owned())
}

#[cfg(test)]
mod tests {
    use adbc_core::error::Status;

    use super::*;

    /// Words of DuckDB 1.5.6, recorded 2026-11-20.
    #[test]
    fn words_map_to_codes() {
        let cases = [
            (
                "IO Error: Could not set lock on file \"/x/a.duckdb\": Conflicting lock is held in /usr/bin/duckdb (PID 7)",
                Code::Busy,
            ),
            (
                "IO Error: Cannot open file \"/x/a.duckdb\": No such file or directory",
                Code::TargetUnreachable,
            ),
            ("IO Error: Cannot open file \"/x/a.duckdb\": Permission denied", Code::MissingGrant),
            ("IO Error: Could not write file \"/x/a.duckdb\": No space left on device", Code::DiskFull),
            (
                "IO Error: The file \"/x/a.duckdb\" exists, but it is not a valid DuckDB database file!",
                Code::TargetRefused,
            ),
            (
                "Conversion Error: Could not convert string 'x' to INT64\n\nLINE 1: SELECT …",
                Code::ValueRefused,
            ),
            ("Constraint Error: NOT NULL constraint failed: k.n", Code::ValueRefused),
            ("Catalog Error: Table with name nosuch does not exist!\nDid you mean …", Code::TableChanged),
            (
                "TransactionContext Error: Current transaction is aborted (please ROLLBACK)",
                Code::TargetRefused,
            ),
            ("incorrect column count in AppendDataChunk, expected 4, got 2", Code::TargetRefused),
        ];
        for (words, code) in cases {
            let cause = adbc_core::error::Error::with_message_and_status(words, Status::Internal);
            let fault = fault("cannot do it", cause);
            assert_eq!(fault.error.code(), code, "{words}");
            assert_eq!(fault.row.is_some(), code == Code::ValueRefused, "{words}");
            assert!(!fault.error.message().contains('\n'), "{words}");
        }
    }

    #[test]
    fn column_without_value_is_named() {
        assert_eq!(column("NOT NULL constraint failed: things.label"), "label");
        assert_eq!(column("CHECK constraint failed on table k"), "");
    }
}
