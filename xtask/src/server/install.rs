//! Where PostgreSQL's server programs are, and Debian's package where they are missing.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use super::{is_root, say};

/// Where Debian keeps the programs of each version, outside PATH.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// The folder with `initdb`, `postgres` and `pg_isready`.
///
/// Errors: why they are missing and cannot be installed.
pub(super) fn find_or_install() -> Result<PathBuf> {
    if let Some(programs) = find() {
        return Ok(programs);
    }
    ensure!(
        Path::new("/etc/debian_version").exists(),
        "PostgreSQL's server programs are neither in PATH nor in {DEBIAN_VERSIONS}, and this is no Debian to install \
         them on"
    );
    if !is_root()? {
        bail!(
            "PostgreSQL's server programs are missing; install them with `sudo apt-get install postgresql`"
        );
    }
    say("PostgreSQL's server programs are missing: installing Debian's package");
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", "postgresql"])?;
    find().context("Debian's package is installed, but brought no server programs")
}

fn find() -> Option<PathBuf> {
    let in_path: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    in_path.into_iter().chain(debian_folders(Path::new(DEBIAN_VERSIONS))).find(|folder| is_complete(folder))
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_isready"].iter().all(|program| folder.join(program).is_file())
}

/// The program folders of all versions, newest first.
fn debian_folders(versions: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(versions).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    numbered.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    numbered.into_iter().map(|(_, folder)| folder).collect()
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot start apt-get")?;
    ensure!(status.success(), "`apt-get {}` failed", arguments.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_debian_version_comes_first() {
        let versions = tempfile::TempDir::new().unwrap();
        for name in ["9", "15", "17", "common"] {
            fs::create_dir(versions.path().join(name)).unwrap();
        }

        let expected = ["17", "15", "9"].map(|version| versions.path().join(version).join("bin"));
        assert_eq!(debian_folders(versions.path()), expected);
    }
}
