//! What a run did, in words: one line per stream and a closing line.

use achub_core::port::state::RunStatus;
use achub_engine::{Summary, hub::StreamSummary};

use serde_json::json;

use crate::output::{Table, count, duration};

/// The word of a status, as on the screens.
pub fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Done => "done",
        RunStatus::DoneSomeRefused => "done, some refused",
        RunStatus::Failed => "failed",
        RunStatus::Stopped => "stopped",
        RunStatus::NothingToDo => "nothing to do",
    }
}

/// `[2 / 10] inserted 1,000 rows into "crm"."contacts" in 3.2 secs [310 r/s]` for a stream that landed, else why not.
/// `seconds` is how long its walk took.
pub fn stream_line(place: &str, stream: &StreamSummary, seconds: f64) -> String {
    let table = quoted(&stream.table);
    let name = match &stream.id {
        Some(id) => format!("{id} ({})", stream.stream),
        None => stream.stream.to_string(),
    };
    if let Some((code, message)) = &stream.error {
        return format!("{place} {name}: not finished: {code} {message}");
    }
    if let Some((code, message)) = &stream.unavailable {
        return format!("{place} {name}: this account does not offer it: {code} {message}");
    }
    if let Some(why) = &stream.skipped {
        return format!("{place} {name}: {why}");
    }
    let outcomes = &stream.outcomes;
    let rows = outcomes.added + outcomes.changed + outcomes.same;
    let verb = if stream.mode == "incremental" { "merged" } else { "inserted" };
    let rate = rows as f64 / seconds.max(0.001);
    let rate = if seconds > 0.05 { format!(" [{} r/s]", count(rate as u64)) } else { String::new() };
    let mut line =
        format!("{place} {name}: {verb} {} rows into {table} in {seconds:.1} secs{rate}", count(rows));
    let merges = stream.mode == "incremental" || stream.mode == "backfill";
    for (number, what) in [(outcomes.added, "added"), (outcomes.changed, "changed"), (outcomes.same, "same")]
    {
        if number > 0 && merges && number < rows {
            line.push_str(&format!(", {} {what}", count(number)));
        }
    }
    for (number, what) in [
        (outcomes.removed, "removed"),
        (outcomes.refused, "refused"),
        (outcomes.skipped, "skipped"),
        (outcomes.held, "gone once, waiting for a second look"),
        (stream.reduced, "shown without their contents"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {} {what}", count(number)));
        }
    }
    if let Some(differs) = differs(stream) {
        line.push_str(&format!(", differs from the account: {differs}"));
    }
    if let Some(left_out) = stream.left_out.filter(|&left_out| left_out > 0) {
        line.push_str(&format!(", {} older records left out by the start date", count(left_out)));
    }
    let drift: u64 = stream.type_drift.iter().map(|(_, count)| count).sum();
    if drift > 0 {
        let fields: Vec<&str> = stream.type_drift.iter().map(|(field, _)| field.as_str()).collect();
        line.push_str(&format!(
            ", {} values of another type kept as text ({})",
            count(drift),
            fields.join(", ")
        ));
    }
    line
}

/// What became of the records of each stream, one row per stream.
pub fn closing_table(summary: &Summary) -> Table {
    let mut table = Table::new(&[
        "stream", "table", "mode", "added", "changed", "same", "removed", "refused", "skipped", "held",
        "rows", "result",
    ]);
    for stream in &summary.streams {
        let counts = &stream.outcomes;
        table.push([
            json!(stream.stream),
            json!(stream.table),
            json!(stream.mode),
            json!(counts.added),
            json!(counts.changed),
            json!(counts.same),
            json!(counts.removed),
            json!(counts.refused),
            json!(counts.skipped),
            json!(counts.held),
            json!(stream.rows),
            json!(result(stream)),
        ]);
    }
    table
}

/// By what the table differs from the account, where it does: `2 missing, 1 different`.
fn differs(stream: &StreamSummary) -> Option<String> {
    let drift = &stream.drift;
    let kinds = [(drift.missing, "missing"), (drift.extra, "extra"), (drift.different, "different")];
    let told = kinds.into_iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told.map(|(number, what)| format!("{} {what}", count(number))).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// How a stream ended, in a few words.
fn result(stream: &StreamSummary) -> String {
    let mut words = Vec::new();
    if let Some((code, _)) = &stream.error {
        return format!("not finished: {code}");
    }
    if let Some((code, _)) = &stream.unavailable {
        return format!("not offered: {code}");
    }
    if let Some(why) = &stream.skipped {
        return why.clone();
    }
    if stream.outcomes.refused > 0 {
        words.push("some refused".to_owned());
    }
    words.extend(differs(stream).map(|differs| format!("differs: {differs}")));
    words.extend(stream.findings.iter().map(|(code, _)| code.clone()));
    if stream.check.is_some() {
        words.push("checked".to_owned());
    }
    if words.is_empty() { "ok".to_owned() } else { words.join(", ") }
}

fn quoted(table: &str) -> String {
    table.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
}

/// `done: 10 streams, 0 failed; 160,000 rows; 124 requests (expected 120) in 31 s (expected 30 s)`.
pub fn closing_line(summary: &Summary) -> String {
    let failed = summary.streams.iter().filter(|stream| stream.error.is_some()).count();
    let unavailable = summary.streams.iter().filter(|stream| stream.unavailable.is_some()).count();
    let skipped = summary.streams.iter().filter(|stream| stream.skipped.is_some()).count();
    let landed = summary.streams.len() - failed - unavailable - skipped;
    let mut missing = String::new();
    for (number, what) in [(unavailable, "not offered"), (skipped, "left out")] {
        if number > 0 {
            missing.push_str(&format!(", {number} {what}"));
        }
    }
    let rows: u64 = summary.streams.iter().map(|stream| stream.outcomes.total()).sum();
    let fate = if summary.status == RunStatus::Stopped { "not finished" } else { "failed" };
    format!(
        "{}: {landed} streams, {failed} {fate}{missing}; {} records; {} requests (expected {}) in {} (expected {})",
        status_word(summary.status),
        count(rows),
        count(summary.requests),
        count(summary.requests_expected),
        duration(summary.seconds),
        duration(summary.seconds_expected),
    )
}

#[cfg(test)]
mod tests {
    use achub_core::{Outcomes, StreamName};
    use achub_engine::hub::StreamSummary;

    use super::stream_line;

    #[test]
    fn stream_line_names_rows_table_and_time() {
        let outcomes = Outcomes { added: 1000, changed: 200, refused: 1, ..Outcomes::default() };
        let mut stream = StreamSummary {
            outcomes,
            rows: 1200,
            left_out: Some(31),
            type_drift: vec![("score".to_owned(), 2)],
            ..StreamSummary::new(StreamName::new("contacts"), "crm.contacts", "incremental")
        };
        assert_eq!(
            stream_line("[1 / 2]", &stream, 3.0),
            "[1 / 2] contacts: merged 1,200 rows into \"crm\".\"contacts\" in 3.0 secs [400 r/s], 1,000 added, 200 changed, 1 refused, \
             31 older records left out by the start date, 2 values of another type kept as text (score)"
        );
        stream.error = Some(("AC-203".to_owned(), "x".to_owned()));
        stream.id = Some("people".to_owned());
        assert_eq!(stream_line("[1 / 2]", &stream, 3.0), "[1 / 2] people (contacts): not finished: AC-203 x");
    }
}
