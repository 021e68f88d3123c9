//! The hub's own state (budgets, runs, facts about accounts) in SQLite or memory, behind the ports of `achub-core`.
//!
//! No SQL and no database error type leaves this crate: failures are [`achub_core::Error`] with `SY-102` (the state was
//! written by a newer program), `SY-105` (it cannot be read or written) or `SY-199` (a caller's defect).
#![deny(missing_docs)]

pub mod memory;
mod slot;
pub mod sqlite;
