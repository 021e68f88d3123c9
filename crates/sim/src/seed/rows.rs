//! How many rows each collection starts with, and which row belongs to which.
//!
//! A collection is either a fixed number of rows or follows another one: `each` rows for every `every`-th row of its
//! parent. Then parent and children of a row are arithmetic and need no index.

/// How a collection is filled at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// So many rows.
    Fixed(u64),
    /// `each` rows for every `every`-th row of the collection `of`.
    Follow { of: &'static str, every: u64, each: u64 },
    /// One row for every `share` contacts, the last one maybe for fewer.
    PerContacts { share: u64 },
}

impl Rows {
    /// The parent of row `id`.
    pub(crate) fn parent(self, id: u64) -> Option<u64> {
        match self {
            Rows::Follow { every, each, .. } => Some(((id - 1) / each + 1) * every),
            Rows::Fixed(_) | Rows::PerContacts { .. } => None,
        }
    }

    /// The rows that belong to row `parent`: first and last, none when it has none.
    pub(crate) fn children(self, parent: u64) -> Option<(u64, u64)> {
        match self {
            Rows::Follow { every, each, .. } if parent > 0 && parent.is_multiple_of(every) => {
                let last = parent / every * each;
                Some((last - each + 1, last))
            }
            _ => None,
        }
    }
}

const fn per_contact(every: u64, each: u64) -> Rows {
    Rows::Follow { of: "contacts", every, each }
}

const fn per_deal(every: u64, each: u64) -> Rows {
    Rows::Follow { of: "deals", every, each }
}

/// Collections by the key of their array; what is not here has [`OTHERWISE`].
const FILLED: &[(&str, Rows)] = &[
    ("contactTags", per_contact(1, 3)),
    ("contactLists", per_contact(1, 2)),
    ("fieldValues", per_contact(1, 10)),
    ("deals", per_contact(5, 1)),
    ("accounts", Rows::PerContacts { share: 20 }),
    ("accountContacts", per_contact(4, 1)),
    ("contactAutomations", per_contact(2, 1)),
    ("contactData", per_contact(1, 1)),
    ("bounceLogs", per_contact(10, 1)),
    ("geoIps", per_contact(2, 1)),
    ("geoAddresses", Rows::Follow { of: "geoIps", every: 1, each: 1 }),
    ("contactGoals", per_contact(6, 1)),
    ("trackingLogs", per_contact(8, 2)),
    ("scoreValues", per_contact(10, 1)),
    ("contactLogs", per_contact(12, 1)),
    ("plusAppend", per_contact(1, 1)),
    ("notes", per_contact(3, 1)),
    ("activities", per_contact(2, 3)),
    ("emailActivities", per_contact(7, 1)),
    ("contactEmails", per_contact(9, 1)),
    ("contactConversions", per_contact(15, 1)),
    ("contactDeals", per_deal(1, 1)),
    ("dealActivities", per_deal(1, 2)),
    ("dealTasks", per_deal(2, 1)),
    ("dealCustomFieldData", per_deal(2, 2)),
    ("accountCustomFieldData", Rows::Follow { of: "accounts", every: 1, each: 2 }),
    ("ecomCustomers", per_contact(10, 1)),
    ("ecomOrders", Rows::Follow { of: "ecomCustomers", every: 1, each: 2 }),
    ("ecomOrderProducts", Rows::Follow { of: "ecomOrders", every: 1, each: 2 }),
    ("ecomOrderActivities", Rows::Follow { of: "ecomOrders", every: 1, each: 1 }),
    ("lists", Rows::Fixed(super::LIST_COUNT)),
    ("tags", Rows::Fixed(super::TAG_COUNT)),
    ("fields", Rows::Fixed(super::FIELD_COUNT)),
    ("fieldOptions", Rows::Fixed(super::contacts::OPTION_COUNT)),
    ("fieldRels", Rows::Fixed(super::FIELD_COUNT)),
    ("listGroups", Rows::Fixed(2 * super::LIST_COUNT)),
    ("dealGroups", Rows::Fixed(super::crm::PIPELINE_COUNT)),
    ("dealStages", Rows::Fixed(super::crm::STAGE_COUNT)),
    ("dealGroupUsers", Rows::Fixed(super::crm::PIPELINE_COUNT * USER_COUNT)),
    ("users", Rows::Fixed(USER_COUNT)),
    ("groups", Rows::Fixed(3)),
    ("groupLimits", Rows::Fixed(3)),
    ("campaigns", Rows::Fixed(120)),
    ("campaignLists", Rows::Follow { of: "campaigns", every: 1, each: 2 }),
    ("campaignMessages", Rows::Follow { of: "campaigns", every: 1, each: 1 }),
    ("links", Rows::Follow { of: "campaigns", every: 1, each: 3 }),
    ("messages", Rows::Fixed(120)),
    ("templates", Rows::Fixed(12)),
    ("automations", Rows::Fixed(15)),
    ("automationBlocks", Rows::Follow { of: "automations", every: 1, each: 8 }),
    ("goals", Rows::Follow { of: "automations", every: 3, each: 1 }),
    ("forms", Rows::Fixed(6)),
    ("segments", Rows::Fixed(9)),
    ("data", Rows::Fixed(9)),
    ("scores", Rows::Fixed(3)),
    ("connections", Rows::Fixed(2)),
    ("dealTasktypes", Rows::Fixed(4)),
    ("taskOutcomes", Rows::Fixed(5)),
    ("dealRoles", Rows::Fixed(3)),
    ("dealCustomFieldMeta", Rows::Fixed(super::crm::CRM_FIELD_COUNT)),
    ("accountCustomFieldMeta", Rows::Fixed(super::crm::CRM_FIELD_COUNT)),
    ("schemas", Rows::Fixed(2)),
    ("records", Rows::Follow { of: "schemas", every: 1, each: 30 }),
    ("eventTrackingEvents", Rows::Fixed(12)),
];

