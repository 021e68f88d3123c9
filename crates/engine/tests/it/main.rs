//! The engine over a scripted source and a recording target: no vendor, no database.

mod audiences;
mod checks;
mod fakes;
mod import;
mod modes;
mod moments;
mod rig;
mod run;
mod scheduling;
mod working;
