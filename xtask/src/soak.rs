//! `cargo xtask soak`: random trouble from one seed after the other, for as long as it is told to. With `--deaths` the trouble
//! is that the real program is killed, at any time, over a large account.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::{
    server::{Durability, Server},
    workspace,
};

/// A test that plays seeds; it is left out of every other run.
#[derive(Debug)]
struct Soak {
    package: &'static str,
    test: &'static str,
}

/// Faults, an account that moves and deaths at commits, in one process and virtual time.
const TROUBLE: Soak = Soak { package: "achub-connectors", test: "soak_into_postgres_and_others" };

/// The real program, killed at random times.
const DEATHS: Soak = Soak { package: "achub", test: "soak_of_deaths_at_any_time" };

/// Contacts of the account over which the program is killed; a round takes about a minute.
const CONTACTS: u64 = 10_000;

/// How long, and where to begin.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    minutes: u64,
    /// `None`: from the clock, so that no two soaks play the same.
    seed: Option<u64>,
    deaths: bool,
    contacts: u64,
}

/// Plays seeds against a private PostgreSQL and files of SQLite. `true` where none found anything.
pub fn run(arguments: &[String]) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let seed = options.seed.unwrap_or_else(seed_of_now);
    let server = Server::start(Durability::None)?;
    println!("soak: {} minutes from seed {seed}", options.minutes);
    let Soak { package, test } = if options.deaths { DEATHS } else { TROUBLE };
    let status = workspace::cargo()
        .args(["test", "--package", package, "--test", "it", "--", test, "--ignored", "--nocapture"])
        .env("ACHUB_TEST_POSTGRES", server.url())
        .env("ACHUB_SOAK_MINUTES", options.minutes.to_string())
        .env("ACHUB_SOAK_SEED", seed.to_string())
        .env("ACHUB_SOAK_CONTACTS", options.contacts.to_string())
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
        let mut options = Options { minutes: 10, seed: None, deaths: false, contacts: CONTACTS };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            if name == "--deaths" {
                options.deaths = true;
                continue;
            }
            let value = rest.next().with_context(|| format!("{name} needs a number"))?;
            let number = value.parse().with_context(|| format!("{value:?} is no whole number"))?;
            match name.as_str() {
                "--minutes" => options.minutes = number,
                "--seed" => options.seed = Some(number),
                "--contacts" => options.contacts = number,
                _ => bail!(
                    "soak does not know {name:?}; it knows --minutes N, --seed S, --deaths and --contacts N"
                ),
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
        let usual = Options { minutes: 10, seed: None, deaths: false, contacts: 10_000 };
        assert_eq!(parsed(&[]), Some(usual));
        let asked = ["--seed", "7", "--deaths", "--minutes", "2", "--contacts", "500"];
        assert_eq!(parsed(&asked), Some(Options { minutes: 2, seed: Some(7), deaths: true, contacts: 500 }));
        for wrong in [&["--minutes"][..], &["--minutes", "x"], &["--hours", "1"]] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }
}
