//! How records become the cells of a table's columns, the same for every target.

pub(crate) mod cell;
pub(crate) mod columns;
pub(crate) mod member;
pub(crate) mod moment;
pub(crate) mod refused;
pub(crate) mod seen;

pub(crate) use cell::Cell;
pub(crate) use columns::{CellSource, Place, RowView, operation};
pub(crate) use refused::RefusedRow;
