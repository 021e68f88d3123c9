//! One file per outside system, each a source, a target, or both.
#![deny(missing_docs)]
pub mod activecampaign;
pub mod file;
pub mod postgres;
pub mod sqlite;

mod landing;
mod lock;
mod sql;
