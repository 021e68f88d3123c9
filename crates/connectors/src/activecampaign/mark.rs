//! What the positions of all kinds of walks have in common.

use serde::de::DeserializeOwned;

use crate::activecampaign::{numbered, offset, segments, span::Span};

/// A position as a walk stores it.
pub(super) trait Mark: DeserializeOwned {
    /// Names the streams the walk reads.
    fn signature(&self) -> &str;
    /// The stretch of time it reads.
    fn span(&self) -> Span;
}

impl Mark for offset::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn span(&self) -> Span {
        Span { since: self.since, until: self.until }
    }
}

impl Mark for numbered::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn span(&self) -> Span {
        Span::default()
    }
}

impl Mark for segments::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn span(&self) -> Span {
        Span::default()
    }
}
