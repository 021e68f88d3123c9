//! People in a database. Each function works within a transaction that its caller ends.

pub(crate) mod apply;
pub(crate) mod author;
pub(crate) mod catalogue;
pub(crate) mod company;
pub(crate) mod condition;
pub(crate) mod counter;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod load;
pub(crate) mod page;
mod port;
pub(crate) mod suppression;
pub(crate) mod undo;
pub(crate) mod value;
pub(crate) mod write;

pub(crate) use port::people_store;

use achub_core::Error;
use jiff::Timestamp;

use super::session::{Door, Fault, Session};

/// Microseconds since 1970, as moments are stored.
pub(crate) fn micros(moment: Timestamp) -> i64 {
    moment.as_microsecond()
}

/// The moment of stored microseconds.
pub(crate) fn moment(micros: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(micros).map_err(|_| Fault::unreadable(format!("{micros} is no moment")))
}

/// Opens a transaction that reads, or says what could not be done.
pub(crate) async fn read(door: &dyn Door, attempt: &str) -> Result<Box<dyn Session>, Error> {
    door.reading().await.map_err(|fault| door.told(attempt, fault))
}

/// Opens a transaction that writes, or says what could not be done.
pub(crate) async fn write(door: &dyn Door, attempt: &str) -> Result<Box<dyn Session>, Error> {
    door.writing().await.map_err(|fault| door.told(attempt, fault))
}
