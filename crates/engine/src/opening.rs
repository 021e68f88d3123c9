//! Opening the walks of a run.

use std::collections::{HashMap, HashSet};

use achub_core::{
    Error, StreamName,
    port::{
        source::{Opened, Price, Source, Walk, Wanted},
        target::Checkpoints,
    },
};

use crate::prepare::Prepared;

/// Opens the walks of `round` for what is `wanted` there; each goes on from where a walk of its own kind stood by
/// `checkpoints`.
pub(crate) async fn open(
    prepared: &Prepared<'_>,
    checkpoints: &Checkpoints,
    source: &dyn Source,
    wanted: &[Wanted],
    round: usize,
) -> Result<Opened, Error> {
    let mut opened = source.open(wanted, &prepared.positions(checkpoints, round)).await?;
    let (kept, mixed_up): (Vec<_>, Vec<_>) =
        opened.walks.into_iter().partition(|open| !prepared.is_mixed_up(checkpoints, open.walk(), round));
    opened.walks = kept;
    if mixed_up.is_empty() {
        return Ok(opened);
    }
    let streams: HashSet<StreamName> =
        mixed_up.iter().flat_map(|open| &open.walk().streams).map(|stream| stream.name.clone()).collect();
    drop(mixed_up);
    let again: Vec<Wanted> =
        wanted.iter().filter(|wanted| streams.contains(&wanted.stream)).cloned().collect();
    let afresh = source.open(&again, &HashMap::new()).await?;
    opened.walks.extend(afresh.walks);
    opened.failed.extend(afresh.failed);
    Ok(opened)
}

/// Walks run beside each other: together they take as long as the budget needs, or the slowest of them.
pub(crate) fn total_price<'a>(
    walks: impl Iterator<Item = &'a Walk>,
    requests_per_second: Option<f64>,
) -> Price {
    let mut price = Price::default();
    for walk in walks {
        price.requests += walk.price.requests;
        price.seconds = price.seconds.max(walk.price.seconds);
    }
    if let Some(pace) = requests_per_second {
        price.seconds = price.seconds.max(price.requests as f64 / pace);
    }
    price
}
