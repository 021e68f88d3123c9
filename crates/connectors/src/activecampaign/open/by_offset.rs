//! Opening a walk by offset.

use achub_api::{stream::Sideload, streams};
use achub_core::Error;

use super::{OpenedWalk, Opening, resumed};
use crate::activecampaign::{
    group::Group,
    left::Reply,
    offset::{self, OffsetWalk, Place},
    pages::{Fetched, Pages},
    series::{OVERLAP, Series},
    wide,
};

impl Opening<'_> {
    /// One series of pages, or one per parent where there are parents.
    pub(super) async fn offset(
        &self,
        group: &Group,
        parents: Vec<String>,
        place: Place,
    ) -> Result<OpenedWalk, Error> {
        if let Some(mark) = self.position::<offset::Mark>(group) {
            let walk = resumed(self.walk(group, how(place), 1, None, mark.as_of));
            let intake = self.intake(group, &includes(group));
            let walk = OffsetWalk::new(walk, pages(self, group), intake, place, mark);
            return Ok(Box::new(walk.laying_out(&self.facts)));
        }
        let opening = match (place, parents.first()) {
            (Place::Nowhere, _) => Some(self.first_page(group).await?),
            (_, None) => None,
            (_, first) => {
                let query = offset::query(group.main, group.span());
                let first = first.map(String::as_str);
                let pages = pages(self, group);
                match offset::fetch(&pages, &query, place, first, &Series::default()).await? {
                    Reply::Page(fetched) => Some(fetched),
                    // The walk meets it again and goes on with the next parent.
                    Reply::Left(_) => None,
                }
            }
        };
        self.offset_opened(group, parents, place, opening).await
    }

    /// The first page of a stream that has no parents.
    pub(super) async fn first_page(&self, group: &Group) -> Result<Fetched, Error> {
        let query = offset::query(group.main, group.span());
        let pages = pages(self, group);
        let beginning = Series::default();
        let fetch = || async {
            let reply = offset::fetch(&pages, &query, Place::Nowhere, None, &beginning).await?;
            reply.page().map_err(|error| error.context(format_args!("reading {}", group.main.name)))
        };
        if group.main.name == "deal_pipelines" {
            return self.pipelines.get_or_try_init(fetch).await.cloned();
        }
        fetch().await
    }

    /// A walk whose first page is there.
    pub(super) async fn offset_opened(
        &self,
        group: &Group,
        parents: Vec<String>,
        place: Place,
        opening: Option<Fetched>,
    ) -> Result<OpenedWalk, Error> {
        let total = opening.as_ref().and_then(|page| page.decoded.total).filter(|_| place == Place::Nowhere);
        let came = opening.as_ref().map_or(0, |page| page.main().len() as u64);
        let date = opening.as_ref().and_then(|page| page.date);
        let as_of = date.unwrap_or_else(|| self.clock.now());
        let requests = offset_requests(total.map(|total| group.within_limits(total)), came, group.main.page_size)
                + (parents.len() as u64).saturating_sub(1)
                // The definitions of the fields, to lay the values out beside their records.
                + u64::from(wide::of_values(group.main.name).is_some());
        let mut walk = self.walk(group, how(place), requests, total, as_of);
        self.add_left_out(group, &mut walk, total.unwrap_or(came)).await?;
        if let Some(tags) =
            opening.as_ref().filter(|_| group.main.name == "custom_fields").and_then(wide::all_on)
        {
            let _ = self.field_tags.set(tags);
        }
        let mark = offset::Mark::new(group.signature(), group.span(), as_of, parents);
        let intake = self.intake(group, &includes(group));
        let walk = OffsetWalk::new(walk, pages(self, group), intake, place, mark);
        Ok(Box::new(walk.opened_by(opening).laying_out(&self.facts)))
    }
}

fn pages(opening: &Opening<'_>, group: &Group) -> Pages {
    let includes = includes(group);
    let along = includes.iter().filter_map(|include| streams::find(include.stream));
    let streams = std::iter::once(group.main).chain(group.companions()).chain(along).collect();
    Pages::new(opening.client, streams, includes)
}

/// What has to come along: the values of contacts that are laid out.
fn includes(group: &Group) -> Vec<&'static Sideload> {
    let sideloads = group.main.sideloads.iter().filter(|_| group.wants_wide());
    sideloads.filter(|sideload| sideload.stream == wide::VALUES).collect()
}

fn how(place: Place) -> String {
    if place == Place::Nowhere { "offset" } else { "offset, per parent" }.to_owned()
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
            (198, 100, 2),
            (400, 100, 4),
            (2_000, 100, 20),
        ] {
            assert_eq!(offset_requests(Some(total), came, 100), requests, "{total} records");
        }
        assert_eq!(offset_requests(None, 40, 100), 0);
        assert_eq!(offset_requests(Some(7), 100, 100), 0, "a limit below the first page")
    }
}
