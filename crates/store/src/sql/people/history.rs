//! What changed about a person, and the outbox of all changes.

use achub_core::{
    person::PersonId,
    port::people::{Author, HistoryLine, OutboxRow},
};

use super::{author, moment};
use crate::{
    people::codec,
    sql::session::{Fault, Row, Session},
};

const HISTORY: &str = "
    SELECT a.run, a.connection, c.at_us, c.what, c.before_value, c.after_value
      FROM person_change c JOIN author a ON a.id = c.author
     WHERE c.person = $1 ORDER BY c.number DESC LIMIT $2";

const OUTBOX: &str = "
    SELECT o.number, o.person, a.run, a.connection, o.at_us FROM outbox o JOIN author a ON a.id = o.author
     WHERE o.number > $1 ORDER BY o.number LIMIT $2";

/// See `PeopleStore::history`.
pub(crate) async fn history(
    session: &mut dyn Session,
    id: PersonId,
    limit: u32,
) -> Result<Vec<HistoryLine>, Fault> {
    let rows = session.fetch(HISTORY.to_owned(), vec![id.0.into(), i64::from(limit).into()]).await?;
    rows.into_iter().map(|mut row| line(&mut row)).collect()
}

fn line(row: &mut Row) -> Result<HistoryLine, Fault> {
    let (run, connection) = author::read(row)?;
    let author = Author { run, connection, at: moment(row.integer()?)? };
    let what = row.text()?;
    let mut value = || {
        let text = row.maybe_text()?;
        codec::unlettered(text.as_deref()).ok_or_else(|| Fault::unreadable("a value has no type"))
    };
    Ok(HistoryLine { author, what, before: value()?, after: value()? })
}

/// See `PeopleStore::outbox`.
pub(crate) async fn outbox(
    session: &mut dyn Session,
    number: i64,
    limit: u32,
) -> Result<Vec<OutboxRow>, Fault> {
    let rows = session.fetch(OUTBOX.to_owned(), vec![number.into(), i64::from(limit).into()]).await?;
    let row = |mut row: Row| {
        let (number, person) = (row.integer()?, PersonId(row.integer()?));
        let (_, connection) = author::read(&mut row)?;
        Ok(OutboxRow { number, person, connection, at: moment(row.integer()?)? })
    };
    rows.into_iter().map(row).collect()
}
