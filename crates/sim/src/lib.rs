//! A faithful simulator of ActiveCampaign's API v3.
//!
//! An account is made from a seed: every row is computed when it is asked for, only what changed is kept, so a million
//! contacts cost no memory. It answers under `/api/3` as recorded answers and the vendor's documents say the real API
//! does; open questions are [`Switches`], and faults follow a script of [`FaultRule`]s. Under `/_sim`, for this machine
//! only, lies what a test needs beside: a ledger, a request log, mutations, the truth (see [`Control`]).
//!
//! Time is tokio's: with a paused clock, rate limit, latency and the account's wall clock stand still too.
#![deny(missing_docs)]

mod account;
mod answer;
mod chance;
mod clock;
mod control;
mod error;
mod fault;
mod json;
mod seed;
mod serve;
mod settings;
mod switches;
mod write;

pub use control::Control;
pub use error::Error;
pub use fault::FaultRule;
pub use serve::Sim;
pub use settings::{Latency, Rate, Settings};
pub use switches::{Later, Switches};
