//! Streams read by page number.

use achub_client::rule::Leave;
use achub_core::{
    Error,
    port::source::{OpenWalk, Page, PageSink, Position, Walk, WalkReport},
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    intake::Intake,
    left::{LeftOut, Reply},
    pages::{Fetched, Pages, key_hashes},
};

/// Where a walk by page number stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) signature: String,
    pub(super) as_of: Timestamp,
    /// The page to read next, from 1.
    pub(super) page: u64,
    /// Requests that were passed over.
    #[serde(default)]
    pub(super) left_out: LeftOut,
}

/// A walk by page number, opened or taken up again.
pub(super) struct NumberedWalk {
    pub(super) walk: Walk,
    pub(super) pages: Pages,
    pub(super) intake: Intake,
    pub(super) mark: Mark,
    pub(super) opening: Option<Fetched>,
}

/// Page number `page`.
pub(super) async fn fetch(pages: &Pages, page: u64) -> Result<Reply, Error> {
    let query = vec![
        ("page".to_owned(), page.to_string()),
        ("page_size".to_owned(), pages.main().page_size.to_string()),
    ];
    pages.ask(pages.main().path, query, |_| Ok(())).await
}

#[async_trait]
impl OpenWalk for NumberedWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(mut self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        let mut seen = 0;
        let mut total = None;
        let mut before: Vec<u64> = Vec::new();
        loop {
            let reply = match self.opening.take() {
                Some(opening) => Reply::Page(opening),
                None => fetch(&self.pages, self.mark.page).await?,
            };
            let fetched = match reply {
                Reply::Page(fetched) => fetched,
                Reply::Left(left) => {
                    self.mark.left_out.add(&left, false);
                    let page_size = u64::from(self.pages.main().page_size);
                    let is_more = total.is_some_and(|total| self.mark.page * page_size < total);
                    if left.leave != Leave::Skip || !is_more {
                        break;
                    }
                    self.mark.page += 1;
                    continue;
                }
            };
            total = fetched.decoded.total;
            let keys = key_hashes(fetched.main());
            // A server that ignores the page number shows its only page for ever.
            let is_new = keys.iter().any(|key| !before.contains(key));
            seen += keys.len() as u64;
            let is_full = keys.len() as u64 >= u64::from(self.pages.main().page_size);
            let more = is_new && (is_full || fetched.decoded.total.is_some_and(|total| seen < total));
            before = keys;
            self.mark.page += 1;
            let parts = self.intake.take(fetched.decoded, &[]);
            let position = serde_json::to_value(&self.mark).expect("a mark has only text keys");
            sink.page(Page { parts, position: Position(position) }).await?;
            if !more || self.intake.is_full() {
                break;
            }
        }
        let mut report = WalkReport::default();
        self.mark.left_out.report(&self.intake.streams(), &mut report);
        self.intake.report(&mut report);
        Ok(report)
    }
}