/// More than a default page, so that paging shows.
const OTHERWISE: Rows = Rows::Fixed(25);

/// How many users an account starts with.
pub(crate) const USER_COUNT: u64 = 5;

/// How the collection whose array has the key `envelope` is filled.
pub(crate) fn filled(envelope: &str) -> Rows {
    FILLED.iter().find(|(name, _)| *name == envelope).map_or(OTHERWISE, |(_, rows)| *rows)
}

/// How many rows the collection starts with in an account of `contacts` contacts.
pub(crate) fn count(envelope: &str, contacts: u64) -> u64 {
    if envelope == "contacts" {
        return contacts;
    }
    match filled(envelope) {
        Rows::Fixed(count) => count,
        Rows::PerContacts { share } => contacts.div_ceil(share),
        Rows::Follow { of, every, each } => count(of, contacts) / every * each,
    }
}

/// The seeded rows of `envelope` that belong to row `parent` of `pointed`, directly or through a collection between
/// them; `None` when `envelope` does not follow `pointed`.
pub(crate) fn descendants(envelope: &str, pointed: &str, parent: u64) -> Option<Vec<u64>> {
    let rows @ Rows::Follow { of, .. } = filled(envelope) else { return None };
    let parents = if of == pointed { vec![parent] } else { descendants(of, pointed, parent)? };
    Some(
        parents
            .into_iter()
            .filter_map(|parent| rows.children(parent))
            .flat_map(|(first, last)| first..=last)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Rows, count, filled};

    #[test]
    fn parents_and_children_point_at_each_other() {
        for (every, each) in [(1, 3), (5, 1), (8, 2)] {
            let rows = Rows::Follow { of: "contacts", every, each };
            for id in 1..=40 {
                let parent = rows.parent(id).unwrap();
                let (first, last) = rows.children(parent).unwrap();
                assert!((first..=last).contains(&id), "{rows:?} {id}");
                assert_eq!(last - first + 1, each);
            }
        }
    }

    #[test]
    fn ten_thousand_contacts_have_predictable_counts() {
        for (name, rows) in
            [("contactTags", 30_000), ("contactLists", 20_000), ("fieldValues", 100_000), ("deals", 2_000)]
        {
            assert_eq!(count(name, 10_000), rows, "{name}");
        }
        assert_eq!(filled("unheardOf"), super::OTHERWISE);
    }
}
