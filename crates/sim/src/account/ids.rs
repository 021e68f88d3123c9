//! The living ids of a collection: everything from 1 to the newest, less a sorted list of gaps.
//!
//! Counting, the n-th id and the rank of an id are all binary searches in the gaps, so a page near the end of a million
//! rows costs what the first one costs, and an account without deletions holds nothing at all.

/// The living ids of one collection. Ids are given once and never again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids {
    newest: u64,
    gaps: Vec<u64>,
}

impl Ids {
    /// The ids 1 to `newest`, all alive.
    pub(crate) fn up_to(newest: u64) -> Ids {
        Ids { newest, gaps: Vec::new() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.newest - self.gaps.len() as u64
    }

    /// The newest id ever given, alive or not.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        (1..=self.newest).contains(&id) && self.gaps.binary_search(&id).is_err()
    }

    /// How many living ids are not above `id`.
    pub(crate) fn rank(&self, id: u64) -> u64 {
        let id = id.min(self.newest);
        id - self.gaps.partition_point(|gap| *gap <= id) as u64
    }

    /// The living id with `rank` living ids below it.
    pub(crate) fn nth(&self, rank: u64) -> Option<u64> {
        if rank >= self.count() {
            return None;
        }
        // `gap - 1 - index` living ids lie below the gap at `index`, and that never falls from one gap to the next.
        let (mut low, mut high) = (0, self.gaps.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.gaps[middle] - 1 - middle as u64 <= rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(rank + 1 + low as u64)
    }

    /// Up to `limit` living ids in ascending order, the first one having `rank` living ids below it.
    pub(crate) fn page(&self, rank: u64, limit: u64) -> Vec<u64> {
        let Some(first) = self.nth(rank) else { return Vec::new() };
        let mut gap = self.gaps.partition_point(|gap| *gap < first);
        let mut page = Vec::with_capacity(limit.min(self.count() - rank) as usize);
        let mut id = first;
        while id <= self.newest && (page.len() as u64) < limit {
            if self.gaps.get(gap) == Some(&id) {
                gap += 1;
            } else {
                page.push(id);
            }
            id += 1;
        }
        page
    }

    /// Every living id, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let mut gaps = self.gaps.iter().copied().peekable();
        (1..=self.newest).filter(move |id| gaps.next_if_eq(id).is_none())
    }

    /// Gives the next id.
    pub(crate) fn grow(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }

    /// Makes sure ids up to `newest` count as given.
    pub(crate) fn grow_to(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    /// Removes every id of `gone`; says how many of them were alive.
    pub(crate) fn remove(&mut self, gone: &[u64]) -> u64 {
        let mut fresh: Vec<u64> = gone.iter().copied().filter(|id| self.contains(*id)).collect();
        fresh.sort_unstable();
        fresh.dedup();
        match fresh.as_slice() {
            [] => {}
            [one] => {
                let at = self.gaps.partition_point(|gap| gap < one);
                self.gaps.insert(at, *one);
            }
            many => {
                self.gaps.extend_from_slice(many);
                // Two sorted runs: the standard sort merges them in one pass.
                self.gaps.sort();
            }
        }
        fresh.len() as u64
    }

    /// The gaps, ascending, for storing.
    pub(crate) fn gaps(&self) -> &[u64] {
        &self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn rank_and_nth_agree_around_gaps() {
        let mut ids = Ids::up_to(10);
        assert_eq!(ids.remove(&[1, 4, 5, 10, 4]), 4);

        let living: Vec<u64> = ids.iter().collect();

        assert_eq!(living, [2, 3, 6, 7, 8, 9]);
        for (rank, id) in living.iter().enumerate() {
            assert_eq!(ids.nth(rank as u64), Some(*id));
            assert_eq!(ids.rank(*id), rank as u64 + 1);
        }
        assert_eq!(ids.nth(6), None);
        assert_eq!(ids.page(1, 3), [3, 6, 7]);
    }

    #[test]
    fn removed_ids_are_never_given_again() {
        let mut ids = Ids::up_to(2);
        ids.remove(&[2]);

        assert_eq!(ids.grow(), 3);
        assert_eq!(ids.iter().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(ids.remove(&[2, 99]), 0);
    }

    #[test]
    fn page_near_the_end_holds_no_rows_before() {
        let mut ids = Ids::up_to(1_000_000);
        ids.remove(&[999_999]);

        assert_eq!(ids.page(ids.count() - 2, 100), [999_998, 1_000_000]);
        assert_eq!(ids.gaps().len(), 1);
    }
}
