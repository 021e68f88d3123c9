//! `achub runs`: what ran, and what became of it.

use achub_core::{
    Code, Error, Outcome, StreamName,
    port::{
        journal::{Level, RowFilter},
        state::RunRecord,
    },
};
use achub_engine::{Summary, import::ImportSummary};
use serde_json::json;

use crate::{
    args::Runs,
    command::{
        bundle, import,
        summary::{closing_line, closing_table, status_word},
    },
    output::{Failure, Table},
    wiring::{Context, Store},
};

/// Lists runs, or shows one of them.
pub async fn run(context: &Context, verb: &Runs) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let shown = match verb {
        Runs::List { count } => list(context, &store, "runs list", *count).await,
        Runs::Show { run } => show(context, &find(&store, run).await?),
        Runs::Rows { run, stream, outcome, count } => {
            let filter = RowFilter {
                stream: stream.as_deref().map(StreamName::new),
                outcome: outcome.as_deref().map(outcome_of).transpose()?,
            };
            rows(context, &store, &find(&store, run).await?, &filter, *count).await
        }
        Runs::Bundle { run, to } => {
            bundle::write(context, &store, &find(&store, run).await?, to.as_deref()).await
        }
        Runs::Logs { run, level, count } => {
            let level = level.as_deref().map_or(Ok(Level::Info), level_of)?;
            logs(context, &store, &find(&store, run).await?, level, *count).await
        }
    };
    store.close().await;
    shown
}

/// The last `count` runs, newest first.
pub async fn list(context: &Context, store: &Store, view: &str, count: u32) -> Result<(), Failure> {
    let runs = store.runs(None, count).await?;
    let mut table =
        Table::new(&["run", "replication", "started", "status", "streams", "records", "requests", "seconds"]);
    for run in &runs {
        let Figures { streams, records, requests, seconds } = figures(run);
        table.push([
            json!(run.id),
            json!(run.replication),
            json!(moment(run.started_at)),
            json!(status_word(run.status)),
            json!(streams),
            json!(records),
            json!(requests),
            json!(seconds.map(|seconds| (seconds * 10.0).round() / 10.0)),
        ]);
    }
    context.output.table(view, &table)?;
    match runs.first() {
        None => {
            context.output.say("No runs yet.");
            context.output.next("achub replicate plan --from NAME --to sqlite://account.db");
        }
        Some(_) => context.output.next("achub runs show last"),
    }
    Ok(())
}

/// What a run came to, as far as its record tells.
#[derive(Debug, Default)]
struct Figures {
    streams: Option<usize>,
    records: Option<u64>,
    requests: Option<u64>,
    seconds: Option<f64>,
}

/// The figures of a replication, or of an import.
fn figures(run: &RunRecord) -> Figures {
    if let Some(summary) = summary(run) {
        return Figures {
            streams: Some(summary.streams.len()),
            records: Some(summary.streams.iter().map(|stream| stream.outcomes.total()).sum()),
            requests: Some(summary.requests),
            seconds: Some(summary.seconds),
        };
    }
    match serde_json::from_value::<ImportSummary>(run.summary.clone()) {
        Ok(summary) => Figures {
            streams: None,
            records: Some(summary.outcomes.total()),
            requests: Some(summary.requests),
            seconds: Some(summary.seconds),
        },
        Err(_) => Figures::default(),
    }
}

/// The run called `wanted`: its id or the beginning of it, or `last`.
pub async fn find(store: &Store, wanted: &str) -> Result<RunRecord, Error> {
    if wanted == "last" {
        let last = store.runs(None, 1).await?.into_iter().next();
        return last.ok_or_else(|| Error::new(Code::BadArgument, "there is no run yet"));
    }
    let runs = store.runs(None, u32::MAX).await?;
    let prefixes = [wanted.to_owned(), format!("r-{wanted}")];
    let is_meant =
        |run: &RunRecord| prefixes.iter().any(|prefix| run.id.as_str().starts_with(prefix.as_str()));
    let mut meant: Vec<RunRecord> = runs.into_iter().filter(is_meant).collect();
    match meant.len() {
        1 => Ok(meant.remove(0)),
        0 => Err(Error::new(Code::BadArgument, format!("no run is called {wanted:?}"))
            .with_hint("see `achub runs list`, or say `last`")),
        several => {
            let what = format!("{several} runs begin with {wanted:?}");
            Err(Error::new(Code::BadArgument, what).with_hint("give more of the run's id"))
        }
    }
}

