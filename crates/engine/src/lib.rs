//! Replication over ports: plans, checkpoints, outcomes. Knows no vendor, no SQL and no HTTP.
#![deny(missing_docs)]

pub mod audience;
mod checking;
mod context;
mod definition;
mod drift;
mod ending;
pub mod expression;
mod feed;
pub mod hub;
pub mod import;
mod intake;
mod interrupted;
mod journal;
mod moments;
mod naming;
mod once;
mod opening;
mod passes;
mod planting;
mod prepare;
mod preview;
mod reading;
mod recall;
pub mod replication;
mod run;
pub mod schedule;
pub mod shape;
mod summary;
mod tables;
mod walks;
mod wide;

pub use hub::{Hub, Preview, Stop, Summary};
pub use replication::Replication;
