//! The ids that a walk over contacts has still to read, cut into ranges that are read beside each other.

use serde::{Deserialize, Serialize};

/// Ids greater than `after` and, where `before` is given, less than it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) after: i64,
    pub(super) before: Option<i64>,
}

impl Range {
    /// Whether `id` lies inside.
    pub(super) fn contains(&self, id: i64) -> bool {
        id > self.after && self.before.is_none_or(|before| id < before)
    }

    /// How many ids fit, `None` where it is open to the right.
    pub(super) fn width(&self) -> Option<i64> {
        self.before.map(|before| (before - self.after - 1).max(0))
    }

    fn is_empty(&self) -> bool {
        self.width() == Some(0)
    }
}

/// All ranges that have still to be read. A range is *taken* while somebody reads it.
#[derive(Debug, Clone)]
pub(super) struct Ranges {
    ranges: Vec<Slot>,
    page_size: i64,
    /// Records per id, between 0 and 1: how full the id space is.
    density: f64,
    /// A range with less than this many pages left is not cut.
    pages_worth_cutting: f64,
}

#[derive(Debug, Clone)]
struct Slot {
    number: usize,
    range: Range,
    taken: bool,
}

/// Pages of which it is not known how far they reach: a cut can cost one.
const PAGES_WORTH_CUTTING: f64 = 4.0;

/// Pages where there is a record for nearly every id, so that a cut costs nothing and every page can have a reader of its
/// own: at the end of a walk that keeps the budget in use, where long ranges would be read page after page by few.
const FULL_PAGES_WORTH_CUTTING: f64 = 2.0;

/// Records per id from which on nearly every id has one.
const DENSITY_FULL: f64 = 0.98;

/// Blocks, whose ends are known beforehand: a cut between two costs nothing.
const BLOCKS_WORTH_CUTTING: f64 = 2.0;

impl Ranges {
    /// `records` is how many records the source says lie in `ranges`.
    pub(super) fn new(ranges: Vec<Range>, page_size: u32, records: u64) -> Ranges {
        let width: i64 = ranges.iter().filter_map(Range::width).sum();
        let density = if width > 0 { (records as f64 / width as f64).clamp(0.001, 1.0) } else { 1.0 };
        let slots = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .enumerate()
            .map(|(number, range)| Slot { number, range, taken: false })
            .collect();
        Ranges {
            ranges: slots,
            page_size: i64::from(page_size.max(1)),
            density,
            pages_worth_cutting: if density >= DENSITY_FULL {
                FULL_PAGES_WORTH_CUTTING
            } else {
                PAGES_WORTH_CUTTING
            },
        }
    }

    /// Ranges that are read in blocks of `ids`, whether or not there is a record for each.
    pub(super) fn in_blocks(ranges: Vec<Range>, ids: u32) -> Ranges {
        let width: i64 = ranges.iter().filter_map(Range::width).sum();
        let ranges = Ranges::new(ranges, ids, width.unsigned_abs());
        Ranges { pages_worth_cutting: BLOCKS_WORTH_CUTTING, ..ranges }
    }

    /// Nothing more of any range is read.
    pub(super) fn finish_all(&mut self) {
        self.ranges.clear();
    }

    /// What is left, for a position.
    pub(super) fn left(&self) -> Vec<Range> {
        self.ranges.iter().map(|slot| slot.range).collect()
    }

    /// A range to read next, with its number: one nobody reads, else the second half of the longest that is being read.
    /// Cuts fall on whole pages, so that a cut through a full id space costs no request.
    pub(super) fn take(&mut self) -> Option<(usize, Range)> {
        if let Some(slot) = self.ranges.iter_mut().find(|slot| !slot.taken) {
            slot.taken = true;
            return Some((slot.number, slot.range));
        }
        let page_size = self.page_size;
        let ids_worth_cutting = self.pages_worth_cutting * page_size as f64 / self.density;
        let number = self.ranges.iter().map(|slot| slot.number).max()? + 1;
        let longest = self.ranges.iter_mut().max_by_key(|slot| slot.range.width())?;
        let width = longest.range.width()?;
        if (width as f64) < ids_worth_cutting {
            return None;
        }
        let first_half = (width / 2 / page_size).max(1) * page_size;
        let middle = longest.range.after + first_half;
        let second = Range { after: middle, before: longest.range.before };
        longest.range.before = Some(middle + 1);
        self.ranges.push(Slot { number, range: second, taken: true });
        Some((number, second))
    }

    /// The range called `number` as it is now: it may have been cut since it was taken.
    pub(super) fn get(&self, number: usize) -> Option<Range> {
        self.ranges.iter().find(|slot| slot.number == number).map(|slot| slot.range)
    }

