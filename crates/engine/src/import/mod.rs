//! Import: people of an outside system into the hub's own store (SX-2…22, SX-31…33, AB-82…93).
//!
//! A run reads pages of people, looks up who of them is in the store, decides about each, and stores pages together with
//! the position behind them: killed at any point it goes on from the last commit. The first run of a job reads everybody;
//! later ones read what changed since the clock at which the run before began reading, and everybody once a day, because
//! not every change moves a time. A preview is the same without writing.
//!
//! What decides is pure, one question per module:
//!
//! | question | module |
//! |---|---|
//! | from where is read | `start` |
//! | does it fit the store | `shown` |
//! | who in the store is that | `matching` |
//! | which fields change | `merging` |
//! | what of memberships is written down | `allowed` |
//! | what becomes of the person | `deciding` |
//!
//! The activity log gets a line for each person who changed or was refused, up to 10,000 of a run, and for each who came
//! in, up to 1,000 of a run; what is beyond is told as a count, and the history of each person has it in any case.

mod allowed;
mod catalogue;
mod deciding;
mod definition;
mod desk;
mod matching;
mod merging;
mod preview;
mod run;
#[cfg(test)]
mod sample;
mod shown;
mod start;
mod summary;
mod telling;

use achub_core::Error;

pub use definition::{Import, ImportEnds, ImportTicket, Merge};
pub use preview::{ImportPreview, ImportSample};
pub use summary::ImportSummary;
pub use telling::{CREATED, DUPLICATE, SYNCED, UPDATED};

use crate::hub::{Hub, Stop};

impl Hub {
    /// What `import` would do and cost. Reads up to `limit` people, all where it is `None`, and writes nothing anywhere.
    ///
    /// A preview always looks from the beginning: what an unfinished run has stored shows as people who stay the same.
    pub async fn preview_import(
        &self,
        import: &Import,
        ends: &ImportEnds<'_>,
        limit: Option<u64>,
    ) -> Result<ImportPreview, Error> {
        preview::of(self, import, ends, limit).await
    }

    /// Carries `import` out, from where an unfinished run of it ended.
    ///
    /// A request to stop is followed between two commits; the next run goes on from there.
    ///
    /// Errors: what kept it from reading anybody (the run is stored as failed), and `RN-102` where another process took
    /// over. Once people were read the result is a summary; its `error` tells what ended it early.
    pub async fn import(
        &self,
        import: &Import,
        ends: &ImportEnds<'_>,
        ticket: &ImportTicket,
        stop: &Stop,
    ) -> Result<ImportSummary, Error> {
        run::start(self, import, ends, ticket, stop).await
    }
}
