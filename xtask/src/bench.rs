//! `cargo xtask bench`: the benchmarks in release, with a private PostgreSQL where one can be had.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{
    server::{Durability, Server},
    workspace::{self, Metadata},
};

/// Builds product and benchmarks and runs them with `arguments`.
///
/// They take the server's address from `ACHUB_TEST_POSTGRES` and measure the `achub` that lies beside them.
pub fn run(arguments: &[String]) -> Result<bool> {
    let root = workspace::root()?;
    let target = Metadata::read(&root)?.target_directory;
    // These two packages alone: together with the test kit the product would have its failpoints.
    let built = workspace::cargo()
        .args(["build", "--release", "--locked", "--package", "achub", "--package", "achub-bench"])
        .current_dir(&root)
        .status()
        .context("cannot start cargo")?;
    ensure!(built.success(), "the benchmarks do not build");

    let server = match Server::start(Durability::Full) {
        Ok(server) => Some(server),
        Err(error) => {
            // Standard output may be a JSON document.
            eprintln!("not measured: PostgreSQL: {error:#}");
            None
        }
    };
    let mut command = Command::new(target.join("release").join("achub-bench"));
    command.args(arguments).current_dir(&root);
    if let Some(server) = &server {
        command.env("ACHUB_TEST_POSTGRES", server.url());
    }
    let status = command.status().context("cannot start the benchmarks")?;
    Ok(status.success())
}
