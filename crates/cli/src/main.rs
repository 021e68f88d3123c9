//! The command line of achub.

mod config;

fn main() {}
