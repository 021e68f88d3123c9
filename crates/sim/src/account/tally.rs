//! Counters that lists and tags show: kept up to date rather than counted per page.

use std::collections::HashMap;

use super::Account;

/// Living rows per list and per tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    members: HashMap<u64, i64>,
    active: HashMap<u64, i64>,
    tagged: HashMap<u64, i64>,
}

/// What one row counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Membership { list: u64, active: bool },
    Tagging { tag: u64 },
    Nothing,
}

impl Tally {
    /// Counts every membership and tagging of the account once.
    pub(crate) fn count(account: &Account) -> Tally {
        let mut tally = Tally::default();
        for envelope in ["contactLists", "contactTags"] {
            for id in account.table(envelope).ids.iter() {
                tally.add(Tally::entry(account, envelope, id), 1);
            }
        }
        tally
    }

    /// What row `id` counts for, as it is now.
    pub(crate) fn entry(account: &Account, envelope: &'static str, id: u64) -> Entry {
        match envelope {
            "contactLists" => Entry::Membership {
                list: account.pointer(envelope, id, "list"),
                active: account.pointer(envelope, id, "status") == 1,
            },
            "contactTags" => Entry::Tagging { tag: account.pointer(envelope, id, "tag") },
            _ => Entry::Nothing,
        }
    }

    pub(crate) fn add(&mut self, entry: Entry, by: i64) {
        match entry {
            Entry::Membership { list, active } => {
                *self.members.entry(list).or_default() += by;
                if active {
                    *self.active.entry(list).or_default() += by;
                }
            }
            Entry::Tagging { tag } => *self.tagged.entry(tag).or_default() += by,
            Entry::Nothing => {}
        }
    }

    /// The counter that `field` of a collection shows for row `id`, if it shows one.
    pub(crate) fn shown(&self, envelope: &str, field: &str, id: u64) -> Option<u64> {
        let counter = match (envelope, field) {
            ("lists", "active_subscribers") => &self.active,
            ("lists", "non_deleted_subscribers") => &self.members,
            ("tags", "subscriber_count") => &self.tagged,
            _ => return None,
        };
        Some(counter.get(&id).copied().unwrap_or(0).max(0) as u64)
    }
}
