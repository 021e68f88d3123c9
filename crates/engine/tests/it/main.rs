//! The engine over a scripted source and a recording target: no vendor, no database.

mod fakes;
mod run;
