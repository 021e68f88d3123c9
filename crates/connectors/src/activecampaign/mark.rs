//! What the positions of all kinds of walks have in common.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::activecampaign::{contacts, numbered, offset, segments};

/// A position as a walk stores it.
pub(super) trait Mark: DeserializeOwned {
    /// Names the streams the walk reads.
    fn signature(&self) -> &str;
    /// From when on it reads.
    fn since(&self) -> Option<Timestamp>;
}

impl Mark for contacts::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

impl Mark for offset::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

impl Mark for numbered::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn since(&self) -> Option<Timestamp> {
        None
    }
}

impl Mark for segments::Mark {
    fn signature(&self) -> &str {
        &self.signature
    }

    fn since(&self) -> Option<Timestamp> {
        None
    }
}
