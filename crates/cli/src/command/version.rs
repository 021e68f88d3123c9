//! `achub version`.

use achub_connectors::{CONNECTORS, Connector, Role};
use serde_json::json;

use crate::output::{Failure, Output};

/// Prints the version and the connectors this binary carries.
pub fn run(output: &Output) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let (sources, targets) = (names(Role::Source), names(Role::Target));
    if output.is_json {
        return output.json("version", json!({ "version": version, "sources": sources, "targets": targets }));
    }
    output.data(&format!(
        "achub {version}\nsources  {}\ntargets  {}\n",
        sources.join(", "),
        targets.join(", ")
    ))
}

fn names(role: Role) -> Vec<&'static str> {
    CONNECTORS.iter().filter(|connector| connector.role == role).map(|&Connector { name, .. }| name).collect()
}
