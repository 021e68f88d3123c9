//! Test fixtures: simulator in process, PostgreSQL, oracle, failpoints.
#![deny(missing_docs)]

pub mod account;
pub mod in_process;
pub mod time;
pub mod oracle;
pub mod memory_target;
