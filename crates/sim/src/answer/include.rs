//! Sideloading: rows of other collections that come along with a page.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::row::{Extra, Rower, View};
use crate::{
    account::{Account, Table},
    json::push_string,
    seed::keys::{NOTED, target},
};

/// A collection whose rows belong to the rows of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relation {
    /// The collection of the rows it starts from.
    pub(crate) from: &'static str,
    /// The name in `include`, and of the list of ids in the row.
    pub(crate) name: &'static str,
    /// The collection of the rows it leads to.
    pub(crate) to: &'static str,
    /// The field of those rows that names the row they belong to.
    pub(crate) field: &'static str,
}

const fn relation(from: &'static str, name: &'static str, to: &'static str, field: &'static str) -> Relation {
    Relation { from, name, to, field }
}

/// Relations to rows that belong to a row. The way back needs no entry: it is a field that holds an id.
const RELATIONS: &[Relation] = &[
    relation("contacts", "contactTags", "contactTags", "contact"),
    relation("contacts", "contactLists", "contactLists", "contact"),
    relation("contacts", "fieldValues", "fieldValues", "contact"),
    relation("contacts", "contactAutomations", "contactAutomations", "contact"),
    relation("contacts", "contactData", "contactData", "contact"),
    relation("contacts", "deals", "deals", "contact"),
    relation("contacts", "contactDeals", "contactDeals", "contact"),
    relation("contacts", "geoIps", "geoIps", "contact"),
    relation("contacts", "accountContacts", "accountContacts", "contact"),
    relation("contacts", "contactGoals", "contactGoals", "contact"),
    relation("contacts", "trackingLogs", "trackingLogs", "contact"),
    relation("contacts", "bounceLogs", "bounceLogs", "contact"),
    relation("contacts", "notes", "notes", "relid"),
    relation("contacts", "scoreValues", "scoreValues", "contact"),
    relation("contacts", "contactLogs", "contactLogs", "contact"),
    relation("fields", "options", "fieldOptions", "field"),
    relation("fields", "relations", "fieldRels", "field"),
    relation("dealGroups", "stages", "dealStages", "group"),
    relation("dealGroups", "dealGroupUsers", "dealGroupUsers", "dealGroup"),
    relation("accounts", "accountContacts", "accountContacts", "account"),
    relation("deals", "dealActivities", "dealActivities", "deal"),
    relation("deals", "contactDeals", "contactDeals", "deal"),
    relation("deals", "dealCustomFieldData", "dealCustomFieldData", "dealId"),
    relation("ecomOrders", "orderProducts", "ecomOrderProducts", "orderid"),
];

/// The relation called `name` from the collection `from`.
pub(crate) fn find(from: &str, name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|relation| relation.from == from && relation.name == name)
}

