//! Blocks of ids: `ids[]` without `limit` brings three times as many contacts as a page, on accounts that allow it.
//!
//! Nothing documents that, so a block is believed only while nothing speaks against it. What it must be: contacts that
//! were asked for and no others, more than a page could bring, and not so few that more contacts are due than ids are
//! left. A block that is not is asked for again page by page; what shows up there and was not in the block proves that
//! blocks leave contacts out.
//!
//! Source: 159,478 contacts in 532 requests of 300 ids; 400 ids made the address too long (activecampaign-api.md §5.3).

use std::collections::{HashMap, HashSet};

use achub_core::{Code, Error, code::Class};

use crate::activecampaign::{
    pages::{Fetched, Pages, Query},
    ranges::Range,
};

/// Ids in a block at the most.
const IDS_MAX: i64 = 300;

/// Bytes all ids of a block may take in the address: 300 ids of eight digits passed, 400 did not.
const ID_BYTES_MAX: i64 = 5_700;

/// Contacts on a page where no `limit` is given.
const PAGE_SIZE_DEFAULT: usize = 20;

/// Bytes of one parameter but for its digits: `&ids%5B%5D=`.
const ID_BYTES: i64 = 11;

/// Contacts per id from which on blocks are cheaper than pages: a third, and something for the gaps between them.
const DENSITY_MIN: f64 = 0.4;

/// How one walk asks for blocks.
#[derive(Debug, Clone)]
pub(in crate::activecampaign) struct Blocks {
    /// Ids in a block.
    pub(in crate::activecampaign) size: u32,
    /// Contacts a page holds; a block brings more.
    page_size: u32,
    /// Ranges, by number, in which pages bring more.
    sparse: HashSet<usize>,
    /// Blocks that are looked at page by page, by the number of their range.
    doubts: HashMap<usize, Doubt>,
    /// Contacts due that turned out not to be there: deleted since the total was told.
    forgiven: u64,
}

/// A block that may have left contacts out.
#[derive(Debug, Clone)]
struct Doubt {
    block: Range,
    shown: HashSet<i64>,
    forgives: u64,
}

/// What a block means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All contacts of its ids.
    Complete,
    /// Perhaps not all: to be held against pages.
    Doubtful,
    /// Not what was asked for, and why.
    Wrong(String),
}

impl Blocks {
    /// Blocks of ids up to `newest`, where a page holds `page_size` contacts.
    pub(in crate::activecampaign) fn up_to(newest: i64, page_size: u32) -> Blocks {
        let digits = i64::from(newest.max(1).ilog10()) + 1;
        let size = IDS_MAX.min(ID_BYTES_MAX / (ID_BYTES + digits));
        Blocks {
            size: u32::try_from(size).expect("a block has at most 300 ids"),
            page_size,
            sparse: HashSet::new(),
            doubts: HashMap::new(),
            forgiven: 0,
        }
    }

    /// Whether blocks are cheaper than pages where `records` contacts have ids out of `width`.
    pub(in crate::activecampaign) fn pay(records: u64, width: i64) -> bool {
        width > 0 && records as f64 / width as f64 >= DENSITY_MIN
    }

    /// The first block of a range, `None` where pages are to be asked for.
    pub(super) fn next(&self, number: usize, range: Range) -> Option<Range> {
        if self.sparse.contains(&number) || self.doubts.contains_key(&number) {
            return None;
        }
        let before = range.before?.min(range.after + i64::from(self.size) + 1);
        let block = Range { after: range.after, before: Some(before) };
        block.width().filter(|&width| width > i64::from(self.page_size)).map(|_| block)
    }

    /// The last block of a range.
    pub(in crate::activecampaign) fn last_of(&self, range: Range) -> Option<Range> {
        let before = range.before?;
        Some(Range { after: range.after.max(before - i64::from(self.size) - 1), before: Some(before) })
    }

    /// Whether the answer to the first block ever asked for shows that blocks work: only what was asked for, and more than
    /// a page would have brought. `None` where it shows nothing because few of its ids have a contact.
    pub(in crate::activecampaign) fn are_shown(&self, block: Range, ids: &[i64]) -> Option<bool> {
        let page_size = self.page_size as usize;
        if stranger(block, ids).is_some() || ids.len() == page_size || ids.len() == PAGE_SIZE_DEFAULT {
            Some(false)
        } else {
            (ids.len() > page_size).then_some(true)
        }
    }

    /// Judges the ids that came for a block. `due` contacts lie in it or in the `elsewhere` ids that are left.
    pub(super) fn judge(&self, block: Range, ids: &[i64], due: u64, elsewhere: u64) -> Verdict {
        if let Some(wrong) = stranger(block, ids) {
            return Verdict::Wrong(wrong);
        }
        let due_elsewhere = due.saturating_sub(self.forgiven).saturating_sub(ids.len() as u64);
        let is_whole = block.width() == i64::try_from(ids.len()).ok();
        if is_whole || (ids.len() > self.page_size as usize && due_elsewhere <= elsewhere) {
            Verdict::Complete
        } else {
            Verdict::Doubtful
        }
    }

    /// Looks at a block page by page from now on.
    pub(super) fn doubt(&mut self, number: usize, block: Range, ids: &[i64], due: u64, elsewhere: u64) {
        let due_elsewhere = due.saturating_sub(self.forgiven).saturating_sub(ids.len() as u64);
        let doubt = Doubt {
            block,
            shown: ids.iter().copied().collect(),
            forgives: due_elsewhere.saturating_sub(elsewhere),
        };
        self.doubts.insert(number, doubt);
    }

