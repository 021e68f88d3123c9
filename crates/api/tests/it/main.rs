//! The contract against real answers.

mod recorded;
mod round_trip;
