//! Daemons over a store in memory, in virtual time.

mod daemons;
mod rig;
mod routes;
