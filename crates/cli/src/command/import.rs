//! `achub import`: people of an account into the hub's own store, planned first.

use std::sync::Arc;

use achub_core::{
    Code, Error, Outcomes, RunId,
    code::Class,
    port::{
        clock::{Clock as _, SystemClock},
        jobs::Lease,
        people::{Author, RefusedPerson},
        progress::Silent,
    },
};
use achub_engine::import::{ImportPreview, ImportSummary, ImportTicket};
use serde_json::json;

use crate::{
    args::Import,
    command::{importing::Importing, interrupt::Interrupt, summary::status_word},
    output::{Failure, Table, count, duration, exit_code, progress::Watch},
    wiring::{self, Context, Store},
};

/// Refused people that are printed; `--limit` of `import refused` asks for more.
const REFUSED_SHOWN: usize = 10;

/// Carries out a verb.
pub async fn run(context: &Context, verb: &Import) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let done = match verb {
        Import::Plan { name, limit } => plan(context, &store, name, *limit).await,
        Import::Run { name, limit } => start(context, &store, name, *limit).await,
        Import::Refused { run, limit } => refused(context, &store, run, *limit).await,
        Import::Undo { run } => undo(context, &store, run).await,
        Import::Forget { name } => forget(context, &store, name).await,
    };
    store.close().await;
    done
}

fn importing(
    context: &Context,
    store: &Store,
    name: &str,
    limit: Option<u64>,
    watch: Option<&Watch>,
) -> Result<Importing, Error> {
    let Some(project) = &context.project else {
        return Err(Error::new(
            Code::BadFile,
            format!("there is no project file that could have an import {name}"),
        )
        .with_hint("`achub init` writes one"));
    };
    let progress = watch.map_or_else(|| Arc::new(Silent) as _, |watch| Arc::new(watch.clone()) as _);
    let mut importing = Importing::of_project(context, project.import(name)?, store, progress)?;
    importing.import.limit = limit;
    Ok(importing)
}

/// Shows what a run would do, and writes nothing.
async fn plan(context: &Context, store: &Store, name: &str, limit: Option<u64>) -> Result<(), Failure> {
    let importing = importing(context, store, name, None, None)?;
    let preview = importing.preview(limit).await?;
    let output = &context.output;
    if output.is_json {
        return output.json("import plan", json!(preview));
    }
    let mut table = Table::new(&["person", "outcome", "field", "before", "after"]);
    for sample in &preview.samples {
        for change in &sample.changes {
            let who = if sample.email.is_empty() { &sample.key } else { &sample.email };
            table.push([
                json!(who),
                json!(sample.outcome.word()),
                json!(change.field),
                json!(change.before),
                json!(change.after),
            ]);
        }
    }
    output.table("import plan", &table)?;
    tell_preview(context, name, &preview);
    Ok(())
}

fn tell_preview(context: &Context, name: &str, preview: &ImportPreview) {
    let output = &context.output;
    let whole = if preview.is_complete { "" } else { " (of the first ones only)" };
    output.say(&format!("{}{whole}", counted(&preview.outcomes)));
    if !preview.lists_made.is_empty() {
        output.say(&format!("lists that would be made: {}", preview.lists_made.join(", ")));
    }
    if !preview.fields_made.is_empty() {
        output.say(&format!("fields that would be made: {}", preview.fields_made.join(", ")));
    }
    for row in preview.refused.iter().take(REFUSED_SHOWN) {
        output.say(&format!("refused {}: {} {}", row.key, row.code, row.reason));
    }
    preview.notes.iter().for_each(|note| output.warn(note));
    let price = &preview.price;
    output.say(&format!(
        "{}; about {} requests, {}. Nothing was written.",
        preview.how,
        count(price.requests),
        duration(price.seconds)
    ));
    output.next(&format!("achub import run {name}"));
}

/// Imports, under the lease of the job: what the daemon has in hand is not begun beside it.
async fn start(context: &Context, store: &Store, name: &str, limit: Option<u64>) -> Result<(), Failure> {
    let watch = Watch::new(context.output);
    let importing = importing(context, store, name, limit, Some(&watch))?;
    let interrupt = Interrupt::listen(context.output);
    let run = RunId::generate();
    let lease = leased(store, &importing, &run).await?;
    let ticket = ImportTicket { run: Some(run), fence: Some(lease.fence) };
    let keeper = achub_server::Keeper::start(
        store.clone(),
        lease.clone(),
        wiring::LEASE_TERM,
        interrupt.stop().clone(),
    );
    let result = importing.start(&ticket, interrupt.stop()).await;
    keeper.end().await;
    store.release(&lease).await?;
    let summary = result?;
    tell_summary(context, &summary)?;
    match summary.class() {
        None => Ok(()),
        Some(Class::Interrupted) => Err(Failure::Said(interrupt.exit_code())),
        Some(class) => Err(Failure::Said(exit_code(class))),
    }
}

