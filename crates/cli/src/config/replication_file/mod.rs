//! Replication files.
