//! What a run tells while it works.

use std::time::Duration;

use crate::{
    name::{StreamName, WalkName},
    outcome::Outcomes,
};

/// One thing that happened in a run. Facts that must survive are stored; these are for whoever watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Walks are open, and their price is known. Comes before the first walk begins, and again whenever more were opened;
    /// figures are those of the walks that were added.
    Opened {
        /// How many walks.
        walks: usize,
        /// Requests all of them are expected to take.
        requests: u64,
        /// Seconds all of them are expected to take.
        seconds: f64,
        /// Streams whose walks are still to be opened; each takes one request at least.
        later: usize,
    },
    /// A walk begins. `resumed` tells whether it continues an earlier attempt.
    WalkStarted {
        /// Which walk.
        walk: WalkName,
        /// What it feeds.
        streams: Vec<StreamName>,
        /// Whether an earlier attempt is continued.
        resumed: bool,
        /// Requests it is expected to take.
        requests: u64,
    },
    /// Rows and the position they stand for are durable in the target.
    Committed {
        /// Which walk.
        walk: WalkName,
        /// Rows of each stream in this commit.
        rows: Vec<(StreamName, u64)>,
        /// Pages in this commit.
        pages: u64,
    },
    /// A walk is complete and its tables hold its rows.
    WalkFinished {
        /// Which walk.
        walk: WalkName,
    },
    /// The rows of a stream are in its table; comes once for each stream of a walk, before [`Event::WalkFinished`].
    StreamFinished {
        /// Which stream.
        stream: StreamName,
        /// What became of its records.
        outcomes: Outcomes,
        /// Rows in its table now.
        rows: u64,
        /// Seconds since its walk began.
        seconds: f64,
    },
    /// The other side asked to slow down; nothing is sent for this long.
    Waiting {
        /// Who asked.
        reason: String,
        /// For how long.
        wait: Duration,
    },
    /// Something the user should know that does not stop the run.
    Warning {
        /// One sentence without a full stop.
        message: String,
    },
}

/// Receives the events of a run, in order, from several tasks. Must not block.
pub trait Progress: Send + Sync {
    /// Takes an event.
    fn event(&self, event: Event);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event) {}
}
