//! Where imports stand, and whom they refused.

use achub_core::{
    JobName, Outcomes, RunId, failpoint,
    port::{
        jobs::Fence,
        people::{Advance, ChangeBatch, ImportEnd, ImportProgress, RefusedPerson},
        source::Position,
    },
};

use super::{counter::Counters, micros, moment, write::connection_text};
use crate::{
    people::{REFUSED_KEPT, UNDO_KEPT},
    sql::{
        rows::Rows,
        session::{Fault, Session},
    },
};

const REFUSE: &str = "
    INSERT INTO refused_person (number, run, connection, key, field, code, reason, columns, at_us) VALUES";

const ADVANCE: &str = "
    INSERT INTO import_progress (job, run, position, outcomes) VALUES ($1, $2, $3, $4)
    ON CONFLICT (job) DO UPDATE
       SET run = excluded.run, position = excluded.position, outcomes = excluded.outcomes";

const END: &str = "
    INSERT INTO import_progress (job, cursor_us, swept_us) VALUES ($1, $2, $3)
    ON CONFLICT (job) DO UPDATE
       SET run = NULL, position = NULL, outcomes = NULL,
           cursor_us = coalesce(excluded.cursor_us, import_progress.cursor_us),
           swept_us = coalesce(excluded.swept_us, import_progress.swept_us)";

const PROGRESS: &str =
    "SELECT run, position, outcomes, cursor_us, swept_us FROM import_progress WHERE job = $1";

const REFUSED: &str = "
    SELECT key, field, code, reason, columns FROM refused_person
     WHERE run = $1 ORDER BY number LIMIT $2 OFFSET $3";

/// Runs that can no longer be taken back, and refusals nobody mends any more.
const FORGET_OLD: [(&str, bool); 3] = [
    ("DELETE FROM import_undo WHERE run IN (SELECT run FROM import_run WHERE last_us < $1)", true),
    ("DELETE FROM import_run WHERE last_us < $1", true),
    ("DELETE FROM refused_person WHERE at_us < $1", false),
];

/// `RN-102` where there is a fence and it is not the newest.
pub(crate) async fn check_fence(
    session: &mut dyn Session,
    job: &JobName,
    fence: Option<Fence>,
) -> Result<(), Fault> {
    match fence {
        Some(fence) => session.check_fence(job, fence).await,
        None => Ok(()),
    }
}

/// Writes down who did not get in.
pub(crate) async fn refuse(
    session: &mut dyn Session,
    counters: &mut Counters,
    batch: &ChangeBatch,
) -> Result<(), Fault> {
    let run = batch.author.run.as_ref().map_or("", RunId::as_str);
    let connection = connection_text(batch.author.connection.as_ref());
    let mut rows = Rows::new(REFUSE, 9, "");
    for person in &batch.refused {
        rows.push([
            counters.next_line().into(),
            run.into(),
            connection.into(),
            person.key.as_str().into(),
            person.field.as_str().into(),
            person.code.as_str().into(),
            person.reason.as_str().into(),
            person.columns.as_str().into(),
            micros(batch.author.at).into(),
        ]);
    }
    rows.write(session).await
}

/// Stores how far a run has come.
pub(crate) async fn advance(session: &mut dyn Session, advance: &Advance) -> Result<(), Fault> {
    let position = advance.position.as_ref().map(|position| position.0.to_string());
    let outcomes = serde_json::to_string(&advance.outcomes)
        .map_err(|cause| Fault::unreadable(format!("counts have no JSON form: {cause}")))?;
    let args =
        vec![advance.job.as_str().into(), advance.run.as_str().into(), position.into(), outcomes.into()];
    session.execute(ADVANCE.to_owned(), args).await?;
    Ok(())
}

/// See `PeopleStore::import_progress`.
pub(crate) async fn progress(session: &mut dyn Session, job: &JobName) -> Result<ImportProgress, Fault> {
    let rows = session.fetch(PROGRESS.to_owned(), vec![job.as_str().into()]).await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(ImportProgress::default()) };
    let run = row.maybe_text()?.map(RunId::new);
    let position: Option<Position> = row.maybe_text()?.map(|text| json(&text)).transpose()?;
    let outcomes: Option<Outcomes> = row.maybe_text()?.map(|text| json(&text)).transpose()?;
    Ok(ImportProgress {
        unfinished: run.map(|run| (run, position, outcomes.unwrap_or_default())),
        cursor: row.maybe_integer()?.map(moment).transpose()?,
        swept_at: row.maybe_integer()?.map(moment).transpose()?,
    })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|cause| Fault::unreadable(format!("stored JSON: {cause}")))
}

/// See `PeopleStore::end_import`.
pub(crate) async fn end(session: &mut dyn Session, end: &ImportEnd) -> Result<(), Fault> {
    Counters::take(session).await?;
    check_fence(session, &end.job, end.fence).await?;
    let args = vec![end.job.as_str().into(), end.cursor.map(micros).into(), end.swept_at.map(micros).into()];
    session.execute(END.to_owned(), args).await?;
    forget_old(session, &end.run).await?;
    failpoint::pass("import-result");
    Ok(())
}

/// Forgets what is too old, judged by when the run that ends wrote last.
async fn forget_old(session: &mut dyn Session, run: &RunId) -> Result<(), Fault> {
    let sql = "SELECT last_us FROM import_run WHERE run = $1";
    let rows = session.fetch(sql.to_owned(), vec![run.as_str().into()]).await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(()) };
    let now = moment(row.integer()?)?;
    for (sql, is_undo) in FORGET_OLD {
        let kept = if is_undo { UNDO_KEPT } else { REFUSED_KEPT };
        let Ok(before) = now.checked_sub(kept) else { continue };
        session.execute(sql.to_owned(), vec![micros(before).into()]).await?;
    }
    Ok(())
}

/// See `PeopleStore::forget_import`.
pub(crate) async fn forget(session: &mut dyn Session, job: &JobName) -> Result<(), Fault> {
    let sql = "DELETE FROM import_progress WHERE job = $1";
    session.execute(sql.to_owned(), vec![job.as_str().into()]).await?;
    Ok(())
}

/// See `PeopleStore::refused`.
pub(crate) async fn refused(
    session: &mut dyn Session,
    run: &RunId,
    skip: u64,
    limit: u32,
) -> Result<(Vec<RefusedPerson>, u64), Fault> {
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let args = vec![run.as_str().into(), i64::from(limit).into(), skip.into()];
    let mut people = Vec::new();
    for mut row in session.fetch(REFUSED.to_owned(), args).await? {
        people.push(RefusedPerson {
            key: row.text()?,
            field: row.text()?,
            code: row.text()?,
            reason: row.text()?,
            columns: row.text()?,
        });
    }
    let count = "SELECT count(*) FROM refused_person WHERE run = $1";
    let mut rows = session.fetch(count.to_owned(), vec![run.as_str().into()]).await?;
    let all = rows.pop().map_or(Ok(0), |mut row| row.integer())?;
    Ok((people, u64::try_from(all).unwrap_or(0)))
}
