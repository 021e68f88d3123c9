//! The control interface: what a test sees and does that a client cannot.

pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod mutate;
pub(crate) mod routes;
pub(crate) mod stored;
mod truth;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{error::Error, fault::FaultRule, serve::Shared, switches::Switches};
use mutate::{Mutation, collection};

/// The control interface in process; the same as `/_sim` over HTTP.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Control {
        Control { shared }
    }

    /// Rows issued, rows changed or deleted since the start, writes received, mutations made.
    ///
    /// `issued` holds, by collection, runs of ids `from` to `to` with the account's time `at` and the `revision` in which
    /// they were issued last; `changed` the rows that are not as they were at the start, each with its `version` and the
    /// `revision` that made it; `deleted` ids; `writes` what came in, with key, time and effect on consent.
    pub fn ledger(&self) -> Value {
        let account = self.shared.account();
        self.shared.desk().ledger.show(&account)
    }

    /// Counts of requests by path and status, the most in any second, and the newest `recent` ones (at most 1,000).
    pub fn requests(&self, recent: usize) -> Value {
        self.shared.desk().log.show(recent)
    }

    /// Creates, changes and deletes rows of one collection, now or between every two pages of it.
    ///
    /// Input: `{"collection": "contacts", "create": 1, "change": 1, "delete": 1, "set": {"7": {"firstName": "Ada"}},
    /// "seed": 1, "between_pages": false}`; the collection is a stream or the key of an array. `create`, `change` and
    /// `delete` say how many rows, `set` puts values into single rows as they are and moves no time by itself; rows that
    /// are not there are passed over. Output: the ids `created`, `changed`, `set` and `deleted`, or `{"standing": n}`. A
    /// contact that is created comes with three tags, two memberships and ten values.
    ///
    /// Errors: [`Error::Control`] naming what is not understood; [`Error::Data`] when the account cannot be stored.
    pub fn mutate(&self, wish: &Value) -> Result<Value, Error> {
        let done = {
            let mut account = self.shared.account();
            let mut mutation = Mutation::read(&account, wish)?;
            let mut desk = self.shared.desk();
            if mutation.between_pages {
                desk.standing.push(mutation);
                return Ok(json!({"standing": desk.standing.len()}));
            }
            let done = mutation.apply(&mut account);
            desk.ledger.mutation(done.clone());
            done
        };
        stored::save(&self.shared)?;
        Ok(done)
    }

    /// Ends all mutations between pages.
    pub fn rest(&self) {
        self.shared.desk().standing.clear();
    }

    /// Adds fault rules.
    pub fn add_faults(&self, rules: Vec<FaultRule>) {
        self.shared.desk().script.add(rules);
    }

    /// Every fault rule with how often it fitted and acted.
    pub fn faults(&self) -> Value {
        self.shared.desk().script.describe()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.shared.desk().script.clear();
    }

    /// The switches as they are.
    pub fn switches(&self) -> Switches {
        self.shared.account().switches.clone()
    }

    /// Sets the switches named in a JSON object.
    ///
    /// Errors: [`Error::Control`] for a switch that does not exist; [`Error::Data`] when the account cannot be stored.
    pub fn set_switches(&self, changes: &Value) -> Result<Switches, Error> {
        let switches = {
            let mut account = self.shared.account();
            let switches = account.switches.with(changes)?;
            account.switch(switches.clone());
            switches
        };
        stored::save(&self.shared)?;
        Ok(switches)
    }

    /// All living rows of a collection as the account holds them, one JSON object per item, in the order of ids.
    ///
    /// Rows are made a few hundred at a time. A row that is deleted while one reads is left out from then on.
    ///
    /// Errors: [`Error::Control`] for a collection that does not exist.
    pub fn truth(&self, name: &str) -> Result<impl Iterator<Item = String> + Send + 'static + use<>, Error> {
        let envelope = collection(&self.shared.account(), name)?.envelope();
        Ok(truth::Rows::new(Arc::clone(&self.shared), envelope))
    }

    /// How many living rows a collection has.
    ///
    /// Errors: [`Error::Control`] for a collection that does not exist.
    pub fn count(&self, name: &str) -> Result<u64, Error> {
        Ok(collection(&self.shared.account(), name)?.ids.count())
    }

    /// Puts everything back to the start: rows, records, faults, standing mutations, switches.
    ///
    /// Errors: [`Error::Data`] when the account cannot be stored.
    pub fn reset(&self) -> Result<(), Error> {
        self.shared.reset();
        stored::save(&self.shared)
    }
}
