//! The traits between the parts of the hub. What each implementor must keep is said here and tested by one suite.

pub mod budget;
pub mod clock;
pub mod hooks;
pub mod journal;
pub mod progress;
pub mod source;
pub mod state;
pub mod target;
