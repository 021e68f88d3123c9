//! One run into an empty target.

use anyhow::Result;

use crate::{
    rig::Rig,
    scenario::{Found, Measured},
};

/// Runs it.
pub fn measure(rig: &Rig) -> Result<Measured> {
    let usage = rig.run(&[])?;
    Ok(Measured { requests: rig.simulator.requests()?, usage, rows: rig.rows()?, found: Found::Nothing })
}
