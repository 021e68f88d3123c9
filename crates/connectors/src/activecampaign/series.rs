//! Reading by offset while records come and go: where to ask next, and whether a page joins onto the ones before.
//!
//! Records deleted before our position move the rest forward, past us. So each page is asked for a few records early, and
//! must show at least one record of the page before; where it does not, we step back until it does. A page that joins
//! leaves no gap, whatever happened in between: as long as the server keeps its order, everything after a record we have
//! seen is on this page or on a later one.

use serde::{Deserialize, Serialize};

/// Records of the page before that are asked for again, at the least.
pub(super) const OVERLAP: u64 = 2;

/// … and at the most, where many records are deleted between two pages: so many of a page of a hundred, and the same share
/// of a smaller one.
const OVERLAP_MAX: u64 = 60;
const OVERLAP_OF: u64 = 100;

/// The first step back, in records, or a page where pages are smaller: a longer one would pass over what is looked for.
/// Each further one is twice as far.
const STEP_BACK: u64 = 100;

/// Times a series may start over because nothing it has seen shows up any more.
const RESTARTS_MAX: u32 = 2;

/// Pages whose keys are remembered to tell repeats from new records.
const RECENT_PAGES: usize = 12;

/// The smallest page size a server is known to fall back to. A shorter page is the end even where no total is given.
const SMALLEST_GRANT: u64 = 20;

/// Where a series stands; part of a walk's position.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    /// The offset to ask for next.
    pub(super) offset: u64,
    /// Records seen, repeats not counted.
    pub(super) seen: u64,
    /// Pages taken.
    pages: u64,
    /// Hashes of the keys of the last page that joined.
    tail: Vec<u64>,
    /// Keys of the pages before it, oldest first.
    #[serde(skip)]
    recent: Vec<Vec<u64>>,
    /// What the last page that joined said there is.
    total: Option<u64>,
    /// The most a page has said there is.
    total_max: Option<u64>,
    /// How far the last step back went; 0 while pages join.
    step_back: u64,
    /// Records asked for again on top of [`OVERLAP`]: follows how many are deleted between two pages.
    #[serde(default)]
    caution: u64,
    /// How often the series went back to its start without finding anything it had seen.
    restarts: u32,
    /// Whether pages were stepped over.
    #[serde(default)]
    gaps: bool,
}

/// What a page means for the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on at the new offset.
    Next,
    /// That was the end.
    End,
    /// The page does not join: ask again further back.
    Back,
    /// The server's order is not fixed, or its pages never end.
    Lost,
}

impl Series {
    /// Whether a page shows exactly what the page before it showed although it was asked for further on: this server
    /// ignores the offset.
    pub(super) fn is_stuck(&self, keys: &[u64], total: Option<u64>) -> bool {
        // Many records deleted in between can make an honest page look the same, but then the total has gone down.
        let shrunk = self.total.zip(total).is_some_and(|(before, now)| now < before);
        self.offset > 0 && self.step_back == 0 && !shrunk && keys.len() as u64 > OVERLAP && keys == self.tail
    }

    /// Records the source said there are, `None` where it has not said.
    pub(super) fn expected(&self) -> Option<u64> {
        self.total
    }

    /// Records by which the next page lies before the end of the last one.
    pub(super) fn overlap(&self) -> u64 {
        OVERLAP + self.caution
    }

    /// Whether a page at `offset` can be the next one: it begins before the end of the last one, and we are not looking
    /// for a place to join.
    pub(super) fn could_join(&self, offset: u64) -> bool {
        let is_next = self.offset == offset;
        let is_within = self.pages > 0 && self.step_back == 0 && offset < self.offset + self.overlap();
        is_next || (is_within && offset + OVERLAP_MAX > self.offset)
    }

    /// Takes the page at `offset` for the next one.
    pub(super) fn take_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Goes on behind a page that is not to be had; `false` where nothing says that there is more behind it.
    pub(super) fn step_over(&mut self, asked: u32) -> bool {
        let next = self.offset + u64::from(asked);
        if self.total.is_none_or(|total| next >= total) {
            return false;
        }
        self.offset = next;
        self.step_back = 0;
        self.gaps = true;
        // The page behind the gap has nothing to join onto.
        self.remember(&[]);
        true
    }

