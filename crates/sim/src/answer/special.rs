//! Addresses that are not a collection: the own user, settings, segments, exclusions.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Query, condition::in_segment, error_body, single::record};
use crate::account::{Account, number};

/// The largest page of audiences and segment matches.
const SEGMENT_PAGE_MAX: u64 = 10_000;

/// Events a webhook can be made for.
const EVENTS: &[&str] = &[
    "subscribe",
    "unsubscribe",
    "update",
    "sent",
    "open",
    "click",
    "reply",
    "forward",
    "share",
    "bounce",
    "subscriber_note",
    "contact_tag_added",
    "contact_tag_removed",
    "contact_task_add",
    "list_add",
    "deal_add",
    "deal_update",
    "deal_note_add",
    "deal_pipeline_add",
    "deal_stage_add",
    "deal_task_add",
    "deal_tasktype_add",
    "deal_task_complete",
    "account_add",
    "account_update",
];

/// Answers reading requests that are no collection; `None` when `path` is not one of them.
pub(crate) fn answer(account: &Account, path: &[&str], query: &Query, base: &str) -> Option<Answer> {
    Some(match path {
        [] => Answer::ok(&json!({})),
        ["users", "me"] => record(account, account.table("users"), 1, &Query::default(), base),
        ["users", "email", email] => user_by(account, "email", email, base),
        ["users", "username", name] => user_by(account, "username", name, base),
        ["settings", "account"] => settings(account, base),
        ["webhook", "events"] => {
            Answer::ok(&json!({"webhookEvents": EVENTS, "meta": {"total": EVENTS.len()}}))
        }
        ["siteTracking"] => Answer::ok(&json!({"siteTracking": {"enabled": true}})),
        ["eventTracking"] => Answer::ok(&json!({"eventTracking": {"enabled": true}})),
        ["lists", "exclusions"] => exclusions(query),
        ["lists", "exclusions", id] => exclusion_of(id),
        ["audiences"] => audiences(account, query, base),
        ["segmentMatch", segment, contact, ..] => segment_match(account, segment, contact),
        ["segmentMatchAll", segment] => match_all(account, segment, query),
        ["segmentMatchAll", segment, run] => poll(account, segment, run, query),
        ["customObjects", "records", schema] => records(account, schema, query, base),
        ["customObjects", "records", _, record_id] => {
            super::single::single(account, account.table("records"), record_id, query, base)
        }
        _ => return None,
    })
}

fn user_by(account: &Account, field: &str, value: &str, base: &str) -> Answer {
    let users = account.table("users");
    let is_it = |id: &u64| {
        users
            .text(&account.scope, &account.zone, *id, field)
            .is_some_and(|text| text.eq_ignore_ascii_case(value))
    };
    match users.ids.iter().find(is_it) {
        Some(id) => record(account, users, id, &Query::default(), base),
        None => error_body::missing(&account.switches, "users", "user", "0"),
    }
}

fn settings(account: &Account, base: &str) -> Answer {
    let host = base.split("//").nth(1).unwrap_or(base);
    Answer::ok(&json!({
        "account": host,
        "email": "admin@example.com",
        "first_name": "Ines",
        "last_name": "Admin",
        "cname": "",
        "status": "active",
        "subscriber_limit": 10_000_000,
        "subscriber_total": account.table("contacts").ids.count().to_string(),
        "trial": false,
        "credits": null,
        "branding": false,
    }))
}

fn exclusion(id: u64) -> Value {
    json!({"id": id.to_string(), "matchPhrase": format!("spam{id}@"), "matchType": "begins", "channel": "email", "hidden": false, "lists": ["1"]})
}

const EXCLUSION_COUNT: u64 = 3;

/// The one collection known to refuse filters and directions it does not know.
fn exclusions(query: &Query) -> Answer {
    for (name, way) in query.members("orders") {
        if !way.eq_ignore_ascii_case("ASC") && !way.eq_ignore_ascii_case("DESC") {
            return refused(&format!("orders[{name}]"), "Order direction must be ASC or DESC");
        }
    }
    if let Some((name, _)) =
        query.members("filters").find(|(name, _)| !matches!(*name, "matchPhrase" | "matchType" | "channel"))
    {
        return refused(&format!("filters[{name}]"), "Filter is not supported");
    }
    let rows: Vec<Value> = (1..=EXCLUSION_COUNT).map(exclusion).collect();
    Answer::ok(&json!({"exclusions": rows, "meta": {"total": EXCLUSION_COUNT}}))
}

fn refused(attribute: &str, detail: &str) -> Answer {
    let error = json!({
        "status": 422,
        "title": "Invalid attribute",
        "detail": detail,
        "source": {"pointer": format!("/data/attributes/{attribute}")},
    });
    error_body::errors(StatusCode::UNPROCESSABLE_ENTITY, error)
}

fn exclusion_of(id: &str) -> Answer {
    match id.parse() {
        Ok(id @ 1..=EXCLUSION_COUNT) => Answer::ok(&exclusion(id)),
        _ => error_body::message(StatusCode::NOT_FOUND, &format!("Exclusion not found [id={id}]")),
    }
}

/// `page` from 1 and `page_size`: how many rows to pass over, and how many to take.
fn page(query: &Query) -> (u64, u64) {
    let size = query.number("page_size").filter(|size| *size > 0).unwrap_or(20).min(SEGMENT_PAGE_MAX);
    (query.number("page").unwrap_or(1).saturating_sub(1).saturating_mul(size), size)
}

