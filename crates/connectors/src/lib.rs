//! One folder per outside system, each a source, a target, or both.
#![deny(missing_docs)]

pub mod activecampaign;
#[cfg(feature = "duckdb")]
pub mod duckdb;
pub mod file;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod postgres;
pub mod sqlite;

#[cfg(feature = "arrow")]
mod arrow;
mod folder;
mod landing;
mod lock;
mod sql;

pub use crate::{folder::target::FolderTarget, sql::exec};

/// What a connector can be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Records are read from it.
    Source,
    /// Records are written to it.
    Target,
}

impl Role {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Target => "target",
        }
    }
}

/// Code for one kind of outside system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connector {
    /// Its name, that of its folder and of a connection's type.
    pub name: &'static str,
    /// What it can be used as.
    pub role: Role,
}

/// Every connector this program carries. A new one is a folder and a line here.
pub const CONNECTORS: &[Connector] = &[
    activecampaign::CONNECTOR,
    #[cfg(feature = "duckdb")]
    duckdb::CONNECTOR,
    file::CONNECTOR,
    #[cfg(feature = "parquet")]
    parquet::CONNECTOR,
    postgres::CONNECTOR,
    sqlite::CONNECTOR,
];
