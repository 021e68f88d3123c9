//! ActiveCampaign as a source, from the played account to the tables, judged by the oracle.

mod faults;
mod increments;
mod moving;
mod pace;
mod price;
mod rig;
mod stops;
mod streams;
