//! Who wrote something, in one row for each run and connection.

use achub_core::{ConnectionName, RunId, port::people::Author};

use super::counter::Counters;
use crate::sql::session::{Fault, Row, Session};

const FIND: &str = "SELECT id FROM author WHERE run = $1 AND connection = $2";
const ADD: &str = "INSERT INTO author (id, run, connection) VALUES ($1, $2, $3)";

/// The number of an author, given one where there is none.
pub(crate) async fn number(
    session: &mut dyn Session,
    counters: &mut Counters,
    author: &Author,
) -> Result<i64, Fault> {
    let run = author.run.as_ref().map_or("", RunId::as_str);
    let connection = author.connection.as_ref().map_or("", ConnectionName::as_str);
    let found = session.fetch(FIND.to_owned(), vec![run.into(), connection.into()]).await?;
    if let Some(mut row) = found.into_iter().next() {
        return row.integer();
    }
    counters.author += 1;
    session.execute(ADD.to_owned(), vec![counters.author.into(), run.into(), connection.into()]).await?;
    Ok(counters.author)
}

/// Run and connection from a row.
pub(crate) fn read(row: &mut Row) -> Result<(Option<RunId>, Option<ConnectionName>), Fault> {
    let known = |text: String| (!text.is_empty()).then_some(text);
    let (run, connection) = (known(row.text()?), known(row.text()?));
    Ok((run.map(RunId::new), connection.map(ConnectionName::new)))
}
