//! Writing one row the way it is sent, which differs a little between lists, single answers and answers to writes.

use serde_json::Value;

use crate::{
    account::{Account, Table},
    json::{push_ids, push_number, push_quoted, push_string, push_value},
    seed::column::Source,
};

/// In which kind of answer a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// In the list of its own collection.
    List,
    /// Alone.
    Single,
    /// Beside the rows of another collection.
    Side,
    /// As the answer to a write of this very row.
    Written,
}

use View::{List, Side, Single, Written};

/// Fields that are not sent everywhere, and where they are sent. Recorded answers of 2026 decide; no view at all means
/// a field that only older answers had.
const ONLY: &[(&str, &str, &[View])] = &[
    ("contacts", "email_empty", &[]),
    ("contacts", "sentiment", &[]),
    ("contacts", "scoreValues", &[List]),
    ("contacts", "accountContacts", &[List, Single]),
    ("contacts", "last_click_date", &[List, Single, Side]),
    ("contacts", "last_open_date", &[List, Single, Side]),
    ("contacts", "last_mpp_open_date", &[List, Single, Side]),
    ("contacts", "whatsapp_id", &[List, Single, Side]),
    ("contacts", "whatsapp_username", &[List, Single, Side]),
    ("contactLists", "channel", &[List, Single, Side]),
    ("lists", "active_subscribers", &[List]),
    ("lists", "non_deleted_subscribers", &[List]),
    ("accounts", "contactCount", &[List]),
    ("accounts", "dealCount", &[List]),
    ("dealGroups", "count", &[List]),
    ("dealGroups", "stages", &[List, Single]),
    ("deals", "nextTask", &[]),
    ("dealCustomFieldData", "fieldCurrency", &[]),
    ("accountCustomFieldData", "fieldCurrency", &[]),
    ("fields", "options", &[List, Single]),
    ("fields", "relations", &[List, Single]),
    ("automations", "defaultscreenshot", &[List]),
    ("automations", "screenshot", &[List]),
    ("campaigns", "numberOfMessages", &[List, Side]),
    ("campaigns", "campaignIsText", &[List, Side]),
    ("campaigns", "typeText", &[List]),
    ("campaigns", "statusToolTip", &[List]),
    ("campaigns", "statusString", &[List]),
    ("campaigns", "groupLimitViolation", &[List]),
    ("campaigns", "isDoubleOptInCampaign", &[Single, Written]),
    ("forms", "defaultscreenshot", &[List]),
    ("forms", "recent", &[List]),
    ("forms", "contacts", &[List]),
    ("forms", "deals", &[List]),
    ("contactAutomations", "in_als", &[Single, Written]),
    ("ecomCustomers", "acceptsMarketing", &[Single, Written]),
    ("ecomOrders", "orderProducts", &[List]),
    ("ecomOrders", "externalUpdatedDate", &[Single, Written]),
    ("ecomOrders", "externalcheckoutid", &[Single, Written]),
    ("ecomOrders", "orderNumber", &[Single, Written]),
    ("ecomOrders", "abandonedDate", &[Single, Written]),
];

/// Numbers of list answers that are strings in single ones.
const STRING_ALONE: &[(&str, &str)] = &[("forms", "entries")];

/// Ids of sideloaded rows to put into a row: the name and the ids.
pub(crate) type Extra<'a> = (&'a str, &'a [u64]);

/// What the writer of rows needs to know of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rower<'a> {
    pub(crate) account: &'a Account,
    /// Scheme and host for links: `https://account.api-us1.com`.
    pub(crate) base: &'a str,
    /// Whether companies show their counters.
    pub(crate) count_deals: bool,
}

