//! What a request asks of the rows it wants.

use achub_api::stream::Matching;

use super::Query;
use crate::{
    account::{Account, Table, number},
    chance::{mix, salt},
};

/// One thing a row must fulfil.
#[derive(Debug, Clone)]
pub(super) enum Condition {
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
    pub(super) fn candidates(&self) -> Option<Vec<u64>> {
        match self {
            Condition::OneOf(ids) => Some(ids.clone()),
            Condition::Never => Some(Vec::new()),
            _ => None,
        }
    }

    pub(super) fn holds(&self, account: &Account, table: &Table, id: u64) -> bool {
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

/// Filters by collection that no page documents. The vendor's own MCP server (`ac-mcp-server` 0.12.0 on PyPI) offers them.
const UNDOCUMENTED: &[(&str, &str, Matching)] = &[
    ("automations", "filters[name]", Matching::Contains("name")),
    ("automations", "filters[status]", Matching::Exact("status")),
    ("automations", "search", Matching::Contains("name")),
    ("campaigns", "filters[name]", Matching::Contains("name")),
    ("campaigns", "filters[type]", Matching::Exact("type")),
    ("campaigns", "filters[id]", Matching::Exact("id")),
    ("contactAutomations", "filters[subscriberid]", Matching::Exact("contact")),
    ("contactAutomations", "filters[seriesid]", Matching::Exact("seriesid")),
    ("contactAutomations", "filters[status]", Matching::Exact("status")),
    ("lists", "filters[id]", Matching::Exact("id")),
];

/// Everything `query` asks of a row of `table`.
pub(super) fn conditions(account: &Account, table: &Table, query: &Query) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if table.envelope() == "contacts" {
        contact_conditions(account, query, &mut conditions);
    }
    let documented = table.stream.filters.iter().map(|filter| (filter.parameter, filter.matching));
    let undocumented = UNDOCUMENTED.iter().filter(|(envelope, _, _)| *envelope == table.envelope());
    for (parameter, matching) in documented.chain(undocumented.map(|(_, name, matching)| (*name, *matching)))
    {
        if matches!(parameter, "ids[]" | "email") || is_ignored(account, table, parameter) {
            continue;
        }
        if let Some(value) = query.get(parameter) {
            conditions.extend(declared(account, parameter, matching, value));
        }
        conditions.extend(with_operator(table, query, parameter, matching));
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
    if !ids.is_empty() && !account.switches.ids_ignored {
        let mut ids: Vec<u64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(every) = account.switches.ids_leave_out_every {
            ids.retain(|id| !id.is_multiple_of(every.get()));
        }
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
    if account.switches.segments_never_ready {
        return Condition::Never;
    }
    Condition::InSegment(number(&serde_json::Value::String(segment.to_owned())))
}
