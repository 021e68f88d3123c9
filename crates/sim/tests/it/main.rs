//! The simulator from outside: through its router, and over a real connection where that matters.

mod app;
mod control;
mod decisions;
mod faults;
mod filters;
mod odd_requests;
mod reading;
mod relations;
mod shapes;
mod variants;
mod writing;
