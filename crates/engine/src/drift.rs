//! Whether tables hold what the source says it has, as far as that can be known for certain.

use std::collections::HashMap;

use achub_core::{
    Error, StreamName,
    port::{
        source::Told,
        target::{MergeStrategy, Origin, TableReport, Tally, Target},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    feed::Fed,
    intake::Taken,
    prepare::{Placed, Prepared},
    reading::{OVERLAP, Reading, keeps_gone_rows},
    replication::{Anchor, Mode},
};

/// By how many records a table differs from the source, where it should not. Zero is expected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drift {
    /// Records the source has that the table lacks, or lacked before a full check added them.
    pub missing: u64,
    /// Rows of the table that the source does not have.
    pub extra: u64,
    /// Rows that differed, though an earlier run should have landed the change; a full check has changed them.
    pub different: u64,
}

impl Drift {
    /// Records that differ in any way.
    pub fn total(&self) -> u64 {
        self.missing + self.extra + self.different
    }
}

impl std::ops::AddAssign for Drift {
    fn add_assign(&mut self, other: Drift) {
        self.missing += other.missing;
        self.extra += other.extra;
        self.different += other.different;
    }
}

/// What was found out about a stream, and the sentence that tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Finding {
    pub(crate) drift: Drift,
    pub(crate) told: Vec<String>,
    /// Rows too many that only a full check can judge, and what is told of them.
    pub(crate) waiting: u64,
    pub(crate) notes: Vec<String>,
}

/// What a walk found out about the table of one of its streams.
pub(crate) fn of_table(placed: &Placed<'_>, fed: &Fed, table: &TableReport) -> Finding {
    let stream = &table.stream;
    let mut finding = Finding::default();
    let not_shown = fed.report.missing.get(stream).copied().unwrap_or(0);
    if not_shown > 0 {
        finding.drift.missing = not_shown;
        let sentence = format!("{stream}: the source says it has {not_shown} more records than it showed");
        finding.told.push(sentence);
    } else if let Some((missing, extra)) = against_total(placed, fed, table) {
        finding.drift.missing = missing;
        finding.drift.extra = extra;
        if missing + extra > 0 {
            let total = fed.report.totals.get(stream).copied().unwrap_or(0);
            finding.told.push(format!(
                "{stream}: the source says it has {total} records, the table holds {} rows",
                table.rows
            ));
        }
    }
    if let Some(check) = table.check {
        finding.drift += Drift { missing: check.missing, extra: 0, different: check.different };
        if check.missing + check.different > 0 {
            finding.told.push(format!(
                "{stream}: the full check found {} rows missing and {} different that earlier runs should have landed; \
                 they have landed now",
                check.missing, check.different
            ));
        }
    }
    finding
}

/// Missing and extra rows by the total the source told; `None` where the two cannot be compared.
///
/// They can where everything was read in one go, the source told the same total before and after, and no record carries a
/// time since the walk was opened: on an account that is being worked on, records come and go between two counts.
fn against_total(placed: &Placed<'_>, fed: &Fed, table: &TableReport) -> Option<(u64, u64)> {
    let stream = &table.stream;
    let before = fed.walk.streams.iter().find(|known| known.name == *stream)?.rows?;
    let after = *fed.report.totals.get(stream)?;
    let taken = fed.taken.get(stream)?;
    if before != after
        || taken.moved_since(fed.walk.as_of)
        || fed.walk.resumed
        || fed.report.limited
        || !is_the_source(placed)
    {
        return None;
    }
    let held = rows_of_the_source(placed, table, taken)?;
    let missing = after.saturating_sub(held);
    // Rows that are gone and stay cannot be told from rows that never were.
    let keeps_gone = keeps_gone_rows(&placed.placement.load) && is_compared(&placed.reading);
    let extra = if keeps_gone { 0 } else { held.saturating_sub(after) };
    Some((missing, extra))
}

/// Whether the table is meant to hold just what the source has.
fn is_the_source(placed: &Placed<'_>) -> bool {
    let task = placed.task;
    let is_partial = task.row_limit.is_some() || task.skip > 0;
    let follows = matches!(placed.placement.load.merge, MergeStrategy::Upsert | MergeStrategy::DeleteInsert);
    let is_replaced = matches!(task.mode, Mode::FullRefresh | Mode::Truncate);
    let is_appended = placed.placement.load.table.key.is_empty() && !is_replaced;
    placed.reading.is_whole() && !is_partial && follows && !is_appended
}

fn is_compared(reading: &Reading) -> bool {
    matches!(reading, Reading::Collected | Reading::Compared { .. })
}

/// Rows of the table that stand for records the source showed; those that were put aside or left out are accounted for.
fn rows_of_the_source(placed: &Placed<'_>, table: &TableReport, taken: &Taken) -> Option<u64> {
    let check = table.check.unwrap_or_default();
    if check.guarded {
        return None;
    }
    let is_reported = keeps_gone_rows(&placed.placement.load);
    let gone = check.waiting + if is_reported { check.gone } else { 0 };
    let aside = table.outcomes.refused + table.outcomes.skipped + taken.skipped;
    Some((table.rows + aside).saturating_sub(gone))
}

