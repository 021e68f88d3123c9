//! Statements that SQLite and PostgreSQL read alike: `$1` for values, `ON CONFLICT`, `RETURNING`, rows of values.
//!
//! What differs is in [`session::Dialect`] and in the two sessions; everything else is written once, so that the two stores
//! cannot come to mean different things.

pub(crate) mod people;
pub(crate) mod rows;
pub(crate) mod session;
