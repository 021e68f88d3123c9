//! `conns discover`: what an account offers.

use std::sync::Arc;

use achub_api::{
    decode,
    stream::{Read, Stream, Total},
    streams,
};
use achub_client::{Client, Get};
use achub_core::{Code, Error, port::progress::Silent};
use serde_json::{Value, json};

use crate::{
    command::streams::row,
    config::{known_stream, replication_file::pattern_matches},
    output::{Failure, Output, Table, duration, per_second},
    wiring::{self, Context},
};

/// Shows the streams of the account called `name` that match `pattern`: with the rows it has, or with `columns` their
/// fields, for which nothing is sent.
pub async fn run(
    context: &Context,
    output: &Output,
    name: &str,
    pattern: Option<&str>,
    columns: bool,
) -> Result<(), Failure> {
    let found = context.connections.get(name)?;
    let connection = found.read()?;
    let account = wiring::account(&found.name, &connection)?;
    let streams = matching(pattern)?;
    if columns {
        return fields(output, &streams);
    }
    let asked = streams.iter().filter(|stream| tells_total(stream)).count();
    let store = context.open_store().await?;
    let client = context.client(&found.name, account, &store, Arc::new(Silent))?;
    let pace = client.requests_per_second();
    let time = pace.map(|pace| format!("about {} ", duration(asked as f64 / pace))).unwrap_or_default();
    context.output.say(&format!(
        "Asking for the rows of {asked} streams: {asked} requests, {time}{}",
        per_second(pace)
    ));
    let mut table = Table::new(&["stream", "group", "read", "key", "cursor", "fields", "rows", "problem"]);
    for stream in streams {
        let (rows, problem) = count(&client, stream).await?;
        table.push(row(stream).into_iter().chain([rows, problem]));
    }
    store.close().await;
    output.table("conns discover", &table)
}

fn matching(pattern: Option<&str>) -> Result<Vec<&'static Stream>, Error> {
    let Some(pattern) = pattern else { return Ok(streams::all().collect()) };
    let found: Vec<&'static Stream> = streams::all()
        .filter(|stream| pattern_matches(&known_stream::normal(pattern), stream.name))
        .collect();
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

/// Whether one request tells how many rows there are.
fn tells_total(stream: &Stream) -> bool {
    let plain = matches!(stream.read, Read::Keyset | Read::Offset);
    plain && stream.total != Total::Absent
}

/// The rows of a stream, or why they are not known. What concerns the whole connection is an error.
async fn count(client: &Client, stream: &'static Stream) -> Result<(Value, Value), Error> {
    if !tells_total(stream) {
        return Ok((Value::Null, Value::Null));
    }
    let get = Get::new(stream.path).with("limit", 1);
    match client.get(&get, |body| total(stream, body)).await {
        Ok(answer) => Ok((json!(answer.value), Value::Null)),
        Err(error) if matches!(error.code(), Code::NotAllowed | Code::RequestRefused | Code::EmptyAnswer) => {
            Ok((Value::Null, json!(error.message())))
        }
        Err(error) => Err(error),
    }
}

fn total(stream: &'static Stream, body: &[u8]) -> Result<Option<u64>, decode::Unreadable> {
    decode::page(body, &[stream], decode::Options { noise: false }).map(|decoded| decoded.total)
}
