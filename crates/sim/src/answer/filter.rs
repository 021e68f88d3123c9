//! Which rows a list request means, and in which order.
//!
//! Unknown parameters are ignored with 200, as the API does. What is found by looking at every row is remembered until
//! something changes, so that paging through it looks once.

use std::sync::Arc;

use super::{
    Query,
    condition::{Condition, conditions},
    order::{Order, order, sort_key},
};
use crate::account::{Account, Table};

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
