//! The `links` of a row: relation names, and the address each stands for.

use achub_api::stream::Stream;

use super::keys::target;

/// Relations by the key of the array, from recorded answers and the vendor's examples.
const RELATIONS: &[(&str, &[&str])] = &[
    ("accountContacts", &["account", "contact"]),
    (
        "accounts",
        &["notes", "accountCustomFieldData", "accountContacts", "emailActivities", "contactEmails", "owner"],
    ),
    ("accountCustomFieldData", &["account", "accountCustomFieldMetum"]),
    ("accountCustomFieldMeta", &["accountCustomFieldData"]),
    ("addresses", &["addressGroup", "addressList", "forms"]),
    (
        "automations",
        &[
            "campaigns",
            "contactGoals",
            "contactAutomations",
            "blocks",
            "goals",
            "sms",
            "sitemessages",
            "triggers",
        ],
    ),
    ("bounceLogs", &["bounce", "contact", "campaign", "message", "code"]),
    ("calendars", &["calendarRels", "calendarUsers"]),
    (
        "campaigns",
        &[
            "user",
            "automation",
            "campaignMessage",
            "campaignMessages",
            "links",
            "aggregateRevenues",
            "segment",
            "campaignLists",
        ],
    ),
    ("connections", &["customers"]),
    ("contactAutomations", &["automation", "contact", "contactGoals", "automationLogs"]),
    ("contactData", &[]),
    ("contactDeals", &["deal", "contact", "role"]),
    (
        "contactGoals",
        &["goal", "automation", "contact", "contactAutomation", "contactGoalLists", "contactGoalTags"],
    ),
    (
        "contactLists",
        &[
            "automation",
            "list",
            "contact",
            "form",
            "autosyncLog",
            "campaign",
            "unsubscribeAutomation",
            "message",
        ],
    ),
    ("contactTags", &["tag", "contact"]),
    (
        "contacts",
        &[
            "bounceLogs",
            "contactAutomations",
            "contactData",
            "contactGoals",
            "contactLists",
            "contactLogs",
            "contactTags",
            "contactDeals",
            "deals",
            "fieldValues",
            "geoIps",
            "notes",
            "organization",
            "plusAppend",
            "trackingLogs",
            "scoreValues",
            "accountContacts",
            "automationEntryCounts",
        ],
    ),
    ("dealCustomFieldData", &["deal", "dealCustomFieldMetum"]),
    ("dealCustomFieldMeta", &["dealCustomFieldData"]),
    ("dealGroupUsers", &["dealGroup", "user"]),
    ("dealGroups", &["dealGroupUsers", "dealGroupGroups", "stages", "winProbabilityFeatures"]),
    ("dealRoles", &["contactDeals"]),
    ("dealStages", &["group"]),
    (
        "dealTasks",
        &[
            "activities",
            "automation",
            "dealTasktype",
            "doneAutomation",
            "notes",
            "owner",
            "taskNotifications",
            "user",
            "assignee",
        ],
    ),
    ("dealTasktypes", &["dealTasks", "tasktypeOutcomeRels"]),
    (
        "deals",
        &[
            "dealActivities",
            "contact",
            "contactDeals",
            "group",
            "nextTask",
            "notes",
            "account",
            "customerAccount",
            "organization",
            "owner",
            "scoreValues",
            "stage",
            "tasks",
            "dealCustomFieldData",
        ],
    ),
    ("ecomCustomers", &["connection", "orders"]),
    ("ecomOrderProducts", &["ecomOrder"]),
    ("ecomOrders", &["connection", "customer", "orderProducts", "orderDiscounts", "orderActivities"]),
    ("emailActivities", &["contact", "deal", "user", "reference", "account"]),
    ("fieldOptions", &["field"]),
    ("fieldRels", &[]),
    ("fieldValues", &["owner", "field"]),
    ("fields", &["options", "relations"]),
    ("forms", &["address"]),
    ("geoAddresses", &[]),
    ("geoIps", &["geoAddress"]),
    ("groupLimits", &["group"]),
    (
        "groups",
        &["userGroups", "groupLimit", "dealGroupGroups", "listGroups", "addressGroups", "automationGroups"],
    ),
    ("listGroups", &["list", "group"]),
    ("lists", &["contactGoalLists", "user", "addressLists"]),
    ("messages", &["user", "hyperlinks"]),
    ("notes", &["activities", "user", "mentions", "notes", "owner"]),
    ("plusAppend", &["contact"]),
    ("savedResponses", &["savedResponseCategorySavedResponse", "user"]),
    ("scoreValues", &["score", "contact", "deal"]),
    ("scores", &[]),
    ("tags", &["contactGoalTags", "templateTags"]),
    ("taskOutcomes", &["tasktypeOutcomeRels", "dealTasks"]),
    ("templates", &["templateLists"]),
    ("trackingLogs", &["contact"]),
    (
        "users",
        &[
            "lists",
            "userGroup",
            "dealGroupTotals",
            "dealGroupUsers",
            "configs",
            "dealConnection",
            "userConversationsPermission",
            "seatUser",
        ],
    ),
    ("webhooks", &[]),
];

/// The relation whose address carries a query, with the query.
const QUERY: (&str, &str, &str) = ("contacts", "contactAutomations", "?limit=2500&orders%5Blastdate%5D=DESC");

/// The relations of a collection, each as the text between quotes and what follows the id in the address.
#[derive(Debug)]
pub(crate) struct Links {
    path: &'static str,
    relations: Vec<(String, String)>,
}

impl Links {
    /// What the rows of `stream` link to. A collection without a recorded answer links to what its ids point at.
    pub(crate) fn of(stream: &Stream) -> Links {
        let known = RELATIONS.iter().find(|(envelope, _)| *envelope == stream.envelope);
        let names: Vec<&str> = match known {
            Some((_, names)) => names.to_vec(),
            None => stream
                .fields
                .iter()
                .map(|field| field.name)
                .filter(|name| is_relation(stream, name))
                .collect(),
        };
        let relations = names.into_iter().map(|name| relation(stream.envelope, name)).collect();
        Links { path: stream.path, relations }
    }

    /// Whether there is a relation of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.relations
            .iter()
            .any(|(key, _)| key.strip_prefix('"').and_then(|key| key.strip_suffix("\":\"")) == Some(name))
    }

    /// Appends the object, or `[]` when there are no relations.
    pub(crate) fn push(&self, out: &mut Vec<u8>, base: &str, id: u64) {
        if self.relations.is_empty() {
            out.extend_from_slice(b"[]");
            return;
        }
        for (at, (key, rest)) in self.relations.iter().enumerate() {
            out.push(if at == 0 { b'{' } else { b',' });
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(base.as_bytes());
            out.extend_from_slice(b"/api/3/");
            out.extend_from_slice(self.path.as_bytes());
            out.push(b'/');
            crate::json::push_number(out, id);
            out.extend_from_slice(rest.as_bytes());
        }
        out.push(b'}');
    }
}

fn relation(envelope: &str, name: &str) -> (String, String) {
    let query = if (envelope, name) == (QUERY.0, QUERY.1) { QUERY.2 } else { "" };
    (format!("\"{name}\":\""), format!("/{name}{query}\""))
}

fn is_relation(stream: &Stream, name: &str) -> bool {
    let id_itself = name.ends_with("id") || name.ends_with("Id") || name.ends_with("_by");
    !id_itself && target(stream.envelope, name).is_some()
}
