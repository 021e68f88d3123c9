//! Single answers: one record, with what always comes along.

use http::StatusCode;

use super::{
    Answer, Query, error_body,
    include::{Sideloads, find},
    row::{Rower, View},
};
use crate::{
    account::{Account, Table},
    json::push_string,
};

/// Relations that come along with a single record.
const ALWAYS: &[(&str, &[&str])] = &[
    (
        "contacts",
        &["contactAutomations", "contactLists", "deals", "fieldValues", "geoIps", "accountContacts"],
    ),
    ("fields", &["options", "relations"]),
    ("dealGroups", &["stages"]),
];

/// Answers `GET /{collection}/{id}`.
pub(crate) fn single(account: &Account, table: &Table, id: &str, query: &Query, base: &str) -> Answer {
    match find_row(account, table, id) {
        Some(id) => record(account, table, id, query, base),
        None => error_body::missing(&account.switches, table.envelope(), table.item(), id),
    }
}

/// The row with the key `key`, which for some collections is not the number rows are counted by.
pub(crate) fn find_row(account: &Account, table: &Table, key: &str) -> Option<u64> {
    let by_number = key.parse().ok().filter(|id| table.ids.contains(*id));
    let spelled = || {
        let spelled = |id: &u64| table.text(&account.scope, &account.zone, *id, "id").as_deref() == Some(key);
        table.ids.iter().find(spelled)
    };
    // Only these few hundred rows are keyed by something else than their number.
    if matches!(table.envelope(), "data" | "schemas" | "records") { spelled() } else { by_number }
}

/// Row `id` as a single answer.
pub(crate) fn record(account: &Account, table: &Table, id: u64, query: &Query, base: &str) -> Answer {
    let mut sideloads = Sideloads::default();
    let always =
        ALWAYS.iter().find(|(from, _)| *from == table.envelope()).map_or(&[][..], |(_, names)| names);
    for name in always {
        let relation = find(table.envelope(), name).expect("relations that always come are in the list");
        let rows = sideloads.gather(account, relation, &[id], true);
        if *name == "geoIps" && !rows.is_empty() {
            sideloads.follow(account, account.table("geoIps"), &rows, "geoAddress");
        }
    }
    let asked = query.get("include").filter(|_| !account.switches.include_ignored).unwrap_or_default();
    for path in asked.split(',').map(str::trim).filter(|path| !path.is_empty()) {
        sideloads.follow(account, table, &[id], path);
    }
    let rower = Rower { account, base, count_deals: false };

    let mut body = vec![b'{'];
    sideloads.push(&mut body, &rower, "");
    push_string(&mut body, table.item());
    body.push(b':');
    rower.push(&mut body, table, id, View::Single, &sideloads.in_rows.of(id));
    body.push(b'}');
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.rows = 1 + sideloads.row_count();
    answer.issued = sideloads.issued();
    answer.issued.push((table.envelope(), vec![id]));
    answer
}
