//! Replication over ports: plans, checkpoints, outcomes. Knows no vendor, no SQL and no HTTP.
#![deny(missing_docs)]

pub mod expression;
mod feed;
pub mod hub;
mod interrupted;
mod journal;
mod naming;
mod replicate;
pub mod replication;
pub mod shape;
mod summary;
mod tables;
mod wide;

pub use hub::{Hub, Preview, Stop, Summary};
pub use replication::Replication;
