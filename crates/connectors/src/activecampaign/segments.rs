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
use achub_client::{Client, Get};
use achub_core::{
    Code, Error,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::intake::Intake;

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
            if let Err(error) = self.segment(&segment, sink).await {
                // One segment that cannot be evaluated must not hide the others.
                if error.code() != Code::RequestRefused {
                    return Err(error);
                }
                report.notes.push(format!("segment {segment} could not be evaluated: {error}"));
                self.mark.left.remove(0);
            }
            if self.intake.is_full() {
                break;
            }
        }
        self.intake.report(&mut report);
        Ok(report)
    }
}

impl SegmentsWalk {
    async fn segment(&mut self, segment: &str, sink: &mut dyn PageSink) -> Result<(), Error> {
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

    async fn ready(&self, segment: &str, page: u64) -> Result<SegmentMatch, Error> {
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
        Err(Error::new(
            Code::RequestRefused,
            format!("the evaluation of segment {segment} did not become ready"),
        ))
    }

    async fn get(&self, path: &str, segment: &str, page: u64) -> Result<SegmentMatch, Error> {
        let request = Get::new(path).with("page", page).with("page_size", self.stream.page_size);
        let answer =
            self.client.get(&request, |body| segment_match::read(body, self.stream, segment)).await?;
        Ok(answer.value)
    }
}
