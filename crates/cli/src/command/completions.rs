//! `achub completions`.

use clap::CommandFactory as _;

use crate::{
    args::Arguments,
    output::{Failure, Output},
};

/// Prints the script that makes `shell` complete our words.
pub fn run(output: &Output, shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "achub", &mut script);
    output.data(&String::from_utf8_lossy(&script))
}