    /// Whether pages were stepped over, so that fewer records were seen than there are.
    pub(super) fn has_gaps(&self) -> bool {
        self.gaps
    }

    /// Whether the next page is where a series that goes on without a hitch would be.
    pub(super) fn is_steady(&self) -> bool {
        self.pages > 0 && self.step_back == 0
    }

    /// Takes the keys of the page at [`Series::offset`]. `asked` is the page size that was asked for, `total` what the
    /// page says there is.
    pub(super) fn page(&mut self, keys: &[u64], asked: u32, total: Option<u64>) -> Step {
        self.pages += 1;
        self.total_max = self.total_max.max(total);
        let joins = self.tail.is_empty() || keys.iter().any(|key| self.tail.contains(key));
        if !joins && self.offset > 0 {
            return self.back();
        }
        if !joins {
            self.restarts += 1;
        }
        if self.restarts > RESTARTS_MAX || self.never_ends(asked) {
            return Step::Lost;
        }
        self.adapt(keys);
        self.step_back = 0;
        self.total = total;
        let new = keys.iter().filter(|key| !self.was_seen(key)).count() as u64;
        self.seen += new;
        self.remember(keys);
        self.go_on(keys.len() as u64, new, u64::from(asked))
    }

    /// Asks for more of the page before where little of it was left this time, for less where most of it was.
    fn adapt(&mut self, keys: &[u64]) {
        if self.tail.is_empty() {
            return;
        }
        let asked_again = self.overlap();
        let shown_again = keys.iter().filter(|key| self.tail.contains(key)).count() as u64;
        if self.step_back > 0 || shown_again < asked_again / 2 {
            self.caution = (2 * asked_again + OVERLAP).min(OVERLAP_MAX) - OVERLAP;
        } else if shown_again * 4 > asked_again * 3 {
            self.caution /= 2;
        }
    }

    fn back(&mut self) -> Step {
        let first = STEP_BACK.min(self.tail.len() as u64).max(1);
        self.step_back = if self.step_back == 0 { first } else { self.step_back * 2 };
        self.offset = self.offset.saturating_sub(self.step_back);
        Step::Back
    }

    fn go_on(&mut self, count: u64, new: u64, asked: u64) -> Step {
        let reached = self.offset + count;
        let full = count >= asked;
        let more = match self.total {
            // A full page that reaches the total is not the end yet: the total may be behind the times. A short page
            // that does not reach it is not the end either: the server may grant less than was asked for.
            Some(total) if reached <= total => full || reached < total,
            // A total below what was seen is as good as none.
            _ => full || count >= SMALLEST_GRANT,
        };
        // Most of a page must be new, however small pages are.
        let next = reached - self.overlap().min((count * OVERLAP_MAX / OVERLAP_OF).max(1)).min(count);
        let is_told_of_more = next > self.offset && self.total.is_some_and(|total| reached < total);
        if count == 0 || !more || (new == 0 && !full && !is_told_of_more) {
            return Step::End;
        }
        self.offset = next;
        Step::Next
    }

    /// A server that always says there is more: twice what it claims to have, and ten pages, is enough.
    fn never_ends(&self, asked: u32) -> bool {
        let claimed = self.total_max.unwrap_or(self.seen);
        let smallest = u64::from(asked).min(SMALLEST_GRANT).saturating_sub(OVERLAP).max(1);
        self.pages > 2 * claimed / smallest + 10
    }

    fn was_seen(&self, key: &u64) -> bool {
        self.tail.contains(key) || self.recent.iter().any(|page| page.contains(key))
    }

