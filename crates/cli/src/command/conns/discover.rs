//! `conns discover`: what an account offers.

use std::collections::HashMap;

use achub_api::{stream::Stream, streams};
use achub_core::{
    Error, StreamName,
    port::source::{Opened, Source, Wanted},
};
use serde_json::json;

use crate::{
    command::{asking::Asking, streams::row},
    config::{known_stream, replication_file::pattern_matches},
    output::{Failure, Output, Table, count, duration, per_second},
    wiring::Context,
};

/// Shows the streams of the account called `name` that match `pattern`: with the rows it has and what reading them takes,
/// found out by opening them as a run would; or with `columns` their fields, for which nothing is sent.
pub async fn run(
    context: &Context,
    output: &Output,
    name: &str,
    pattern: Option<&str>,
    columns: bool,
) -> Result<(), Failure> {
    let found = context.connections.get(name)?;
    let streams = matching(pattern)?;
    if columns {
        return fields(output, &streams);
    }
    let asking = Asking::open(context, &found.name).await?;
    let pace = asking.client.requests_per_second();
    let time =
        pace.map(|pace| format!("about {} ", duration(streams.len() as f64 / pace))).unwrap_or_default();
    context.output.say(&format!(
        "Opening {} streams as a run would: about as many requests, {time}{}",
        streams.len(),
        per_second(pace)
    ));
    let wanted: Vec<Wanted> =
        streams.iter().map(|stream| Wanted::all(StreamName::new(stream.name))).collect();
    let opened = asking.source.open(&wanted, &HashMap::new()).await;
    let sent = asking.close().await;
    show(output, &streams, &opened?, sent)
}

/// One row for each stream, and what it takes to read them all. The requests of a walk stand with the first of its streams:
/// the one that opened it and those to come, so that the sum is what a run of just these streams sends.
fn show(output: &Output, streams: &[&'static Stream], opened: &Opened, sent: u64) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "stream", "group", "read", "key", "cursor", "fields", "rows", "requests", "seconds", "problem",
    ]);
    let seconds =
        |requests: u64| opened.requests_per_second.map(|pace| (requests as f64 / pace * 10.0).round() / 10.0);
    for stream in streams {
        let found = found(stream, opened);
        let (requests, problem) = (found.requests, found.problem);
        let told = [json!(found.rows), json!(requests), json!(requests.and_then(seconds)), json!(problem)];
        table.push(row(stream).into_iter().chain(told));
    }
    output.table("conns discover", &table)?;
    let to_read: u64 = opened.walks.iter().map(|open| open.walk().price.requests).sum();
    output.say(&format!(
        "\nAll of it together: about {} requests ({sent} to open, as just now, {} to read)",
        count(sent + to_read),
        count(to_read)
    ));
    Ok(())
}

/// What was found out about one stream.
struct Found {
    rows: Option<u64>,
    requests: Option<u64>,
    problem: Option<String>,
}

fn found(stream: &Stream, opened: &Opened) -> Found {
    let mut failed = opened.failed.iter();
    if let Some((_, error)) = failed.find(|(names, _)| names.iter().any(|name| name.as_str() == stream.name))
    {
        let problem = Some(format!("{} {}", error.code().id(), error.message()));
        return Found { rows: None, requests: None, problem };
    }
    let fed = opened.walks.iter().find_map(|open| {
        let streams = &open.walk().streams;
        let index = streams.iter().position(|fed| fed.name.as_str() == stream.name)?;
        Some((open.walk(), index))
    });
    let Some((walk, index)) = fed else { return Found { rows: None, requests: None, problem: None } };
    let requests = if index == 0 { walk.price.requests + 1 } else { 0 };
    Found { rows: walk.streams[index].rows, requests: Some(requests), problem: None }
}

/// Streams that fit one of the patterns, which stand between commas.
fn matching(pattern: Option<&str>) -> Result<Vec<&'static Stream>, Error> {
    let Some(pattern) = pattern else { return Ok(streams::all().collect()) };
    let patterns: Vec<String> = pattern.split(',').map(known_stream::normal).collect();
    let fits = |stream: &&Stream| patterns.iter().any(|pattern| pattern_matches(pattern, stream.name));
    let found: Vec<&'static Stream> = streams::all().filter(fits).collect();
    match found.is_empty() {
        true => Err(known_stream::unknown(&known_stream::all(), pattern).context("--pattern")),
        false => Ok(found),
    }
}

fn fields(output: &Output, streams: &[&'static Stream]) -> Result<(), Failure> {
    let mut table = Table::new(&["stream", "field", "type", "nullable"]);
    for stream in streams {
        for field in crate::command::streams::fields(stream).objects() {
            table.push([
                json!(stream.name),
                field["field"].clone(),
                field["type"].clone(),
                field["nullable"].clone(),
            ]);
        }
    }
    output.table("conns discover", &table)
}
