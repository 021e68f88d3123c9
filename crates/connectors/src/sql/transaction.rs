//! The transactions of a load, begun again where the database gave way to somebody else.

use achub_core::{
    Code, Error, failpoint,
    port::{
        source::Page,
        target::{Closing, TableReport, Written},
    },
};

use crate::sql::{Session, session, state::Progress, statements, walk::WalkLoad};

/// How often a transaction is begun. Whoever won a deadlock is done when the loser comes again, so nothing waits here; where
/// a file is locked, each try waits by itself, ten seconds, so that a minute of somebody else's work is outlasted.
const TRIES: u32 = 6;

/// What a transaction that is taken back leaves as it was.
struct Before {
    progress: Progress,
    columns: Vec<usize>,
    made: Vec<bool>,
}

impl<S: Session> WalkLoad<S> {
    /// Writes `pages` in a transaction of their own.
    pub(crate) async fn commit_pages(&mut self, session: &mut S, pages: &[Page]) -> Result<Written, Error> {
        self.enter()?;
        let mut tries = 1;
        let written = loop {
            let before = self.before();
            let written = match session::begin(session).await {
                Ok(()) => self.write(session, pages).await,
                // A database of one writer gives way here.
                Err(fault) => Err(fault),
            };
            failpoint::pass("before-commit");
            match session::end(session, written).await {
                Err(error) if error.code() == Code::GaveWay && tries < TRIES => self.restore(before),
                done => break done?,
            }
            tries += 1;
        };
        failpoint::pass("after-commit");
        self.leave();
        Ok(written)
    }

    /// Ends the walk in a transaction of its own, and runs what was asked for behind it.
    pub(crate) async fn commit_end(
        &mut self,
        session: &mut S,
        closing: &Closing,
    ) -> Result<Vec<TableReport>, Error> {
        self.enter()?;
        let mut tries = 1;
        let reports = loop {
            let before = self.before();
            let reports = match session::begin(session).await {
                Ok(()) => self.finish(session, closing).await,
                Err(fault) => Err(fault),
            };
            match session::end(session, reports).await {
                Err(error) if error.code() == Code::GaveWay && tries < TRIES => self.restore(before),
                done => break done?,
            }
            tries += 1;
        };
        statements::after_load(session, &self.spec.tables).await?;
        Ok(reports)
    }

    fn before(&self) -> Before {
        Before {
            progress: self.progress.clone(),
            columns: self.tables.iter().map(|table| table.plan.columns.len()).collect(),
            made: self.tables.iter().map(|table| table.is_made).collect(),
        }
    }

    fn restore(&mut self, before: Before) {
        self.progress = before.progress;
        let known = before.columns.into_iter().zip(before.made);
        for (table, (columns, is_made)) in self.tables.iter_mut().zip(known) {
            table.plan.columns.truncate(columns);
            table.is_made = is_made;
            // The index went with the transaction, and parents may have been met only in it.
            table.is_indexed = false;
            table.was_empty = false;
        }
    }
}
