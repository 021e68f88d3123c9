//! Tables must have names that can be used, and must not stand in each other's way.

use achub_core::{Code, Error};
use achub_engine::replication::StreamTask;

use crate::config::{connection::Connection, keys::Origin, yaml::Place};

/// The most bytes of a name in PostgreSQL.
const POSTGRES_NAME_BYTES_MAX: usize = 63;
/// What a staging table is called behind its table, unless somebody named it.
const STAGING: &str = "_tmp";
/// How tables of the hub's own begin.
const OWN: &str = "_achub_";

/// Checks the tables of `placed`, tasks and where their streams stand in the file.
///
/// Errors: `CF-107` with the place.
pub(super) fn check(
    origin: &Origin,
    placed: &[(Place, StreamTask)],
    target: &Connection,
) -> Result<(), Error> {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (place, task) in placed {
        let error = |what: String| {
            origin.error(Code::BadTableName, *place, format!("stream {}: {what}", task.stream))
        };
        if task.table.to_lowercase().starts_with(OWN) {
            return Err(error(format!(
                "the table name {:?} begins with {OWN}, which is the hub's own",
                task.table
            )));
        }
        let parts = task.schema.iter().chain([&task.table]);
        if matches!(target, Connection::Postgres(_))
            && let Some(long) = parts.clone().find(|part| part.len() > POSTGRES_NAME_BYTES_MAX)
        {
            let what = format!(
                "the name {long:?} is longer than the {POSTGRES_NAME_BYTES_MAX} bytes PostgreSQL allows"
            );
            return Err(error(what).with_hint("shorten `object`"));
        }
        let names = [&task.table, &staging(task)].map(|name| table_key(task, name, target));
        if let Some((_, other)) = taken.iter().find(|(taken, _)| names.contains(taken)) {
            return Err(error(format!("would land in the table of stream {other}, or in its staging table")));
        }
        taken.extend(names.map(|name| (name, task.stream.as_str())));
    }
    Ok(())
}

/// The name of the staging table.
pub(super) fn staging(task: &StreamTask) -> String {
    task.table_wish.staging.clone().unwrap_or_else(|| format!("{}{STAGING}", task.table))
}

/// By what two tables of this target are one: that of `task`, and `name` in its schema.
fn table_key(task: &StreamTask, name: &str, target: &Connection) -> String {
    let separator = match target {
        // An SQLite file has no schemas: `a.b` is the table `a_b`.
        Connection::Sqlite(_) => "_",
        _ => ".",
    };
    let schema = match (target, task.schema.as_deref()) {
        (Connection::Postgres(postgres), None) => Some(postgres.schema.as_deref().unwrap_or("public")),
        (Connection::Duckdb(_), None) => Some("main"),
        (_, schema) => schema,
    };
    let parts: Vec<&str> = schema.into_iter().chain([name]).collect();
    parts.join(separator).to_lowercase()
}
