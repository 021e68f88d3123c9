//! What is asked for on the command line.

use anyhow::{Context, Result, bail, ensure};

use crate::{scenario::Scenario, scenarios};

/// Runs of each scenario unless told otherwise; the table shows their medians.
const RUNS: usize = 3;

/// What `--help` prints.
pub const HELP: &str = "\
cargo xtask bench [--only NAME]... [--runs N] [--json] [--list]

  --only NAME  scenarios whose name contains NAME, long ones too; may be given again
  --runs N     runs of each scenario, of which the medians are shown [default: 3]
  --json       one JSON document instead of the table
  --list       the names of all scenarios";

/// The command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub runs: usize,
    pub json: bool,
    pub list: bool,
    pub help: bool,
    only: Vec<String>,
}

impl Arguments {
    /// Reads what follows the program's name.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
        let mut read = Arguments { runs: RUNS, json: false, list: false, help: false, only: Vec::new() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--runs" => {
                    let number = words.next().context("--runs needs a number")?;
                    read.runs = number.parse().with_context(|| format!("--runs: {number:?} is no number"))?;
                    ensure!(read.runs > 0, "--runs: must be 1 or more");
                }
                "--only" => read.only.push(words.next().context("--only needs a part of a name")?),
                "--json" => read.json = true,
                "--list" => read.list = true,
                "--help" | "-h" => read.help = true,
                _ => bail!("unknown argument {word:?}\n\n{HELP}"),
            }
        }
        Ok(read)
    }

    /// The scenarios to measure: those named, else all that are not long.
    pub fn selected(&self) -> Result<Vec<&'static Scenario>> {
        if self.only.is_empty() {
            return Ok(scenarios::ALL.iter().filter(|scenario| !scenario.is_long).collect());
        }
        for name in &self.only {
            ensure!(
                scenarios::ALL.iter().any(|scenario| scenario.is_called(name)),
                "--only: no scenario is called {name:?}; --list shows them"
            );
        }
        let named = |scenario: &&Scenario| self.only.iter().any(|name| scenario.is_called(name));
        Ok(scenarios::ALL.iter().filter(named).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn long_scenarios_run_only_by_name() {
        let all = read("").unwrap().selected().unwrap();
        assert!(!all.is_empty() && all.iter().all(|scenario| !scenario.is_long));

        let named = read("--only 1,000,000").unwrap().selected().unwrap();
        assert!(!named.is_empty() && named.iter().all(|scenario| scenario.is_long));
    }

    #[test]
    fn unknown_words_and_names_are_refused() {
        for line in ["--run 3", "--runs", "--runs x", "--runs 0", "contacts"] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("--only nobody").unwrap().selected().is_err());
    }
}
