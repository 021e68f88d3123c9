//! What the account has given out and taken in: the evidence a test is judged by.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::account::Account;

/// Rows issued, writes received, mutations made.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By collection: the first id of a run of ids, and how that run was issued last.
    issued: BTreeMap<&'static str, BTreeMap<u64, Issue>>,
    writes: Vec<Value>,
    mutations: Vec<Value>,
}

/// How a run of ids was issued last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Issue {
    last: u64,
    /// Seconds since 1970 on the account's clock.
    at: i64,
    /// The account's revision at that moment; the version issued is the one that revision had.
    revision: u64,
}

impl Ledger {
    /// Notes that rows with these ascending ids were issued.
    pub(crate) fn issue(&mut self, envelope: &'static str, ids: &[u64], at: i64, revision: u64) {
        let runs = self.issued.entry(envelope).or_default();
        let mut from = 0;
        while from < ids.len() {
            let mut to = from;
            while to + 1 < ids.len() && ids[to + 1] == ids[to] + 1 {
                to += 1;
            }
            overwrite(runs, ids[from], Issue { last: ids[to], at, revision });
            from = to + 1;
        }
    }

    /// Notes a write with what it did.
    pub(crate) fn write(&mut self, write: Value) {
        self.writes.push(write);
    }

    /// Notes rows made, changed or deleted through the control interface.
    pub(crate) fn mutation(&mut self, mutation: Value) {
        self.mutations.push(mutation);
    }

    /// The ledger as `GET /_sim/ledger` shows it.
    pub(crate) fn show(&self, account: &Account) -> Value {
        let issued: Map<String, Value> = self
            .issued
            .iter()
            .map(|(envelope, runs)| ((*envelope).to_owned(), show_runs(account, runs)))
            .collect();
        let (mut changed, mut deleted) = (Map::new(), Map::new());
        for table in account.tables() {
            let mut rows: Vec<Value> = table
                .changes
                .iter()
                .map(|(id, change)| json!({"id": id, "version": change.version, "revision": change.revision}))
                .collect();
            rows.sort_by_key(|row| row["id"].as_u64());
            if !rows.is_empty() {
                changed.insert(table.envelope().to_owned(), Value::Array(rows));
            }
            if !table.ids.gaps().is_empty() {
                deleted.insert(table.envelope().to_owned(), json!(table.ids.gaps()));
            }
        }
        json!({
            "revision": account.revision,
            "now": account.now_iso(),
            "issued": issued,
            "changed": changed,
            "deleted": deleted,
            "writes": self.writes,
            "mutations": self.mutations,
        })
    }
}

fn show_runs(account: &Account, runs: &BTreeMap<u64, Issue>) -> Value {
    let show = |(from, issue): (&u64, &Issue)| json!({"from": from, "to": issue.last, "at": account.zone.iso(issue.at), "revision": issue.revision});
    Value::Array(runs.iter().map(show).collect())
}

/// Puts a run over whatever was there; runs beside it that say the same grow into one.
fn overwrite(runs: &mut BTreeMap<u64, Issue>, first: u64, issue: Issue) {
    let touched: Vec<(u64, Issue)> = runs
        .range(..=issue.last.saturating_add(1))
        .rev()
        .take_while(|(_, old)| old.last.saturating_add(1) >= first)
        .map(|(from, old)| (*from, *old))
        .collect();
    let (mut first, mut issue) = (first, issue);
    for (from, old) in touched {
        runs.remove(&from);
        if (old.at, old.revision) == (issue.at, issue.revision) {
            first = first.min(from);
            issue.last = issue.last.max(old.last);
            continue;
        }
        if from < first {
            runs.insert(from, Issue { last: first - 1, ..old });
        }
        if old.last > issue.last {
            runs.insert(issue.last + 1, old);
        }
    }
    runs.insert(first, issue);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_issue_of_every_id_wins() {
        let mut ledger = Ledger::default();
        let mut expected = BTreeMap::new();
        let mut dice = crate::chance::Dice::new(5);
        for revision in 0..400 {
            let from = dice.below(50) + 1;
            let ids: Vec<u64> = (from..from + dice.below(20) + 1).filter(|_| dice.below(4) > 0).collect();
            ledger.issue("contacts", &ids, 0, revision);
            expected.extend(ids.iter().map(|id| (*id, revision)));
        }

        let runs = &ledger.issued["contacts"];
        let told: BTreeMap<u64, u64> = runs
            .iter()
            .flat_map(|(from, issue)| (*from..=issue.last).map(|id| (id, issue.revision)))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn pages_of_a_quiet_account_become_one_run() {
        let mut ledger = Ledger::default();
        for page in 0..100u64 {
            let ids: Vec<u64> = (page * 100 + 1..=page * 100 + 100).collect();
            ledger.issue("contacts", &ids, 7, 0);
        }
        assert_eq!(ledger.issued["contacts"].len(), 1);
    }
}
