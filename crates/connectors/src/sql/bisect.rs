//! Moving rows into a table that may refuse some of them: halves, halves of halves, until the refused row stands alone.

use achub_core::port::target::Quarantined;

use crate::{
    landing::{Cell, RefusedRow, refused},
    sql::{
        Fault, Session, TablePlan,
        merge::Range,
        plan::SEQ,
        quote::quoted,
        session::RowFault,
        strategy::{Moved, move_range},
    },
};

/// Refused rows after which they are handed on: a table that takes none of a million rows must not fill the memory.
const REFUSED_MAX: usize = 1_000;

/// Rows on their way from a staging table into their table.
pub(crate) struct Moving {
    /// Ranges still to be moved, the next one last.
    waiting: Vec<Range>,
}

impl Moving {
    pub(crate) fn new(range: Range) -> Moving {
        Moving { waiting: vec![range] }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Moves the rows of `range` from the staging table; those the table refuses are added to `refused`.
pub(crate) async fn move_rows<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    range: Range,
    refused: &mut Vec<RefusedRow>,
) -> Result<Moved, Fault> {
    let mut moving = Moving::new(range);
    let mut all = Moved::default();
    while !moving.is_done() {
        all += move_some(session, plan, &mut moving, refused).await?;
    }
    Ok(all)
}

/// The same, until it is done or many rows were refused.
pub(crate) async fn move_some<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    moving: &mut Moving,
    refused: &mut Vec<RefusedRow>,
) -> Result<Moved, Fault> {
    let mut all = Moved::default();
    let most = refused.len() + REFUSED_MAX;
    while refused.len() < most
        && let Some(range) = moving.waiting.pop()
    {
        if !S::HAS_SAVEPOINTS {
            all += move_fitting(session, plan, range, refused).await?;
            continue;
        }
        session.execute("SAVEPOINT achub_move", &[]).await?;
        let moved = move_range(session, plan, range).await;
        if moved.is_err() {
            session.execute("ROLLBACK TO SAVEPOINT achub_move", &[]).await?;
        }
        session.execute("RELEASE SAVEPOINT achub_move", &[]).await?;
        match moved {
            Ok(moved) => all += moved,
            Err(Fault { row: None, error }) => return Err(error.into()),
            Err(Fault { row: Some(_), .. }) if range.first < range.last => {
                let middle = range.first + (range.last - range.first) / 2;
                moving.waiting.push(Range { first: middle + 1, last: range.last });
                moving.waiting.push(Range { first: range.first, last: middle });
            }
            Err(Fault { row: Some(fault), .. }) => {
                all.outcomes.refused += 1;
                refused.push(staged_row(session, plan, range.first, *fault).await?);
            }
        }
    }
    Ok(all)
}

/// The same where a statement that fails ends the transaction: what would be refused is taken out before.
async fn move_fitting<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    range: Range,
    refused: &mut Vec<RefusedRow>,
) -> Result<Moved, Fault> {
    let unfit = session.unfit(plan, range).await?;
    let count = unfit.len() as u64;
    for (seq, fault) in unfit {
        refused.push(staged_row(session, plan, seq, fault).await?);
        let sql = format!("DELETE FROM {} WHERE {} = {seq}", plan.staging.sql(), quoted(SEQ));
        session.execute(&sql, &[]).await?;
    }
    let mut moved = move_range(session, plan, range).await?;
    moved.outcomes.refused += count;
    Ok(moved)
}

/// What is kept of a row that stands in the staging table.
async fn staged_row<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    seq: i64,
    fault: RowFault,
) -> Result<RefusedRow, Fault> {
    let texts: Vec<String> =
        plan.columns.iter().map(|column| format!("CAST({} AS text)", quoted(&column.name))).collect();
    let sql =
        format!("SELECT {} FROM {} WHERE {} = {seq}", texts.join(", "), plan.staging.sql(), quoted(SEQ));
    let row = session.texts(&sql, &[]).await?.into_iter().next().unwrap_or_default();
    let cell = |index: usize| match row.get(index).and_then(Option::as_deref) {
        Some(text) => Cell::Text(text.into()),
        None => Cell::Null,
    };
    let key = refused::key_text(plan.key.iter().map(|&index| cell(index)));
    let cells = plan.columns.iter().enumerate().map(|(index, column)| (column.name.as_str(), cell(index)));
    let row = refused::row_json(cells);
    Ok(RefusedRow {
        about: Quarantined {
            stream: plan.load.stream.clone(),
            key,
            column: fault.column,
            reason: fault.reason,
        },
        row,
    })
}
