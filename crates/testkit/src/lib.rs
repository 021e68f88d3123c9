//! Test fixtures: simulator in process, PostgreSQL, oracle, failpoints.
#![deny(missing_docs)]
