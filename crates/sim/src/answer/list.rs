//! List answers.

use http::StatusCode;

use super::{
    Answer, Query, error_body,
    filter::{Selection, select},
    include::{Sideloads, find},
    meta,
    row::{Rower, View},
};
use crate::{
    account::{Account, Table},
    json::push_string,
};

/// The page size when a request names none.
const LIMIT_DEFAULT: u64 = 20;
/// The largest page.
const LIMIT_MAX: u64 = 100;

/// Collections whose default page is documented as 100.
const DEFAULT_100: &[&str] = &["fields", "accountCustomFieldMeta", "dealCustomFieldMeta"];

/// Rows that come along without being asked for: collection, relation, and whether the rows come or only their ids.
const ALWAYS: &[(&str, &str, bool)] = &[
    ("contacts", "scoreValues", true),
    ("contacts", "accountContacts", false),
    ("fields", "options", true),
    ("fields", "relations", true),
    ("dealGroups", "stages", true),
    ("ecomOrders", "orderProducts", false),
];

/// One page of a collection.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
    pub(crate) total: u64,
    pub(crate) ids: Vec<u64>,
}

/// Answers `GET /{collection}`.
pub(crate) fn list(account: &Account, table: &Table, query: &Query, base: &str) -> Answer {
    if account.switches.ids_refused && is_by_ids(table, query) {
        return error_body::message(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let page = page(account, table, query);
    let sideloads = sideloads(account, table, query, &page.ids);
    let count_deals = query.get("count_deals").is_some_and(|value| value != "false" && value != "0");
    let rower = Rower { account, base, count_deals };

    // A contact with everything included is about 10 kB.
    let mut body = Vec::with_capacity(2_048 + page.ids.len() * 4_096);
    body.push(b'{');
    sideloads.push(&mut body, &rower, table.envelope());
    push_string(&mut body, table.envelope());
    body.extend_from_slice(b":[");
    for (at, id) in page.ids.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        rower.push(&mut body, table, *id, View::List, &sideloads.in_rows.of(*id));
    }
    body.push(b']');
    meta::push(&mut body, account, table, query, &page);
    body.push(b'}');

    let mut answer = Answer::json(StatusCode::OK, body);
    answer.rows = page.ids.len() as u64 + sideloads.row_count();
    answer.issued = sideloads.issued();
    let mut ids = page.ids;
    ids.sort_unstable();
    answer.issued.push((table.envelope(), ids));
    answer
}

fn page(account: &Account, table: &Table, query: &Query) -> Page {
    let (selection, all) = select(account, table, query);
    let limit = limit(account, table, query, &selection);
    let offset = query.number("offset").unwrap_or(0);
    let windowed = query.get("id_greater").is_some() || query.get("id_less").is_some();
    let total = if windowed && account.switches.total_counts_all { all } else { selection.total() };
    Page { limit, offset, total, ids: selection.page(table, offset, limit) }
}

/// Whether rows are asked for by their ids, which contacts only can be.
fn is_by_ids(table: &Table, query: &Query) -> bool {
    table.envelope() == "contacts" && !query.list("ids").is_empty()
}

fn limit(account: &Account, table: &Table, query: &Query, selection: &Selection) -> u64 {
    let otherwise = if DEFAULT_100.contains(&table.envelope()) { LIMIT_MAX } else { LIMIT_DEFAULT };
    let max = if account.switches.page_clamped_to_20 { LIMIT_DEFAULT } else { LIMIT_MAX };
    let named = is_by_ids(table, query) && !account.switches.ids_ignored;
    match query.number("limit").filter(|limit| *limit > 0) {
        Some(limit) => limit.min(max),
        None if named && !account.switches.ids_clamped => selection.total().max(1),
        None => otherwise.min(max),
    }
}

fn sideloads(account: &Account, table: &Table, query: &Query, ids: &[u64]) -> Sideloads {
    let mut sideloads = Sideloads::default();
    let asked = query.get("include").filter(|_| !account.switches.include_ignored).unwrap_or_default();
    for path in asked.split(',').map(str::trim).filter(|path| !path.is_empty()) {
        sideloads.follow(account, table, ids, path);
    }
    add_always(&mut sideloads, account, table, ids);
    sideloads
}

/// What comes along with rows of `table` without being asked for.
pub(crate) fn add_always(sideloads: &mut Sideloads, account: &Account, table: &Table, ids: &[u64]) {
    for (_, name, rows) in ALWAYS.iter().filter(|(from, _, _)| *from == table.envelope()) {
        let relation = find(table.envelope(), name).expect("relations that always come are in the list");
        if *rows {
            sideloads.gather(account, relation, ids, true);
        } else {
            sideloads.mark(account, relation, ids);
        }
    }
}
