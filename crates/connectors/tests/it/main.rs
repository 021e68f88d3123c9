//! Sources and targets from outside.

mod activecampaign;
mod file;
mod postgres;
mod sqlite;
