//! Where a reading of people stands.

use achub_core::port::source::Position;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a reading of people stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What is read: a position of another reading does not fit.
    pub(super) asked: String,
    /// ActiveCampaign's clock when it was first opened.
    pub(super) as_of: Timestamp,
    /// Which stage it is at.
    pub(super) stage: usize,
    /// Where the walk of that stage stands.
    pub(super) walk: Option<Position>,
    /// The last id that was asked for, where the stage reads known ids.
    pub(super) after: Option<i64>,
    /// Associations with companies that came along so far.
    pub(super) companies: u64,
}

impl Mark {
    /// The mark in a position of a reading of the same.
    pub(super) fn of(position: Option<&Position>, asked: &str) -> Option<Mark> {
        let mark: Mark = serde_json::from_value(position?.0.clone()).ok()?;
        (mark.asked == asked).then_some(mark)
    }

    /// It as a position.
    pub(super) fn position(&self) -> Position {
        Position(serde_json::to_value(self).expect("a mark has only text keys"))
    }
}
