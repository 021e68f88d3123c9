//! DuckDB's library, for the tests that load into it.

use std::{
    env::{self, consts},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

/// The variable with the library's path, which tests and program read.
pub const VARIABLE: &str = "ACHUB_DUCKDB_LIBRARY";

/// The version of the npm package that was tried.
const VERSION: &str = "1.5.6-r.1";

/// The library: the one that [`VARIABLE`] names, else that of the npm package. The package is fetched once into `target`.
///
/// Errors: why there can be none on this machine.
pub fn library(target: &Path) -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    let folder = target.join("duckdb").join(VERSION);
    let name = format!("{}duckdb{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);
    let library = folder.join("package").join(name);
    if library.is_file() {
        return Ok(library);
    }
    let package = package(consts::OS, consts::ARCH);
    println!("DuckDB's library is missing: fetching the npm package {package}");
    fetch(&package, &folder)?;
    ensure!(library.is_file(), "the npm package {package} holds no {}", library.display());
    Ok(library)
}

/// The npm package with the library for this system.
fn package(system: &str, machine: &str) -> String {
    let system = if system == "macos" { "darwin" } else { system };
    let machine = match machine {
        "aarch64" => "arm64",
        "x86_64" => "x64",
        other => other,
    };
    format!("@duckdb/node-bindings-{system}-{machine}@{VERSION}")
}

/// Fetches the package and unpacks it beside its place: what is cut off half way is not taken for a library.
fn fetch(package: &str, folder: &Path) -> Result<()> {
    let parent = folder.parent().context("the folder lies in another")?;
    fs::create_dir_all(parent)?;
    let unpacked = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    let packed = run(Command::new("npm").args(["pack", "--silent", package]).current_dir(&unpacked))?;
    let archive = String::from_utf8_lossy(&packed.stdout);
    let archive = archive.trim().lines().last().context("`npm pack` named no archive")?;
    run(Command::new("tar").args(["-xzf", archive]).current_dir(&unpacked))?;
    fs::remove_file(unpacked.path().join(archive))?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(unpacked.keep(), folder)?;
    Ok(())
}

fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_that_of_the_machine() {
        for (system, machine, expected) in [
            ("linux", "x86_64", "@duckdb/node-bindings-linux-x64@"),
            ("macos", "aarch64", "@duckdb/node-bindings-darwin-arm64@"),
        ] {
            assert!(package(system, machine).starts_with(expected), "{system} {machine}");
        }
    }
}