/// Ids put into rows, by the name they get there and the id of the row.
#[derive(Debug, Default)]
pub(crate) struct InRows(Vec<(&'static str, HashMap<u64, Vec<u64>>)>);

impl InRows {
    /// What to put into row `id`.
    pub(crate) fn of(&self, id: u64) -> Vec<Extra<'_>> {
        self.0.iter().map(|(name, rows)| (*name, rows.get(&id).map_or(&[][..], Vec::as_slice))).collect()
    }

    /// Puts an empty list called `name` into every row.
    fn reserve(&mut self, name: &'static str) -> &mut HashMap<u64, Vec<u64>> {
        if let Some(at) = self.0.iter().position(|(known, _)| *known == name) {
            return &mut self.0[at].1;
        }
        self.0.push((name, HashMap::new()));
        &mut self.0.last_mut().expect("one was just pushed").1
    }
}

/// The rows that come along, in the order in which their arrays are sent.
#[derive(Debug, Default)]
pub(crate) struct Sideloads {
    /// Collection, and its rows in the order they were found; each once.
    arrays: Vec<(&'static str, Vec<u64>)>,
    seen: HashSet<(&'static str, u64)>,
    /// Ids put into the rows of the page.
    pub(crate) in_rows: InRows,
}

impl Sideloads {
    /// Follows one name of `include`, maybe with dots, from rows of `from`. Unknown names are ignored.
    pub(crate) fn follow(&mut self, account: &Account, from: &Table, ids: &[u64], path: &str) {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let Some((to, found)) = self.step(account, from, ids, first, true) else { return };
        self.walk(account, to, &found, rest);
    }

    fn walk(&mut self, account: &Account, from: &'static str, ids: &[u64], rest: Option<&str>) {
        let Some(path) = rest else { return };
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        if let Some((to, found)) = self.step(account, account.table(from), ids, first, false) {
            self.walk(account, to, &found, rest);
        }
    }

    /// Follows one relation; `marked` puts the ids found into the rows they were found from.
    fn step(
        &mut self,
        account: &Account,
        from: &Table,
        ids: &[u64],
        name: &str,
        marked: bool,
    ) -> Option<(&'static str, Vec<u64>)> {
        if let Some(relation) = find(from.envelope(), name) {
            return Some((relation.to, self.gather(account, relation, ids, marked)));
        }
        let field = from.field(name)?;
        let to = account.find(target(from.envelope(), field.name)?)?;
        let pointed: BTreeSet<u64> = ids.iter().map(|id| from.pointer(&account.scope, *id, name)).collect();
        let found: Vec<u64> = pointed.into_iter().filter(|id| to.ids.contains(*id)).collect();
        self.add(to.envelope(), &found);
        Some((to.envelope(), found))
    }

    /// Brings the rows of `relation` along.
    pub(crate) fn gather(
        &mut self,
        account: &Account,
        relation: &'static Relation,
        ids: &[u64],
        marked: bool,
    ) -> Vec<u64> {
        let mut all = Vec::new();
        if marked {
            self.in_rows.reserve(relation.name);
        }
        for id in ids {
            let mut children = children(account, relation, *id);
            if let Some(every) = account.switches.include_leaves_out_every.filter(|_| is_elsewhere(relation))
            {
                children.retain(|child| !child.is_multiple_of(every.get()));
            }
            all.extend_from_slice(&children);
            if marked {
                self.in_rows.reserve(relation.name).insert(*id, children);
            }
        }
        self.add(relation.to, &all);
        all
    }

    /// Puts ids of `relation` into the rows without bringing the rows along.
    pub(crate) fn mark(&mut self, account: &Account, relation: &'static Relation, ids: &[u64]) {
        let rows = self.in_rows.reserve(relation.name);
        for id in ids {
            rows.insert(*id, children(account, relation, *id));
        }
    }

    /// Brings rows along, each once.
    pub(crate) fn add(&mut self, envelope: &'static str, ids: &[u64]) {
        let at = match self.arrays.iter().position(|(known, _)| *known == envelope) {
            Some(at) => at,
            None => {
                self.arrays.push((envelope, Vec::new()));
                self.arrays.len() - 1
            }
        };
        for id in ids {
            if self.seen.insert((envelope, *id)) {
                self.arrays[at].1.push(*id);
            }
        }
    }

    pub(crate) fn row_count(&self) -> u64 {
        self.arrays.iter().map(|(_, ids)| ids.len() as u64).sum()
    }

    /// The rows that come along, for the ledger.
    pub(crate) fn issued(&self) -> Vec<(&'static str, Vec<u64>)> {
        let sorted = |ids: &Vec<u64>| {
            let mut ids = ids.clone();
            ids.sort_unstable();
            ids
        };
        self.arrays.iter().map(|(envelope, ids)| (*envelope, sorted(ids))).collect()
    }

    /// Appends every array but that of the collection `but`, each followed by a comma.
    pub(crate) fn push(&self, out: &mut Vec<u8>, rower: &Rower<'_>, but: &str) {
        for (envelope, ids) in self.arrays.iter().filter(|(envelope, _)| *envelope != but) {
            let table = rower.account.table(envelope);
            push_string(out, envelope);
            out.extend_from_slice(b":[");
            for (at, id) in ids.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                rower.push(out, table, *id, View::Side, &[]);
            }
            out.extend_from_slice(b"],");
        }
    }
}

/// Whether the rows that come along with contacts are a collection people read for itself.
fn is_elsewhere(relation: &Relation) -> bool {
    relation.from == "contacts" && matches!(relation.to, "deals" | "accountContacts" | "contactAutomations")
}

/// The living rows of `relation` that belong to row `id`. Notes hang off many kinds of row and say which.
pub(crate) fn children(account: &Account, relation: &Relation, id: u64) -> Vec<u64> {
    let mut rows = account.children(relation.to, relation.field, id);
    if relation.to == "notes" {
        let notes = account.table("notes");
        let about =
            NOTED.iter().find(|(_, envelope, _)| *envelope == relation.from).map(|(about, _, _)| *about);
        rows.retain(|row| notes.text(&account.scope, &account.zone, *row, "reltype").as_deref() == about);
    }
    rows
}
