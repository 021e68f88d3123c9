//! A second run after the account changed, or did not.

use anyhow::Result;

use crate::{
    rig::Rig,
    scenario::{Found, Measured},
};

/// What happens between the two runs.
pub struct Again {
    /// Objects for `POST /_sim/mutate`.
    pub changes: &'static [&'static str],
    /// Flags of the second run.
    pub flags: &'static [&'static str],
}

impl Again {
    /// Runs both; the figures are those of the second.
    pub fn measure(&self, rig: &Rig) -> Result<Measured> {
        rig.run(&[])?;
        for change in self.changes {
            rig.simulator.mutate(change)?;
        }
        let before = rig.simulator.requests()?;
        let usage = rig.run(self.flags)?;
        let requests = rig.simulator.requests()?.since(before);
        Ok(Measured { requests, usage, rows: rig.rows()?, found: Found::Nothing })
    }
}
