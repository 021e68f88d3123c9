//! Who is in which segment: an evaluation is started per segment, polled until it is ready, then read page by page.
//!
//! Source: vendor reference, "Match all contacts in a segment"; nobody is known to have recorded it, so the answers are
//! taken tolerantly and a segment that cannot be evaluated is told about and passed over.

use std::time::Duration;

use achub_api::{
    decode::{
        Decoded,
        segment_match::{self, RunState, SegmentMatch},
    },
    stream::Stream,
};
use achub_client::{Client, Get, Reply, rule::Leave};
use achub_core::{
    Code, Error,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    intake::Intake,
    left::{Left, LeftOut},
};

/// Between two looks whether an evaluation is ready.
const POLL_EVERY: Duration = Duration::from_secs(2);

/// Looks at one evaluation before it is given up.
const POLLS_MAX: u32 = 150;

/// Where a walk over segments stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) signature: String,
    pub(super) as_of: Timestamp,
    /// Ids of the segments still to be read.
    pub(super) left: Vec<String>,
    /// Requests that were passed over.
    #[serde(default)]
    pub(super) left_out: LeftOut,
}

/// A walk over the members of all segments.
pub(super) struct SegmentsWalk {
    pub(super) walk: Walk,
    pub(super) client: Client,
    pub(super) stream: &'static Stream,
    pub(super) intake: Intake,
    pub(super) mark: Mark,
}

#[async_trait]
impl OpenWalk for SegmentsWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(mut self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        let mut report = WalkReport::default();
        while let Some(segment) = self.mark.left.first().cloned() {
            match self.segment(&segment, sink).await {
                Ok(()) => {}
                // One segment that cannot be evaluated must not hide the others.
                Err(Ended::Failed(error)) if error.code() == Code::RequestRefused => {
                    report.notes.push(format!("segment {segment} could not be evaluated: {error}"));
                    self.mark.left.remove(0);
                }
                Err(Ended::Failed(error)) => return Err(error),
                Err(Ended::Left(left)) => {
                    self.mark.left_out.add(&left, true);
                    let is_over = left.leave == Leave::Stop;
                    self.mark.left.retain(|left| *left != segment && !is_over);
                }
            }
            if self.intake.is_full() {
                break;
            }
        }
        self.mark.left_out.report(&self.intake.streams(), &mut report);
        self.intake.report(&mut report);
        Ok(report)
    }
}

/// Why a segment was not read.
enum Ended {
    Failed(Error),
    /// A rule says to go on.
    Left(Left),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Failed(error)
    }
}

impl SegmentsWalk {
    async fn segment(&mut self, segment: &str, sink: &mut dyn PageSink) -> Result<(), Ended> {
        let mut page = 1;
        loop {
            let answer = self.ready(segment, page).await?;
            let is_last = page >= answer.last_page.unwrap_or(1);
            if is_last {
                self.mark.left.retain(|left| left != segment);
            }
            let decoded = Decoded { parts: vec![answer.part], total: None, meta: None };
            let parts = self.intake.take(decoded, &[]);
            let position = serde_json::to_value(&self.mark).expect("a mark has only text keys");
            sink.page(Page { parts, position: Position(position) }).await?;
            if is_last || self.intake.is_full() {
                return Ok(());
            }
            page += 1;
        }
    }

    async fn ready(&self, segment: &str, page: u64) -> Result<SegmentMatch, Ended> {
        let start = format!("segmentMatchAll/{segment}");
        let mut answer = self.get(&start, segment, page).await?;
        for _ in 0..POLLS_MAX {
            match answer.state {
                RunState::Ready => return Ok(answer),
                RunState::Failed => break,
                RunState::Pending => tokio::time::sleep(POLL_EVERY).await,
            }
            let path = match &answer.run {
                Some(run) => format!("{start}/{run}"),
                None => start.clone(),
            };
            answer = self.get(&path, segment, page).await?;
        }
        let message = format!("the evaluation of segment {segment} did not become ready");
        Err(Error::new(Code::RequestRefused, message).into())
    }

    async fn get(&self, path: &str, segment: &str, page: u64) -> Result<SegmentMatch, Ended> {
        let request = Get::new(path).with("page", page).with("page_size", self.stream.page_size);
        let read = |body: &[u8]| segment_match::read(body, self.stream, segment);
        match self.client.ask(&request, read).await? {
            Reply::Read(answer) => Ok(answer.value),
            Reply::Left { leave, status, error } => Err(Ended::Left(Left { leave, status, error })),
        }
    }
}