    /// Takes what a page showed of range `number`, which now is `left`. An id that a doubtful block should have shown
    /// comes back: blocks leave contacts out.
    pub(super) fn page(
        &mut self,
        number: usize,
        asked: Range,
        ids: &[i64],
        left: Option<Range>,
    ) -> Option<i64> {
        if let Some(doubt) = self.doubts.get(&number) {
            let hidden = ids.iter().find(|&&id| doubt.block.contains(id) && !doubt.shown.contains(&id));
            if let Some(&id) = hidden {
                return Some(id);
            }
            let is_passed =
                left.is_none_or(|left| doubt.block.before.is_some_and(|end| left.after + 1 >= end));
            if is_passed {
                self.forgiven += doubt.forgives;
                self.doubts.remove(&number);
            }
        }
        let reached = left.map_or(asked.before, |left| Some(left.after + 1));
        let width = reached.map_or(0, |reached| reached - asked.after - 1);
        if Blocks::pay(ids.len() as u64, width) {
            self.sparse.remove(&number);
        } else {
            self.sparse.insert(number);
        }
        None
    }
}

/// An id that was not asked for, in words.
fn stranger(block: Range, ids: &[i64]) -> Option<String> {
    let id = ids.iter().find(|&&id| !block.contains(id))?;
    Some(format!("contact {id} came without being asked for"))
}

/// The contacts with the ids of `block`.
pub(in crate::activecampaign) async fn fetch(pages: &Pages, block: Range) -> Result<Fetched, Error> {
    let ids = block.after + 1..block.before.unwrap_or(block.after + 1);
    let query: Query = ids.map(|id| ("ids[]".to_owned(), id.to_string())).collect();
    pages.get(pages.main().path, query, |decoded| pages.check_sideloads(decoded)).await
}

/// Whether a block that failed may still be had page by page, and whether that says something about the account.
pub(in crate::activecampaign) fn failure(error: &Error) -> Option<Lasting> {
    match error.class() {
        // Pages are asked for by the same rule, which is then judged page by page.
        _ if error.code() == Code::PassedOver => Some(Lasting::No),
        Class::Failed => Some(Lasting::Yes),
        Class::Unreachable if error.code() != Code::SlowDown => Some(Lasting::No),
        _ => None,
    }
}

/// Whether the account is known to behave this way from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::activecampaign) enum Lasting {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::{Blocks, Range, Verdict};

    fn range(after: i64, before: i64) -> Range {
        Range { after, before: Some(before) }
    }

    fn ids(from: i64, to: i64) -> Vec<i64> {
        (from..=to).collect()
    }

    #[test]
    fn blocks_shrink_with_longer_ids() {
        let sizes: Vec<u32> =
            [900, 99_999_999, 9_999_999_999].map(|newest| Blocks::up_to(newest, 100).size).to_vec();
        assert_eq!(sizes, [300, 300, 271]);
    }

    #[test]
    fn blocks_are_judged_by_what_they_show() {
        let blocks = Blocks::up_to(900, 100);
        let block = range(0, 301);
        for (ids, due, elsewhere, verdict) in [
            (ids(1, 300), 900, 600, Verdict::Complete),
            (ids(1, 290), 890, 600, Verdict::Complete),
            (ids(1, 290), 900, 600, Verdict::Doubtful),
            (ids(1, 100), 300, 600, Verdict::Doubtful),
            (ids(2, 301), 900, 600, Verdict::Wrong("contact 301 came without being asked for".to_owned())),
        ] {
            assert_eq!(blocks.judge(block, &ids, due, elsewhere), verdict, "{} of {due}", ids.len());
        }
    }

    #[test]
    fn hidden_contact_convicts_a_block() {
        let mut blocks = Blocks::up_to(900, 100);
        blocks.doubt(7, range(0, 301), &ids(1, 100), 300, 0);
        assert!(blocks.next(7, range(0, 901)).is_none());

        assert_eq!(blocks.page(7, range(0, 901), &ids(1, 100), Some(range(100, 901))), None);
        assert_eq!(blocks.page(7, range(100, 901), &ids(101, 200), Some(range(200, 901))), Some(101));
    }

    #[test]
    fn honest_block_is_forgiven_what_was_deleted() {
        let mut blocks = Blocks::up_to(900, 100);
        let shown = ids(1, 295);
        blocks.doubt(7, range(0, 301), &shown, 900, 600);

        for (asked, page) in [(0, ids(1, 100)), (100, ids(101, 200)), (200, ids(201, 295))] {
            let left = page.last().filter(|_| page.len() == 100).map(|&last| range(last, 901));
            assert_eq!(blocks.page(7, range(asked, 901), &page, left), None);
        }

        assert_eq!(blocks.judge(range(300, 601), &ids(301, 600), 605, 300), Verdict::Complete);
    }

    #[test]
    fn sparse_ranges_are_read_by_pages() {
        let mut blocks = Blocks::up_to(90_000, 100);
        let page: Vec<i64> = (1..=100).map(|id| id * 10).collect();
        blocks.page(3, range(0, 90_000), &page, Some(range(1_000, 90_000)));

        assert!(blocks.next(3, range(1_000, 90_000)).is_none());
        blocks.page(3, range(1_000, 90_000), &ids(1_001, 1_100), Some(range(1_100, 90_000)));
        assert_eq!(blocks.next(3, range(1_100, 90_000)), Some(range(1_100, 1_401)));
    }

    #[test]
    fn control_query_shows_what_a_page_could_not() {
        let block = range(0, 301);
        for (ids, shown) in [
            (ids(1, 300), Some(true)),
            (ids(1, 150), Some(true)),
            (ids(1, 100), Some(false)),
            (ids(1, 20), Some(false)),
            (ids(300, 310), Some(false)),
            (ids(1, 57), None),
        ] {
            assert_eq!(Blocks::up_to(900, 100).are_shown(block, &ids), shown, "{} ids", ids.len());
        }
    }
}
