//! A run while records are made, changed and deleted between every two pages.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::{
    rig::Rig,
    scenario::{Found, Measured},
};

/// What moves.
pub struct Churn {
    /// Objects for `POST /_sim/mutate`.
    pub standing: &'static [&'static str],
    /// Tables whose records are compared.
    pub compared: &'static [&'static str],
}

impl Churn {
    /// Runs it and counts the records that were there all the time and did not land.
    pub fn measure(&self, rig: &Rig) -> Result<Measured> {
        let before = self.held(rig)?;
        for wish in self.standing {
            rig.simulator.mutate(wish)?;
        }
        let usage = rig.run(&[])?;
        rig.simulator.rest()?;
        let after = self.held(rig)?;
        let mut lost = 0;
        for table in self.compared {
            let landed = rig.target.ids(table)?;
            lost += before[table].intersection(&after[table]).filter(|id| !landed.contains(id)).count();
        }
        let requests = rig.simulator.requests()?;
        Ok(Measured { requests, usage, rows: rig.rows()?, found: Found::Lost(lost as u64) })
    }

    fn held(&self, rig: &Rig) -> Result<HashMap<&'static str, HashSet<i64>>> {
        self.compared.iter().map(|table| Ok((*table, rig.simulator.ids(table)?))).collect()
    }
}
