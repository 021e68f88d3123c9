//! `achub version`.

use serde_json::json;

use crate::output::{Failure, Output};

/// Prints the version.
pub fn run(output: &Output) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match output.is_json {
        true => output.json("version", json!({ "version": version })),
        false => output.data(&format!("achub {version}\n")),
    }
}
