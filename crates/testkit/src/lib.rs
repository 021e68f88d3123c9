//! Test fixtures: simulator in process, PostgreSQL, oracle, failpoints.
#![deny(missing_docs)]

pub mod account;
pub mod crash;
pub mod database_suite;
pub mod in_process;
pub mod memory_target;
pub mod oracle;
pub mod poison;
pub mod postgres;
pub mod postgres_server;
pub mod target_suite;
pub mod time;
