//! The hub's own state in SQLite or memory.
#![deny(missing_docs)]
