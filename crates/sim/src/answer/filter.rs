//! Which rows a list request means, and in which order.
//!
//! Unknown parameters are ignored with 200, as the API does. What is found by looking at every row is remembered until
//! something changes, so that paging through it looks once.

use std::sync::Arc;

use achub_api::stream::Matching;

use super::Query;
use crate::{
    account::{Account, Table, number},
    chance::{mix, salt},
};

/// The rows a request means.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// All living rows in the order of ids, whose ranks are `from` up to but not including `to`.
    Ranks { from: u64, to: u64, newest_first: bool },
    /// These rows in this order.
    Ids(Arc<Vec<u64>>),
}

impl Selection {
    pub(crate) fn total(&self) -> u64 {
        match self {
            Selection::Ranks { from, to, .. } => to - from,
            Selection::Ids(ids) => ids.len() as u64,
        }
    }

    /// The ids of one page.
    pub(crate) fn page(&self, table: &Table, offset: u64, limit: u64) -> Vec<u64> {
        match self {
            Selection::Ranks { from, to, newest_first: false } => {
                let left = (to - from).saturating_sub(offset);
                table.ids.page(from + offset.min(to - from), limit.min(left))
            }
            Selection::Ranks { from, to, newest_first: true } => {
                let end = to.saturating_sub(offset).max(*from);
                let begin = end.saturating_sub(limit).max(*from);
                let mut ids = table.ids.page(begin, end - begin);
                ids.reverse();
                ids
            }
            Selection::Ids(ids) => ids.iter().skip(offset as usize).take(limit as usize).copied().collect(),
        }
    }
}

/// Parameters that do not change which rows are meant.
const NOT_NARROWING: &[&str] = &["limit", "offset", "include", "id_greater", "id_less", "count_deals"];

/// How many answers to remember.
const REMEMBERED: usize = 8;

/// The rows `query` means in `table`, and how many there would be without the id window.
pub(crate) fn select(account: &Account, table: &Table, query: &Query) -> (Selection, u64) {
    let conditions = conditions(account, table, query);
    let order = order(account, table, query);
    if conditions.is_empty() && !matches!(order, Order::By { .. }) {
        return windowed(account, table, query, order);
    }
    // A segment that is still being evaluated finds nobody now and its contacts later, at the same revision.
    let nobody = conditions.iter().any(|condition| matches!(condition, Condition::Never));
    let key = format!("{}\n{}\n{nobody}", table.envelope(), query.canonical(NOT_NARROWING));
    let all = remembered(account, key, || search(account, table, &conditions, order));
    let total = all.len() as u64;
    let (above, below) = window(account, table, query);
    if above.is_none() && below.is_none() {
        return (Selection::Ids(all), total);
    }
    let inside = all
        .iter()
        .copied()
        .filter(|id| above.is_none_or(|edge| *id > edge) && below.is_none_or(|edge| *id < edge));
    (Selection::Ids(Arc::new(inside.collect())), total)
}

fn windowed(account: &Account, table: &Table, query: &Query, order: Order) -> (Selection, u64) {
    let (above, below) = window(account, table, query);
    let from = above.map_or(0, |id| table.ids.rank(id));
    let to = below.map_or(table.ids.count(), |id| table.ids.rank(id.saturating_sub(1)));
    let newest_first = matches!(order, Order::Id { newest_first: true });
    (Selection::Ranks { from, to: to.max(from), newest_first }, table.ids.count())
}

/// `id_greater` and `id_less`, which exist on contacts only.
fn window(account: &Account, table: &Table, query: &Query) -> (Option<u64>, Option<u64>) {
    if table.envelope() != "contacts" || account.switches.id_window_ignored {
        return (None, None);
    }
    (query.number("id_greater"), query.number("id_less"))
}

fn remembered(account: &Account, key: String, search: impl FnOnce() -> Vec<u64>) -> Arc<Vec<u64>> {
    let mut found = account.found.borrow_mut();
    found.retain(|(_, revision, _)| *revision == account.revision);
    if let Some((_, _, ids)) = found.iter().find(|(asked, _, _)| *asked == key) {
        return Arc::clone(ids);
    }
    let ids = Arc::new(search());
    if found.len() == REMEMBERED {
        found.pop_front();
    }
    found.push_back((key, account.revision, Arc::clone(&ids)));
    ids
}

fn search(account: &Account, table: &Table, conditions: &[Condition], order: Order) -> Vec<u64> {
    let candidates: Vec<u64> = match conditions.iter().find_map(Condition::candidates) {
        Some(ids) => ids.into_iter().filter(|id| table.ids.contains(*id)).collect(),
        None => table.ids.iter().collect(),
    };
    let mut ids: Vec<u64> = candidates
        .into_iter()
        .filter(|id| conditions.iter().all(|one| one.holds(account, table, *id)))
        .collect();
    match order {
        Order::Id { newest_first: false } => {}
        Order::Id { newest_first: true } => ids.reverse(),
        Order::By { field, descending } => {
            ids.sort_by_cached_key(|id| sort_key(account, table, *id, field));
            if descending {
                ids.reverse();
            }
        }
    }
    ids
}

