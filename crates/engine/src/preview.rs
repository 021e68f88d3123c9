//! What a replication would do and cost.

use std::collections::HashMap;

use achub_core::{
    Error, StreamName, WalkName,
    port::{
        clock::Clock,
        source::{Opened, Price, Source, Walk, Wanted},
        state::StateStore,
        target::Target,
    },
};
use jiff::Timestamp;

use crate::{
    opening::{self, total_price},
    prepare::{self, Prepared},
    reading::Reading,
    replication::Replication,
    summary,
};

/// What a replication would do and cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The walks in order; of a backfill those of its first window.
    pub walks: Vec<PlannedWalk>,
    /// What it is expected to take in all.
    pub price: Price,
    /// The pace, requests per second, `None` where there is no limit.
    pub requests_per_second: Option<f64>,
    /// Requests the preview itself took to open the walks, as the run will.
    pub requests_spent: u64,
    /// Optional streams that are not to be had, with code and message.
    pub unavailable: Vec<(StreamName, String, String)>,
    /// Streams of which nothing is read, and why.
    pub unread: Vec<(StreamName, String)>,
    /// The full check of those streams that this run reads by changes; `None` where there are none, or none is ever due.
    pub full_check: Option<PlannedCheck>,
}

/// A full check that is not part of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCheck {
    /// The streams that would be read as a whole.
    pub streams: Vec<StreamName>,
    /// What it would take.
    pub price: Price,
    /// When the first of them is due.
    pub due: Timestamp,
    /// Requests it took to find that out.
    pub requests_spent: u64,
}

/// One walk of a [`Preview`].
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWalk {
    /// Its name.
    pub name: WalkName,
    /// How it reads.
    pub how: String,
    /// What it is expected to take.
    pub price: Price,
    /// Whether it continues an interrupted run.
    pub resumed: bool,
    /// The streams it feeds.
    pub streams: Vec<PlannedStream>,
}

/// One stream of a [`PlannedWalk`].
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStream {
    /// Its name.
    pub stream: StreamName,
    /// Where it lands, `schema.table`.
    pub table: String,
    /// The mode's word.
    pub mode: &'static str,
    /// Why that mode, and why it is read as a whole where it is.
    pub mode_reason: String,
    /// Records the source says it has.
    pub rows: Option<u64>,
    /// Only records changed at or after this moment are read.
    pub since: Option<Timestamp>,
    /// Older records the start date leaves out, where that was asked.
    pub left_out: Option<u64>,
    /// All of it is read in every run that does not limit it, because changes cannot be asked for or are not.
    pub is_whole: bool,
    /// It is read as a whole now because its full check is due.
    pub is_check: bool,
    /// When its next full check is due, where this run reads changes.
    pub next_check: Option<Timestamp>,
}

/// Opens what a run would open, and says what it found. Writes nothing anywhere.
pub(crate) async fn of(
    replication: &Replication,
    source: &dyn Source,
    target: &dyn Target,
    clock: &dyn Clock,
    state: &dyn StateStore,
) -> Result<Preview, Error> {
    // Describing streams may take requests too.
    let sent_before = source.requests_sent();
    let prepared = prepare::prepare(replication, source, target, clock, state).await?;
    let mut preview = Preview {
        walks: Vec::new(),
        price: Price::default(),
        requests_per_second: None,
        requests_spent: 0,
        unavailable: Vec::new(),
        unread: unread(&prepared),
        full_check: None,
    };
    for round in 0..prepared.rounds().min(2) {
        let wanted = prepared.wanted_in(round);
        if !wanted.is_empty() {
            let opened = opening::open(&prepared, &prepared.checkpoints, source, &wanted, round).await?;
            add(&mut preview, opened, &prepared, round)?;
        }
    }
    preview.requests_spent = source.requests_sent() - sent_before;
    preview.full_check = full_check(&prepared, source).await?;
    Ok(preview)
}

fn unread(prepared: &Prepared<'_>) -> Vec<(StreamName, String)> {
    let tasks = prepared.replication.streams.iter().map(|task| &prepared.placed[&task.stream]);
    let unread = tasks.filter_map(|placed| match placed.reading {
        Reading::DefinitionOnly => Some((placed, "the table is made without rows")),
        Reading::LeftAlone => Some((placed, "the table is there and left alone")),
        _ => None,
    });
    unread.map(|(placed, why)| (placed.task.stream.clone(), why.to_owned())).collect()
}

fn add(preview: &mut Preview, opened: Opened, prepared: &Prepared<'_>, round: usize) -> Result<(), Error> {
    for (streams, error) in opened.failed {
        let is_optional = |stream: &StreamName| summary::is_unavailable(prepared.replication, stream, &error);
        if !streams.iter().all(is_optional) {
            return Err(error);
        }
        let code = error.code().id().to_owned();
        let tell = |stream| (stream, code.clone(), error.to_string());
        preview.unavailable.extend(streams.into_iter().map(tell));
    }
    let mut price = total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second);
    if round > 0 {
        // Every window is taken to cost what the first one does.
        let windows = (prepared.rounds() - 1) as u64;
        price.requests *= windows;
        price.seconds *= windows as f64;
    }
    preview.price.requests += price.requests;
    preview.price.seconds += price.seconds;
    preview.requests_per_second = opened.requests_per_second.or(preview.requests_per_second);
    let wanted = prepared.wanted_in(round);
    preview.walks.extend(opened.walks.iter().map(|open| planned(open.walk(), &wanted, prepared)));
    Ok(())
}

/// What reading the rest as a whole would take. Opens those walks as well.
async fn full_check(prepared: &Prepared<'_>, source: &dyn Source) -> Result<Option<PlannedCheck>, Error> {
    let checked = prepared.wanted.iter().filter(|wanted| {
        let placed = &prepared.placed[&wanted.stream];
        placed.reading == Reading::Changes && placed.due.next.is_some()
    });
    let whole: Vec<Wanted> = checked.map(|wanted| Wanted::all(wanted.stream.clone())).collect();
    let due = whole.iter().filter_map(|wanted| prepared.placed[&wanted.stream].due.next).min();
    let Some(due) = due else { return Ok(None) };
    let sent_before = source.requests_sent();
    let opened = source.open(&whole, &HashMap::new()).await?;
    Ok(Some(PlannedCheck {
        streams: whole.into_iter().map(|wanted| wanted.stream).collect(),
        price: total_price(opened.walks.iter().map(|open| open.walk()), opened.requests_per_second),
        due,
        requests_spent: source.requests_sent() - sent_before,
    }))
}

fn planned(walk: &Walk, wanted: &[Wanted], prepared: &Prepared<'_>) -> PlannedWalk {
    let since: HashMap<&StreamName, Option<Timestamp>> =
        wanted.iter().map(|wanted| (&wanted.stream, wanted.since)).collect();
    let streams = walk
        .streams
        .iter()
        .map(|stream| {
            let placed = &prepared.placed[&stream.name];
            PlannedStream {
                stream: stream.name.clone(),
                table: placed.placement.load.table.full_name(),
                mode: placed.task.mode.name(),
                mode_reason: placed.reason(),
                rows: stream.rows,
                since: since.get(&stream.name).copied().flatten(),
                left_out: stream.left_out,
                is_whole: placed.reading.is_whole(),
                is_check: placed.is_check(),
                next_check: placed.due.next.filter(|_| placed.reading == Reading::Changes),
            }
        })
        .collect();
    PlannedWalk {
        name: walk.name.clone(),
        how: walk.how.clone(),
        price: walk.price,
        resumed: walk.resumed,
        streams,
    }
}
