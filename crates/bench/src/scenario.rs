//! What can be measured, and how a figure is held against a bar.

use anyhow::Result;

use crate::{
    process::Usage,
    requests::Requests,
    rig::Rig,
    target::Place,
    work::{again::Again, churn::Churn, first, growth, killed},
};

/// A replication that is measured.
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// Run only when it is named.
    pub is_long: bool,
    pub account: Account,
    pub into: Place,
    pub work: Work,
    pub bars: &'static [Bar],
}

/// The account that is played.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub contacts: u64,
    /// More arguments of `achub sim`.
    pub arguments: &'static [&'static str],
    /// Switches that are set before anybody asks, a JSON object.
    pub switches: Option<&'static str>,
    /// More inputs of the connection.
    pub inputs: &'static str,
}

/// What is done to account and target.
pub enum Work {
    /// One run into an empty target.
    First,
    /// A run, not measured, then a change of the account, then the run that is measured.
    Again(Again),
    /// One run while records move.
    Churn(Churn),
    /// A run that is killed half way, and one that goes on.
    Killed,
    /// A run over half of the contacts, not measured, then one over all.
    Growth,
}

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Measured {
    pub requests: Requests,
    pub usage: Usage,
    /// Rows in the tables at the end.
    pub rows: u64,
    /// What only this scenario finds out.
    pub found: Found,
}

/// What only some scenarios find out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    Nothing,
    /// Records that the account held at both ends of the run and the target does not.
    Lost(u64),
    /// Requests more than a run that was not killed takes.
    Repeated(u64),
    /// Time over the time that half of the contacts took.
    Growth(f64),
}

impl Found {
    /// Its name in table and JSON.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Found::Nothing => None,
            Found::Lost(_) => Some("records lost"),
            Found::Repeated(_) => Some("requests repeated"),
            Found::Growth(_) => Some("times the seconds for twice the contacts"),
        }
    }

    /// Its figure; that of nothing is no number, which meets no bar.
    pub fn value(self) -> f64 {
        match self {
            Found::Nothing => f64::NAN,
            Found::Lost(count) | Found::Repeated(count) => count as f64,
            Found::Growth(times) => times,
        }
    }
}

/// A figure and the most it may be.
pub struct Bar {
    pub what: &'static str,
    pub of: fn(&Measured) -> f64,
    pub most: f64,
}

/// A bar held against the median of what was measured.
pub struct Held {
    pub what: &'static str,
    pub value: f64,
    pub most: f64,
}

impl Held {
    pub fn is_met(&self) -> bool {
        self.value <= self.most
    }
}

impl Scenario {
    /// Runs it once, with a simulator and a target of its own.
    pub fn measure(&self) -> Result<Measured> {
        match &self.work {
            Work::First => first::measure(&Rig::new(self)?),
            Work::Again(again) => again.measure(&Rig::new(self)?),
            Work::Churn(churn) => churn.measure(&Rig::new(self)?),
            Work::Killed => killed::measure(self),
            Work::Growth => growth::measure(self),
        }
    }

    /// Whether `part` is part of its name, whatever the case.
    pub fn is_called(&self, part: &str) -> bool {
        self.name.to_lowercase().contains(&part.to_lowercase())
    }

    /// Its bars with the median of what was measured.
    pub fn held_against(&self, measured: &[Measured]) -> Vec<Held> {
        let held = |bar: &Bar| Held { what: bar.what, value: median(measured, bar.of), most: bar.most };
        self.bars.iter().map(held).collect()
    }
}

/// The middle of a figure over all runs; of an even number the upper one of the two in the middle.
pub fn median(measured: &[Measured], of: fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = measured.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: f64) -> Measured {
        Measured {
            requests: Requests { total: 1, refusals: 0, most_in_a_second: 1 },
            usage: Usage { seconds, ..Usage::NONE },
            rows: 0,
            found: Found::Nothing,
        }
    }

    #[test]
    fn bars_look_at_the_median() {
        let measured = [run(9.0), run(2.0), run(3.0)];
        assert_eq!(median(&measured, |run| run.usage.seconds), 3.0);
        let held = |most| Held { what: "seconds", value: median(&measured, |run| run.usage.seconds), most };
        assert!(held(3.0).is_met() && !held(2.9).is_met());
    }

    #[test]
    fn what_was_not_found_meets_no_bar() {
        let held = Held { what: "lost", value: run(1.0).found.value(), most: 0.0 };
        assert!(!held.is_met());
    }
}
