//! What all stores of people share: what a change makes of a person, what differs, what an undo makes of her.
//!
//! Pure functions. A store loads whom a change is about, asks here, and writes down the differences.

pub(crate) mod adoption;
pub(crate) mod change;
pub(crate) mod codec;
pub(crate) mod companies;
pub(crate) mod difference;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod suppression;
pub(crate) mod undo;

use achub_core::{Code, Error};
use jiff::{SignedDuration, Timestamp};

/// How long a run can be taken back after it changed people last.
pub(crate) const UNDO_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long records that did not get in are kept.
pub(crate) const REFUSED_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How many people are taken back in one transaction: others get their turn between two portions.
pub(crate) const UNDO_PORTION: usize = 500;

/// A moment as stores keep it: whole microseconds.
pub(crate) fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}

/// Somebody changed the same people meanwhile: `RN-109`.
pub(crate) fn meanwhile(what: &str) -> Error {
    Error::new(Code::ChangedMeanwhile, format!("cannot change people: {what}"))
}

/// A caller's defect: `SY-199`.
pub(crate) fn defect(what: impl std::fmt::Display) -> Error {
    Error::new(Code::Bug, format!("cannot change people: {what}"))
}

/// `RN-110` for a run that cannot be taken back.
pub(crate) fn undo_too_late(why: &str) -> Error {
    Error::new(Code::UndoTooLate, format!("cannot take the run back: {why}"))
}
