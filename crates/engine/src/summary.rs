//! What a run did, added up.

use achub_core::{
    Code, Error, Outcome, Outcomes, ReplicationName, RunId, StreamName,
    code::Class,
    port::{
        journal::Level,
        state::RunStatus,
        target::{Check, Quarantined, TableReport, TargetInfo},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    drift::{self, Drift, Finding},
    feed::{Fed, QUARANTINED_KEPT},
    prepare::Prepared,
    recall,
    replication::{Replication, StreamTask},
    walks::Ended,
};

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// What was replicated.
    pub replication: ReplicationName,
    /// Where it landed: kind and place of the target.
    #[serde(default)]
    pub target: String,
    /// How it ended.
    pub status: RunStatus,
    /// One entry per stream, in the order of the replication.
    pub streams: Vec<StreamSummary>,
    /// Requests sent, repeats included.
    pub requests: u64,
    /// Requests expected when the run began.
    pub requests_expected: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds expected when the run began.
    pub seconds_expected: f64,
    /// By how many records tables differ from the source, over all streams. Zero is expected.
    #[serde(default)]
    pub drift: Drift,
    /// Rows the next full check decides about, over all streams: those the source did not show for the first time, and
    /// those that are too many by what it told.
    #[serde(default)]
    pub waiting: u64,
    /// The first rows that were put aside, 100 at most; the outcomes count all.
    pub quarantined: Vec<Quarantined>,
    /// Things to tell the user, one sentence each.
    pub notes: Vec<String>,
    /// What failed about the run itself rather than one of its streams: code and message.
    #[serde(default)]
    pub error: Option<(String, String)>,
}

/// What a run did to one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamSummary {
    /// Which stream.
    pub stream: StreamName,
    /// By what name the replication file calls it, where that is another one.
    #[serde(default)]
    pub id: Option<String>,
    /// What the replication file says about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it landed, `schema.table`.
    pub table: String,
    /// The mode's word.
    pub mode: String,
    /// What became of the records read.
    pub outcomes: Outcomes,
    /// Rows in the table now.
    pub rows: u64,
    /// Records the source says it has, where it says so.
    pub source_rows: Option<u64>,
    /// Older records the start date left out, where known.
    pub left_out: Option<u64>,
    /// Records the source showed without their contents, because the key may not see them.
    #[serde(default)]
    pub reduced: u64,
    /// Values that did not fit the declared type, by field.
    pub type_drift: Vec<(String, u64)>,
    /// Values that broke a condition of the replication file and landed all the same, by field.
    #[serde(default)]
    pub warned: Vec<(String, u64)>,
    /// Columns that were left out because the table may not change.
    #[serde(default)]
    pub left_out_columns: Vec<String>,
    /// By how many records the table differs from the source. Zero is expected.
    #[serde(default)]
    pub drift: Drift,
    /// Rows that are too many by what the source told, and that only the next full check can judge.
    #[serde(default)]
    pub waiting: u64,
    /// What a complete read found out about the table, where it was one.
    #[serde(default)]
    pub check: Option<Check>,
    /// Where the next run that reads changes begins, where the run moved it.
    #[serde(default)]
    pub cursor: Option<Timestamp>,
    /// Why a person should look at it though it finished: code and message.
    #[serde(default)]
    pub findings: Vec<(String, String)>,
    /// Why it did not finish: code and message.
    pub error: Option<(String, String)>,
    /// Why it is not to be had, where it was optional: code and message.
    pub unavailable: Option<(String, String)>,
    /// Why it was left out, where a hook or the replication file said so.
    #[serde(default)]
    pub skipped: Option<String>,
}

impl StreamSummary {
    /// A stream nothing was done to yet.
    pub fn new(stream: StreamName, table: impl Into<String>, mode: impl Into<String>) -> StreamSummary {
        StreamSummary {
            stream,
            id: None,
            description: None,
            table: table.into(),
            mode: mode.into(),
            outcomes: Outcomes::default(),
            rows: 0,
            source_rows: None,
            left_out: None,
            reduced: 0,
            type_drift: Vec::new(),
            warned: Vec::new(),
            left_out_columns: Vec::new(),
            drift: Drift::default(),
            waiting: 0,
            check: None,
            cursor: None,
            findings: Vec::new(),
            error: None,
            unavailable: None,
            skipped: None,
        }
    }

    /// Whether nothing has ended it so far.
    pub(crate) fn goes_on(&self) -> bool {
        self.error.is_none() && self.unavailable.is_none() && self.skipped.is_none()
    }
}

