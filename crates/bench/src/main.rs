//! Benchmarks of the whole program: the real binary against its simulator, both as processes of their own.
//!
//! `cargo xtask bench` builds and starts this with `ACHUB_TEST_POSTGRES` set. Every scenario is run several times; the
//! table shows medians. Arguments select scenarios by part of their name; `--runs N` sets how often each is run.

mod database;
mod process;
mod scenario;
mod simulator;

use anyhow::{Context, Result};

use crate::scenario::{Measured, SCENARIOS, Scenario};

const RUNS: usize = 3;

fn main() -> Result<()> {
    let mut runs = RUNS;
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().context("--runs needs a number")?.parse()?,
            _ => names.push(argument),
        }
    }
    println!(
        "{:<34} {:>8} {:>8} {:>7} {:>6} {:>9} {:>9}",
        "scenario", "requests", "seconds", "cpu s", "429s", "peak MiB", "rows"
    );
    for scenario in SCENARIOS.iter().filter(|scenario| selected(scenario, &names)) {
        let mut measured = Vec::new();
        for _ in 0..runs {
            measured.push(scenario.measure().with_context(|| format!("scenario {}", scenario.name))?);
        }
        print(scenario, &measured);
    }
    Ok(())
}

fn selected(scenario: &Scenario, names: &[String]) -> bool {
    if names.is_empty() {
        !scenario.is_long
    } else {
        names.iter().any(|name| scenario.name.contains(name.as_str()))
    }
}

fn print(scenario: &Scenario, measured: &[Measured]) {
    let middle = |of: fn(&Measured) -> f64| median(measured.iter().map(of).collect());
    println!(
        "{:<34} {:>8} {:>8.2} {:>7.2} {:>6} {:>9.1} {:>9}",
        scenario.name,
        middle(|run| run.requests as f64),
        middle(|run| run.seconds),
        middle(|run| run.cpu_seconds),
        middle(|run| run.refusals as f64),
        middle(|run| run.peak_mib),
        middle(|run| run.rows as f64),
    );
    for (what, value, bar) in scenario.held_against(measured) {
        let verdict = if value <= bar { "ok" } else { "MISSED" };
        println!("    {verdict:<6} {what}: {value:.2} (bar {bar:.2})");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
