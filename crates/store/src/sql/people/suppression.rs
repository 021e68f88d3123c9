//! Addresses nobody may mail, and people who are forgotten.

use std::collections::HashMap;

use achub_core::{
    consent::SuppressionReason,
    person::{Person, PersonId},
    port::people::{Author, Suppression},
};

use super::{
    author,
    counter::Counters,
    load, micros, moment,
    write::{self, Writer},
};
use crate::{
    people::suppression::{key, merged, weightiest},
    sql::{
        rows::fetch_in,
        session::{Fault, Row, Session},
    },
};

const PUT: &str = "
    INSERT INTO suppression (hash, key_version, reason, since_us, email, email_key)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (hash) DO UPDATE
       SET key_version = excluded.key_version, reason = excluded.reason, since_us = excluded.since_us,
           email = excluded.email, email_key = excluded.email_key";

const FIND: &str = "SELECT hash, key_version, reason, since_us, email FROM suppression WHERE hash IN";

const NEWEST: &str = "
    SELECT hash, key_version, reason, since_us, email FROM suppression
     ORDER BY since_us DESC, hash LIMIT $1";

/// See `PeopleStore::suppress`.
pub(crate) async fn suppress(session: &mut dyn Session, new: &Suppression) -> Result<(), Fault> {
    Counters::take(session).await?;
    put(session, new).await
}

async fn put(session: &mut dyn Session, new: &Suppression) -> Result<(), Fault> {
    let held = find(session, std::slice::from_ref(&new.hash)).await?;
    let kept = merged(held.get(&new.hash), new);
    let args = vec![
        kept.hash.as_str().into(),
        i64::from(kept.key_version).into(),
        kept.reason.word().into(),
        micros(kept.since).into(),
        kept.email.as_deref().into(),
        kept.email.as_deref().map(key).into(),
    ];
    session.execute(PUT.to_owned(), args).await?;
    Ok(())
}

async fn find(session: &mut dyn Session, hashes: &[String]) -> Result<HashMap<String, Suppression>, Fault> {
    let rows = fetch_in(session, FIND, hashes, "").await?;
    let all: Result<Vec<Suppression>, Fault> = rows.into_iter().map(read).collect();
    Ok(all?.into_iter().map(|held| (held.hash.clone(), held)).collect())
}

fn read(mut row: Row) -> Result<Suppression, Fault> {
    let (hash, version, word) = (row.text()?, row.integer()?, row.text()?);
    let reason = SuppressionReason::find(&word)
        .ok_or_else(|| Fault::unreadable(format!("no reason is called {word:?}")))?;
    let key_version =
        u32::try_from(version).map_err(|_| Fault::unreadable(format!("no key has version {version}")))?;
    Ok(Suppression { hash, key_version, reason, since: moment(row.integer()?)?, email: row.maybe_text()? })
}

/// See `PeopleStore::suppressed`.
pub(crate) async fn suppressed(
    session: &mut dyn Session,
    hashes: &[Vec<String>],
) -> Result<Vec<Option<Suppression>>, Fault> {
    let all: Vec<String> = hashes.iter().flatten().cloned().collect();
    let held = find(session, &all).await?;
    let one = |hashes: &Vec<String>| weightiest(hashes.iter().filter_map(|hash| held.get(hash)).cloned());
    Ok(hashes.iter().map(one).collect())
}

/// See `PeopleStore::suppressions`.
pub(crate) async fn newest(session: &mut dyn Session, limit: u32) -> Result<Vec<Suppression>, Fault> {
    let rows = session.fetch(NEWEST.to_owned(), vec![i64::from(limit).into()]).await?;
    rows.into_iter().map(read).collect()
}

/// See `PeopleStore::forget`.
pub(crate) async fn forget(
    session: &mut dyn Session,
    id: PersonId,
    suppression: &Suppression,
    author: &Author,
) -> Result<(), Fault> {
    let mut counters = Counters::take(session).await?;
    put(session, &Suppression { email: None, ..suppression.clone() }).await?;
    let clear = "UPDATE suppression SET email = NULL, email_key = NULL WHERE hash = $1";
    session.execute(clear.to_owned(), vec![suppression.hash.as_str().into()]).await?;
    let Some(person) = load::people(session, &[id]).await?.pop() else { return Ok(()) };
    forget_refused(session, &person).await?;
    write::erase(session, &[id.0]).await?;
    let number = author::number(session, &mut counters, author).await?;
    let writer = Writer { author, number, keeps_undo: false, tags: &HashMap::new() };
    write::outbox(session, &mut counters, &writer, &[id.0]).await?;
    counters.put(session).await
}

/// Records that did not get in and say who she is: hers by their key, or with her address in them.
async fn forget_refused(session: &mut dyn Session, person: &Person) -> Result<(), Fault> {
    for link in &person.links {
        let sql = "DELETE FROM refused_person WHERE connection = $1 AND key = $2";
        let args = vec![link.connection.as_str().into(), link.key.as_str().into()];
        session.execute(sql.to_owned(), args).await?;
    }
    let Some(email) = &person.email else { return Ok(()) };
    let place = session.dialect().place();
    let sql =
        format!("DELETE FROM refused_person WHERE {place}(columns, $1) > 0 OR {place}(columns, $2) > 0");
    session.execute(sql, vec![email.as_str().into(), email.key().into()]).await?;
    Ok(())
}
