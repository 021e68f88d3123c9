//! `achub runs bundle`: all that is known about a run in one file, for whoever helps.

use std::path::{Path, PathBuf};

use achub_core::{
    Code, Error, StreamName,
    port::{
        journal::{LogLine, RowFilter, RowNote},
        state::RunRecord,
    },
};
use serde_json::{Value, json};

use crate::{
    output::{Failure, count},
    wiring::{Context, Store},
};

/// Lines of the log in a bundle at the most, the last ones.
const LINES_MAX: u32 = 10_000;

/// Notes about records in a bundle at the most, the first ones.
const NOTES_MAX: u32 = 1_000;

/// Writes what is known about `run` to a file and says what is in it.
///
/// Keys, addresses of people and contents of records are not: the log never has them, variables are named without their
/// values, connections without secrets, and what databases said about values is left out between quotes.
pub async fn write(
    context: &Context,
    store: &Store,
    run: &RunRecord,
    to: Option<&Path>,
) -> Result<(), Failure> {
    let log = store.log(&run.id, LINES_MAX).await?;
    let (notes, all) = store.rows(&run.id, &RowFilter::default(), NOTES_MAX).await?;
    let bundle = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "machine": { "system": std::env::consts::OS, "processor": std::env::consts::ARCH },
        "run": without_values(run),
        "log": log.iter().map(line).collect::<Vec<Value>>(),
        "records": notes.iter().map(note).collect::<Vec<Value>>(),
        "records_in_all": all,
        "connections": connections(context),
        "variables": variables(context),
    });
    let path = to.map_or_else(|| PathBuf::from(format!("achub-{}.json", run.id)), Path::to_owned);
    let text = serde_json::to_string_pretty(&bundle).map_err(std::io::Error::other)?;
    std::fs::write(&path, text).map_err(|cause| {
        Error::new(Code::BadArgument, format!("cannot write {}: {cause}", path.display())).with_source(cause)
    })?;
    let output = &context.output;
    if output.is_json {
        let path = path.display().to_string();
        return output.json("runs bundle", json!({ "path": path, "run": run.id }));
    }
    output.say(&format!(
        "{} holds the run's figures, {} lines of its log, {} notes about records, the kinds of {} connections and the \
         names of {} variables. No keys, no addresses of people, no records.",
        path.display(),
        count(log.len() as u64),
        count(notes.len() as u64),
        count(context.connections.list().len() as u64),
        count(variables(context).len() as u64),
    ));
    output.say("Read it before you send it to anybody.");
    Ok(())
}

/// The run's record; what was put aside is noted elsewhere.
fn without_values(run: &RunRecord) -> Value {
    let mut value = json!(run);
    if let Some(summary) = value["summary"].as_object_mut() {
        summary.remove("quarantined");
    }
    value
}

fn line(line: &LogLine) -> Value {
    let stream = line.stream.as_ref().map(StreamName::as_str);
    json!({ "at": line.at, "level": line.level.word(), "stream": stream, "message": line.message })
}

fn note(note: &RowNote) -> Value {
    json!({
        "stream": note.stream, "outcome": note.outcome.word(), "column": note.column,
        "reason": without_quotes(&note.reason),
    })
}

/// The text with everything between quotes left out: databases quote the value they did not like.
fn without_quotes(text: &str) -> String {
    let mut kept = String::new();
    let mut inside: Option<char> = None;
    for character in text.chars() {
        match inside {
            Some(quote) if character == quote => {
                kept.push(character);
                inside = None;
            }
            Some(_) => {}
            None => {
                kept.push(character);
                if matches!(character, '"' | '\'') {
                    kept.push('…');
                    inside = Some(character);
                }
            }
        }
    }
    kept
}

/// Kinds and names of connections, without addresses of databases and without secrets.
fn connections(context: &Context) -> Vec<Value> {
    let found = context.connections.list();
    found.into_iter().map(|found| json!({ "name": found.name, "type": found.type_text() })).collect()
}

/// Names of the variables that concern the program.
fn variables(context: &Context) -> Vec<&str> {
    let names = context.environment.iter().map(|(name, _)| name);
    names.filter(|name| name.starts_with("ACHUB_") || name.starts_with("SLING_")).collect()
}

#[cfg(test)]
mod tests {
    use super::without_quotes;

    #[test]
    fn quoted_values_are_left_out() {
        for (reason, kept) in [
            ("value \"mia@example.com\" is too long for 'name'", "value \"…\" is too long for '…'"),
            ("12 characters where the column holds 5", "12 characters where the column holds 5"),
            ("it is \"open", "it is \"…"),
        ] {
            assert_eq!(without_quotes(reason), kept);
        }
    }
}
