//! What a replication would read and cost, as a table and one line.

use achub_core::StreamName;
use achub_engine::{Preview, hub::PlannedStream};
use serde_json::{Value, json};

use crate::{
    command::replication::Ready,
    output::{Failure, Output, Table, count, duration, per_second},
};

/// Prints what `ready` would do and cost.
pub async fn print(output: &Output, ready: &Ready) -> Result<(), Failure> {
    let preview = ready.hub.preview(&ready.replication, &ready.source, &*ready.target).await?;
    ready.store.close().await;
    let mut rows = table(&preview);
    if output.is_json {
        return output.json("replicate plan", json_of(&preview, &rows));
    }
    push_sum(&mut rows, &preview);
    output.table("replicate plan", &rows)?;
    for (stream, code, message) in &preview.unavailable {
        output.say(&format!("{stream}: this account does not offer it: {code} {message}"));
    }
    for (stream, why) in &preview.unread {
        output.say(&format!("{stream}: {why}"));
    }
    tell_reading(output, &preview);
    output.say(&format!("\n{}", sum(&preview)));
    output.say(&format!(
        "Nothing was written; the plan itself took {} requests.",
        count(preview.requests_spent)
    ));
    Ok(())
}

/// Which streams are read as a whole and why, and when the others are next.
fn tell_reading(output: &Output, preview: &Preview) {
    let streams = || preview.walks.iter().flat_map(|walk| &walk.streams);
    let named = |wanted: &dyn Fn(&PlannedStream) -> bool| -> Vec<&str> {
        streams().filter(|stream| wanted(stream)).map(|stream| stream.stream.as_str()).collect()
    };
    let whole = named(&|stream| stream.is_whole && stream.mode == "incremental");
    if !whole.is_empty() {
        output.say(&format!(
            "\nRead as a whole and compared, because changes cannot be asked for: {}",
            some_of(&whole)
        ));
    }
    let checked = named(&|stream| stream.is_check);
    if !checked.is_empty() {
        output.say(&format!("Full check, to find what is gone or was missed: {}", some_of(&checked)));
    }
    if let Some(check) = &preview.full_check {
        let names: Vec<&str> = check.streams.iter().map(StreamName::as_str).collect();
        output.say(&format!(
            "Next full check {}: about {} requests and {} for {}",
            check.due.strftime("%Y-%m-%d %H:%M UTC"),
            count(check.price.requests),
            duration(check.price.seconds),
            some_of(&names)
        ));
    }
}

/// The first names, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// The plan as rows: one per stream; a walk's price stands with its first stream.
pub fn table(preview: &Preview) -> Table {
    let mut table = Table::new(&[
        "stream", "table", "mode", "rows", "since", "left_out", "requests", "seconds", "read_by",
    ]);
    for walk in &preview.walks {
        for (index, stream) in walk.streams.iter().enumerate() {
            let first = index == 0;
            let how = match (first, walk.resumed) {
                (true, true) => format!("{} (continued)", walk.how),
                (true, false) => walk.how.clone(),
                (false, _) => format!("comes with {}", walk.streams[0].stream),
            };
            table.push([
                json!(stream.stream),
                json!(stream.table),
                json!(stream.mode),
                json!(stream.rows),
                json!(stream.since.map(|since| since.to_string())),
                json!(stream.left_out),
                json!(if first { walk.price.requests } else { 0 }),
                json!(if first { (walk.price.seconds * 10.0).round() / 10.0 } else { 0.0 }),
                json!(how),
            ]);
        }
    }
    table
}

/// What opening the streams takes, and the sum of everything; for people, JSON has members for both.
fn push_sum(rows: &mut Table, preview: &Preview) {
    let streams: Vec<u64> =
        preview.walks.iter().flat_map(|walk| &walk.streams).filter_map(|stream| stream.rows).collect();
    for (name, count, requests, seconds) in [
        ("(opening)", Value::Null, preview.requests_spent, seconds_of_run(preview) - preview.price.seconds),
        ("sum", json!(streams.iter().sum::<u64>()), requests_of_run(preview), seconds_of_run(preview)),
    ] {
        let seconds = json!((seconds * 10.0).round() / 10.0);
        rows.push([
            json!(name),
            Value::Null,
            Value::Null,
            count,
            Value::Null,
            Value::Null,
            json!(requests),
            seconds,
            Value::Null,
        ]);
    }
}

fn json_of(preview: &Preview, rows: &Table) -> Value {
    json!({
        "rows": rows.objects(),
        "requests": requests_of_run(preview),
        "requests_to_open": preview.requests_spent,
        "seconds": seconds_of_run(preview),
        "requests_per_second": preview.requests_per_second,
        "requests_spent": preview.requests_spent,
        "full_check": preview.full_check.as_ref().map(|check| json!({
            "streams": check.streams, "due": check.due, "requests": check.price.requests,
            "seconds": check.price.seconds,
        })),
        "unread": preview.unread.iter()
            .map(|(stream, why)| json!({ "stream": stream, "why": why }))
            .collect::<Vec<_>>(),
        "unavailable": preview.unavailable.iter()
            .map(|(stream, code, message)| json!({ "stream": stream, "code": code, "message": message }))
            .collect::<Vec<_>>(),
    })
}

/// What a run sends: what opens the streams, which this plan sent too, and what reads them.
pub fn requests_of_run(preview: &Preview) -> u64 {
    preview.price.requests + preview.requests_spent
}

fn seconds_of_run(preview: &Preview) -> f64 {
    let opening = preview.requests_per_second.map_or(0.0, |pace| preview.requests_spent as f64 / pace);
    preview.price.seconds + opening
}

/// `10 streams: about 124 requests (11 to open them, 113 to read them) and 31 s at 4 requests/s`.
pub fn sum(preview: &Preview) -> String {
    let streams: usize = preview.walks.iter().map(|walk| walk.streams.len()).sum();
    format!(
        "{streams} streams: about {} requests ({} to open them, {} to read them) and {} {}",
        count(requests_of_run(preview)),
        count(preview.requests_spent),
        count(preview.price.requests),
        duration(seconds_of_run(preview)),
        per_second(preview.requests_per_second),
    )
}