/// One thing a row must fulfil.
#[derive(Debug, Clone)]
enum Condition {
    OneOf(Vec<u64>),
    Not(u64),
    Field { matching: Matching, value: String },
    Differs { field: &'static str, value: String },
    After { field: &'static str, than: i64 },
    Member { list: Option<u64>, status: Option<u64> },
    Tagged(u64),
    InAutomation(u64),
    InSegment(u64),
    Search { fields: &'static [&'static str], text: String },
    Never,
}

impl Condition {
    fn candidates(&self) -> Option<Vec<u64>> {
        match self {
            Condition::OneOf(ids) => Some(ids.clone()),
            Condition::Never => Some(Vec::new()),
            _ => None,
        }
    }

    fn holds(&self, account: &Account, table: &Table, id: u64) -> bool {
        let (scope, zone) = (&account.scope, &account.zone);
        let text = |field: &str| table.text(scope, zone, id, field).unwrap_or_default();
        match self {
            Condition::OneOf(ids) => ids.binary_search(&id).is_ok(),
            Condition::Not(other) => id != *other,
            Condition::Never => false,
            Condition::Field { matching, value } => matches(account, table, id, *matching, value),
            Condition::Differs { field, value } => !text(field).eq_ignore_ascii_case(value),
            Condition::After { field, than } => {
                table.moment(scope, zone, id, field).is_some_and(|at| at > *than)
            }
            Condition::Search { fields, text: part } => {
                fields.iter().any(|field| text(field).to_lowercase().contains(part))
            }
            Condition::Member { list, status } => {
                account.children("contactLists", "contact", id).into_iter().any(|row| {
                    list.is_none_or(|list| account.pointer("contactLists", row, "list") == list)
                        && status
                            .is_none_or(|status| account.pointer("contactLists", row, "status") == status)
                })
            }
            Condition::Tagged(tag) => account
                .children("contactTags", "contact", id)
                .into_iter()
                .any(|row| account.pointer("contactTags", row, "tag") == *tag),
            Condition::InAutomation(series) => account
                .children("contactAutomations", "contact", id)
                .into_iter()
                .any(|row| account.pointer("contactAutomations", row, "seriesid") == *series),
            Condition::InSegment(segment) => in_segment(account, *segment, id),
        }
    }
}

/// Whether a contact is in a segment: a quarter of all are in each.
pub(crate) fn in_segment(account: &Account, segment: u64, contact: u64) -> bool {
    mix(account.scope.seed, salt("segments").wrapping_add(segment), contact).is_multiple_of(4)
}

fn matches(account: &Account, table: &Table, id: u64, matching: Matching, value: &str) -> bool {
    let (scope, zone) = (&account.scope, &account.zone);
    let text = |field: &str| table.text(scope, zone, id, field);
    let moment = |field: &str| table.moment(scope, zone, id, field);
    match matching {
        Matching::Exact(field) => text(field).is_some_and(|text| text.eq_ignore_ascii_case(value)),
        Matching::Contains(field) => {
            text(field).is_some_and(|text| text.to_lowercase().contains(&value.to_lowercase()))
        }
        Matching::StartsWith(field) => {
            text(field).is_some_and(|text| text.to_lowercase().starts_with(&value.to_lowercase()))
        }
        Matching::AtOrAfter(field) => {
            zone.parse(value).is_none_or(|than| moment(field).is_some_and(|at| at >= than))
        }
        Matching::Before(field) => {
            zone.parse(value).is_none_or(|than| moment(field).is_some_and(|at| at < than))
        }
        Matching::AtLeast(field) => compare(text(field), value, |have, asked| have >= asked),
        Matching::AtMost(field) => compare(text(field), value, |have, asked| have <= asked),
        Matching::Other => true,
    }
}

/// Compares an amount in cents with one in whole units, the way the deal filters do.
fn compare(have: Option<String>, asked: &str, holds: fn(f64, f64) -> bool) -> bool {
    match (have.and_then(|text| text.parse::<f64>().ok()), asked.parse::<f64>()) {
        (Some(cents), Ok(units)) => holds(cents, units * 100.0),
        _ => false,
    }
}

const SEARCHED: &[&str] = &["firstName", "lastName", "orgname", "phone", "email"];

fn conditions(account: &Account, table: &Table, query: &Query) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if table.envelope() == "contacts" {
        contact_conditions(account, query, &mut conditions);
    }
    for filter in table.stream.filters {
        if matches!(filter.parameter, "ids[]" | "email") || is_ignored(account, table, filter.parameter) {
            continue;
        }
        if let Some(value) = query.get(filter.parameter) {
            conditions.extend(declared(account, filter.parameter, filter.matching, value));
        }
        conditions.extend(with_operator(table, query, filter.parameter, filter.matching));
    }
    conditions
}

