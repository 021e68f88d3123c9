//! Where the rows of a seed land: most in memory, some in databases.

use achub_core::port::target::Target;
use achub_testkit::{memory_target::MemoryTarget, oracle::LandedRow};

use crate::activecampaign::{rig::Rig, warehouse::Warehouse};

pub enum Place {
    Memory(MemoryTarget),
    Database(Warehouse),
}

impl Place {
    pub fn memory() -> Place {
        Place::Memory(MemoryTarget::default())
    }

    pub fn sqlite() -> Place {
        Place::Database(Warehouse::sqlite())
    }

    pub async fn postgres() -> Place {
        Place::Database(Warehouse::postgres().await)
    }

    pub async fn open(&self) -> Box<dyn Target> {
        match self {
            Place::Memory(target) => Box::new(target.clone()),
            Place::Database(warehouse) => warehouse.open().await,
        }
    }

    pub async fn landed(&self, stream: &str) -> Vec<LandedRow> {
        match self {
            Place::Memory(target) => target.rows(stream),
            Place::Database(warehouse) => warehouse.landed(stream).await,
        }
    }

    /// What the oracle finds wrong with the tables of `streams`, and with nothing else.
    pub async fn found(&self, rig: &Rig, streams: &[&str]) -> String {
        let mut found = String::new();
        for stream in streams {
            let findings = rig.compared(stream, &self.landed(stream).await).await;
            if !findings.is_clean() {
                found.push_str(&format!("{stream}: {}\n", findings.brief()));
            }
        }
        found
    }
}
