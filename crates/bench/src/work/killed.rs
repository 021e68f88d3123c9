//! A run that is killed half way, and the one that goes on: what is read again.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    rig::Rig,
    scenario::{Found, Measured, Scenario},
    work::first,
};

/// How often the account is asked how far the run is.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Runs it once whole, then once killed and taken up; the figures are those of the run that took it up.
pub fn measure(scenario: &Scenario) -> Result<Measured> {
    let whole = first::measure(&Rig::new(scenario)?)?;
    let rig = Rig::new(scenario)?;
    kill_half_way(&rig, whole.requests.total)?;
    let before = rig.simulator.requests()?;
    let usage = rig.run(&[])?;
    let all = rig.simulator.requests()?;
    let rows = rig.rows()?;
    ensure!(rows == whole.rows, "{rows} rows landed after the kill instead of {}", whole.rows);
    let repeated = all.total.saturating_sub(whole.requests.total);
    Ok(Measured { requests: all.since(before), usage, rows, found: Found::Repeated(repeated) })
}

/// `SIGKILL` as soon as half of the requests have been sent.
fn kill_half_way(rig: &Rig, requests: u64) -> Result<()> {
    let mut run = rig.start()?;
    while rig.simulator.requests()?.total < requests / 2 {
        ensure!(run.0.try_wait()?.is_none(), "the run ended before it could be killed");
        thread::sleep(LOOK_EVERY);
    }
    run.0.kill()?;
    let status = run.0.wait()?;
    ensure!(!status.success(), "the run ended before it was killed");
    Ok(())
}
