//! The words of the hub as types, and the ports between its parts.
//!
//! Nothing in this crate does I/O or needs an async runtime; see `docs/architecture.md`.
#![deny(missing_docs)]

pub mod batch;
pub mod code;
pub mod condition;
pub mod consent;
pub mod email;
pub mod error;
pub mod failpoint;
pub mod name;
pub mod outcome;
pub mod person;
pub mod planted;
pub mod port;
pub mod schema;
pub mod secret;
pub mod value;

pub use batch::Batch;
pub use code::Code;
pub use email::EmailAddress;
pub use error::Error;
pub use name::{
    AccountName, AudienceName, ConnectionName, JobName, ReplicationName, RunId, StreamName, WalkName,
};
pub use outcome::{Outcome, Outcomes};
pub use schema::{Column, Field, Schema, SharedSchema, Table};
pub use secret::Secret;
pub use value::{FieldType, Value};
