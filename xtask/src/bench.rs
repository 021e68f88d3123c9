//! `cargo xtask bench`: the benchmarks in release, with a private PostgreSQL where one can be had.

use anyhow::{Context, Result};

use crate::{
    server::{Durability, Server},
    workspace,
};

/// Runs the benchmarks with `arguments`. They take the server's address from `ACHUB_TEST_POSTGRES` and leave out what
/// needs one where it is missing.
pub fn run(arguments: &[String]) -> Result<bool> {
    let server = match Server::start(Durability::Full) {
        Ok(server) => Some(server),
        Err(error) => {
            println!("not measured: PostgreSQL: {error:#}");
            None
        }
    };
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--locked", "--package", "achub-bench", "--"]).args(arguments);
    command.current_dir(workspace::root()?);
    if let Some(server) = &server {
        command.env("ACHUB_TEST_POSTGRES", server.url());
    }
    let status = command.status().context("cannot start cargo")?;
    Ok(status.success())
}