/// Compares what the source told by the way with the tables, and says what differs.
///
/// `feds`: everything that landed in this run. A count is left out where its table was not read in this run, holds less
/// than the source by design, waits for a second sighting, or where records moved meanwhile or shortly before: counts that
/// are kept beside the records lag behind them.
pub(crate) async fn of_told(
    prepared: &Prepared<'_>,
    feds: &[&Fed],
    target: &dyn Target,
) -> Result<HashMap<StreamName, Finding>, Error> {
    let mut findings: HashMap<StreamName, Finding> = HashMap::new();
    for told in feds.iter().flat_map(|fed| &fed.report.told) {
        let Some(placed) = prepared.placed.get(&told.stream) else { continue };
        let Some(tally) = tally(placed, told).filter(|_| is_settled(prepared, feds, &told.stream)) else {
            continue;
        };
        let Some(counts) = target.tally(&tally).await? else { continue };
        let finding = findings.entry(told.stream.clone()).or_default();
        judge(placed, told, held_against(told, &counts), finding);
    }
    findings.retain(|_, finding| *finding != Finding::default());
    Ok(findings)
}

fn held_against(told: &Told, held: &HashMap<String, u64>) -> Drift {
    let mut drift = Drift::default();
    for (value, count) in &told.counts {
        let held = held.get(&value.to_string()).copied().unwrap_or(0);
        drift.missing += count.saturating_sub(held);
        drift.extra += held.saturating_sub(*count);
    }
    drift
}

/// What counts that differ mean: rows that are missing are drift, and so are rows too many where everything was read.
/// Where changes were read, rows too many are what deletions leave behind until the next full check.
fn judge(placed: &Placed<'_>, told: &Told, mut drift: Drift, finding: &mut Finding) {
    let (stream, whence) = (&told.stream, &told.whence);
    if placed.reading == Reading::Changes && drift.extra > 0 {
        let extra = std::mem::take(&mut drift.extra);
        finding.waiting += extra;
        let judged = match placed.due.next {
            Some(next) => format!("the full check due {} judges them", next.strftime("%Y-%m-%d %H:%M UTC")),
            None => "no full check is due that would judge them".to_owned(),
        };
        finding.notes.push(format!(
            "{stream}: by {whence} {extra} rows are too many, as records that are gone leave them; {judged}"
        ));
    }
    if drift.total() > 0 {
        finding.drift += drift;
        finding.told.push(format!(
            "{stream}: by {whence} {} rows are missing and {} too many; a full check finds out which",
            drift.missing, drift.extra
        ));
    }
}

/// How the rows of a table are counted as the source counted; `None` where a field has no column there.
fn tally(placed: &Placed<'_>, told: &Told) -> Option<Tally> {
    let load = &placed.placement.load;
    let column = |field: &str| placed.placement.column(field).map(str::to_owned);
    let equals = match &told.equals {
        Some((field, value)) => Some((column(field)?, *value)),
        None => None,
    };
    Some(Tally {
        schema: load.table.schema.clone(),
        table: load.table.name.clone(),
        equals,
        null: load.column_of(Origin::DeletedAt).map(str::to_owned),
        by: Some(column(&told.by)?),
    })
}

/// Whether the table of `stream` can be counted and compared: it was read in this run, and nothing moved meanwhile.
fn is_settled(prepared: &Prepared<'_>, feds: &[&Fed], stream: &StreamName) -> bool {
    if prepared.replication.anchor != Anchor::Everything || !is_counted(&prepared.placed[stream]) {
        return false;
    }
    let Some(fed) = feds.iter().find(|fed| fed.tables.iter().any(|table| table.stream == *stream)) else {
        return false;
    };
    let table = fed.tables.iter().find(|table| table.stream == *stream);
    let is_open = table.is_none_or(|table| {
        let check = table.check.unwrap_or_default();
        check.waiting > 0 || check.guarded || table.outcomes.refused > 0
    });
    let shortly_before = fed.walk.as_of - OVERLAP;
    let moved = fed.taken.values().any(|taken| taken.moved_since(shortly_before) || taken.skipped > 0);
    !is_open && !moved && !fed.report.limited
}

/// Whether the table holds one row for each record of the source.
fn is_counted(placed: &Placed<'_>) -> bool {
    let load = &placed.placement.load;
    let merges = matches!(load.merge, MergeStrategy::Upsert | MergeStrategy::DeleteInsert);
    let is_partial = placed.task.row_limit.is_some() || placed.task.skip > 0;
    merges && !is_partial && !load.table.key.is_empty() && !matches!(placed.reading, Reading::Windows(_))
}