fn audiences(account: &Account, query: &Query, base: &str) -> Answer {
    let table = account.table("data");
    let (skip, size) = page(query);
    let ids = table.ids.page(skip, size);
    let rower = super::row::Rower { account, base, count_deals: false };
    let mut body = b"{\"data\":[".to_vec();
    for (at, id) in ids.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        rower.push(&mut body, table, *id, super::row::View::List, &[]);
    }
    body.extend_from_slice(b"]}");
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.rows = ids.len() as u64;
    answer.issued = vec![("data", ids)];
    answer
}

/// The number of a segment: its id, or the digits a V2 id ends in.
fn segment_number(account: &Account, segment: &str) -> Option<u64> {
    let id = segment.parse().ok().or_else(|| segment.rsplit('-').next()?.parse().ok())?;
    account.has("segments", id).then_some(id)
}

fn segment_missing() -> Answer {
    error_body::errors(StatusCode::NOT_FOUND, json!({"status": "404", "detail": "Segment not found"}))
}

fn segment_match(account: &Account, segment: &str, contact: &str) -> Answer {
    let (Some(id), Ok(contact)) = (segment_number(account, segment), contact.parse::<u64>()) else {
        return segment_missing();
    };
    Answer::ok(&json!({"data": [{"id": segment, "type": "match", "attributes": {
        "entity_id": contact.to_string(),
        "match": account.has("contacts", contact) && in_segment(account, id, contact),
        "segment_id": segment,
        "segment_timestamp": account.now_iso(),
        "created_timestamp": account.now_iso(),
    }}]}))
}

/// Starts a run; a run is ready from the second look on.
fn match_all(account: &Account, segment: &str, query: &Query) -> Answer {
    let Some(id) = segment_number(account, segment) else { return segment_missing() };
    let sort = query.get("sort").unwrap_or("id");
    let run = format!("run-{id}-{}", sort.trim_start_matches('-'));
    let looked = {
        let mut runs = account.match_runs.borrow_mut();
        let entry = runs.entry(run.clone()).or_insert((id, 0));
        entry.1 += 1;
        entry.1
    };
    run_answer(account, id, segment, &run, looked > 1, query)
}

fn poll(account: &Account, segment: &str, run: &str, query: &Query) -> Answer {
    let known = account.match_runs.borrow().get(run).map(|(id, _)| *id);
    match known {
        Some(id) => run_answer(account, id, segment, run, true, query),
        None => {
            error_body::errors(StatusCode::NOT_FOUND, json!({"status": "404", "detail": "Run not found"}))
        }
    }
}

fn run_answer(account: &Account, id: u64, segment: &str, run: &str, ready: bool, query: &Query) -> Answer {
    let ready = ready && !account.switches.segments_never_ready;
    let (skip, size) = page(query);
    let members: Vec<u64> = if ready {
        account.table("contacts").ids.iter().filter(|contact| in_segment(account, id, *contact)).collect()
    } else {
        Vec::new()
    };
    let total = members.len() as u64;
    let matches: Vec<u64> = members.into_iter().skip(skip as usize).take(size as usize).collect();
    let mut answer = Answer::ok(&json!({"data": [{"id": run, "type": "matchAll", "attributes": {
        "run_id": run,
        "run_id_start": account.now_iso(),
        "run_id_end": if ready { json!(account.now_iso()) } else { Value::Null },
        "is_ready": ready,
        "matches": matches,
        "segment_id": segment,
        "segment_timestamp": account.now_iso(),
        "page": {"current_page": skip / size + 1, "last_page": total.div_ceil(size).max(1), "per_page": size, "total": total},
    }}]}));
    answer.rows = matches.len() as u64;
    answer
}

fn records(account: &Account, schema: &str, query: &Query, base: &str) -> Answer {
    let schemas = account.table("schemas");
    let Some(schema) = super::single::find_row(account, schemas, schema) else {
        return error_body::message(StatusCode::NOT_FOUND, "Not Found");
    };
    let table = account.table("records");
    let ids: Vec<u64> = table.ids.iter().filter(|id| table.rows.parent(*id) == Some(schema)).collect();
    let limit = query.number("limit").filter(|limit| *limit > 0).unwrap_or(20).min(100);
    let offset = query.number("offset").unwrap_or(0);
    let page: Vec<u64> = ids.iter().skip(offset as usize).take(limit as usize).copied().collect();
    let rower = super::row::Rower { account, base, count_deals: false };
    let rows: Vec<Value> =
        page.iter().map(|id| Value::Object(rower.tree(table, *id, super::row::View::List))).collect();
    let mut answer = Answer::ok(
        &json!({"records": rows, "meta": {"total": ids.len(), "count": page.len(), "limit": limit, "offset": offset}}),
    );
    answer.rows = page.len() as u64;
    answer.issued = vec![("records", page)];
    answer
}

/// The run a `POST /segmentMatchAll` starts for a segment described in its body.
pub(crate) fn match_described(account: &Account, body: &Value, query: &Query) -> Answer {
    let described = body.pointer("/data/0/id").map_or(1, number).max(1);
    match_all(account, &described.to_string(), query)
}
