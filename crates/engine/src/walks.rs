//! The walks of a run beside each other, each with its hooks and its tries.

use std::{panic::AssertUnwindSafe, time::Duration};

use achub_core::{
    Code, Error, StreamName,
    code::Class,
    port::{progress::Event, source::OpenWalk},
};
use futures_util::{FutureExt, StreamExt, stream};

use crate::{
    context::Context,
    feed::{self, Fed, Order},
    moments::{Begun, End},
    opening,
    reading::Reading,
};

/// How a walk ended.
pub(crate) struct Ended {
    /// What landed; several where the source split the walk on a later try.
    pub(crate) fed: Vec<Fed>,
    /// Streams that did not finish, and why.
    pub(crate) failed: Vec<(StreamName, Error)>,
    /// Streams a hook left out.
    pub(crate) skipped: Vec<StreamName>,
}

/// Reads `walks` of `round`, some at a time.
pub(crate) async fn feed_all(
    walks: Vec<Box<dyn OpenWalk>>,
    round: usize,
    context: &Context<'_>,
) -> Vec<Ended> {
    let at_a_time = context.prepared.replication.working.walks_at_a_time.max(1);
    stream::iter(walks).map(|open| feed_one(open, round, context)).buffer_unordered(at_a_time).collect().await
}

async fn feed_one(open: Box<dyn OpenWalk>, round: usize, context: &Context<'_>) -> Ended {
    // Walks of several parts of a run share the places; nobody closes them.
    let _place = context.walking.acquire().await;
    let streams: Vec<StreamName> = open.walk().streams.iter().map(|stream| stream.name.clone()).collect();
    let mut ended = Ended { fed: Vec::new(), failed: Vec::new(), skipped: Vec::new() };
    if context.ending.is_near() {
        ended.failed.extend(streams.into_iter().map(|stream| (stream, context.ending.error())));
        return ended;
    }
    let begun = begin(&streams, &mut ended, context).await;
    if begun.is_empty() {
        return ended;
    }
    let mut result = contained(with_tries(open, round, &begun, context)).await;
    if let Ok(fed) = &result
        && let Err(error) = context.remember(&landed(fed, round, context)).await
    {
        result = Err(error);
    }
    // Whoever cannot reach the other side, or is refused by it, will not fare better with the next stream.
    if let Err(error) = &result
        && ends_the_run(error)
    {
        context.ending.abandon();
    }
    end(begun, result, &mut ended, context).await;
    ended
}

/// A panic of whatever a walk calls is the end of that walk: what it held is let go of, and the others go on.
async fn contained<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    // Nothing a walk shares with others is left half changed: the target takes back what was not committed.
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(Error::new(Code::Bug, "a walk ended in a panic")))
}

/// Calls the hooks before streams; gives those that are to be loaded.
async fn begin(streams: &[StreamName], ended: &mut Ended, context: &Context<'_>) -> Vec<(StreamName, Begun)> {
    let mut begun = Vec::new();
    for stream in streams {
        match context.moments.begin(stream).await {
            Ok(Some(begins)) => begun.push((stream.clone(), begins)),
            Ok(None) => ended.skipped.push(stream.clone()),
            Err(error) => ended.failed.push((stream.clone(), error)),
        }
    }
    begun
}

/// Calls the hooks behind streams, also behind those that failed.
async fn end(
    begun: Vec<(StreamName, Begun)>,
    result: Result<Vec<Fed>, Error>,
    ended: &mut Ended,
    context: &Context<'_>,
) {
    match result {
        Ok(mut fed) => {
            for (stream, begins) in begun {
                if let Some(error) = fed.iter_mut().find_map(|fed| fed.failed.remove(&stream)) {
                    fail(stream, begins, error, ended, context).await;
                    continue;
                }
                let mut tables = fed.iter().flat_map(|fed| &fed.tables);
                let Some(table) = tables.find(|table| table.stream == stream) else {
                    ended.skipped.push(stream);
                    continue;
                };
                if let Err(error) = context.moments.end(&begins, End::Landed(table.outcomes)).await {
                    ended.failed.push((stream, error));
                }
            }
            ended.fed = fed;
        }
        Err(error) => {
            for (stream, begins) in begun {
                fail(stream, begins, copy(&error), ended, context).await;
            }
        }
    }
}

