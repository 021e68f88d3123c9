//! The traits between the parts of the hub. What each implementor must keep is said here and tested by one suite.

pub mod activity;
pub mod audiences;
pub mod budget;
pub mod clock;
pub mod hooks;
pub mod incoming;
pub mod jobs;
pub mod journal;
pub mod people;
pub mod progress;
pub mod source;
pub mod state;
pub mod target;
