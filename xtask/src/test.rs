//! `cargo xtask test`: everything that proves the program, closed by one line with the counts.

mod duckdb;
mod junit;
mod readers;
mod runner;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    counts::Counts,
    server::{Durability, Server},
    test::runner::Selection,
    tidy,
    workspace::{self, Metadata},
};

/// The folder beside the workspace with the recorded answers that some tests read.
const SHARED: &str = "../shared";

/// Runs tests, doc tests and tidy. `true` where nothing failed and nothing that was due was left out.
pub fn run(arguments: &[String]) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let root = workspace::root()?;
    let target = Metadata::read(&root)?.target_directory;
    let outside = find_outside(&root, &target);
    let run = Run { root, target, outside, filters: options.filters };
    let (server, postgres_is_missing) = start_postgres(options.without_postgres);

    let mut report = timed("tests", || run.tests(server.as_ref()));
    drop(server);
    if run.filters.is_empty() {
        report.add(timed("doc tests", || runner::doc_tests(&run.root))?);
        report.add(timed("tidy", tidy::counts)?);
    } else {
        report.not_run.push("doc tests and tidy: only the named tests were asked for".to_owned());
    }
    if postgres_is_missing {
        report
            .not_run
            .push("the tests of PostgreSQL, see above; `--without-postgres` accepts that".to_owned());
    } else if options.without_postgres {
        report.not_run.push("the tests of PostgreSQL: --without-postgres".to_owned());
    }
    if !run.root.join(SHARED).is_dir() {
        report.not_run.push(format!("what reads recorded answers: {SHARED} is missing"));
    }
    for reason in options.not_run {
        report.skipped += 1;
        report.not_run.push(reason);
    }
    print!("{report}");
    Ok(report.failed == 0 && !postgres_is_missing)
}

/// The server, and whether one was wanted and cannot be had.
fn start_postgres(without: bool) -> (Option<Server>, bool) {
    if without {
        return (None, false);
    }
    match Server::start(Durability::None) {
        Ok(server) => {
            println!("private PostgreSQL at {}", server.url());
            (Some(server), false)
        }
        Err(error) => {
            println!("no private PostgreSQL: {error:#}");
            (None, true)
        }
    }
}

/// What tests load or start that is not ours, by the variables they look at; tests that need one say themselves that there
/// is none.
fn find_outside(root: &Path, target: &Path) -> Vec<(&'static str, PathBuf)> {
    let wanted = [
        (duckdb::VARIABLE, "library of DuckDB", duckdb::library(target)),
        (readers::VARIABLE, "Python with pandas and pyarrow", readers::python(root, target)),
    ];
    let found = wanted.into_iter().filter_map(|(variable, what, path)| match path {
        Ok(path) => Some((variable, path)),
        Err(error) => {
            println!("no {what}: {error:#}");
            None
        }
    });
    found.collect()
}

fn timed<T>(part: &str, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let outcome = work();
    println!("{part} took {:.1} s", begin.elapsed().as_secs_f64());
    outcome
}

struct Run {
    root: PathBuf,
    target: PathBuf,
    outside: Vec<(&'static str, PathBuf)>,
    filters: Vec<String>,
}

impl Run {
    fn tests(&self, server: Option<&Server>) -> Counts {
        let selection =
            Selection { filters: &self.filters, postgres: server.map(Server::url), outside: &self.outside };
        let outcome = if runner::has_nextest() {
            runner::nextest(&self.root, &self.target, &selection)
        } else {
            runner::cargo_test(&self.root, &selection)
        };
        outcome.unwrap_or_else(|error| {
            println!("error: {error:#}");
            Counts { failed: 1, ..Counts::default() }
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    without_postgres: bool,
    /// Checks that the caller left out, for the report; each counts as skipped.
    not_run: Vec<String>,
    /// Parts of names of tests; all where there is none.
    filters: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options { without_postgres: false, not_run: Vec::new(), filters: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--without-postgres" => options.without_postgres = true,
                "--not-run" => {
                    options.not_run.push(arguments.next().context("`--not-run` needs a reason")?.clone())
                }
                "--" => options.filters.extend(arguments.by_ref().cloned()),
                other => bail!("`cargo xtask test` does not know {other:?}; names of tests come after `--`"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn filters_come_after_two_dashes() {
        let options = parse(&["--without-postgres", "--", "late_page", "--exact"]).unwrap();

        assert!(options.without_postgres);
        assert_eq!(options.filters, ["late_page", "--exact"]);
    }

    #[test]
    fn unknown_argument_is_refused_by_name() {
        let refused = parse(&["--without-postgress"]).unwrap_err();

        assert!(refused.to_string().contains("--without-postgress"), "{refused}");
    }
}
