//! Everything the program is told: folders, variables, connections, replication files.
//!
//! The only place that reads configuration and environment. Every mistake is an error that names the place and the
//! nearest right thing, and is found before anything is sent.

pub mod connection;
pub mod connections;
pub mod dotenv;
pub mod env_file;
pub mod environment;
pub mod home;
mod interpolate;
pub mod keys;
pub mod known_stream;
pub mod nearest;
pub mod project;
pub mod replication_file;
pub mod yaml;
pub mod yaml_edit;