/// A summary of a run that has done nothing yet.
pub(crate) fn of(run: &RunId, replication: &Replication, target: &TargetInfo) -> Summary {
    let stream = |task: &StreamTask| {
        let table = match &task.schema {
            Some(schema) => format!("{schema}.{}", task.table),
            None => task.table.clone(),
        };
        StreamSummary {
            id: Some(task.id.clone()).filter(|id| id != task.stream.as_str()),
            description: task.description.clone(),
            ..StreamSummary::new(task.stream.clone(), table, task.mode.name())
        }
    };
    Summary {
        run: run.clone(),
        replication: replication.name.clone(),
        target: recall::place(target),
        status: RunStatus::Running,
        streams: replication.streams.iter().map(stream).collect(),
        requests: 0,
        requests_expected: 0,
        seconds: 0.0,
        seconds_expected: 0.0,
        drift: Drift::default(),
        waiting: 0,
        quarantined: Vec::new(),
        notes: Vec::new(),
        error: None,
    }
}

/// The summary of a run that could not begin to read.
pub(crate) fn failed(mut summary: Summary, replication: &Replication, error: &Error) -> Summary {
    let streams: Vec<StreamName> = replication.streams.iter().map(|task| task.stream.clone()).collect();
    add_failure(&mut summary, replication, &streams, error);
    summary.status = RunStatus::Failed;
    summary
}

/// Adds how a walk ended.
pub(crate) fn add(summary: &mut Summary, ended: &Ended, prepared: &Prepared<'_>) {
    for fed in &ended.fed {
        add_landed(summary, fed, prepared);
    }
    for (stream, error) in &ended.failed {
        add_failure(summary, prepared.replication, std::slice::from_ref(stream), error);
    }
    for name in &ended.skipped {
        if let Some(stream) = stream(summary, name) {
            stream.skipped = Some("left out by a hook".to_owned());
        }
    }
}

fn add_landed(summary: &mut Summary, fed: &Fed, prepared: &Prepared<'_>) {
    summary.notes.extend(fed.report.notes.iter().cloned());
    let room = QUARANTINED_KEPT.saturating_sub(summary.quarantined.len());
    summary.quarantined.extend(fed.quarantined.iter().take(room).cloned());
    for table in &fed.tables {
        let finding = drift::of_table(&prepared.placed[&table.stream], fed, table);
        add_table(summary, fed, table);
        add_finding(summary, &table.stream, &finding);
        if table.check.is_some_and(|check| check.guarded) {
            add_guard(summary, table);
        }
    }
    add_report(summary, fed);
}

fn add_table(summary: &mut Summary, fed: &Fed, table: &TableReport) {
    let waiting = table.check.map_or(0, |check| check.waiting);
    summary.waiting += waiting;
    let Some(stream) = stream(summary, &table.stream) else { return };
    // Windows of a backfill land one after the other.
    stream.outcomes += table.outcomes;
    stream.rows = table.rows;
    stream.check = table.check;
    stream.cursor = fed.closing.cursors.get(&table.stream).copied();
    stream.left_out_columns.clone_from(&table.left_out_columns);
    if let Some(taken) = fed.taken.get(&table.stream) {
        stream.outcomes.skipped += taken.skipped;
        stream.warned.extend(taken.warned.iter().map(|(field, count)| (field.clone(), *count)));
        stream.type_drift.extend(taken.refused.iter().map(|(field, count)| (field.clone(), *count)));
    }
}

/// What the source said about the walk's streams.
fn add_report(summary: &mut Summary, fed: &Fed) {
    let report = &fed.report;
    for (name, total) in &report.totals {
        if let Some(stream) = stream(summary, name) {
            stream.source_rows = Some(*total);
        }
    }
    for (name, count) in &report.reduced {
        if let Some(stream) = stream(summary, name) {
            stream.reduced += count;
        }
    }
    for part in &fed.walk.streams {
        if let Some(stream) = stream(summary, &part.name) {
            stream.left_out = part.left_out.or_else(|| report.left_out.get(&part.name).copied());
        }
    }
    let mut type_drift: Vec<_> = report.type_drift.iter().collect();
    type_drift.sort();
    for ((name, field), count) in type_drift {
        if let Some(stream) = stream(summary, name) {
            stream.type_drift.push((field.clone(), *count));
        }
    }
}