async fn leased(store: &Store, importing: &Importing, run: &RunId) -> Result<Lease, Error> {
    let job = &importing.import.job;
    store.lease(job, run, &wiring::holder(), wiring::LEASE_TERM).await?.map_err(|held| {
        let message = format!("{job} is in the hands of {} with run {}", held.holder, held.run);
        Error::new(Code::Busy, message).with_hint("wait for it: `achub runs list` shows when it has ended")
    })
}

/// Says what an import came to.
pub fn tell_summary(context: &Context, summary: &ImportSummary) -> Result<(), Failure> {
    let output = &context.output;
    if output.is_json {
        return output.json("import run", json!(summary));
    }
    summary.notes.iter().for_each(|note| output.warn(note));
    output.say(&format!("{}: {}.", status_word(summary.status), counted(&summary.outcomes)));
    if summary.permissions_kept > 0 {
        output.say(&format!(
            "{} memberships stay as they were: nothing shows that these people wanted more.",
            count(summary.permissions_kept)
        ));
    }
    if summary.values_left_out > 0 {
        let left_out = count(summary.values_left_out);
        output.say(&format!(
            "{left_out} values did not fit their field and were left out; `achub runs rows last`"
        ));
    }
    output.say(&format!(
        "{} of {} expected requests, {} of {}",
        count(summary.requests),
        count(summary.requests_expected),
        duration(summary.seconds),
        duration(summary.seconds_expected)
    ));
    if let Some((code, message)) = &summary.error {
        output.warn(&format!("{code} {message}; run it again, it goes on from here"));
    }
    let Outcomes { added, changed, refused, .. } = summary.outcomes;
    match (refused, added + changed) {
        (0, 0) => output.next("achub schedule next"),
        (0, _) => output.next(&format!("achub import undo {}   takes it back, for seven days", summary.run)),
        _ => output.next(&format!("achub import refused {}", summary.run)),
    }
    Ok(())
}

/// `214 added, 802 changed, 46,976 same, 3 refused = 47,995`.
fn counted(outcomes: &Outcomes) -> String {
    let parts: Vec<String> = achub_core::Outcome::ALL
        .into_iter()
        .filter(|outcome| outcomes.count(*outcome) > 0)
        .map(|outcome| format!("{} {}", count(outcomes.count(outcome)), outcome.word()))
        .collect();
    match parts.is_empty() {
        true => "nobody".to_owned(),
        false => format!("{} = {}", parts.join(", "), count(outcomes.total())),
    }
}

/// Who did not get in by a run, with the columns as they came, why, and how it can be mended.
async fn refused(context: &Context, store: &Store, run: &str, limit: u32) -> Result<(), Failure> {
    let run = crate::command::runs::find(store, run).await?.id;
    let (rows, total) = store.refused(&run, 0, limit).await?;
    let mut table = Table::new(&["key", "code", "field", "reason", "columns"]);
    for RefusedPerson { key, field, code, reason, columns } in &rows {
        table.push([json!(key), json!(code), json!(field), json!(reason), json!(columns)]);
    }
    context.output.table("import refused", &table)?;
    if total > rows.len() as u64 {
        context.output.say(&format!("{} of {}; --limit shows more", count(rows.len() as u64), count(total)));
    }
    Ok(())
}

/// Takes back what a run changed and nobody has touched since.
async fn undo(context: &Context, store: &Store, run: &str) -> Result<(), Failure> {
    let run = crate::command::runs::find(store, run).await?.id;
    let author = Author { run: Some(RunId::generate()), connection: None, at: SystemClock.now() };
    let undone = store.undo(&run, &author).await?;
    let output = &context.output;
    if output.is_json {
        let figures = json!({ "restored": undone.restored, "removed": undone.removed, "left": undone.left });
        return output.json("import undo", figures);
    }
    output.say(&format!(
        "{} people are as they were, {} who came in are gone again, {} were touched since and stay.",
        count(undone.restored),
        count(undone.removed),
        count(undone.left)
    ));
    output.say("Consent that went down stays down.");
    Ok(())
}

/// Forgets where an import stands; the next run begins from the start.
async fn forget(context: &Context, store: &Store, name: &str) -> Result<(), Failure> {
    let importing = importing(context, store, name, None, None)?;
    store.forget_import(&importing.import.job).await?;
    context.output.say(&format!(
        "Where {} stood is forgotten. People, lists, fields and tags stay; the next run reads everybody.",
        importing.import.job
    ));
    Ok(())
}
