//! In which order a request wants its rows.

use super::Query;
use crate::account::{Account, Table};

/// An order of rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Id { newest_first: bool },
    By { field: &'static str, descending: bool },
}

/// Orders that are honoured: collection, name in `orders[…]`, field.
const ORDERS: &[(&str, &str, &str)] = &[
    ("contacts", "cdate", "cdate"),
    ("contacts", "udate", "udate"),
    ("contacts", "email", "email"),
    ("contacts", "first_name", "firstName"),
    ("contacts", "last_name", "lastName"),
    ("contacts", "name", "firstName"),
    ("deals", "title", "title"),
    ("deals", "value", "value"),
    ("deals", "cdate", "cdate"),
    ("deals", "next-action", "nextdate"),
    ("lists", "name", "name"),
    ("dealGroups", "title", "title"),
    ("dealStages", "title", "title"),
    ("campaigns", "sdate", "sdate"),
    ("campaigns", "ldate", "ldate"),
    ("activities", "tstamp", "tstamp"),
];

/// The order `query` asks for: the first one that is honoured, else that of ids.
pub(super) fn order(account: &Account, table: &Table, query: &Query) -> Order {
    let contacts = table.envelope() == "contacts";
    if contacts && account.switches.orders_id_ignored {
        return Order::Id { newest_first: true };
    }
    for (name, way) in query.members("orders") {
        let descending = way.eq_ignore_ascii_case("DESC");
        if name == "id" && contacts {
            return Order::Id { newest_first: descending };
        }
        if let Some((_, _, field)) =
            ORDERS.iter().find(|(of, asked, _)| *of == table.envelope() && *asked == name)
        {
            return Order::By { field, descending };
        }
    }
    Order::Id { newest_first: false }
}

/// What rows are compared by: moments and numbers before texts.
pub(super) fn sort_key(account: &Account, table: &Table, id: u64, field: &str) -> (i64, String) {
    let (scope, zone) = (&account.scope, &account.zone);
    if let Some(at) = table.moment(scope, zone, id, field) {
        return (at, String::new());
    }
    let text = table.text(scope, zone, id, field).unwrap_or_default();
    match text.parse() {
        Ok(number) => (number, String::new()),
        Err(_) => (i64::MIN, text.to_lowercase()),
    }
}
