//! The numbers that were given out last.

use crate::sql::session::{Arg, Fault, Session};

/// The one row of counters. Whoever has it is the only one who writes about people until the transaction ends: numbers rise
/// in the order of the commits, and whoever reads the outbox behind a number misses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) person: i64,
    pub(crate) company: i64,
    pub(crate) list: i64,
    pub(crate) tag: i64,
    pub(crate) field: i64,
    pub(crate) author: i64,
    pub(crate) line: i64,
}

/// An update, because it takes the lock in both databases.
const TAKE: &str = "
    UPDATE people_counter SET line = line WHERE id = 1
    RETURNING person, company, list, tag, field, author, line";

const PUT: &str = "
    UPDATE people_counter
       SET person = $1, company = $2, list = $3, tag = $4, field = $5, author = $6, line = $7 WHERE id = 1";

impl Counters {
    pub(crate) async fn take(session: &mut dyn Session) -> Result<Counters, Fault> {
        let mut rows = session.fetch(TAKE.to_owned(), Vec::new()).await?;
        let mut row = rows.pop().ok_or_else(|| Fault::unreadable("the counters are missing"))?;
        Ok(Counters {
            person: row.integer()?,
            company: row.integer()?,
            list: row.integer()?,
            tag: row.integer()?,
            field: row.integer()?,
            author: row.integer()?,
            line: row.integer()?,
        })
    }

    pub(crate) async fn put(self, session: &mut dyn Session) -> Result<(), Fault> {
        let all = [self.person, self.company, self.list, self.tag, self.field, self.author, self.line];
        session.execute(PUT.to_owned(), all.map(Arg::from).to_vec()).await?;
        Ok(())
    }

    /// The number of the next line.
    pub(crate) fn next_line(&mut self) -> i64 {
        self.line += 1;
        self.line
    }
}