    /// How many ids are left besides those of `block`, which is the beginning of range `number`.
    pub(super) fn width_but(&self, number: usize, block: Range) -> u64 {
        let left = self.ranges.iter().map(|slot| match block.before {
            Some(end) if slot.number == number => {
                Range { after: slot.range.after.max(end - 1), ..slot.range }
            }
            _ => slot.range,
        });
        left.filter_map(|range| range.width()).sum::<i64>().unsigned_abs()
    }

    /// Ids up to and including `id` of range `number` have been read. Tells what is left of it.
    pub(super) fn advance(&mut self, number: usize, id: i64) -> Option<Range> {
        let slot = self.ranges.iter_mut().find(|slot| slot.number == number)?;
        slot.range.after = slot.range.after.max(id);
        if slot.range.is_empty() {
            self.finish(number);
            return None;
        }
        Some(slot.range)
    }

    /// Ids from `id` on have been read of range `number`. Tells what is left of it.
    pub(super) fn retreat(&mut self, number: usize, id: i64) -> Option<Range> {
        let slot = self.ranges.iter_mut().find(|slot| slot.number == number)?;
        slot.range.before = Some(slot.range.before.map_or(id, |before| before.min(id)));
        if slot.range.is_empty() {
            self.finish(number);
            return None;
        }
        Some(slot.range)
    }

    /// Range `number` has been read to its end.
    pub(super) fn finish(&mut self, number: usize) {
        self.ranges.retain(|slot| slot.number != number);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Range, Ranges};

    fn range(after: i64, before: i64) -> Range {
        Range { after, before: Some(before) }
    }

    #[test]
    fn cuts_fall_on_whole_pages() {
        let mut ranges = Ranges::new(vec![range(0, 9_901)], 100, 9_900);

        let (first, _) = ranges.take().expect("there is a range");
        let (second, half) = ranges.take().expect("it is worth cutting");

        assert_eq!(half, range(4_900, 9_901));
        assert_eq!(ranges.get(first), Some(range(0, 4_901)));
        assert_eq!(ranges.advance(second, 9_900), None);
        assert!(!ranges.left().is_empty());
    }

    #[test]
    fn short_and_open_ranges_are_not_cut() {
        let mut short = Ranges::new(vec![range(0, 391)], 100, 350);
        let mut page = Ranges::new(vec![range(0, 101)], 100, 100);
        let mut open = Ranges::new(vec![Range { after: 7, before: None }], 100, 0);

        for ranges in [&mut short, &mut page, &mut open] {
            assert!(ranges.take().is_some() && ranges.take().is_none());
        }
    }

    #[test]
    fn full_ranges_are_cut_down_to_pages() {
        let mut full = Ranges::new(vec![range(0, 301)], 100, 300);

        let pages: Vec<Range> = std::iter::from_fn(|| full.take()).map(|(_, range)| range).collect();

        assert_eq!(pages, [range(0, 301), range(100, 301), range(200, 301)]);
        assert_eq!(full.left(), [range(0, 101), range(100, 201), range(200, 301)]);
    }

    #[test]
    fn sparse_ids_are_cut_by_records_not_by_ids() {
        let mut ranges = Ranges::new(vec![range(0, 100_001)], 100, 200);

        assert!(ranges.take().is_some());
        assert!(ranges.take().is_none(), "200 records are two pages");
    }

    proptest! {
        #[test]
        fn every_id_is_read_exactly_once(ids in proptest::collection::btree_set(1_i64..5_000, 0..1_500), readers in 1_usize..7, seed: u64) {
            let ids: Vec<i64> = ids.into_iter().collect();
            let mut ranges = Ranges::new(vec![range(0, 5_001)], 10, ids.len() as u64);
            let mut reading: Vec<usize> = Vec::new();
            let mut read: Vec<i64> = Vec::new();
            let mut turn = seed;
            loop {
                while reading.len() < readers {
                    let Some((number, _)) = ranges.take() else { break };
                    reading.push(number);
                }
                if reading.is_empty() {
                    break;
                }
                turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let index = (turn >> 33) as usize % reading.len();
                let number = reading[index];
                let Some(now) = ranges.get(number) else { reading.remove(index); continue };
                let page: Vec<i64> = ids.iter().copied().filter(|&id| now.contains(id)).take(10).collect();
                read.extend(&page);
                let left = match page.last() {
                    Some(&last) if page.len() == 10 => ranges.advance(number, last),
                    _ => { ranges.finish(number); None }
                };
                if left.is_none() {
                    reading.remove(index);
                }
            }
            read.sort_unstable();
            prop_assert_eq!(read, ids);
            prop_assert!(ranges.left().is_empty());
        }
    }
}
