//! The engine over a scripted source and a recording target: no vendor, no database.

mod checks;
mod fakes;
mod import;
mod modes;
mod moments;
mod rig;
mod run;
mod working;
