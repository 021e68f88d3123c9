//! ActiveCampaign as a source, from the played account to the tables, judged by the oracle.

mod accelerated;
mod answers;
mod checks;
mod faults;
mod fields;
mod importing;
mod increments;
mod locked;
mod looks;
mod moving;
mod nested;
mod outage;
mod pace;
mod panics;
mod people;
mod place;
mod planted;
mod price;
pub mod rig;
mod rules;
mod sizes;
mod soak;
mod stops;
mod streams;
mod times;
mod warehouse;
mod wide;
