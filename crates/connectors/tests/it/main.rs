//! Sources and targets from outside.

mod activecampaign;