async fn fail(stream: StreamName, begins: Begun, error: Error, ended: &mut Ended, context: &Context<'_>) {
    if let Err(hook) = context.moments.end(&begins, End::Failed(&error)).await {
        let message = format!("hook at the end of {stream}: {} {hook}", hook.code().id());
        context.progress.event(Event::Warning { message });
    }
    ended.failed.push((stream, error));
}

/// The same failure for another stream of the walk; the cause stays with the first.
fn copy(error: &Error) -> Error {
    Error::new(error.code(), error.message()).with_hint(error.hint())
}

/// Streams of which nothing is left to read.
fn landed(fed: &[Fed], round: usize, context: &Context<'_>) -> Vec<StreamName> {
    let streams = fed.iter().flat_map(|fed| &fed.tables).map(|table| table.stream.clone());
    let is_last = |stream: &StreamName| match &context.prepared.placed[stream].reading {
        Reading::Windows(windows) => round == windows.len(),
        _ => true,
    };
    streams.filter(is_last).collect()
}

/// Feeds a walk; where that fails in passing, waits and goes on from what the target holds.
async fn with_tries(
    open: Box<dyn OpenWalk>,
    round: usize,
    begun: &[(StreamName, Begun)],
    context: &Context<'_>,
) -> Result<Vec<Fed>, Error> {
    let working = &context.prepared.replication.working;
    let mut open = Some(open);
    let mut tries_left = working.tries.max(1);
    loop {
        tries_left -= 1;
        let error = match attempt(open.take(), round, begun, context).await {
            Err(error) if tries_left > 0 && passes_by_itself(&error) && !context.ending.is_near() => error,
            result => return result,
        };
        let names: Vec<&str> = begun.iter().map(|(stream, _)| stream.as_str()).collect();
        let message = trying_again(&names.join(", "), &error, working.try_delay, tries_left);
        context.progress.event(Event::Warning { message });
        context.ending.pause(working.try_delay).await?;
    }
}

/// One try. Where the walk is not open any more, it is opened from what the target holds now.
async fn attempt(
    open: Option<Box<dyn OpenWalk>>,
    round: usize,
    begun: &[(StreamName, Begun)],
    context: &Context<'_>,
) -> Result<Vec<Fed>, Error> {
    let prepared = context.prepared;
    if let Some(open) = open {
        let order = Order { pass: prepared.pass(open.walk(), round), begun };
        return Ok(vec![feed::walk(open, &order, context).await?]);
    }
    let streams: Vec<&StreamName> = begun.iter().map(|(stream, _)| stream).collect();
    let replication = prepared.replication;
    let checkpoints =
        context.target.checkpoints(replication.state_schema.as_deref(), &replication.name).await?;
    let mut wanted = prepared.wanted_in(round);
    wanted.retain(|wanted| streams.contains(&&wanted.stream));
    let opened = opening::open(prepared, &checkpoints, context.source, &wanted, round).await?;
    if let Some((_, error)) = opened.failed.into_iter().next() {
        return Err(error);
    }
    let mut fed = Vec::new();
    for open in opened.walks {
        let begun: Vec<(StreamName, Begun)> = {
            let of_walk = |stream: &StreamName| open.walk().streams.iter().any(|walk| walk.name == *stream);
            begun.iter().filter(|(stream, _)| of_walk(stream)).cloned().collect()
        };
        let order = Order { pass: prepared.pass(open.walk(), round), begun: &begun };
        fed.push(feed::walk(open, &order, context).await?);
    }
    Ok(fed)
}

/// The sentence that tells of a further try.
pub(crate) fn trying_again(what: &str, error: &Error, delay: Duration, tries_left: u32) -> String {
    let code = error.code().id();
    format!("{what}: {code} {error}; trying again in {} s, {tries_left} tries left", delay.as_secs())
}

/// Failures of the target that are gone after a while. What the source's client gave up on is not among them: it has
/// waited and tried again already.
pub(crate) fn passes_by_itself(error: &Error) -> bool {
    matches!(error.code(), Code::TargetUnreachable | Code::TargetCrowded | Code::GaveWay)
}

/// Whether no other stream would fare better after this failure.
pub(crate) fn ends_the_run(error: &Error) -> bool {
    match error.class() {
        // Who gives way on one table may have others to itself, and who gets no connection gets one when a walk ends.
        Class::Unreachable => !matches!(error.code(), Code::GaveWay | Code::TargetCrowded),
        Class::Credentials => error.code() != Code::NotAllowed,
        Class::Failed | Class::Usage | Class::Refused | Class::Guard | Class::Busy | Class::Interrupted => {
            false
        }
    }
}
