//! What the SQL databases have in common: state and quarantine tables, staging, merging, the wide view.
//!
//! A database brings a [`session::Session`]: its types, its catalogue, its fast way in. The statements are the same for
//! all of them and are made here, in one place, from names that went through [`quote::quoted`].

pub(crate) mod absence;
pub(crate) mod bisect;
pub(crate) mod conditions;
pub(crate) mod database;
pub(crate) mod encode;
pub(crate) mod evolution;
pub mod exec;
pub(crate) mod finish;
pub(crate) mod fit;
pub(crate) mod holder;
pub(crate) mod load;
pub(crate) mod making;
pub(crate) mod merge;
pub(crate) mod missing;
pub(crate) mod newest;
pub(crate) mod plan;
pub(crate) mod quarantine;
pub(crate) mod quote;
pub(crate) mod session;
pub(crate) mod staging;
pub(crate) mod state;
pub(crate) mod statements;
pub(crate) mod storage;
pub(crate) mod strategy;
pub(crate) mod tally;
pub(crate) mod transaction;
pub(crate) mod walk;
pub(crate) mod wide;
pub(crate) mod write;

pub(crate) use plan::{PlannedColumn, TablePlan};
pub(crate) use quote::{TableName, quoted};
pub(crate) use session::{Fault, Fit, RowSink, Session, Shape};
