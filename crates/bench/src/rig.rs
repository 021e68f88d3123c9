//! An account, a home and a target of their own, and `achub` run between them.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    process::{self, Running, Usage, achub},
    scenario::{Account, Scenario},
    simulator::Simulator,
    target::Target,
};

/// The streams most accounts want.
pub const THE_TEN: [&str; 10] = [
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

/// Everything a scenario needs, made anew for each run and gone afterwards.
pub struct Rig {
    pub simulator: Simulator,
    pub target: Target,
    home: TempDir,
    inputs: &'static str,
}

impl Rig {
    /// Starts the account and makes an empty target.
    pub fn new(scenario: &Scenario) -> Result<Rig> {
        Rig::with_contacts(scenario, scenario.account.contacts)
    }

    /// The same with another number of contacts.
    pub fn with_contacts(scenario: &Scenario, contacts: u64) -> Result<Rig> {
        let Account { arguments, switches, .. } = scenario.account;
        let mut all = vec!["--contacts".to_owned(), contacts.to_string()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let simulator = Simulator::start(&all)?;
        if let Some(switches) = switches {
            simulator.switch(switches)?;
        }
        let home = tempfile::tempdir()?;
        let target = Target::create(scenario.into, home.path())?;
        Ok(Rig { simulator, target, home, inputs: scenario.account.inputs })
    }

    /// Replicates the ten to the end. Fails where `achub` does.
    pub fn run(&self, flags: &[&str]) -> Result<Usage> {
        process::measure(self.command(flags)?, 0)
            .with_context(|| std::fs::read_to_string(self.home.path().join("stderr")).unwrap_or_default())
    }

    /// Starts to replicate the ten.
    pub fn start(&self) -> Result<Running> {
        let child: Child = self.command(&[])?.spawn().context("could not start achub")?;
        Ok(Running(child))
    }

    /// Rows in the ten tables together.
    pub fn rows(&self) -> Result<u64> {
        self.target.rows(&THE_TEN)
    }

    fn command(&self, flags: &[&str]) -> Result<Command> {
        let home = self.home.path();
        let account = format!(
            "{{type: api, spec: activecampaign, secrets: {{api_key: demo, base_url: \"{}\"}}, \
             inputs: {{allow_private_address: true, {}}}}}",
            self.simulator.url(),
            self.inputs
        );
        let mut command = Command::new(achub()?);
        command
            .args(["replicate", "run", "--from", "AC", "--to", "TARGET", "--streams", &THE_TEN.join(",")])
            .args(["--progress", "none", "--json"])
            .args(flags)
            .env("ACHUB_HOME", home)
            .env("TARGET", self.target.url())
            .env("AC", account)
            .stdin(Stdio::null())
            .stdout(File::create(home.join("stdout"))?)
            .stderr(File::create(home.join("stderr"))?);
        Ok(command)
    }
}
