//! Benchmarks of the whole program: the real binary against its simulator, both as processes of their own.
//!
//! `cargo xtask bench` builds and starts this with `ACHUB_TEST_POSTGRES` set. Every scenario is run several times; the
//! table shows medians, and below each scenario the bars it is held to. A missed bar, or a scenario that could not be
//! measured, makes the exit code 1.

mod arguments;
mod machine;
mod process;
mod report;
mod requests;
mod rig;
mod scenario;
mod scenarios;
mod simulator;
mod target;
mod work;

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{
    arguments::{Arguments, HELP},
    machine::Machine,
    report::Report,
    scenario::{Measured, Scenario},
};

fn main() -> Result<ExitCode> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    if arguments.help {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.list {
        for scenario in scenarios::ALL {
            println!("{}{}", scenario.name, if scenario.is_long { "   (long: only by --only)" } else { "" });
        }
        return Ok(ExitCode::SUCCESS);
    }
    let selected = arguments.selected()?;
    let mut report = Report::begin(Machine::look()?, arguments.json);
    for scenario in selected {
        let load = machine::load()?;
        match measure(scenario, arguments.runs) {
            Ok(measured) => report.add(scenario, load, &measured),
            Err(error) => report.fail(scenario, &error),
        }
    }
    Ok(if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(scenario: &Scenario, runs: usize) -> Result<Vec<Measured>> {
    (1..=runs).map(|run| scenario.measure().with_context(|| format!("run {run}"))).collect()
}
