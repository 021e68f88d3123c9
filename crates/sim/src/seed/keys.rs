//! Which collection a field named like this points to.

/// Fields that hold an id, by name, with the key of the array they point into.
const KEYS: &[(&str, &str)] = &[
    ("contact", "contacts"),
    ("subscriberid", "contacts"),
    ("contactid", "contacts"),
    ("list", "lists"),
    ("listid", "lists"),
    ("listId", "lists"),
    ("tag", "tags"),
    ("field", "fields"),
    ("user", "users"),
    ("userid", "users"),
    ("last_sent_user_id", "users"),
    ("assignee", "users"),
    ("created_by", "users"),
    ("updated_by", "users"),
    ("group", "groups"),
    ("groupid", "groups"),
    ("deal", "deals"),
    ("d_id", "deals"),
    ("dealId", "deals"),
    ("nextdealid", "deals"),
    ("dealGroup", "dealGroups"),
    ("stage", "dealStages"),
    ("d_stageid", "dealStages"),
    ("dealTasktype", "dealTasktypes"),
    ("outcomeId", "taskOutcomes"),
    ("account", "accounts"),
    ("accountId", "accounts"),
    ("customerAccount", "accounts"),
    ("dealCustomFieldMetumId", "dealCustomFieldMeta"),
    ("accountCustomFieldMetumId", "accountCustomFieldMeta"),
    ("campaign", "campaigns"),
    ("campaignid", "campaigns"),
    ("message", "messages"),
    ("messageid", "messages"),
    ("automation", "automations"),
    ("seriesid", "automations"),
    ("automation_block", "automationBlocks"),
    ("blockid", "automationBlocks"),
    ("goal", "goals"),
    ("goalid", "goals"),
    ("contactAutomation", "contactAutomations"),
    ("subscriberseriesid", "contactAutomations"),
    ("form", "forms"),
    ("address", "addresses"),
    ("addressid", "addresses"),
    ("score", "scores"),
    ("geoAddress", "geoAddresses"),
    ("geoaddrid", "geoAddresses"),
    ("conversion", "conversions"),
    ("conversiontrigger", "conversionTriggers"),
    ("conversion_trigger", "conversionTriggers"),
    ("connection", "connections"),
    ("connectionid", "connections"),
    ("customer", "ecomCustomers"),
    ("customerid", "ecomCustomers"),
    ("order", "ecomOrders"),
    ("orderid", "ecomOrders"),
    ("ecomOrder", "ecomOrders"),
    ("tagid", "tags"),
];

/// Where a name means something else than usual.
const EXCEPTIONS: &[(&str, &str, Option<&str>)] = &[
    ("deals", "group", Some("dealGroups")),
    ("dealStages", "group", Some("dealGroups")),
    ("dealStages", "order", None),
    ("fields", "rows", None),
    ("accounts", "owner", Some("users")),
    ("deals", "owner", Some("users")),
    ("fieldValues", "owner", Some("contacts")),
    ("configs", "owner", Some("users")),
    ("dealCustomFieldData", "customFieldId", Some("dealCustomFieldMeta")),
    ("accountCustomFieldData", "customFieldId", Some("accountCustomFieldMeta")),
    ("links", "message", Some("messages")),
    ("lists", "user", Some("users")),
    ("sms", "message", None),
    ("emailActivities", "message", None),
    ("bounceLogs", "code", None),
    ("dealTasks", "relid", Some("deals")),
];

/// What notes can be about: `reltype`, the key of the array of those records, `owner.type`.
pub(crate) const NOTED: &[(&str, &str, &str)] = &[
    ("Subscriber", "contacts", "contact"),
    ("Deal", "deals", "deal"),
    ("CustomerAccount", "accounts", "account"),
    ("DealTask", "dealTasks", "dealTask"),
    ("Activity", "activities", "activity"),
];

/// The key of the array that `field` of the collection `envelope` points into.
pub(crate) fn target(envelope: &str, field: &str) -> Option<&'static str> {
    if let Some((_, _, target)) = EXCEPTIONS.iter().find(|(of, name, _)| *of == envelope && *name == field) {
        return *target;
    }
    KEYS.iter().find(|(name, _)| *name == field).map(|(_, target)| *target)
}
