//! `cargo xtask bench`: the benchmarks in release, with a private PostgreSQL where one can be had.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    server::{Durability, Server},
    workspace::{self, Metadata},
};

/// The first argument that compares with other programs instead.
const PEERS: &str = "--peers";

/// Builds product and benchmarks and runs them with `arguments`; after `--peers`, the comparison of `bench/peers/`.
///
/// They take the server's address from `ACHUB_TEST_POSTGRES` and measure the `achub` that lies beside them.
pub fn run(arguments: &[String]) -> Result<bool> {
    let root = workspace::root()?;
    let target = Metadata::read(&root)?.target_directory;
    // These two packages alone: together with the test kit the product would have its failpoints.
    let built = workspace::cargo()
        .args(["build", "--release", "--locked", "--package", "achub", "--package", "achub-bench"])
        .args(["--features", "achub/parquet"])
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
    let mut command = program(&root, &target, arguments);
    if let Some(server) = &server {
        command.env("ACHUB_TEST_POSTGRES", server.url());
    }
    let status = command.current_dir(&root).status().context("cannot start the benchmarks")?;
    Ok(status.success())
}

fn program(root: &Path, target: &Path, arguments: &[String]) -> Command {
    let release = target.join("release");
    match arguments.split_first() {
        Some((first, rest)) if first == PEERS => {
            let mut command = Command::new("python3");
            command.arg(root.join("bench/peers/measure.py")).arg("--achub").arg(release.join("achub"));
            command.arg("--venvs").arg(target.join("peers")).args(rest);
            command
        }
        _ => {
            let mut command = Command::new(release.join("achub-bench"));
            command.args(arguments);
            command
        }
    }
}
