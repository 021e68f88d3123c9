//! `cargo xtask soak`: random trouble from one seed after the other, for as long as it is told to.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::{
    server::{Durability, Server},
    workspace,
};

/// The test that plays seeds; it is left out of every other run.
const TEST: &str = "soak_into_postgres_and_others";

/// How long, and where to begin.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    minutes: u64,
    /// `None`: from the clock, so that no two soaks play the same.
    seed: Option<u64>,
}

/// Plays seeds against a private PostgreSQL and files of SQLite. `true` where none found anything.
pub fn run(arguments: &[String]) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let seed = options.seed.unwrap_or_else(seed_of_now);
    let server = Server::start(Durability::None)?;
    println!("soak: {} minutes from seed {seed}", options.minutes);
    let status = workspace::cargo()
        .args([
            "test",
            "--package",
            "achub-connectors",
            "--test",
            "it",
            "--",
            TEST,
            "--ignored",
            "--nocapture",
        ])
        .env("ACHUB_TEST_POSTGRES", server.url())
        .env("ACHUB_SOAK_MINUTES", options.minutes.to_string())
        .env("ACHUB_SOAK_SEED", seed.to_string())
        .current_dir(workspace::root()?)
        .status()
        .context("cannot start cargo")?;
    Ok(status.success())
}

fn seed_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Short enough to be typed again.
    since.as_secs() % 1_000_000_000
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options { minutes: 10, seed: None };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} needs a number"))?;
            let number = value.parse().with_context(|| format!("{value:?} is no whole number"))?;
            match name.as_str() {
                "--minutes" => options.minutes = number,
                "--seed" => options.seed = Some(number),
                _ => bail!("soak does not know {name:?}; it knows --minutes N and --seed S"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parsed(arguments: &[&str]) -> Option<Options> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Options::parse(&arguments).ok()
    }

    #[test]
    fn length_and_seed_are_taken() {
        assert_eq!(parsed(&[]), Some(Options { minutes: 10, seed: None }));
        assert_eq!(parsed(&["--seed", "7", "--minutes", "2"]), Some(Options { minutes: 2, seed: Some(7) }));
        for wrong in [&["--minutes"][..], &["--minutes", "x"], &["--hours", "1"]] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }
}
