//! Requests that were refused and that the rules of their endpoint say to go on without.
//!
//! What such a request would have shown is neither read nor gone: the streams of its walk count as incomplete, no cursor
//! moves past it, and the summary tells of it. A parent that is gone has no children any more, so that is the one refusal
//! that leaves nothing out.

use achub_client::rule::Leave;
use achub_core::{Code, Error, StreamName, port::source::WalkReport};
use serde::{Deserialize, Serialize};

use crate::activecampaign::pages::Fetched;

/// The status of what is not there (any more).
const GONE: u16 = 404;

/// What became of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// Its page.
    Page(Fetched),
    /// It was refused, and a rule says how to go on.
    Left(Left),
}

/// A refusal to go on from.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) leave: Leave,
    pub(super) status: u16,
    pub(super) error: Error,
}

/// What a walk went on without; part of its position, so that a walk that is taken up again still knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    /// Requests that were refused.
    requests: u64,
    /// Parents that were gone when it was their turn.
    parents_gone: u64,
    /// The first refusal in words.
    first: Option<String>,
}

impl Reply {
    /// The page. Errors: `AC-110` where a rule says to go on without it, for a caller that cannot.
    pub(super) fn page(self) -> Result<Fetched, Error> {
        match self {
            Reply::Page(fetched) => Ok(fetched),
            Reply::Left(left) => Err(left.into_error()),
        }
    }
}

impl Left {
    /// The failure of a caller that needs the answer.
    pub(super) fn into_error(self) -> Error {
        let message = format!("{} {}", self.error.code().id(), self.error);
        Error::new(Code::PassedOver, message)
    }
}

impl LeftOut {
    /// Takes note of a refusal; `of_parent` where it was a request for the children of one record.
    pub(super) fn add(&mut self, left: &Left, of_parent: bool) {
        if of_parent && left.status == GONE {
            self.parents_gone += 1;
            return;
        }
        self.requests += 1;
        self.first.get_or_insert_with(|| format!("{} {}", left.error.code().id(), left.error));
    }

    /// Whether anything was left out.
    pub(super) fn is_any(&self) -> bool {
        self.requests > 0
    }

    /// Tells in `report` what `streams`, which one walk feeds, went without.
    pub(super) fn report(&self, streams: &[StreamName], report: &mut WalkReport) {
        let names: Vec<&str> = streams.iter().map(StreamName::as_str).collect();
        let names = names.join(", ");
        if self.parents_gone > 0 {
            let gone = self.parents_gone;
            report.notes.push(format!("{names}: {gone} parents were gone when it was their turn"));
        }
        let Some(first) = self.first.as_ref().filter(|_| self.is_any()) else { return };
        let requests = self.requests;
        report.notes.push(format!(
            "{names}: {requests} requests were refused and passed over, as the rules of the endpoint say; nothing \
             counts as gone, the next run begins where this one did; the first: {first}"
        ));
        report.passed_over.extend(streams.iter().map(|stream| (stream.clone(), requests)));
    }
}
