//! Replication over ports: plans, checkpoints, outcomes. Knows no vendor, no SQL and no HTTP.
#![deny(missing_docs)]

pub mod hub;
mod replicate;
pub mod replication;

pub use hub::{Hub, Preview, Stop, Summary};
pub use replication::Replication;
