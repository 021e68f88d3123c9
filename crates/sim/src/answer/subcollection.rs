//! What hangs off one record: `/contacts/{id}/contactTags`, `/campaigns/{id}/links` and their like. No `meta`.

use achub_api::stream::Field;
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Answer, error_body,
    include::{self, Relation, Sideloads, children},
    row::{Rower, View},
    single::find_row,
};
use crate::{
    account::{Account, Table},
    json::push_string,
    seed::{column::Source, keys::target},
};

/// How many rows a clamped answer holds.
const CLAMPED: usize = 20;

/// Relations that answer one object instead of an array.
const OBJECTS: &[&str] = &["contactData", "plusAppend"];

/// Relations beside those of `include`.
const BESIDE: &[Relation] = &[
    Relation { from: "contacts", name: "plusAppend", to: "plusAppend", field: "contact" },
    Relation { from: "campaigns", name: "links", to: "links", field: "campaignid" },
    Relation { from: "campaigns", name: "campaignLists", to: "campaignLists", field: "campaignid" },
    Relation { from: "campaigns", name: "campaignMessages", to: "campaignMessages", field: "campaignid" },
    Relation { from: "automations", name: "blocks", to: "automationBlocks", field: "automation" },
    Relation { from: "ecomCustomers", name: "orders", to: "ecomOrders", field: "customerid" },
    Relation { from: "ecomOrders", name: "orderActivities", to: "ecomOrderActivities", field: "orderid" },
    Relation { from: "connections", name: "customers", to: "ecomCustomers", field: "connectionid" },
    Relation { from: "deals", name: "tasks", to: "dealTasks", field: "relid" },
    Relation { from: "deals", name: "notes", to: "notes", field: "relid" },
    Relation { from: "accounts", name: "notes", to: "notes", field: "relid" },
    Relation { from: "dealTasks", name: "notes", to: "notes", field: "relid" },
];

/// Answers `GET /{collection}/{id}/{name}`; `None` when the collection has no such relation.
pub(crate) fn answer(account: &Account, table: &Table, id: &str, name: &str, base: &str) -> Option<Answer> {
    let known = find_row(account, table, id);
    let Some(id) = known else {
        return Some(error_body::missing(&account.switches, table.envelope(), table.item(), id));
    };
    let rower = Rower { account, base, count_deals: false };
    if table.envelope() == "contacts" {
        match name {
            "automationEntryCounts" => return Some(entry_counts(account, id)),
            "organization" => return Some(organization(account, id)),
            "contactDeals" => return Some(contact_deals(&rower, id)),
            _ => {}
        }
    }
    if (table.envelope(), name) == ("users", "userGroup") {
        return Some(user_group(account, id));
    }
    let beside = BESIDE.iter().find(|relation| relation.from == table.envelope() && relation.name == name);
    let relation = include::find(table.envelope(), name).or(beside).copied();
    if let Some(relation) = relation.or_else(|| back(account, table, name)) {
        return Some(rows(&rower, &relation, id));
    }
    pointed(account, table, id, name, base)
}

/// The relation to the collection called `name`, where rows of `table` link to it and its rows point back:
/// `/groups/{id}/listGroups`. Who made or changed a row does not count.
fn back(account: &Account, table: &Table, name: &str) -> Option<Relation> {
    table.columns.iter().find(|column| matches!(&column.source, Source::Links(links) if links.has(name)))?;
    let to = account.find(name)?;
    let points_back = |field: &&'static Field| {
        target(to.envelope(), field.name) == Some(table.envelope()) && !field.name.ends_with("_by")
    };
    let field = to.columns.iter().map(|column| column.field).find(points_back)?;
    Some(Relation { from: table.envelope(), name: to.envelope(), to: to.envelope(), field: field.name })
}

/// The rows of `relation`, or the only one.
fn rows(rower: &Rower<'_>, relation: &Relation, id: u64) -> Answer {
    let account = rower.account;
    let table = account.table(relation.to);
    let mut ids = children(account, relation, id);
    if account.switches.subcollections_clamped {
        ids.truncate(CLAMPED);
    }
    let mut body = vec![b'{'];
    if OBJECTS.contains(&relation.name) {
        push_string(&mut body, table.item());
        body.push(b':');
        match ids.first() {
            Some(first) => rower.push(&mut body, table, *first, View::Single, &[]),
            None => body.extend_from_slice(b"{}"),
        }
    } else {
        push_array(&mut body, rower, table, &ids);
    }
    body.push(b'}');
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.rows = ids.len() as u64;
    ids.sort_unstable();
    answer.issued = vec![(relation.to, ids)];
    answer
}

