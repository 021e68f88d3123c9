//! Why a run ends before it is done: a person or the system asks for it, its time is up, or going on makes no sense.

use std::{convert::Infallible, future::Future, time::Duration};

use achub_core::{Code, Error};

use crate::hub::Stop;

/// What ends a run at its next safe point.
pub(crate) struct Ending<'a> {
    stop: &'a Stop,
    time_limit: Option<Duration>,
    out_of_time: Stop,
    abandoned: Stop,
}

impl<'a> Ending<'a> {
    pub(crate) fn new(stop: &'a Stop, time_limit: Option<Duration>) -> Ending<'a> {
        Ending { stop, time_limit, out_of_time: Stop::default(), abandoned: Stop::default() }
    }

    /// Does `work`, and lets time run out beside it.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let time = async {
            if let Some(limit) = self.time_limit {
                tokio::time::sleep(limit).await;
                self.out_of_time.request();
            }
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            result = work => result,
            never = time => match never {},
        }
    }

    /// No further walk is begun; those that are under way go on.
    pub(crate) fn abandon(&self) {
        self.abandoned.request();
    }

    /// Whether no further walk is begun.
    pub(crate) fn is_near(&self) -> bool {
        self.is_requested() || self.abandoned.is_requested()
    }

    /// Whether walks end at their next safe point.
    pub(crate) fn is_requested(&self) -> bool {
        self.stop.is_requested() || self.out_of_time.is_requested()
    }

    /// Returns once walks are to end.
    pub(crate) async fn requested(&self) {
        tokio::select! {
            () = self.stop.requested() => {}
            () = self.out_of_time.requested() => {}
        }
    }

    /// Waits, but not beyond the end.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Error> {
        tokio::select! {
            () = self.requested() => Err(self.error()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// What is said of a stream that did not come to its end.
    pub(crate) fn error(&self) -> Error {
        match self.time_limit {
            Some(limit) if self.out_of_time.is_requested() && !self.stop.is_requested() => {
                let message =
                    format!("stopped at a safe point after the time limit of {} s", limit.as_secs());
                Error::new(Code::StoppedSafely, message)
            }
            _ => Error::new(Code::StoppedSafely, "stopped at a safe point"),
        }
    }
}
