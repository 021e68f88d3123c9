//! The simulator from outside: through its router, and over a real connection where that matters.

mod app;
mod decisions;
mod reading;
mod shapes;
mod variants;
