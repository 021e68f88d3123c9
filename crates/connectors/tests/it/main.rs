//! Sources and targets from outside.

mod activecampaign;
#[cfg(feature = "duckdb")]
mod duckdb;
mod file;
mod postgres;
mod sqlite;