impl Rower<'_> {
    /// Appends row `id` of `table`.
    pub(crate) fn push(&self, out: &mut Vec<u8>, table: &Table, id: u64, view: View, extras: &[Extra<'_>]) {
        if self.is_reduced(table, id) {
            return self.push_reduced(out, table, id);
        }
        if table.stream.attributes {
            return self.push_resource(out, table, id);
        }
        out.push(b'{');
        let start = out.len();
        let change = table.changes.get(&id);
        for column in &table.columns {
            let name = column.field.name;
            if !is_sent(table.envelope(), name, view) || extras.iter().any(|(extra, _)| *extra == name) {
                continue;
            }
            match &column.source {
                Source::Ids => continue,
                Source::Links(links) => {
                    push_extras(out, extras);
                    out.extend_from_slice(column.key.as_bytes());
                    links.push(out, self.base, id);
                }
                _ => {
                    out.extend_from_slice(column.key.as_bytes());
                    match change.and_then(|change| change.values.get(name)) {
                        Some(value) => push_value(out, value),
                        None => self.push_seeded(out, table, column, id, view),
                    }
                }
            }
            out.push(b',');
        }
        if !table.columns.iter().any(|column| matches!(column.source, Source::Links(_))) {
            push_extras(out, extras);
        }
        if out.len() > start {
            out.pop();
        }
        out.push(b'}');
    }

    fn push_seeded(
        &self,
        out: &mut Vec<u8>,
        table: &Table,
        column: &crate::seed::Column,
        id: u64,
        view: View,
    ) {
        let (envelope, name) = (table.envelope(), column.field.name);
        if let Some(count) = self.counter(envelope, name, id) {
            return push_quoted(out, count);
        }
        let from = out.len();
        table.cell(&self.account.scope, column, id).push(out, column.field, &self.account.zone);
        if view != View::List && STRING_ALONE.contains(&(envelope, name)) {
            let number = out.split_off(from);
            push_string(out, std::str::from_utf8(&number).expect("numbers are ASCII"));
        }
    }

    fn counter(&self, envelope: &'static str, field: &str, id: u64) -> Option<u64> {
        match (envelope, field) {
            ("lists" | "tags", _) => self.account.tally.shown(envelope, field, id),
            ("accounts", "contactCount") if self.count_deals => {
                Some(self.of_company("accountContacts", "account", id))
            }
            ("accounts", "dealCount") if self.count_deals => Some(self.of_company("deals", "account", id)),
            _ => None,
        }
    }

    /// How many rows name company `id`. Companies follow contacts: 20 of them each, so only their rows are looked at.
    fn of_company(&self, envelope: &'static str, field: &'static str, id: u64) -> u64 {
        let table = self.account.table(envelope);
        let contacts = (id - 1) * 20 + 1..=id * 20;
        let seeded = contacts.flat_map(|contact| table.children(&self.account.scope, "contact", contact));
        let mut rows: Vec<u64> =
            seeded.filter(|row| table.pointer(&self.account.scope, *row, field) == id).collect();
        rows.extend(
            table.children(&self.account.scope, field, id).into_iter().filter(|row| *row > table.seeded),
        );
        rows.sort_unstable();
        rows.dedup();
        rows.len() as u64
    }

    fn is_reduced(&self, table: &Table, id: u64) -> bool {
        let every = self.account.switches.deal_reduced_every;
        table.envelope() == "deals" && every.is_some_and(|every| id.is_multiple_of(every.get()))
    }

    fn push_reduced(&self, out: &mut Vec<u8>, table: &Table, id: u64) {
        let value =
            |field| table.value(&self.account.scope, &self.account.zone, id, field).unwrap_or(Value::Null);
        push_value(
            out,
            &serde_json::json!({"title": value("title"), "status": value("status"), "id": id.to_string(), "isDisabled": true}),
        );
    }

    /// A JSON:API resource: everything but id and type is inside `attributes`.
    fn push_resource(&self, out: &mut Vec<u8>, table: &Table, id: u64) {
        let (mut outer, mut attributes) = (serde_json::Map::new(), serde_json::Map::new());
        for column in &table.columns {
            let name = column.field.name;
            let value = table.value(&self.account.scope, &self.account.zone, id, name).unwrap_or(Value::Null);
            if matches!(name, "id" | "type") { &mut outer } else { &mut attributes }
                .insert(name.to_owned(), value);
        }
        outer.insert("attributes".to_owned(), Value::Object(attributes));
        push_value(out, &Value::Object(outer));
    }

    /// Row `id` as a tree, for the answers to writes, which lay something over it.
    pub(crate) fn tree(&self, table: &Table, id: u64, view: View) -> serde_json::Map<String, Value> {
        let mut out = Vec::new();
        self.push(&mut out, table, id, view, &[]);
        serde_json::from_slice(&out).expect("rows are written as JSON objects")
    }
}

fn is_sent(envelope: &str, field: &str, view: View) -> bool {
    match ONLY.iter().find(|(of, name, _)| *of == envelope && *name == field) {
        Some((_, _, views)) => views.contains(&view),
        None => true,
    }
}

fn push_extras(out: &mut Vec<u8>, extras: &[Extra<'_>]) {
    for (name, ids) in extras {
        push_string(out, name);
        out.push(b':');
        push_ids(out, ids);
        out.push(b',');
    }
}

/// Appends `"total":` and the number, as a string or not.
pub(crate) fn push_total(out: &mut Vec<u8>, total: u64, quoted: bool) {
    out.extend_from_slice(b"\"total\":");
    if quoted { push_quoted(out, total) } else { push_number(out, total) }
}
