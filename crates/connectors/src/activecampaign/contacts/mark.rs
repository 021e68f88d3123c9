//! Where a walk over contacts stands.

use achub_api::decode::Decoded;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activecampaign::{
    contacts::riders::Rider, intake, left::LeftOut, mark, ranges::Range, span::Span,
};

/// Where a walk over contacts stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::activecampaign) struct Mark {
    /// What the walk reads; a position of another walk does not fit.
    pub(super) signature: String,
    /// From when on it reads.
    pub(super) since: Option<Timestamp>,
    /// Until when it reads.
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
    /// ActiveCampaign's clock at the first opening.
    pub(in crate::activecampaign) as_of: Timestamp,
    /// What has still to be read.
    pub(in crate::activecampaign) left: Vec<Range>,
    /// The largest id at the opening.
    pub(in crate::activecampaign) newest: i64,
    /// Contacts seen so far.
    pub(super) seen: u64,
    /// Contacts there were at the opening.
    pub(in crate::activecampaign) total: u64,
    /// Whether this is the second look.
    pub(in crate::activecampaign) second_look: bool,
    /// Streams that come along, and how many of their records have.
    #[serde(default)]
    pub(in crate::activecampaign) riders: Vec<Rider>,
    /// Requests that were passed over.
    #[serde(default)]
    pub(super) left_out: LeftOut,
}

impl Mark {
    /// The mark after an opening page, the newest ids first.
    pub(in crate::activecampaign) fn opened(
        signature: String,
        span: Span,
        as_of: Timestamp,
        opening: &Decoded,
        page_size: u32,
    ) -> Mark {
        let ids = intake::ids(&opening.parts[0].batch);
        let total = opening.total.unwrap_or(ids.len() as u64);
        let lowest = ids.iter().copied().min().unwrap_or(0);
        let is_everything = (ids.len() as u64) < u64::from(page_size);
        let left = if is_everything || lowest <= 1 {
            Vec::new()
        } else {
            vec![Range { after: 0, before: Some(lowest) }]
        };
        let newest = ids.iter().copied().max().unwrap_or(0);
        Mark { left, newest, total, ..Mark::finished(signature, span, as_of, Vec::new()) }
    }

    /// The mark of a walk that has read all contacts.
    pub(super) fn finished(signature: String, span: Span, as_of: Timestamp, riders: Vec<Rider>) -> Mark {
        Mark {
            signature,
            since: span.since,
            until: span.until,
            as_of,
            left: Vec::new(),
            newest: 0,
            seen: 0,
            total: 0,
            second_look: false,
            riders,
            left_out: LeftOut::default(),
        }
    }

    /// Whether `stream` comes along.
    pub(in crate::activecampaign) fn carries(&self, stream: &str) -> bool {
        self.riders.iter().any(|rider| rider.stream == stream)
    }

    /// Ids inside of `read` need not be read any more: they came with the opening.
    pub(in crate::activecampaign) fn cut_above(&mut self, read: Range) {
        for range in &mut self.left {
            range.before = range.before.map(|before| before.min(read.after + 1));
        }
    }

    /// The ids still to be read, as far as they are bounded.
    pub(in crate::activecampaign) fn width_left(&self) -> i64 {
        self.left.iter().filter_map(Range::width).sum()
    }

    /// Contacts still to be read, for the price.
    pub(in crate::activecampaign) fn records_left(&self) -> u64 {
        if self.left.is_empty() { 0 } else { self.total.saturating_sub(self.seen) }
    }
}

impl mark::Mark for Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn span(&self) -> Span {
        Span { since: self.since, until: self.until }
    }
}
