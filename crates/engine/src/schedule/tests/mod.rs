//! When something starts by itself, from outside.

mod calendar;
mod deciding;
mod forms;
mod ticking;

use jiff::Timestamp;

use super::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn schedule(line: &str) -> Schedule {
    Schedule::parse(line).unwrap_or_else(|error| panic!("{error}"))
}
