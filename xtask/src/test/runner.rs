//! Runs the tests with cargo-nextest where it is installed, else with cargo's own runner, and counts.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result};

use super::junit;
use crate::{counts::Counts, workspace};

/// Tests that need a PostgreSQL have this in their names.
const POSTGRES: &str = "postgres";

/// Targets that the default build leaves out are tested, too.
const ALL_FEATURES: &str = "--all-features";

/// Which tests to run.
#[derive(Debug)]
pub struct Selection<'a> {
    /// Parts of names; all tests where there is none.
    pub filters: &'a [String],
    /// The address of a server for the tests that need one; they are left out where there is none.
    pub postgres: Option<String>,
    /// What is not ours, by the variables the tests look at.
    pub outside: &'a [(&'static str, PathBuf)],
}

impl Selection<'_> {
    /// Tells the tests where that is.
    fn add_outside(&self, command: &mut Command) {
        command.envs(self.outside.iter().map(|(variable, path)| (variable, path)));
    }
}

/// Whether cargo-nextest is installed.
pub fn has_nextest() -> bool {
    let version = workspace::cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Runs the selected tests of the workspace with cargo-nextest, which builds into `target`.
pub fn nextest(root: &Path, target: &Path, selection: &Selection<'_>) -> Result<Counts> {
    let junit = target.join("nextest/default/junit.xml");
    // What an earlier run left must not be taken for this one's.
    if junit.exists() {
        fs::remove_file(&junit).context("cannot remove the last run's junit.xml")?;
    }
    let mut command = workspace::cargo();
    command.args(["nextest", "run", "--workspace", ALL_FEATURES, "--no-tests=pass"]).current_dir(root);
    selection.add_outside(&mut command);
    match &selection.postgres {
        Some(url) => command.env("ACHUB_TEST_POSTGRES", url),
        None => command.arg("--filterset").arg(format!("not test({POSTGRES})")),
    };
    let output = echo(command.arg("--").args(selection.filters))?;
    let mut counts = output.lines.iter().rev().find_map(|line| nextest_counts(line)).unwrap_or_default();
    if let Ok(xml) = fs::read_to_string(&junit) {
        counts.take_skipped(junit::skip_reasons(&xml));
    }
    Ok(output.judge(counts))
}

/// Runs the selected tests of the workspace with cargo's own runner.
pub fn cargo_test(root: &Path, selection: &Selection<'_>) -> Result<Counts> {
    let mut command = workspace::cargo();
    command.args([
        "test",
        "--workspace",
        ALL_FEATURES,
        "--all-targets",
        "--no-fail-fast",
        "--",
        "--show-output",
    ]);
    command.args(selection.filters).current_dir(root);
    selection.add_outside(&mut command);
    match &selection.postgres {
        Some(url) => command.env("ACHUB_TEST_POSTGRES", url),
        None => command.args(["--skip", POSTGRES]),
    };
    counted(&mut command)
}

/// Runs the examples of the documentation.
pub fn doc_tests(root: &Path) -> Result<Counts> {
    counted(
        workspace::cargo()
            .args(["test", "--workspace", ALL_FEATURES, "--doc", "--no-fail-fast"])
            .current_dir(root),
    )
}

fn counted(command: &mut Command) -> Result<Counts> {
    let output = echo(command)?;
    let mut counts = Counts::default();
    for found in output.lines.iter().filter_map(|line| cargo_counts(line)) {
        counts.add(found);
    }
    let reasons = output.lines.iter().filter_map(|line| skip_reason(line)).map(str::to_owned).collect();
    counts.take_skipped(reasons);
    Ok(output.judge(counts))
}

/// The reason on a line by which a test says that it could not do its work.
pub fn skip_reason(line: &str) -> Option<&str> {
    line.strip_prefix("skipped: ")
}

/// The counts on cargo-nextest's line `Summary [0.2s] 36 tests run: 35 passed (1 slow), 1 failed, 2 skipped`.
fn nextest_counts(line: &str) -> Option<Counts> {
    let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once("run: ")?;
    let mut found = Counts::default();
    for part in counts.split(", ") {
        let mut words = part.split_whitespace();
        let count: u64 = words.next()?.parse().ok()?;
        match words.next()? {
            "passed" => found.passed += count,
            "skipped" => found.skipped += count,
            // `failed`, `timed out`, `exec failed`: every other end is a failure.
            _ => found.failed += count,
        }
    }
    Some(found)
}

/// The counts on the test harness's line `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out`.
fn cargo_counts(line: &str) -> Option<Counts> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut found = Counts::default();
    for part in counts.split("; ") {
        let (count, kind) = part.split_once(' ')?;
        let Ok(count) = count.parse::<u64>() else { continue };
        match kind {
            "passed" => found.passed += count,
            "failed" => found.failed += count,
            "ignored" | "filtered out" => found.skipped += count,
            _ => {}
        }
    }
    Some(found)
}

struct Output {
    lines: Vec<String>,
    success: bool,
}

impl Output {
    /// A runner that failed without naming a test, as where something does not compile, is one failure.
    fn judge(&self, mut counts: Counts) -> Counts {
        if !self.success && counts.failed == 0 {
            counts.failed = 1;
        }
        counts
    }
}

/// Runs `command` to its end and shows what it prints while it does.
fn echo(command: &mut Command) -> Result<Output> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
    let errors = child.stderr.take().context("standard error is piped")?;
    let errors = thread::spawn(move || pass_on(errors, &mut std::io::stderr()));
    let output = child.stdout.take().context("standard output is piped")?;
    let mut lines = pass_on(output, &mut std::io::stdout())?;
    lines.extend(errors.join().expect("reading lines does not panic")?);
    Ok(Output { lines, success: child.wait()?.success() })
}

fn pass_on(from: impl Read, to: &mut impl Write) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for line in BufReader::new(from).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(to, "{line}")?;
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped, not_run: Vec::new() }
    }

    #[test]
    fn summaries_of_nextest_are_counted() {
        for (line, expected) in [
            ("     Summary [   0.241s] 36 tests run: 36 passed, 0 skipped", Some(counts(36, 0, 0))),
            (
                "Summary [1.0s] 9/36 tests run: 5 passed (1 slow), 1 failed, 1 exec failed, 2 timed out, 3 skipped",
                Some(counts(5, 4, 3)),
            ),
            ("        PASS [   0.018s] (27/36) store", None),
        ] {
            assert_eq!(nextest_counts(line), expected, "{line}");
        }
    }

    #[test]
    fn summaries_of_cargo_are_counted() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.02s";

        assert_eq!(cargo_counts(line), Some(counts(3, 2, 5)));
        assert_eq!(cargo_counts("test store::works ... ok"), None);
    }

    #[test]
    fn failure_without_a_test_counts() {
        let broken = Output { lines: Vec::new(), success: false };
        let found = Output { lines: Vec::new(), success: false };

        assert_eq!(broken.judge(counts(0, 0, 0)), counts(0, 1, 0));
        assert_eq!(found.judge(counts(7, 2, 0)), counts(7, 2, 0));
    }
}
