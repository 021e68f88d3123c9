//! `conns list` and `conns show`.

use achub_client::rule::Rule;
use serde_json::{Value, json};

use crate::{
    config::connection::{ActiveCampaign, Connection, Format, Rate, action_word, backoff_written},
    output::{Failure, Output, Table},
    wiring::Context,
};

/// Lists all connections with type and source; what a variable shadows is said beside it.
pub fn list(context: &Context, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new(&["name", "type", "source", "place", "problem"]);
    let found = context.connections.list();
    for connection in &found {
        let (ty, place, problem) = match connection.read() {
            Ok(read) => (read.type_name().to_owned(), json!(read.place()), Value::Null),
            Err(error) => (connection.type_text(), Value::Null, json!(error.message())),
        };
        table.push([json!(connection.name), json!(ty), json!(connection.source), place, problem]);
    }
    output.table("conns list", &table)?;
    for connection in found {
        if let Some(shadowed) = &connection.shadows {
            let (name, source) = (&connection.name, &connection.source);
            context.output.say(&format!("{name}: the {source} shadows the entry at {shadowed}"));
        }
    }
    Ok(())
}

/// Shows what was understood of one connection, secrets as `•••`.
pub fn show(context: &Context, name: &str) -> Result<(), Failure> {
    let found = context.connections.get(name)?;
    let connection = found.read()?;
    let mut table = Table::new(&["key", "value"]);
    for (key, value) in [
        ("name", json!(found.name)),
        ("source", json!(found.source)),
        ("type", json!(connection.type_name())),
    ] {
        table.push([json!(key), value]);
    }
    for (key, value) in settings(&connection) {
        table.push([json!(key), value]);
    }
    context.output.table("conns show", &table)?;
    if let Some(shadowed) = &found.shadows {
        context.output.say(&format!("The {} shadows the entry at {shadowed}.", found.source));
    }
    Ok(())
}

fn settings(connection: &Connection) -> Vec<(&'static str, Value)> {
    match connection {
        Connection::ActiveCampaign(account) => vec![
            ("base_url", json!(account.base_url)),
            ("api_key", json!(account.api_key.to_string())),
            ("anchor_date", json!(account.anchor.map(|anchor| anchor.to_string()))),
            ("requests_per_second", rate(account.rate)),
            ("allow_private_address", json!(account.allow_private_address)),
            ("backoff", json!(backoff_written(account.backoff))),
            ("rules", json!(rules(account))),
        ],
        Connection::Postgres(postgres) => vec![
            ("place", json!(postgres.place)),
            ("url", json!(postgres.url.to_string())),
            ("schema", json!(postgres.schema)),
            ("role", json!(postgres.role)),
        ],
        Connection::Sqlite(sqlite) => vec![("path", json!(sqlite.path))],
        Connection::Duckdb(duckdb) => {
            vec![("path", json!(duckdb.path)), ("library", json!(duckdb.library))]
        }
        Connection::Folder(folder) => {
            let (format, formulas) = match folder.format {
                Format::Csv => ("csv", Some("neutralise")),
                Format::CsvRaw => ("csv", Some("raw")),
                Format::JsonLines => ("jsonl", None),
                Format::Parquet => ("parquet", None),
            };
            let mut settings = vec![("path", json!(folder.path)), ("format", json!(format))];
            settings.extend(formulas.map(|formulas| ("formulas", json!(formulas))));
            settings
        }
    }
}

/// The rules of a connection, as they are written: endpoint, statuses, action.
fn rules(account: &ActiveCampaign) -> Vec<String> {
    let written = |rule: &Rule| {
        let (from, to) = (rule.statuses.start(), rule.statuses.end());
        let statuses = if from == to { from.to_string() } else { format!("{from}-{to}") };
        format!("{} {statuses} {}", rule.endpoint, action_word(rule.action))
    };
    account.rules.iter().map(written).collect()
}

fn rate(rate: Rate) -> Value {
    match rate {
        Rate::Auto => json!("80 % of what the account allows"),
        Rate::AtMost(number) => json!(number),
        Rate::Off => json!("off"),
    }
}
