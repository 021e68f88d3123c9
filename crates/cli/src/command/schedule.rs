//! `achub schedule`: what starts by itself, when, and whether it rests.

use achub_core::{Code, Error, port::jobs::ScheduleState};
use achub_engine::schedule::{self, Schedule};
use serde_json::json;

use crate::{
    args::Schedules,
    config::{nearest::advice, project::Scheduled},
    output::{Failure, Table},
    wiring::{Context, Store},
};

/// Carries out a verb.
pub async fn run(context: &Context, verb: &Schedules) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let done = match verb {
        Schedules::List => list(context, &store).await,
        Schedules::Next => next(context, &store).await,
        Schedules::Pause { name } => rest(context, &store, name, true).await,
        Schedules::Resume { name } => rest(context, &store, name, false).await,
    };
    store.close().await;
    done
}

fn scheduled(context: &Context) -> &[Scheduled] {
    context.project.as_ref().map_or(&[], |project| &project.schedules)
}

/// All schedules of the project file, and what the daemon remembers of them.
async fn list(context: &Context, store: &Store) -> Result<(), Failure> {
    let remembered = store.schedules().await?;
    let mut table = Table::new(&["schedule", "runs", "when", "next", "last", "state"]);
    let now = store.now().await?;
    for one in scheduled(context) {
        let state = remembered.iter().find(|state| state.job.as_str() == one.run);
        let paused = state.is_some_and(|state| state.paused);
        let next = if paused { None } else { one.schedule.next(now) };
        table.push([
            json!(one.name),
            json!(one.run),
            json!(one.schedule.to_string()),
            json!(next.map(|next| next.to_string())),
            json!(state.and_then(|state| state.last_at).map(|last| last.to_string())),
            json!(if paused { "paused" } else { "on" }),
        ]);
    }
    context.output.table("schedule list", &table)?;
    context.output.next("achub serve   does what is listed, as long as it runs");
    Ok(())
}

/// The next five times of each schedule.
async fn next(context: &Context, store: &Store) -> Result<(), Failure> {
    let now = store.now().await?;
    let mut table = Table::new(&["schedule", "runs", "at"]);
    for one in scheduled(context) {
        for at in one.schedule.next_five(now) {
            table.push([json!(one.name), json!(one.run), json!(at.to_string())]);
        }
    }
    context.output.table("schedule next", &table)
}

/// Lets a schedule rest, or go on. Times that passed in between are not made up.
async fn rest(context: &Context, store: &Store, name: &str, pause: bool) -> Result<(), Failure> {
    let all = scheduled(context);
    let one = all.iter().find(|one| one.name == name || one.run == name).ok_or_else(|| {
        Error::new(Code::BadFile, format!("the project file has no schedule {name}"))
            .with_hint(advice(name, all.iter().map(|one| one.name.as_str())))
    })?;
    loop {
        let remembered = store.schedules().await?;
        let known = remembered.iter().find(|state| state.job.as_str() == one.run);
        let state = changed(known, one, pause, store.now().await?);
        // Where a daemon moved it in between, it is looked at again.
        if store.put_schedule(&state, known).await? {
            break;
        }
    }
    let word = if pause { "rests until `achub schedule resume`" } else { "goes on" };
    context.output.say(&format!("{} {word}.", one.name));
    Ok(())
}

fn changed(
    known: Option<&ScheduleState>,
    one: &Scheduled,
    pause: bool,
    now: jiff::Timestamp,
) -> ScheduleState {
    let job = achub_core::JobName::new(&one.run);
    let fresh = || ScheduleState {
        job: job.clone(),
        definition: one.schedule.to_json(),
        next_at: one.schedule.next(now),
        last_at: None,
        paused: false,
    };
    let state =
        schedule::adopt(known, &job, &one.schedule, now).or_else(|| known.cloned()).unwrap_or_else(fresh);
    match pause {
        true => ScheduleState { paused: true, ..state },
        false => schedule::resume(&state, &one.schedule as &Schedule, now),
    }
}
