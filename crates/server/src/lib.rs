//! What runs by itself: the daemon with its scheduler, its workers, and what it tells about itself.
//!
//! Any number of daemons may share one store. What keeps them apart is the lease of each job: it is taken together with the
//! run, renewed while the run works, and its number is checked wherever something is written.
#![deny(missing_docs)]

pub mod daemon;
pub mod health;
pub mod http;
pub mod keeper;
pub mod runner;
mod worker;

pub use daemon::{Daemon, Settings};
pub use keeper::Keeper;
pub use runner::{Ended, Runner, Task};
