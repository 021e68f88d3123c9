//! Taking back what a run changed, in portions of one transaction each.

use std::collections::{BTreeMap, HashMap, HashSet};

use achub_core::{
    RunId, failpoint,
    person::{Person, PersonField, PersonId},
    port::people::{Author, Undone},
};

use super::{
    author,
    counter::Counters,
    load, moment,
    write::{self, Writer},
};
use crate::{
    people::{
        UNDO_KEPT, UNDO_PORTION,
        change::Known,
        difference::Difference,
        page::email_key,
        undo::{Portion, Trace, Verdict, verdict},
        undo_too_late,
    },
    sql::{
        rows::{execute_in, fetch_in},
        session::{Fault, Session},
    },
};

const RUN: &str = "SELECT last_us, restored, removed, kept, undone FROM import_run WHERE run = $1";

const NEXT: &str = "SELECT DISTINCT person FROM import_undo WHERE run = $1 ORDER BY person DESC LIMIT $2";

const TRACES: &str = "
    SELECT run, number, person, version_before, version_after, differences FROM import_undo WHERE person IN";

const COUNT: &str = "
    UPDATE import_run SET restored = $2, removed = $3, kept = $4, undone = $5 WHERE run = $1";

/// Takes the next portion back. Gives the counts over all portions, and whether that was the last one.
pub(crate) async fn portion(
    session: &mut dyn Session,
    run: &RunId,
    author: &Author,
) -> Result<(Undone, bool), Fault> {
    let mut counters = Counters::take(session).await?;
    let mut undone = so_far(session, run, author).await?;
    let limit = i64::try_from(UNDO_PORTION).unwrap_or(i64::MAX);
    let rows = session.fetch(NEXT.to_owned(), vec![run.as_str().into(), limit.into()]).await?;
    let ids: Result<Vec<i64>, Fault> = rows.into_iter().map(|mut row| row.integer()).collect();
    let mut ids = ids?;
    let is_last = ids.is_empty();
    if !is_last {
        let traced = gather(session, run, author, &mut ids).await?;
        settle(session, &mut counters, author, traced, &mut undone).await?;
    }
    put(session, run, &undone, is_last).await?;
    counters.put(session).await?;
    failpoint::pass("import-undo");
    Ok((undone, is_last))
}

/// What earlier portions counted.
async fn so_far(session: &mut dyn Session, run: &RunId, author: &Author) -> Result<Undone, Fault> {
    let rows = session.fetch(RUN.to_owned(), vec![run.as_str().into()]).await?;
    let Some(mut row) = rows.into_iter().next() else {
        return Err(undo_too_late("nothing is kept of it").into());
    };
    let last = moment(row.integer()?)?;
    let mut count = || row.integer().map(|count| u64::try_from(count).unwrap_or(0));
    let undone = Undone { restored: count()?, removed: count()?, left: count()? };
    if count()? > 0 {
        return Err(undo_too_late("it was taken back already").into());
    }
    if author.at.duration_since(last) > UNDO_KEPT {
        return Err(undo_too_late("it ended more than seven days ago").into());
    }
    Ok(undone)
}

async fn put(session: &mut dyn Session, run: &RunId, undone: &Undone, is_last: bool) -> Result<(), Fault> {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let counts = [count(undone.restored), count(undone.removed), count(undone.left), is_last.into()];
    let mut args = vec![run.as_str().into()];
    args.extend(counts.map(Into::into));
    session.execute(COUNT.to_owned(), args).await?;
    Ok(())
}

/// Everybody of a portion with her verdict, and the traces that are used up by it.
struct Traced {
    portion: Portion,
    known: Known,
    numbers: Vec<i64>,
}

