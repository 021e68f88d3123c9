//! What a run did, added up.

use std::collections::HashMap;

use achub_core::{
    Code, Error, Outcome, Outcomes, RunId, StreamName,
    code::Class,
    port::{journal::Level, state::RunStatus},
};

use crate::{
    feed::{Fed, QUARANTINED_KEPT},
    hub::{StreamSummary, Summary},
    replication::Replication,
    tables::Placed,
};

/// A summary of a run that has done nothing yet.
pub(crate) fn of(run: &RunId, replication: &Replication, placed: &HashMap<StreamName, Placed>) -> Summary {
    let streams = replication
        .streams
        .iter()
        .map(|task| StreamSummary {
            stream: task.stream.clone(),
            table: placed
                .get(&task.stream)
                .map_or_else(|| task.table.clone(), |placed| placed.load.table.full_name()),
            mode: task.mode.name().to_owned(),
            outcomes: Outcomes::default(),
            rows: 0,
            source_rows: None,
            left_out: None,
            type_drift: Vec::new(),
            error: None,
            unavailable: None,
        })
        .collect();
    Summary {
        run: run.clone(),
        replication: replication.name.clone(),
        status: RunStatus::Running,
        streams,
        requests: 0,
        requests_expected: 0,
        seconds: 0.0,
        seconds_expected: 0.0,
        drift: 0,
        quarantined: Vec::new(),
        notes: Vec::new(),
    }
}

/// The summary of a run that could not begin to read.
pub(crate) fn failed(run: &RunId, replication: &Replication, error: &Error) -> Summary {
    let mut summary = of(run, replication, &HashMap::new());
    let streams: Vec<StreamName> = replication.streams.iter().map(|task| task.stream.clone()).collect();
    add_failure(&mut summary, replication, &streams, error);
    summary.status = RunStatus::Failed;
    summary
}

/// Adds a walk that has landed.
pub(crate) fn add(summary: &mut Summary, fed: Fed) {
    let Fed { walk, report, tables, quarantined } = fed;
    summary.notes.extend(report.notes);
    let room = QUARANTINED_KEPT.saturating_sub(summary.quarantined.len());
    summary.quarantined.extend(quarantined.into_iter().take(room));
    for table in tables {
        let Some(stream) = stream(summary, &table.stream) else { continue };
        stream.outcomes = table.outcomes;
        stream.rows = table.rows;
    }
    for (name, total) in report.totals {
        if let Some(stream) = stream(summary, &name) {
            stream.source_rows = Some(total);
        }
    }
    for part in walk.streams {
        if let Some(stream) = stream(summary, &part.name) {
            stream.left_out = part.left_out.or_else(|| report.left_out.get(&part.name).copied());
        }
    }
    for ((name, field), count) in report.type_drift {
        if let Some(stream) = stream(summary, &name) {
            stream.type_drift.push((field, count));
        }
    }
    for (name, missing) in report.missing {
        summary.notes.push(format!("{name}: the source says it has {missing} more records than it showed"));
        summary.drift += missing;
    }
}

/// One line for the log about how a stream ended.
pub(crate) fn told(stream: &StreamSummary) -> (Level, String) {
    if let Some((code, message)) = &stream.error {
        return (Level::Error, format!("{} did not finish: {code} {message}", stream.stream));
    }
    if let Some((code, message)) = &stream.unavailable {
        return (Level::Info, format!("{} is not to be had: {code} {message}", stream.stream));
    }
    let counts = Outcome::ALL.into_iter().map(|outcome| (outcome, stream.outcomes.count(outcome)));
    let counts: Vec<String> = counts
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| format!("{count} {}", outcome.word()))
        .collect();
    let level = if stream.outcomes.refused > 0 { Level::Warn } else { Level::Info };
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    (level, format!("{} ended: {counts}; {} rows in {}", stream.stream, stream.rows, stream.table))
}

/// Adds streams that did not finish.
pub(crate) fn add_failure(
    summary: &mut Summary,
    replication: &Replication,
    streams: &[StreamName],
    error: &Error,
) {
    for name in streams {
        if let Some(stream) = stream(summary, name) {
            let why = Some((error.code().id().to_owned(), error.to_string()));
            match is_unavailable(replication, name, error) {
                true => stream.unavailable = why,
                false => stream.error = why,
            }
        }
    }
}

/// Whether `error` only means that an optional stream is not to be had.
pub(crate) fn is_unavailable(replication: &Replication, stream: &StreamName, error: &Error) -> bool {
    let is_optional = replication.streams.iter().any(|task| task.stream == *stream && task.optional);
    is_optional && matches!(error.code(), Code::NotAllowed | Code::RequestRefused)
}

/// How a run stands, judged by its streams.
pub(crate) fn status(summary: &Summary, stop_requested: bool) -> RunStatus {
    let failed = summary.streams.iter().filter(|stream| stream.error.is_some()).count();
    let refused = summary.streams.iter().any(|stream| stream.outcomes.refused > 0);
    let touched = summary.streams.iter().any(|stream| {
        let Outcomes { added, changed, removed, .. } = stream.outcomes;
        added + changed + removed > 0
    });
    match (failed, stop_requested) {
        (0, _) if refused || summary.drift > 0 => RunStatus::DoneSomeRefused,
        (0, _) if touched => RunStatus::Done,
        (0, _) => RunStatus::NothingToDo,
        (_, true) => RunStatus::Stopped,
        (_, false) => RunStatus::Failed,
    }
}

impl Summary {
    /// What the run means for whoever started it: `None` when everything is accounted for.
    ///
    /// Of several failures the one that tells most about what to do next counts: credentials, then an unreachable other
    /// side, then everything else.
    pub fn class(&self) -> Option<Class> {
        match self.status {
            RunStatus::Done | RunStatus::NothingToDo => None,
            RunStatus::DoneSomeRefused => Some(Class::Refused),
            RunStatus::Stopped => Some(Class::Interrupted),
            RunStatus::Running | RunStatus::Failed => Some(self.failure_class()),
        }
    }

    fn failure_class(&self) -> Class {
        let classes: Vec<Class> = self
            .streams
            .iter()
            .filter_map(|stream| stream.error.as_ref())
            .filter_map(|(code, _)| Code::find(code))
            .map(|code| code.page().class)
            .collect();
        [Class::Credentials, Class::Unreachable, Class::Busy, Class::Usage]
            .into_iter()
            .find(|class| classes.contains(class))
            .unwrap_or(Class::Failed)
    }
}

fn stream<'a>(summary: &'a mut Summary, name: &StreamName) -> Option<&'a mut StreamSummary> {
    summary.streams.iter_mut().find(|stream| stream.stream == *name)
}
