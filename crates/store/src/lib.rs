//! The hub's own state (budgets, runs, facts about accounts, the queue of jobs, activity, people, audiences) in SQLite,
//! PostgreSQL or memory, behind the ports of `achub-core`.
//!
//! No SQL and no database error type leaves this crate: failures are [`achub_core::Error`] with `SY-102` (the state was
//! written by a newer program), `SY-103` (it cannot be written to: full, or to be read only), `SY-105` (it cannot be read
//! or written for another reason) or `SY-199` (a caller's defect), beside those that the ports name.
#![deny(missing_docs)]

mod activity;
mod audience;
mod jobs;
pub mod memory;
mod open;
mod people;
pub mod postgres;
mod query;
mod slot;
mod sql;
pub mod sqlite;
mod stored;

pub use open::{Everything, open};
