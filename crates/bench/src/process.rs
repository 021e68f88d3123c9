//! Processes that are measured from outside.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// How often the kernel's figures are read. The last reading before the end may be this old.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Clock ticks a second in `/proc/PID/stat`; 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process took.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Wall clock seconds from start to end.
    pub seconds: f64,
    /// Seconds of processor time, user and system.
    pub cpu_seconds: f64,
    /// The most memory resident at once, MiB.
    pub peak_mib: f64,
    /// The most threads at once.
    pub threads: u64,
    /// The most open descriptors at once.
    pub descriptors: u64,
}

impl Usage {
    /// Of a process that has done nothing yet.
    pub const NONE: Usage =
        Usage { seconds: 0.0, cpu_seconds: 0.0, peak_mib: 0.0, threads: 0, descriptors: 0 };
}

/// The `achub` binary built beside this program.
pub fn achub() -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program has no path")?;
    let achub = this.with_file_name("achub");
    ensure!(achub.exists(), "{} is missing; start this with `cargo xtask bench`", achub.display());
    Ok(achub)
}

/// Runs `command` to its end. Fails where it does not end with `exit_code`.
pub fn measure(mut command: Command, exit_code: i32) -> Result<Usage> {
    let begun = Instant::now();
    let mut child = command.spawn().context("could not start achub")?;
    let mut usage = Usage::NONE;
    let status = loop {
        look(&child, &mut usage);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(LOOK_EVERY);
    };
    usage.seconds = begun.elapsed().as_secs_f64();
    ensure!(status.code() == Some(exit_code), "achub ended with {status} instead of {exit_code}");
    Ok(usage)
}

/// A process that is ended when this is dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads what the kernel says; a process that has just ended says nothing and keeps the reading before.
fn look(child: &Child, usage: &mut Usage) {
    let folder = Path::new("/proc").join(child.id().to_string());
    if let Ok(status) = fs::read_to_string(folder.join("status")) {
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        if let Some(kib) = figure("VmHWM:") {
            usage.peak_mib = kib as f64 / 1024.0;
        }
        usage.threads = usage.threads.max(figure("Threads:").unwrap_or(0));
    }
    if let Ok(descriptors) = fs::read_dir(folder.join("fd")) {
        usage.descriptors = usage.descriptors.max(descriptors.count() as u64);
    }
    if let Ok(stat) = fs::read_to_string(folder.join("stat"))
        && let Some((_, rest)) = stat.rsplit_once(") ")
    {
        // After the name come state (field 3) and so on; utime and stime are fields 14 and 15.
        let ticks: f64 =
            rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        if ticks > 0.0 {
            usage.cpu_seconds = ticks / TICKS_PER_SECOND;
        }
    }
}
