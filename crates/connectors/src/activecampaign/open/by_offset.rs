//! Opening a walk by offset.

use achub_core::Error;

use super::{OpenedWalk, Opening, resumed};
use crate::activecampaign::{
    columns,
    group::Group,
    intake::Intake,
    offset::{self, OffsetWalk, Place},
    pages::Pages,
    series::{OVERLAP, Series},
};

impl Opening<'_> {
    /// One series of pages, or one per parent where there are parents.
    pub(super) async fn offset(
        &self,
        group: &Group,
        parents: Vec<String>,
        place: Place,
    ) -> Result<OpenedWalk, Error> {
        let streams = std::iter::once(group.main).chain(group.companions()).collect();
        let pages = Pages::new(self.client, streams, Vec::new());
        let how = if place == Place::Nowhere { "offset" } else { "offset, per parent" };
        let intake = Intake::new(group.feeds(&[]));
        if let Some(mark) = self.position::<offset::Mark>(group) {
            let query = offset::query(group.main, mark.since);
            let walk = resumed(self.walk(group, how.to_owned(), 1, None, mark.as_of));
            return Ok(Box::new(OffsetWalk { walk, pages, intake, query, place, mark, opening: None }));
        }
        let query = offset::query(group.main, group.since());
        let opening = match (&place, parents.first()) {
            (Place::Nowhere, _) => {
                Some(offset::fetch(&pages, &query, &place, None, &Series::default()).await?)
            }
            (_, Some(first)) => {
                Some(offset::fetch(&pages, &query, &place, Some(first), &Series::default()).await?)
            }
            (_, None) => None,
        };
        let total = opening.as_ref().and_then(|page| page.decoded.total).filter(|_| place == Place::Nowhere);
        let came = opening.as_ref().map_or(0, |page| page.main().len() as u64);
        let date = opening.as_ref().and_then(|page| page.date);
        let as_of = date.unwrap_or_else(|| self.clock.now());
        let requests =
            offset_requests(total.map(|total| group.within_limits(total)), came, group.main.page_size)
                + (parents.len() as u64).saturating_sub(1);
        let mut walk = self.walk(group, how.to_owned(), requests, total, as_of);
        self.add_left_out(group, &mut walk, total.unwrap_or(came)).await?;
        if let Some(names) =
            opening.as_ref().filter(|_| group.main.name == "custom_fields").and_then(columns::all_on)
        {
            let _ = self.field_names.set(names);
        }
        let mark = offset::Mark::new(group.signature(), group.since(), as_of, parents);
        Ok(Box::new(OffsetWalk { walk, pages, intake, query, place, mark, opening }))
    }
}

/// Requests still needed after a first page of `came` records.
///
/// Each further page brings all but the overlap; a last page that is full is followed by one that shows that it was.
fn offset_requests(total: Option<u64>, came: u64, page_size: u32) -> u64 {
    let size = u64::from(page_size).max(OVERLAP + 1);
    let Some(total) = total.filter(|_| came >= size) else { return 0 };
    let more = total.saturating_sub(came).div_ceil(size - OVERLAP);
    let on_last = total.saturating_sub(more * (size - OVERLAP));
    more + u64::from(on_last >= size)
}

#[cfg(test)]
mod tests {
    use super::offset_requests;

    #[test]
    fn pages_to_come_are_counted_with_their_overlap() {
        for (total, came, requests) in [
            (0, 0, 0),
            (8, 8, 0),
            (99, 99, 0),
            (100, 100, 1),
            (101, 100, 1),
            (195, 100, 2),
            (400, 100, 4),
            (2_000, 100, 21),
        ] {
            assert_eq!(offset_requests(Some(total), came, 100), requests, "{total} records");
        }
        assert_eq!(offset_requests(None, 40, 100), 0);
        assert_eq!(offset_requests(Some(7), 100, 100), 0, "a limit below the first page")
    }
}
