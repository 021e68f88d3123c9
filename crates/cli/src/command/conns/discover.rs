//! `conns discover`: what an account offers.

use achub_api::{
    stream::{Read, Stream},
    streams,
};
use achub_core::{Error, StreamName};
use serde_json::json;

use crate::{
    command::{
        asking::{Asking, problem},
        streams::row,
    },
    config::{known_stream, replication_file::pattern_matches},
    output::{Failure, Output, Table, duration, per_second},
    wiring::Context,
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
    let streams = matching(pattern)?;
    if columns {
        return fields(output, &streams);
    }
    let asking = Asking::open(context, &found.name).await?;
    let pace = asking.client.requests_per_second();
    let time =
        pace.map(|pace| format!("about {} ", duration(streams.len() as f64 / pace))).unwrap_or_default();
    context.output.say(&format!(
        "Asking for one record of {} streams: about as many requests, {time}{}",
        streams.len(),
        per_second(pace)
    ));
    let names: Vec<StreamName> = streams.iter().map(|stream| StreamName::new(stream.name)).collect();
    let probes = asking.probe(&names).await;
    asking.close().await;
    let mut table = Table::new(&[
        "stream", "group", "read", "key", "cursor", "fields", "rows", "requests", "seconds", "problem",
    ]);
    for (stream, (_, probed)) in streams.iter().zip(&probes?) {
        let rows = probed.as_ref().ok().and_then(|probe| probe.rows);
        let requests = rows.and_then(|rows| requests(stream, rows));
        let seconds =
            requests.zip(pace).map(|(requests, pace)| (requests as f64 / pace * 10.0).round() / 10.0);
        let told = [json!(rows), json!(requests), json!(seconds), problem(probed)];
        table.push(row(stream).into_iter().chain(told));
    }
    output.table("conns discover", &table)
}

/// Requests that reading all of a stream takes, as far as its rows tell; none where it comes along with another.
fn requests(stream: &Stream, rows: u64) -> Option<u64> {
    match stream.read {
        Read::Keyset | Read::Offset | Read::PageNumber => {
            Some(rows.div_ceil(u64::from(stream.page_size.max(1))).max(1))
        }
        Read::With { .. } => Some(0),
        Read::PerParent { .. } | Read::SegmentMatch { .. } => None,
    }
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
