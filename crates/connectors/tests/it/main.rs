//! Sources and targets from outside.

mod activecampaign;
mod postgres;
mod sqlite;
