//! The real binary: environment cleared, a home of its own, whole output looked at.

mod bad_disk;
mod bad_input;
mod connections;
mod demo;
mod disk;
mod duckdb;
mod file_runs;
mod kill;
mod kill_later;
mod looking_back;
mod machine;
mod pages;
mod parquet;
mod postgres;
mod power;
mod program;
mod readers;
mod recovery;
mod runs;
mod shim;
mod soak;
mod unchanged_files;
mod upheaval;