fn is_ignored(account: &Account, table: &Table, parameter: &str) -> bool {
    let by_filter = account.switches.filters_ignored && matches!(table.envelope(), "contacts" | "deals");
    let by_stage = account.switches.stage_filter_ignored && parameter == "filters[d_groupid]";
    parameter.starts_with("filters[") && (by_filter || by_stage)
}

/// A filter of the stream table; one that is `Other` there means something here or nothing.
fn declared(account: &Account, parameter: &str, matching: Matching, value: &str) -> Option<Condition> {
    match (parameter, matching) {
        ("filters[search]", Matching::Other) => {
            Some(Condition::Search { fields: &["title", "description"], text: value.to_lowercase() })
        }
        (_, Matching::Other) => None,
        ("filters[updated_after]", Matching::AtOrAfter(field))
            if account.switches.updated_after_exclusive =>
        {
            account.zone.parse(value).map(|than| Condition::After { field, than })
        }
        _ => Some(Condition::Field { matching, value: value.to_owned() }),
    }
}

/// `filters[name][contains]=x` and its brothers.
fn with_operator(table: &Table, query: &Query, parameter: &str, matching: Matching) -> Vec<Condition> {
    let (Matching::Exact(field) | Matching::Contains(field) | Matching::StartsWith(field)) = matching else {
        return Vec::new();
    };
    let Some(name) =
        parameter.strip_prefix("filters[").and_then(|rest| rest.strip_suffix(']')).or(Some(parameter))
    else {
        return Vec::new();
    };
    let asked = query.members("filters").filter_map(|(inside, value)| {
        let operator = inside.strip_prefix(name)?.strip_prefix("][")?;
        let matching = match operator {
            "eq" => Matching::Exact(field),
            "contains" => Matching::Contains(field),
            "starts_with" => Matching::StartsWith(field),
            "neq" => return Some(Condition::Differs { field, value: value.to_owned() }),
            _ => return None,
        };
        Some(Condition::Field { matching, value: value.to_owned() })
    });
    // A field the collection does not have is no reason to find nothing.
    asked.filter(|_| table.field(field).is_some()).collect()
}

fn contact_conditions(account: &Account, query: &Query, conditions: &mut Vec<Condition>) {
    let ids = query.list("ids");
    if !ids.is_empty() {
        let mut ids: Vec<u64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        conditions.push(Condition::OneOf(ids));
    }
    if let Some(email) = query.get("email") {
        conditions
            .push(account.contact_by_email(email).map_or(Condition::Never, |id| Condition::OneOf(vec![id])));
    }
    if let Some(id) = query.number("exclude") {
        conditions.push(Condition::Not(id));
    }
    if let Some(text) = query.get("search") {
        conditions.push(Condition::Search { fields: SEARCHED, text: text.to_lowercase() });
    }
    if !account.switches.listid_ignored {
        // -1 and anything that is not a status mean any.
        let (list, status) = (query.number("listid"), query.number("status"));
        if list.is_some() || status.is_some() {
            conditions.push(Condition::Member { list: list.filter(|id| *id > 0), status });
        }
    }
    if let Some(tag) = query.number("tagid").filter(|_| !account.switches.tagid_ignored) {
        conditions.push(Condition::Tagged(tag));
    }
    if let Some(series) = query.number("seriesid").filter(|id| *id > 0) {
        conditions.push(Condition::InAutomation(series));
    }
    if let Some(segment) = query.get("segmentid") {
        conditions.push(segment_condition(account, segment, query));
    }
}

/// A segment is evaluated on the first request of an hour, which finds nobody; later ones find its contacts.
fn segment_condition(account: &Account, segment: &str, query: &Query) -> Condition {
    const KEPT_SECONDS: i64 = 3_600;
    let orders: String = query.members("orders").map(|(name, way)| format!("{name}={way},")).collect();
    let now = account.clock.now();
    let mut started = account.segments_started.borrow_mut();
    let asked = started.entry(format!("{segment} {orders}")).or_insert(i64::MIN);
    if now.saturating_sub(*asked) >= KEPT_SECONDS {
        *asked = now;
        return Condition::Never;
    }
    Condition::InSegment(number(&serde_json::Value::String(segment.to_owned())))
}

#[derive(Debug, Clone, Copy)]
enum Order {
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

fn order(account: &Account, table: &Table, query: &Query) -> Order {
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

fn sort_key(account: &Account, table: &Table, id: u64, field: &str) -> (i64, String) {
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
