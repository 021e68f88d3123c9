//! Benchmarks of the whole program.

fn main() {}
