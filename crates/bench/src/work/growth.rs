//! Whether twice the contacts take twice the time.

use anyhow::Result;

use crate::{
    rig::Rig,
    scenario::{Found, Measured, Scenario},
    work::first,
};

/// Runs half and all; the figures are those of all.
pub fn measure(scenario: &Scenario) -> Result<Measured> {
    let half = first::measure(&Rig::with_contacts(scenario, scenario.account.contacts / 2)?)?;
    let all = first::measure(&Rig::new(scenario)?)?;
    let times = all.usage.seconds / half.usage.seconds;
    Ok(Measured { found: Found::Growth(times), ..all })
}
