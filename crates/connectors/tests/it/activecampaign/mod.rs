//! ActiveCampaign as a source, from the played account to the tables, judged by the oracle.

mod accelerated;
mod checks;
mod faults;
mod increments;
mod looks;
mod moving;
mod nested;
mod pace;
mod panics;
mod planted;
mod price;
pub mod rig;
mod rules;
mod soak;
mod stops;
mod streams;
mod warehouse;
mod wide;
