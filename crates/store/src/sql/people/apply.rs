//! A batch of changes in one transaction.

use achub_core::{
    RunId,
    person::PersonId,
    port::people::{Author, ChangeBatch},
};

use super::{
    author,
    counter::Counters,
    import, load, micros,
    write::{self, Writer},
};
use crate::{
    people::{change, meanwhile, plan},
    sql::session::{Fault, Session},
};

const NOTE_RUN: &str = "
    INSERT INTO import_run (run, last_us, restored, removed, kept, undone) VALUES ($1, $2, 0, 0, 0, 0)
    ON CONFLICT (run) DO UPDATE SET last_us = excluded.last_us";

/// See `PeopleStore::apply`. The caller commits.
pub(crate) async fn apply(session: &mut dyn Session, batch: &ChangeBatch) -> Result<Vec<PersonId>, Fault> {
    let mut counters = Counters::take(session).await?;
    if let Some(advance) = &batch.advance {
        import::check_fence(session, &advance.job, advance.fence).await?;
    }
    let plan = work_out(session, batch, &mut counters).await?;
    note_run(session, &batch.author).await?;
    let number = author::number(session, &mut counters, &batch.author).await?;
    let writer = Writer { author: &batch.author, number, keeps_undo: true, tags: &plan.known.tags };
    write::people(session, &mut counters, &writer, &plan.plan.pairs).await.map_err(|fault| {
        if fault.is_duplicate() { meanwhile("an address belongs to somebody else").into() } else { fault }
    })?;
    import::refuse(session, &mut counters, batch).await?;
    if let Some(advance) = &batch.advance {
        import::advance(session, advance).await?;
    }
    counters.put(session).await?;
    Ok(plan.plan.ids)
}

/// A plan with what it was judged by.
struct Worked {
    plan: plan::Plan,
    known: change::Known,
}

async fn work_out(
    session: &mut dyn Session,
    batch: &ChangeBatch,
    counters: &mut Counters,
) -> Result<Worked, Fault> {
    let (mut ids, links) = plan::wanted(batch);
    let owners = load::link_owners(session, &links).await?;
    ids.extend(owners.values());
    ids.sort();
    ids.dedup();
    let held = load::by_id(session, &ids).await?;
    // The names of tags that somebody loses with a link are not needed: a link takes nothing else along.
    let known = load::known(session, &change::named(batch)).await?;
    let plan = plan::work_out(batch, &held, &owners, &known, &mut counters.person)?;
    Ok(Worked { plan, known })
}

async fn note_run(session: &mut dyn Session, author: &Author) -> Result<(), Fault> {
    let Some(run) = author.run.as_ref().map(RunId::as_str) else { return Ok(()) };
    session.execute(NOTE_RUN.to_owned(), vec![run.into(), micros(author.at).into()]).await?;
    Ok(())
}
