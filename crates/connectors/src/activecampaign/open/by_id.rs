//! Opening a walk over contacts.

use achub_api::{stream::Sideload, streams};
use achub_core::{Error, StreamName};

use super::{OpenedWalk, Opening, one, resumed};
use crate::activecampaign::{
    contacts::{self, ContactsWalk},
    group::Group,
    intake::Intake,
    offset::Place,
    pages::{Fetched, Pages},
};

impl Opening<'_> {
    /// Contacts and what comes along. What this account does not let come along is read from its own address.
    pub(super) async fn contacts(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        let includes: Vec<&'static Sideload> =
            group.main.sideloads.iter().filter(|sideload| group.wants(sideload.stream)).collect();
        let streams = std::iter::once(group.main)
            .chain(includes.iter().filter_map(|include| streams::find(include.stream)))
            .collect();
        let pages = Pages::new(self.client, streams, includes);
        if let Some(mark) = self.position::<contacts::Mark>(group) {
            return Ok(one(self.contacts_resumed(group, pages, mark)));
        }
        let (since, page_size) = (group.since(), group.page_size());
        let query = contacts::opening_query(since, page_size);
        let fetched = pages.get(group.main.path, query, |decoded| pages.check_listed(decoded)).await?;
        if !contacts::is_ordered(&fetched.decoded) {
            // Without an order by id there are no id ranges; the offset is documented too.
            return self.each_alone(group, group.names()).await;
        }
        let refused = pages.refused(&fetched.decoded);
        let separate: Vec<StreamName> = if is_dearer(group, &fetched) {
            group.names()
        } else {
            refused.iter().map(|refused| StreamName::new(refused.stream)).collect()
        };
        let mut walks = self.each_alone(group, separate).await?;
        let rest = group.without(&refused);
        if walks.len() < group.wanted.len() {
            walks.insert(0, self.contacts_opened(&rest, pages.without(&refused), fetched).await?);
        }
        Ok(walks)
    }

    /// Some streams of a group, each from its own address.
    async fn each_alone(&self, group: &Group, names: Vec<StreamName>) -> Result<Vec<OpenedWalk>, Error> {
        let mut walks = Vec::new();
        for name in names {
            walks.push(self.offset(&group.alone(name.as_str())?, Vec::new(), Place::Nowhere).await?);
        }
        Ok(walks)
    }

    fn contacts_resumed(&self, group: &Group, pages: Pages, mark: contacts::Mark) -> OpenedWalk {
        let page_size = group.page_size();
        let requests = pages_for(mark.records_left(), page_size) + u64::from(group.wants("field_values"));
        let walk = self.walk(group, contacts_how(&pages), requests, Some(mark.total), mark.as_of);
        Box::new(ContactsWalk {
            walk: resumed(walk),
            intake: Intake::new(group.feeds(pages.includes())),
            pages,
            mark,
            opening: None,
            page_size,
            field_names: self.field_names.clone(),
        })
    }

    async fn contacts_opened(
        &self,
        group: &Group,
        pages: Pages,
        fetched: Fetched,
    ) -> Result<OpenedWalk, Error> {
        let (since, asked) = (group.since(), group.page_size());
        let came = fetched.main().len() as u64;
        let total = fetched.decoded.total.unwrap_or(came);
        // Fewer than asked for although there are more: that is all this server grants.
        let is_granted_less = came > 0 && came < u64::from(asked) && total > came;
        let page_size = if is_granted_less { u32::try_from(came).unwrap_or(asked) } else { asked };
        let as_of = fetched.date.unwrap_or_else(|| self.clock.now());
        let mark = contacts::Mark::opened(group.signature(), since, as_of, &fetched.decoded, page_size);
        let requests = pages_for(group.within_limits(total).saturating_sub(came), page_size)
            + u64::from(group.wants("field_values"));
        let mut walk = self.walk(group, contacts_how(&pages), requests, Some(total), as_of);
        self.add_left_out(group, &mut walk, total).await?;
        Ok(Box::new(ContactsWalk {
            walk,
            intake: Intake::new(group.feeds(pages.includes())),
            pages,
            mark,
            opening: Some(fetched),
            page_size,
            field_names: self.field_names.clone(),
        }))
    }
}

fn contacts_how(pages: &Pages) -> String {
    let includes: Vec<&str> = pages.includes().iter().map(|include| include.include).collect();
    if includes.is_empty() {
        "id ranges".to_owned()
    } else {
        format!("id ranges, include={}", includes.join(","))
    }
}

/// Whether satellites that are wanted without contacts cost less from their own addresses, judged by one page.
fn is_dearer(group: &Group, opening: &Fetched) -> bool {
    let contacts = opening.main().len() as u64;
    if group.wants(group.main.name) || contacts == 0 || group.since().is_some() {
        return false;
    }
    let came: usize = opening.decoded.parts.iter().skip(1).map(|part| part.batch.len()).sum();
    // A page from the own address brings 95 new records, one of contacts those of all its contacts.
    came < 95 * contacts as usize / 100
}

/// Pages that hold so many records.
fn pages_for(records: u64, page_size: u32) -> u64 {
    records.div_ceil(u64::from(page_size.max(1)))
}
