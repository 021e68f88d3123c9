//! Sources and targets from outside.

mod activecampaign;
#[cfg(feature = "duckdb")]
mod duckdb;
mod exec;
mod file;
mod folder;
#[cfg(feature = "parquet")]
mod parquet;
mod pipe;
mod postgres;
mod sqlite;
