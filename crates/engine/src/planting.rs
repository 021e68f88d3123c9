//! Where the mistakes of [`achub_core::planted`] are made that concern the order of things. Outside of test builds nothing
//! here does anything.

use achub_core::{
    Value,
    planted::{self, Bug},
    port::source::{Page, Part},
};
use jiff::Timestamp;

use crate::context::Context;

/// Pages whose rows the careless walk writes together.
const PAGES_TOGETHER: usize = 3;

/// What a walk with a mistake keeps in mind.
#[derive(Default)]
pub(crate) struct Planting {
    held: Vec<Part>,
    pages_held: usize,
    newest: Option<Timestamp>,
}

impl Planting {
    /// Looks at a page as the source gave it.
    pub(crate) fn see(&mut self, page: &Page, context: &Context<'_>) {
        if !planted::is_planted(Bug::CursorIsNewestSeen) {
            return;
        }
        for part in &page.parts {
            let cursor =
                context.prepared.placed.get(&part.stream).and_then(|placed| placed.info.cursor.clone());
            let Some(column) = cursor.and_then(|field| part.batch.schema().index_of(&field)) else {
                continue;
            };
            let moments = part.batch.rows().filter_map(|(values, _)| match values[column] {
                Value::Timestamp(moment) => Some(moment),
                _ => None,
            });
            self.newest = self.newest.max(moments.max());
        }
    }

    /// The moment the next run reads from, which should be `right`.
    pub(crate) fn next_start(&self, right: Timestamp) -> Timestamp {
        self.newest.unwrap_or(right)
    }

    /// The commits for `pages`, in their order: one, where nothing is planted.
    pub(crate) fn commits(&mut self, pages: Vec<Page>) -> Vec<Vec<Page>> {
        if planted::is_planted(Bug::CursorBeforeRows) {
            return vec![pages.iter().map(without_rows).collect(), pages];
        }
        if planted::is_planted(Bug::RowsEveryThirdPage) {
            return vec![pages.into_iter().map(|page| self.hold(page)).collect()];
        }
        vec![pages]
    }

    fn hold(&mut self, page: Page) -> Page {
        self.held.extend(page.parts);
        self.pages_held += 1;
        let is_time = self.pages_held == PAGES_TOGETHER;
        self.pages_held %= PAGES_TOGETHER;
        Page {
            parts: if is_time { std::mem::take(&mut self.held) } else { Vec::new() },
            position: page.position,
        }
    }

    /// Rows that are still to be written behind the last page.
    pub(crate) fn rest(&mut self, last: Option<Page>) -> Option<Vec<Page>> {
        let parts = std::mem::take(&mut self.held);
        let last = last.filter(|_| !parts.is_empty())?;
        Some(vec![Page { parts, ..last }])
    }
}

/// The same position without the rows it stands for.
pub(crate) fn without_rows(page: &Page) -> Page {
    Page { parts: Vec::new(), position: page.position.clone() }
}
