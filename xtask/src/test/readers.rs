//! A Python with pandas and pyarrow, for the test that has other programs read our files.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The variable with the path of the Python.
pub const VARIABLE: &str = "ACHUB_READERS_PYTHON";

/// What is installed, pinned.
const REQUIREMENTS: &str = "bench/readers/requirements.txt";

/// The Python that [`VARIABLE`] names, else one in a virtual environment that is made once in `target`.
///
/// Errors: why there can be none on this machine.
pub fn python(root: &Path, target: &Path) -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    let (folder, wanted) = (target.join("readers"), fs::read_to_string(root.join(REQUIREMENTS))?);
    let (python, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    // Written last, so that what was cut off half way is not taken for an installation.
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!("a Python with pandas and pyarrow is missing: installing {REQUIREMENTS}");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(root.join(REQUIREMENTS)))?;
    fs::write(&installed, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", said.trim().lines().last().unwrap_or_default());
    Ok(())
}
