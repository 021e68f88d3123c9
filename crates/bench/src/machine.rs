//! What was measured on: without it no figure means anything.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{process::achub, target};

/// Facts of machine and programs.
pub struct Machine {
    cores: usize,
    processor: String,
    memory_mib: u64,
    kernel: String,
    achub: String,
    postgres: Option<String>,
}

impl Machine {
    /// Looks.
    pub fn look() -> Result<Machine> {
        let processors = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
        let processor = field(&processors, "model name").unwrap_or("unknown processor").to_owned();
        let memory = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
        let kib: u64 = field(&memory, "MemTotal")
            .and_then(|size| size.split_whitespace().next()?.parse().ok())
            .context("/proc/meminfo has no total")?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot read the release")?;
        Ok(Machine {
            cores: std::thread::available_parallelism()?.get(),
            processor,
            memory_mib: kib / 1024,
            kernel: kernel.trim().to_owned(),
            achub: version()?,
            postgres: target::server_version()?,
        })
    }

    /// The facts, one a line.
    pub fn lines(&self) -> Vec<String> {
        let postgres = match &self.postgres {
            Some(version) => format!("PostgreSQL {version}"),
            None => "no PostgreSQL (ACHUB_TEST_POSTGRES is not set)".to_owned(),
        };
        vec![
            format!(
                "{} cores of {}, {} MiB, Linux {}",
                self.cores, self.processor, self.memory_mib, self.kernel
            ),
            format!("{}; {postgres}", self.achub),
        ]
    }

    /// The facts as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "cores": self.cores,
            "processor": self.processor,
            "memory_mib": self.memory_mib,
            "kernel": self.kernel,
            "achub": self.achub,
            "postgres": self.postgres,
        })
    }
}

/// How many processes wanted a core in the last minute, on average: figures taken beside other work say so.
pub fn load() -> Result<f64> {
    let loads = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let first = loads.split_whitespace().next().context("/proc/loadavg is empty")?;
    first.parse().context("/proc/loadavg begins with no number")
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn version() -> Result<String> {
    let said = Command::new(achub()?).arg("--version").output().context("cannot start achub")?;
    ensure!(said.status.success(), "achub --version ended with {}", said.status);
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}
