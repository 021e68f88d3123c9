//! Many rows in few statements.

use super::session::{Arg, Dialect, Fault, Row, Session};

/// Rows of one statement at most. More save nothing and make the statement long.
const ROWS_MAX: usize = 256;

/// Rows to be written, one argument for each column.
#[derive(Debug)]
pub(crate) struct Rows {
    head: &'static str,
    tail: &'static str,
    width: usize,
    args: Vec<Arg>,
}

impl Rows {
    /// `head` ends before, `tail` begins after the rows of values.
    pub(crate) fn new(head: &'static str, width: usize, tail: &'static str) -> Rows {
        Rows { head, tail, width, args: Vec::new() }
    }

    /// Adds a row of `width` values.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Arg>) {
        self.args.extend(row);
        debug_assert_eq!(self.args.len() % self.width, 0, "{}", self.head);
    }

    /// Runs the statement for all rows. Their number in one statement is a power of two, so that few statements are
    /// prepared, and those again and again.
    pub(crate) async fn write(mut self, session: &mut dyn Session) -> Result<(), Fault> {
        let limit = (session.dialect().arguments_max() / self.width).clamp(1, ROWS_MAX);
        while !self.args.is_empty() {
            let count = portion(self.args.len() / self.width, limit);
            let rest = self.args.split_off(count * self.width);
            let args = std::mem::replace(&mut self.args, rest);
            let sql = format!("{} {} {}", self.head, values(session.dialect(), count, self.width), self.tail);
            session.execute(sql, args).await?;
        }
        Ok(())
    }
}

/// The largest power of two that is not above either.
fn portion(left: usize, limit: usize) -> usize {
    1 << left.min(limit).ilog2()
}

/// `($1, $2), ($3, $4)`, or as many question marks: SQLite looks a numbered place up along a list of all of them, so that a
/// statement of some thousands took most of its time for finding them.
fn values(dialect: Dialect, rows: usize, width: usize) -> String {
    let mut sql = String::with_capacity(rows * width * 7);
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                sql.push_str(", ");
            }
            match dialect {
                Dialect::Sqlite => sql.push('?'),
                Dialect::Postgres => {
                    sql.push('$');
                    sql.push_str(&(row * width + column + 1).to_string());
                }
            }
        }
        sql.push(')');
    }
    sql
}

/// The rows of `head ($1, …) tail` for all of `ids`, in statements of as few lengths as can be.
pub(crate) async fn fetch_in<T: Clone + Into<Arg>>(
    session: &mut dyn Session,
    head: &str,
    ids: &[T],
    tail: &str,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(ROWS_MAX) {
        let (list, args) = padded(session.dialect(), chunk);
        rows.append(&mut session.fetch(format!("{head} {list} {tail}"), args).await?);
    }
    Ok(rows)
}

/// Runs `head ($1, …)` for all of `ids`.
pub(crate) async fn execute_in<T: Clone + Into<Arg>>(
    session: &mut dyn Session,
    head: &str,
    ids: &[T],
) -> Result<(), Fault> {
    for chunk in ids.chunks(ROWS_MAX) {
        let (list, args) = padded(session.dialect(), chunk);
        session.execute(format!("{head} {list}"), args).await?;
    }
    Ok(())
}

/// A list whose length is a power of two: its last entry is repeated.
fn padded<T: Clone + Into<Arg>>(dialect: Dialect, chunk: &[T]) -> (String, Vec<Arg>) {
    let count = chunk.len().next_power_of_two();
    let last = chunk.last().into_iter().cycle();
    let args = chunk.iter().chain(last).take(count).map(|id| id.clone().into()).collect();
    (values(dialect, 1, count), args)
}

/// The rows that `wanted`, with columns `a` and `b`, is joined to: `rest` selects from it.
///
/// A join, because SQLite scans the whole table for a row of values in a list of several.
pub(crate) async fn fetch_pairs(
    session: &mut dyn Session,
    pairs: &[(Arg, Arg)],
    rest: &str,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for chunk in pairs.chunks(ROWS_MAX) {
        let count = chunk.len().next_power_of_two();
        let last = chunk.last().into_iter().cycle();
        let args = chunk.iter().chain(last).take(count).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
        let sql = format!("WITH wanted (a, b) AS (VALUES {}) {rest}", values(session.dialect(), count, 2));
        rows.append(&mut session.fetch(sql, args).await?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_powers_of_two() {
        let mut left = 300;
        let mut portions = Vec::new();
        while left > 0 {
            portions.push(portion(left, 200));
            left -= portions.last().unwrap();
        }
        assert_eq!(portions, [128, 128, 32, 8, 4]);
        assert_eq!(values(Dialect::Postgres, 2, 2), "($1, $2), ($3, $4)");
        assert_eq!(values(Dialect::Sqlite, 2, 2), "(?, ?), (?, ?)");
    }
}
