//! The moments of a run, and the hooks that are called at them.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use achub_core::{
    Error, Outcomes, RunId, StreamName,
    port::{
        clock::Clock,
        hooks::{Facts, Hooks, Moment, StreamFacts, Verdict},
    },
};
use jiff::Timestamp;

/// Calls the hooks of a run and counts what they are told.
pub(crate) struct Moments<'a> {
    hooks: &'a dyn Hooks,
    run: RunId,
    clock: &'a dyn Clock,
    began: Timestamp,
    counts: Mutex<Counts>,
    is_broken: AtomicBool,
}

/// Streams and rows so far.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    succeeded: u64,
    failed: u64,
    skipped: u64,
    rows: u64,
}

/// A stream between its first moment and its last.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    stream: StreamName,
    began: Timestamp,
}

/// How a stream ended.
pub(crate) enum End<'a> {
    Landed(Outcomes),
    Failed(&'a Error),
}

impl<'a> Moments<'a> {
    pub(crate) fn new(hooks: &'a dyn Hooks, run: RunId, clock: &'a dyn Clock) -> Moments<'a> {
        Moments {
            hooks,
            run,
            clock,
            began: clock.now(),
            counts: Mutex::default(),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Whether a hook said that no further stream begins.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::SeqCst)
    }

    /// A run begins or ends.
    pub(crate) async fn of_run(&self, moment: Moment) -> Result<Verdict, Error> {
        self.at(moment, None).await
    }

    /// A stream is about to be loaded; `None` where it is left out.
    pub(crate) async fn begin(&self, stream: &StreamName) -> Result<Option<Begun>, Error> {
        let begun = Begun { stream: stream.clone(), began: self.clock.now() };
        let verdict = match self.is_broken() {
            true => Verdict::Break,
            false => {
                self.at(Moment::StreamStart, Some(self.facts(&begun, Outcomes::default(), None))).await?
            }
        };
        if verdict == Verdict::GoOn {
            return Ok(Some(begun));
        }
        self.counts().skipped += 1;
        Ok(None)
    }

    /// Rows of a stream are about to be moved, or were.
    pub(crate) async fn around_merge(
        &self,
        moment: Moment,
        begun: &Begun,
        outcomes: Outcomes,
    ) -> Result<Verdict, Error> {
        self.at(moment, Some(self.facts(begun, outcomes, None))).await
    }

    /// A stream has landed or failed.
    pub(crate) async fn end(&self, begun: &Begun, end: End<'_>) -> Result<(), Error> {
        let facts = match end {
            End::Landed(outcomes) => {
                let mut counts = self.counts();
                counts.succeeded += 1;
                counts.rows += outcomes.total();
                self.facts(begun, outcomes, None)
            }
            End::Failed(error) => {
                self.counts().failed += 1;
                self.facts(begun, Outcomes::default(), Some(error))
            }
        };
        self.at(Moment::StreamEnd, Some(facts)).await.map(|_| ())
    }

    async fn at(&self, moment: Moment, stream: Option<StreamFacts>) -> Result<Verdict, Error> {
        let Counts { succeeded, failed, skipped, rows } = *self.counts();
        let facts = Facts {
            run: self.run.clone(),
            stream,
            succeeded,
            failed,
            skipped,
            rows,
            seconds: self.seconds_since(self.began),
        };
        let verdict = self.hooks.at(moment, &facts).await?;
        if verdict == Verdict::Break {
            self.is_broken.store(true, Ordering::SeqCst);
        }
        Ok(verdict)
    }

    fn facts(&self, begun: &Begun, outcomes: Outcomes, error: Option<&Error>) -> StreamFacts {
        StreamFacts {
            name: begun.stream.clone(),
            outcomes,
            rows: outcomes.total(),
            seconds: self.seconds_since(begun.began),
            error: error.map(|error| (error.code().id().to_owned(), error.to_string())),
        }
    }

    fn seconds_since(&self, moment: Timestamp) -> f64 {
        self.clock.now().duration_since(moment).as_secs_f64()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are added to at once, so what a panic elsewhere left behind is as good as before.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
