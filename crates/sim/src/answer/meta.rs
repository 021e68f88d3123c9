//! The `meta` of list answers, which differs by collection.

use achub_api::stream::Total;
use serde_json::{Map, Value, json};

use super::{Query, filter::select, list::Page, row::push_total};
use crate::{
    account::{Account, Table},
    chance::salt,
    json::push_value,
};

/// Appends `,"meta":{…}`, or nothing where there is none.
pub(super) fn push(out: &mut Vec<u8>, account: &Account, table: &Table, query: &Query, page: &Page) {
    let quoted = match table.stream.total {
        Total::String => true,
        Total::Int => false,
        Total::Absent => return,
    };
    out.extend_from_slice(b",\"meta\":{");
    for (name, value) in before_total(account, table, query, page) {
        push_member(out, &name, &value);
        out.push(b',');
    }
    push_total(out, page.total, quoted);
    for (name, value) in after_total(table) {
        out.push(b',');
        push_member(out, &name, &value);
    }
    out.push(b'}');
}

fn push_member(out: &mut Vec<u8>, name: &str, value: &Value) {
    crate::json::push_string(out, name);
    out.push(b':');
    push_value(out, value);
}

fn before_total(account: &Account, table: &Table, query: &Query, page: &Page) -> Map<String, Value> {
    match table.envelope() {
        "contacts" => object(json!({"page_input": page_input(query, page)})),
        "deals" => object(json!({"currencies": currencies(account, table, query)})),
        "schemas" | "records" => {
            object(json!({"count": page.ids.len(), "limit": page.limit, "offset": page.offset}))
        }
        _ => Map::new(),
    }
}

fn after_total(table: &Table) -> Map<String, Value> {
    match table.envelope() {
        "contacts" => object(json!({"sortable": true})),
        "fields" => object(json!({"selected": null})),
        "contactAutomations" => object(json!({"showcase_stats": []})),
        "automations" => {
            let starts: Vec<Value> = table
                .ids
                .iter()
                .map(|id| json!({"id": id.to_string(), "series": id.to_string(), "type": "subscribe", "dealfield": false}))
                .collect();
            object(json!({"starts": starts, "filtered": false, "smsLogs": []}))
        }
        _ => Map::new(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn page_input(query: &Query, page: &Page) -> Value {
    let number = |name: &str| query.number(name).unwrap_or(0);
    let status: i64 = query.get("status").and_then(|status| status.parse().ok()).unwrap_or(-1);
    let asked = query.canonical(&[]);
    json!({
        "segmentid": query.get("segmentid"),
        "formid": number("formid"),
        "listid": number("listid"),
        "tagid": number("tagid"),
        "limit": page.limit,
        "offset": page.offset,
        "search": query.get("search"),
        "sort": query.get("sort"),
        "seriesid": number("seriesid"),
        "waitid": number("waitid"),
        "status": status,
        "forceQuery": number("forceQuery"),
        "cacheid": format!("{:016x}{:016x}", salt(&asked), salt(&asked).rotate_left(31)),
    })
}

/// Number and value of the deals per currency; an empty array when there are none. Summed up once per question.
fn currencies(account: &Account, table: &Table, query: &Query) -> Value {
    let asked = query.canonical(&["limit", "offset"]);
    let mut known = account.sums.borrow_mut();
    match known.as_ref() {
        Some((question, revision, sums)) if *question == asked && *revision == account.revision => {
            sums.clone()
        }
        _ => {
            let sums = summed(account, table, query);
            *known = Some((asked, account.revision, sums.clone()));
            sums
        }
    }
}

fn summed(account: &Account, table: &Table, query: &Query) -> Value {
    let (selection, _) = select(account, table, query);
    let mut sums: Map<String, Value> = Map::new();
    let mut counted: std::collections::BTreeMap<String, (u64, i64)> = std::collections::BTreeMap::new();
    for id in selection.page(table, 0, u64::MAX) {
        let text = |field| table.text(&account.scope, &account.zone, id, field).unwrap_or_default();
        let entry = counted.entry(text("currency").to_uppercase()).or_default();
        entry.0 += 1;
        entry.1 += text("value").parse::<i64>().unwrap_or(0);
    }
    for (currency, (total, value)) in counted {
        let sum = json!({"total": total.to_string(), "value": value.to_string(), "currency": currency, "isDisabled": false});
        sums.insert(currency, sum);
    }
    if sums.is_empty() { json!([]) } else { Value::Object(sums) }
}