    fn remember(&mut self, keys: &[u64]) {
        let before = std::mem::replace(&mut self.tail, keys.to_vec());
        self.recent.push(before);
        if self.recent.len() > RECENT_PAGES {
            self.recent.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Series, Step};

    /// Reads `records` to the end; `change` may alter them between two pages. Returns what was seen and the pages taken.
    fn read(
        records: &mut Vec<u64>,
        asked: u32,
        granted: usize,
        gives_total: bool,
        mut change: impl FnMut(&mut Vec<u64>),
    ) -> (BTreeSet<u64>, u32) {
        let mut series = Series::default();
        let mut seen = BTreeSet::new();
        let mut pages = 0;
        loop {
            pages += 1;
            assert!(pages < 5_000, "the series does not end");
            let page: Vec<u64> = records.iter().copied().skip(series.offset as usize).take(granted).collect();
            seen.extend(&page);
            let total = gives_total.then_some(records.len() as u64);
            match series.page(&page, asked, total) {
                Step::Next | Step::Back => change(records),
                Step::End => return (seen, pages),
                Step::Lost => panic!("lost although the order is fixed"),
            }
        }
    }

    #[test]
    fn quiet_series_cost_what_they_must() {
        for (records, gives_total, pages) in [
            (0, true, 1),
            (8, true, 1),
            (99, true, 1),
            (100, true, 2),
            (101, true, 2),
            (198, true, 3),
            (2_000, true, 21),
            (8, false, 1),
            (40, false, 2),
        ] {
            let mut all: Vec<u64> = (0..records).collect();
            let (seen, taken) = read(&mut all, 100, 100, gives_total, |_| ());
            assert_eq!((seen.len() as u64, taken), (records, pages), "{records} records");
        }
    }

    #[test]
    fn smaller_pages_than_asked_are_read_to_the_end() {
        for gives_total in [true, false] {
            let (seen, _) = read(&mut (0..345).collect(), 100, 20, gives_total, |_| ());
            assert_eq!(seen.len(), 345);
        }
    }

    #[test]
    fn same_page_for_ever_is_stuck() {
        let page: Vec<u64> = (0..100).collect();
        let mut series = Series::default();

        assert!(!series.is_stuck(&page, Some(900)));
        assert_eq!(series.page(&page, 100, Some(900)), Step::Next);
        assert!(series.is_stuck(&page, Some(900)));
    }

    #[test]
    fn total_that_grows_for_ever_ends() {
        let mut series = Series::default();
        let steps = (0..10_000_u64).map(|page| {
            let keys: Vec<u64> = (0..100).map(|key| series.offset + key).collect();
            series.page(&keys, 100, Some(50 + page % 2))
        });
        assert!(steps.into_iter().any(|step| step == Step::Lost));
    }

    /// Found by hand: one record in a hundred deleted and created between every two pages, without end, stopped every step
    /// forward.
    #[test]
    fn steady_deletions_are_outrun() {
        for (granted, count, deleted, created) in [
            (100, 2_000, 20, 20),
            (100, 2_000, 40, 0),
            (100, 2_000, 5, 30),
            (20, 400, 4, 4),
            (20, 400, 1, 3),
            (20, 400, 8, 0),
        ] {
            let mut records: Vec<u64> = (0..count).collect();
            let (mut next, mut turn) = (count, 7_u64);
            let (seen, pages) = read(&mut records, 100, granted, true, |records| {
                for _ in 0..deleted.min(records.len()) {
                    turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    records.remove((turn >> 33) as usize % records.len());
                }
                for _ in 0..created {
                    records.push(next);
                    next += 1;
                }
            });
            let missed = records.iter().filter(|&&key| key < count && !seen.contains(&key)).count();
            assert_eq!(missed, 0, "pages of {granted}, {deleted} deleted, {created} created");
            assert!(pages < 120, "{pages} pages");
        }
    }

    proptest! {
        #[test]
        fn records_that_stay_are_never_missed(
            count in 0_u64..900,
            changes in proptest::collection::vec((0_usize..60, 0_usize..20, any::<u64>()), 0..60),
        ) {
            let mut records: Vec<u64> = (0..count).collect();
            let mut next = count;
            let mut changes = changes.into_iter();
            let (seen, _) = read(&mut records, 100, 100, true, |records| {
                let Some((deleted, created, seed)) = changes.next() else { return };
                let mut turn = seed;
                for _ in 0..deleted.min(records.len()) {
                    turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    records.remove((turn >> 33) as usize % records.len());
                }
                for _ in 0..created {
                    records.push(next);
                    next += 1;
                }
            });
            let missed: Vec<u64> = records.into_iter().filter(|&key| key < count && !seen.contains(&key)).collect();
            prop_assert!(missed.is_empty(), "missed {missed:?}");
        }
    }
}
