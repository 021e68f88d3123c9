//! SQL of hooks, on a connection of its own.

use achub_connectors::exec::{self, Answer};
use achub_core::{Code, Error};
use serde_json::Value;

use crate::{
    config::{connection::Connection, environment::Environment, keys::Origin, replication_file::Action},
    hooks::{Tools, Values, file},
    wiring,
};

/// Rows kept in the store at the most.
const ROWS_KEPT: usize = 10_000;

/// Runs the statements; the rows are kept under the name the file gives.
pub async fn run(tools: &Tools, action: &Action, values: &Values) -> Result<Option<(String, Value)>, Error> {
    let Action::Query { connection, sql, into, params, .. } = action else { return Ok(None) };
    let sql = match sql.strip_prefix("file://") {
        Some(path) => file::read(&tools.folder, path)?,
        None => sql.clone(),
    };
    let sql = rendered(&sql, params, values);
    // A target that is named by its URL has no name that could be looked up.
    let (name, connection) = match connection.as_deref().filter(|name| *name != tools.target.0) {
        Some(name) => tools.connections.resolve(name, &Origin::new("a hook of type query"))?,
        None => tools.target.clone(),
    };
    let answer = execute(&tools.environment, &name, &connection, &sql, ROWS_KEPT).await?;
    Ok(into.clone().map(|into| (into, Value::Array(answer.objects()))))
}

/// Runs `sql` on a database connection.
///
/// Errors: `CF-105` for a connection that is no database, or one this binary does not carry; those of the database.
pub async fn execute(
    environment: &Environment,
    name: &str,
    connection: &Connection,
    sql: &str,
    rows_max: usize,
) -> Result<Answer, Error> {
    let ran = match connection {
        Connection::Postgres(postgres) => {
            exec::postgres(&wiring::postgres_settings(postgres), sql, rows_max).await
        }
        Connection::Sqlite(sqlite) => exec::sqlite(&sqlite.path, sql, rows_max).await,
        Connection::Duckdb(file) => wiring::duckdb::exec(environment, file, sql, rows_max).await,
        other => {
            let ty = other.type_name();
            let what = format!("SQL can be run on PostgreSQL, SQLite and DuckDB, this is of type {ty}");
            Err(Error::new(Code::NotGranted, what))
        }
    };
    ran.map_err(|error| error.context(format!("connection {name}")))
}

/// The statement with its parameters and values. What is put in has its quotes doubled, so that it cannot end a literal
/// it stands in.
pub fn rendered(sql: &str, params: &std::collections::BTreeMap<String, String>, values: &Values) -> String {
    let mut sql = sql.to_owned();
    for (name, value) in params {
        sql = sql.replace(&format!("{{{name}}}"), &values.render(value).replace('\'', "''"));
    }
    values.render_with(&sql, &|text| text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Values, rendered};

    #[test]
    fn values_cannot_end_a_literal() {
        let mut values = Values::default();
        values.set("run.error", "it's '; DROP TABLE x; --");
        let params = BTreeMap::from([("who".to_owned(), "O'Hara".to_owned())]);

        let sql = rendered("INSERT INTO log VALUES ('{run.error}', '{who}')", &params, &values);

        assert_eq!(sql, "INSERT INTO log VALUES ('it''s ''; DROP TABLE x; --', 'O''Hara')");
    }
}