/// Judges the people of `ids`, and whoever of the run holds an address or link that one of them wants back.
async fn gather(
    session: &mut dyn Session,
    run: &RunId,
    author: &Author,
    ids: &mut Vec<i64>,
) -> Result<Traced, Fault> {
    let mut portion =
        Portion { verdicts: Vec::new(), email_owners: HashMap::new(), link_owners: HashMap::new() };
    let mut known = Known::default();
    let mut numbers = Vec::new();
    let mut judged: HashSet<PersonId> = HashSet::new();
    while !ids.is_empty() {
        let traces = traces(session, run, ids, &mut numbers).await?;
        let found: Vec<PersonId> = traces.keys().copied().collect();
        let people = load::by_id(session, &found).await?;
        let more = load::known(session, &named(&traces)).await?;
        known.fields.extend(more.fields);
        known.tags.extend(more.tags);
        let mut wants = Vec::new();
        for (id, traces) in traces {
            judged.insert(id);
            let Some(current) = people.get(&id) else { continue };
            let verdict = verdict(current, &traces, author, &known)?;
            if let Verdict::Restored(person) = &verdict {
                wants.push((**person).clone());
            }
            portion.verdicts.push((current.clone(), verdict));
        }
        *ids = owners(session, &wants, &mut portion).await?;
        ids.retain(|id| !judged.contains(&PersonId(*id)));
    }
    Ok(Traced { portion, known, numbers })
}

async fn traces(
    session: &mut dyn Session,
    run: &RunId,
    ids: &[i64],
    numbers: &mut Vec<i64>,
) -> Result<BTreeMap<PersonId, Vec<Trace>>, Fault> {
    let mut traces: BTreeMap<PersonId, Vec<Trace>> = BTreeMap::new();
    for mut row in fetch_in(session, TRACES, ids, "ORDER BY person, number").await? {
        let (of, number, person) = (row.text()?, row.integer()?, PersonId(row.integer()?));
        if of != run.as_str() {
            continue;
        }
        let (before, after, json) = (row.integer()?, row.integer()?, row.text()?);
        let differences: Vec<Difference> =
            serde_json::from_str(&json).map_err(|cause| Fault::unreadable(format!("an undo: {cause}")))?;
        numbers.push(number);
        traces.entry(person).or_default().push(Trace { before, after, differences });
    }
    Ok(traces)
}

/// Fields and tags that the traces name.
fn named(traces: &BTreeMap<PersonId, Vec<Trace>>) -> Known {
    let mut known = Known::default();
    for difference in traces.values().flatten().flat_map(|trace| &trace.differences) {
        match difference {
            Difference::Field(PersonField::Custom(id), ..) => {
                known.fields.insert(*id, achub_core::FieldType::Text);
            }
            Difference::Tag(tag, _) => {
                known.tags.insert(*tag, String::new());
            }
            _ => {}
        }
    }
    known
}

/// Notes who holds the addresses and links that people want back, and gives those holders.
async fn owners(
    session: &mut dyn Session,
    wants: &[Person],
    portion: &mut Portion,
) -> Result<Vec<i64>, Fault> {
    let keys: Vec<String> =
        wants.iter().map(|person| email_key(person).to_owned()).filter(|key| !key.is_empty()).collect();
    let emails = load::email_owners(session, &keys).await?;
    let links: Vec<_> = wants.iter().flat_map(|person| person.links.iter().cloned()).collect();
    let links = load::link_owners(session, &links).await?;
    let mut ids: Vec<i64> = emails.values().chain(links.values()).map(|id| id.0).collect();
    ids.sort();
    ids.dedup();
    portion.email_owners.extend(emails);
    portion.link_owners.extend(links);
    Ok(ids)
}

async fn settle(
    session: &mut dyn Session,
    counters: &mut Counters,
    author: &Author,
    traced: Traced,
    undone: &mut Undone,
) -> Result<(), Fault> {
    let number = author::number(session, counters, author).await?;
    let writer = Writer { author, number, keeps_undo: false, tags: &traced.known.tags };
    let mut removed = Vec::new();
    let mut pairs = Vec::new();
    for (current, verdict) in traced.portion.settle() {
        match verdict {
            Verdict::Left => undone.left += 1,
            Verdict::Removed => removed.push(current.id.0),
            Verdict::Restored(person) => {
                undone.restored += 1;
                if current != *person {
                    pairs.push((current, *person));
                }
            }
        }
    }
    undone.removed += u64::try_from(removed.len()).unwrap_or(u64::MAX);
    write::erase(session, &removed).await?;
    write::outbox(session, counters, &writer, &removed).await?;
    write::people(session, counters, &writer, &pairs).await?;
    execute_in(session, "DELETE FROM import_undo WHERE number IN", &traced.numbers).await
}