fn show(context: &Context, run: &RunRecord) -> Result<(), Failure> {
    let output = &context.output;
    if !output.is_json
        && let Ok(summary) = serde_json::from_value::<ImportSummary>(run.summary.clone())
    {
        output.say(&format!("{} {}, started {}", run.id, run.replication, moment(run.started_at)));
        return import::tell_summary(context, &summary);
    }
    let Some(summary) = summary(run) else {
        if output.is_json {
            return output.json("runs show", json!({ "run": run }));
        }
        output.say(&format!("{} {}: {}", run.id, run.replication, status_word(run.status)));
        output.say(&format!(
            "started {}; it left no figures: it is working, or was killed",
            moment(run.started_at)
        ));
        output.next(&format!("achub runs logs {}", run.id));
        return Ok(());
    };
    if output.is_json {
        return output.json("runs show", json!({ "run": run }));
    }
    output.say(&format!("{} {}, started {}", run.id, run.replication, moment(run.started_at)));
    output.table("runs show", &closing_table(&summary))?;
    summary.notes.iter().for_each(|note| output.warn(note));
    output.say(&closing_line(&summary));
    output.next(&format!("achub runs logs {}", run.id));
    Ok(())
}

async fn rows(
    context: &Context,
    store: &Store,
    run: &RunRecord,
    filter: &RowFilter,
    count: u32,
) -> Result<(), Failure> {
    let (notes, all) = store.rows(&run.id, filter, count).await?;
    let mut table = Table::new(&["stream", "key", "outcome", "column", "reason"]);
    for note in &notes {
        let (stream, outcome) = (note.stream.as_str(), note.outcome.word());
        table.push([json!(stream), json!(note.key), json!(outcome), json!(note.column), json!(note.reason)]);
    }
    context.output.table("runs rows", &table)?;
    let left_out = all - notes.len() as u64;
    match (all, left_out) {
        (0, _) => context.output.say(
            "No record of this run is noted: all landed as they came, or the notes are older than 14 days.",
        ),
        (_, 0) => {}
        _ => context.output.say(&format!("and {left_out} more; --count {all} shows all")),
    }
    Ok(())
}

async fn logs(
    context: &Context,
    store: &Store,
    run: &RunRecord,
    level: Level,
    count: u32,
) -> Result<(), Failure> {
    let lines = store.log(&run.id, count).await?;
    let mut table = Table::new(&["at", "level", "stream", "message"]);
    for line in lines.iter().filter(|line| line.level >= level) {
        let stream = line.stream.as_ref().map(StreamName::as_str);
        table.push([json!(moment(line.at)), json!(line.level.word()), json!(stream), json!(line.message)]);
    }
    context.output.table("runs logs", &table)?;
    if lines.is_empty() {
        context.output.say("No line is kept of this run; logs are kept for 14 days.");
    }
    Ok(())
}

/// The figures of a run that ended; a run that works or was killed has none.
fn summary(run: &RunRecord) -> Option<Summary> {
    serde_json::from_value(run.summary.clone()).ok()
}

fn moment(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn outcome_of(word: &str) -> Result<Outcome, Error> {
    Outcome::find(word).ok_or_else(|| {
        let known: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.word()).collect();
        Error::new(Code::BadArgument, format!("--outcome: there is no outcome {word:?}"))
            .with_hint(format!("outcomes are {}", known.join(", ")))
    })
}

fn level_of(word: &str) -> Result<Level, Error> {
    let all = [Level::Info, Level::Warn, Level::Error];
    all.into_iter().find(|level| level.word() == word).ok_or_else(|| {
        Error::new(Code::BadArgument, format!("--level: there is no level {word:?}"))
            .with_hint("levels are info, warn, error")
    })
}
