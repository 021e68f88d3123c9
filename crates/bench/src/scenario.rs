//! What is measured, and the bars it is held against.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    database::Database,
    process::{self, achub},
    simulator::Simulator,
};

/// The streams most accounts want.
const THE_TEN: [&str; 10] = [
    "contacts",
    "contact_tags",
    "contact_lists",
    "field_values",
    "deals",
    "lists",
    "tags",
    "deal_pipelines",
    "deal_stages",
    "users",
];

/// A replication that is measured.
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// Run only when it is named.
    pub is_long: bool,
    contacts: u64,
    simulator: &'static [&'static str],
    requests_per_second: &'static str,
    into: Place,
    bars: &'static [Bar],
}

/// A figure and the most it may be.
struct Bar {
    what: &'static str,
    of: fn(&Measured) -> f64,
    most: f64,
}

const fn bar(what: &'static str, of: fn(&Measured) -> f64, most: f64) -> Bar {
    Bar { what, of, most }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Postgres,
    Sqlite,
}

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Measured {
    pub requests: u64,
    pub refusals: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    pub rows: u64,
}

/// All scenarios. Bars are those the product is held to; a missed one is printed, not hidden.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "10,000 contacts into PostgreSQL",
        is_long: false,
        contacts: 10_000,
        simulator: &["--rate", "off"],
        requests_per_second: "off",
        into: Place::Postgres,
        bars: &[
            bar("requests", |run| run.requests as f64, 135.0),
            bar("seconds", |run| run.seconds, 8.0),
            bar("cpu seconds", |run| run.cpu_seconds, 5.0),
            bar("peak MiB", |run| run.peak_mib, 96.0),
        ],
    },
    Scenario {
        name: "10,000 contacts into SQLite",
        is_long: false,
        contacts: 10_000,
        simulator: &["--rate", "off"],
        requests_per_second: "off",
        into: Place::Sqlite,
        bars: &[bar("requests", |run| run.requests as f64, 135.0), bar("peak MiB", |run| run.peak_mib, 96.0)],
    },
    Scenario {
        name: "10,000 contacts at 4.9/s",
        is_long: false,
        contacts: 10_000,
        simulator: &["--rate", "5", "--latency", "300+0.5"],
        requests_per_second: "4.9",
        into: Place::Postgres,
        bars: &[
            bar("answers 429", |run| run.refusals as f64, 3.0),
            bar("share of the budget left unused, %", |run| 100.0 * (1.0 - used_share(run)), 5.0),
        ],
    },
    Scenario {
        name: "1,000,000 contacts into SQLite",
        is_long: true,
        contacts: 1_000_000,
        simulator: &["--rate", "off"],
        requests_per_second: "off",
        into: Place::Sqlite,
        bars: &[
            bar("peak MiB", |run| run.peak_mib, 256.0),
            bar("µs per row", |run| run.seconds * 1e6 / run.rows as f64, 1e6 / 60_000.0),
        ],
    },
];

/// The part of 4.9 requests a second that was used while there was work: until the last request was sent, whose answer,
/// a page of 100 contacts with what comes along, takes 300 ms and 0.5 ms for each of its 1,600 rows.
fn used_share(run: &Measured) -> f64 {
    run.requests as f64 / 4.9 / (run.seconds - 1.1)
}

impl Scenario {
    /// Runs it once, with a simulator and a target of its own.
    pub fn measure(&self) -> Result<Measured> {
        let mut arguments = vec!["--contacts".to_owned(), self.contacts.to_string()];
        arguments.extend(self.simulator.iter().map(|argument| (*argument).to_owned()));
        let simulator = Simulator::start(&arguments)?;
        let home = tempfile::tempdir()?;
        let database = (self.into == Place::Postgres).then(Database::create).transpose()?;
        let file = home.path().join("target.db");
        let target = match &database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", file.display()),
        };
        let mut command = Command::new(achub()?);
        command
            .args(["replicate", "run", "--from", "AC", "--to", "TARGET", "--streams", &THE_TEN.join(",")])
            .args(["--progress", "none", "--json"])
            .env("ACHUB_HOME", home.path())
            .env("TARGET", target)
            .env("AC", self.connection(&simulator.url()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let usage = process::measure(command, 0)?;
        let counted = simulator.requests()?;
        let rows = match &database {
            Some(database) => database.rows(&THE_TEN)?,
            None => crate::database::sqlite_rows(&file, &THE_TEN)?,
        };
        Ok(Measured {
            requests: figure(&counted, "total")?,
            refusals: counted["by_status"]["429"].as_u64().unwrap_or(0),
            seconds: usage.seconds,
            cpu_seconds: usage.cpu_seconds,
            peak_mib: usage.peak_mib,
            rows,
        })
    }

    /// Its bars with the median of what was measured.
    pub fn held_against(&self, measured: &[Measured]) -> Vec<(&'static str, f64, f64)> {
        self.bars
            .iter()
            .map(|bar| (bar.what, crate::median(measured.iter().map(bar.of).collect()), bar.most))
            .collect()
    }

    fn connection(&self, url: &str) -> String {
        format!(
            "{{type: api, spec: activecampaign, secrets: {{api_key: demo, base_url: \"{url}\"}}, \
             inputs: {{requests_per_second: {}, allow_private_address: true}}}}",
            self.requests_per_second
        )
    }
}

fn figure(counted: &Value, name: &str) -> Result<u64> {
    counted[name].as_u64().with_context(|| format!("the simulator's figures have no {name}: {counted}"))
}