/// Adds by how much a table differs from the source.
pub(crate) fn add_finding(summary: &mut Summary, name: &StreamName, finding: &Finding) {
    summary.drift += finding.drift;
    summary.waiting += finding.waiting;
    summary.notes.extend(finding.told.iter().chain(&finding.notes).cloned());
    if let Some(stream) = stream(summary, name) {
        stream.drift += finding.drift;
        stream.waiting += finding.waiting;
        let code = Code::Drift.id().to_owned();
        stream.findings.extend(finding.told.iter().map(|sentence| (code.clone(), sentence.clone())));
    }
}

fn add_guard(summary: &mut Summary, table: &TableReport) {
    let check = table.check.unwrap_or_default();
    let sentence = format!(
        "{}: the source showed {} records where the table held {}; no row was removed or marked as gone",
        table.stream, check.shown, check.held
    );
    summary.notes.push(sentence.clone());
    if let Some(stream) = stream(summary, &table.stream) {
        stream.findings.push((Code::TooMuchGone.id().to_owned(), sentence));
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
    if let Some(why) = &stream.skipped {
        return (Level::Info, format!("{} was {why}", stream.stream));
    }
    let counts = Outcome::ALL.into_iter().map(|outcome| (outcome, stream.outcomes.count(outcome)));
    let counts: Vec<String> = counts
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| format!("{count} {}", outcome.word()))
        .collect();
    let is_odd = stream.outcomes.refused > 0 || !stream.findings.is_empty();
    let level = if is_odd { Level::Warn } else { Level::Info };
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

/// Whether `error` only means that a stream is not to be had: an optional one, or one that a rule says to go on without.
pub(crate) fn is_unavailable(replication: &Replication, stream: &StreamName, error: &Error) -> bool {
    let is_optional = replication.streams.iter().any(|task| task.stream == *stream && task.optional);
    let is_refused = matches!(error.code(), Code::NotAllowed | Code::RequestRefused);
    error.code() == Code::PassedOver || is_optional && is_refused
}

/// How a run stands, judged by its streams.
pub(crate) fn status(summary: &Summary, stop_requested: bool) -> RunStatus {
    let failed = summary.streams.iter().filter(|stream| stream.error.is_some()).count();
    let refused = summary.streams.iter().any(|stream| stream.outcomes.refused > 0);
    let is_found = summary.streams.iter().any(|stream| !stream.findings.is_empty());
    let touched = summary.streams.iter().any(|stream| {
        let Outcomes { added, changed, removed, .. } = stream.outcomes;
        added + changed + removed > 0
    });
    match (failed, stop_requested) {
        _ if summary.error.is_some() => RunStatus::Failed,
        (0, _) if refused || is_found => RunStatus::DoneSomeRefused,
        (0, _) if touched => RunStatus::Done,
        (0, _) => RunStatus::NothingToDo,
        (_, true) => RunStatus::Stopped,
        (_, false) => RunStatus::Failed,
    }
}

impl Summary {
    /// What the run means for whoever started it: `None` when everything is accounted for. Rows that wait for a second
    /// sighting are.
    ///
    /// Of several failures the one that tells most about what to do next counts: credentials, then an unreachable other
    /// side, then everything else.
    pub fn class(&self) -> Option<Class> {
        match self.status {
            RunStatus::Done | RunStatus::NothingToDo => None,
            RunStatus::DoneSomeRefused if self.is_guarded() => Some(Class::Guard),
            RunStatus::DoneSomeRefused => Some(Class::Refused),
            RunStatus::Stopped => Some(Class::Interrupted),
            RunStatus::Running | RunStatus::Failed => Some(self.failure_class()),
        }
    }

    fn is_guarded(&self) -> bool {
        let mut findings = self.streams.iter().flat_map(|stream| &stream.findings);
        findings.any(|(code, _)| code == Code::TooMuchGone.id())
    }

    fn failure_class(&self) -> Class {
        let classes: Vec<Class> = self
            .streams
            .iter()
            .filter_map(|stream| stream.error.as_ref())
            .chain(&self.error)
            .filter_map(|(code, _)| Code::find(code))
            .map(|code| code.page().class)
            .collect();
        [Class::Credentials, Class::Unreachable, Class::Busy, Class::Guard, Class::Usage]
            .into_iter()
            .find(|class| classes.contains(class))
            .unwrap_or(Class::Failed)
    }
}

fn stream<'a>(summary: &'a mut Summary, name: &StreamName) -> Option<&'a mut StreamSummary> {
    summary.streams.iter_mut().find(|stream| stream.stream == *name)
}