fn push_array(out: &mut Vec<u8>, rower: &Rower<'_>, table: &Table, ids: &[u64]) {
    push_string(out, table.envelope());
    out.extend_from_slice(b":[");
    for (at, id) in ids.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        rower.push(out, table, *id, View::Side, &[]);
    }
    out.push(b']');
}

/// The record a field of the row points at: `/contactTags/{id}/tag`.
fn pointed(account: &Account, table: &Table, id: u64, name: &str, base: &str) -> Option<Answer> {
    let field = table.field(name)?;
    let to = account.find(target(table.envelope(), field.name)?)?;
    let other = account.pointer(table.envelope(), id, name);
    if !to.ids.contains(other) {
        return Some(error_body::missing(&account.switches, to.envelope(), to.item(), &other.to_string()));
    }
    let rower = Rower { account, base, count_deals: false };
    let mut answer = Answer::ok(&json!({to.item(): rower.tree(to, other, View::Side)}));
    answer.rows = 1;
    answer.issued = vec![(to.envelope(), vec![other])];
    Some(answer)
}

fn contact_deals(rower: &Rower<'_>, id: u64) -> Answer {
    let account = rower.account;
    let relation = include::find("contacts", "contactDeals").expect("the relation is in the list");
    let mut sideloads = Sideloads::default();
    sideloads.add("contacts", &[id]);
    let ids = sideloads.gather(account, relation, &[id], false);
    let deals: Vec<u64> = ids.iter().map(|row| account.pointer("contactDeals", *row, "deal")).collect();
    sideloads.add("deals", &deals.into_iter().filter(|deal| account.has("deals", *deal)).collect::<Vec<_>>());

    let mut body = vec![b'{'];
    sideloads.push(&mut body, rower, "contactDeals");
    push_array(&mut body, rower, account.table("contactDeals"), &ids);
    body.push(b'}');
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.rows = sideloads.row_count();
    answer.issued = sideloads.issued();
    answer
}

fn entry_counts(account: &Account, contact: u64) -> Answer {
    let entered = account.children("contactAutomations", "contact", contact);
    let counts: Vec<Value> = entered
        .iter()
        .map(|row| {
            let automation = account.pointer("contactAutomations", *row, "automation");
            json!({
                "id": automation.to_string(),
                "name": account.value("automations", automation, "name"),
                "status": account.value("automations", automation, "status"),
                "hidden": account.value("automations", automation, "hidden"),
                "contactEntryCount": "1",
            })
        })
        .collect();
    Answer::ok(&json!({"automationEntryCounts": counts}))
}

/// The group a user is in. A public client reads `group` of it for every user.
fn user_group(account: &Account, user: u64) -> Answer {
    let group = (user - 1) % account.table("groups").seeded + 1;
    Answer::ok(&json!({"userGroup": {
        "userid": user.to_string(),
        "groupid": group.to_string(),
        "id": user.to_string(),
        "user": user.to_string(),
        "group": group.to_string(),
        "links": [],
    }}))
}

fn organization(account: &Account, contact: u64) -> Answer {
    let company = account
        .children("accountContacts", "contact", contact)
        .first()
        .map(|row| account.pointer("accountContacts", *row, "account"));
    let Some(company) = company else { return Answer::ok(&json!({"organization": null})) };
    let moment = |field| {
        account
            .table("accounts")
            .moment(&account.scope, &account.zone, company, field)
            .map(|at| account.zone.wall(at))
    };
    let owner = account.value("accounts", company, "owner");
    Answer::ok(&json!({"organization": {
        "name": account.value("accounts", company, "name"),
        "created_timestamp": moment("createdTimestamp"),
        "updated_timestamp": moment("updatedTimestamp"),
        "userid": owner,
        "id": company.to_string(),
        "owner": owner,
    }}))
}
