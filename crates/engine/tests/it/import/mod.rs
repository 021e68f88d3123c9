//! Imports of scripted people into a store in memory.

mod churn;
mod merging;
mod resuming;
mod rig;
mod source;
mod telling;
