//! Opening the walk over contacts that shows people: their lists, values and companies come along.

use achub_api::{
    stream::{Confidence, Sideload},
    streams,
};
use achub_core::{
    Code, Error, StreamName,
    port::source::{Position, Wanted},
};
use jiff::Timestamp;

use super::{OpenedWalk, Opening, resumed};
use crate::activecampaign::{
    SATELLITES,
    contacts::{self, query},
    find,
    group::Group,
    mark::Mark,
    offset::{self, OffsetWalk, Place},
    pages::{Pages, Query},
};

/// Companies come with the associations of contacts. Which names of relations may be nested is documented only by example;
/// this one was never seen, so whoever uses it looks at what came.
/// Source: activecampaign-api.md §5.6.
static COMPANIES: Sideload = Sideload {
    include: "accountContacts.account",
    stream: "account_contacts",
    parent_field: "contact",
    confidence: Confidence::Inferred,
};

/// What is asked for of people.
#[derive(Debug, Clone, Default)]
pub(in crate::activecampaign) struct AskedPeople {
    /// Only who changed at or after this moment.
    pub(in crate::activecampaign) since: Option<Timestamp>,
    /// Parameters that narrow down who comes.
    pub(in crate::activecampaign) also: Query,
    /// Whether tags come along.
    pub(in crate::activecampaign) with_tags: bool,
    /// Whether companies are asked for.
    pub(in crate::activecampaign) with_companies: bool,
}

impl AskedPeople {
    fn group(&self) -> Result<Group, Error> {
        let mut names = vec!["contacts", "contact_lists", "field_values"];
        names.extend(self.with_tags.then_some("contact_tags"));
        names.extend(self.with_companies.then_some(["account_contacts", "accounts"]).into_iter().flatten());
        let wanted = |name| Wanted { since: self.since, ..Wanted::all(StreamName::new(name)) };
        let main = find(&StreamName::new("contacts"))?;
        Ok(Group { main, wanted: names.into_iter().map(wanted).collect(), riders: Vec::new() })
    }

    /// Pages of people: contacts with what was asked to come along.
    pub(in crate::activecampaign) fn pages(&self, client: &achub_client::Client) -> Result<Pages, Error> {
        let group = self.group()?;
        let wants = |include: &&Sideload| SATELLITES.contains(&include.stream) && group.wants(include.stream);
        let mut includes: Vec<&'static Sideload> = group.main.sideloads.iter().filter(wants).collect();
        includes.extend(self.with_companies.then_some(&COMPANIES));
        let streams = group.wanted.iter().filter_map(|wanted| streams::find(wanted.stream.as_str()));
        Ok(Pages::new(client, streams.collect(), includes).narrowed(self.also.clone()))
    }
}

impl Opening<'_> {
    /// The walk over `asked`, from `position` where one is given that fits.
    ///
    /// Errors: `AC-202` where the account does not send lists or values along with contacts: without them nobody can be
    /// judged.
    pub(in crate::activecampaign) async fn people(
        &self,
        asked: &AskedPeople,
        position: Option<&Position>,
    ) -> Result<OpenedWalk, Error> {
        let (group, pages) = (asked.group()?, asked.pages(self.client)?);
        if let Some(mark) = position.and_then(|position| mark_of::<contacts::Mark>(position, &group)) {
            return self.contacts_resumed(&group, pages, mark).await;
        }
        if let Some(mark) = position.and_then(|position| mark_of::<offset::Mark>(position, &group)) {
            let walk = resumed(self.walk(&group, "offset".to_owned(), 1, None, mark.as_of));
            let intake = self.intake(&group, pages.includes());
            return Ok(Box::new(OffsetWalk::new(walk, pages, intake, Place::Nowhere, mark)));
        }
        let opening = query::opening(group.main, group.span(), group.page_size());
        let fetched = pages.get(group.main.path, opening, |decoded| pages.check_listed(decoded)).await?;
        let refused = pages.refused(&fetched.decoded);
        if let Some(refused) = refused.iter().find(|refused| SATELLITES.contains(&refused.stream)) {
            let message = format!(
                "the account does not send {} along with contacts, so people cannot be imported from it",
                refused.include
            );
            return Err(Error::new(Code::RequestRefused, message).with_hint(
                "replicate the account instead; `achub replicate` reads what it lists elsewhere",
            ));
        }
        if query::is_ordered(&fetched.decoded) {
            return self.contacts_opened(&group, pages, fetched, Vec::new()).await;
        }
        // Without an order by id there are no id ranges; the offset is documented too.
        let as_of = fetched.date.unwrap_or_else(|| self.clock.now());
        let total = fetched.decoded.total;
        let left = total.unwrap_or(0).saturating_sub(fetched.main().len() as u64);
        let requests = left.div_ceil(u64::from(group.main.page_size));
        let walk = self.walk(&group, "offset".to_owned(), requests, total, as_of);
        let mark = offset::Mark::new(group.signature(), group.span(), as_of, Vec::new());
        let intake = self.intake(&group, pages.includes());
        Ok(Box::new(OffsetWalk::new(walk, pages, intake, Place::Nowhere, mark)))
    }

    /// Sets what the account's custom fields are called, for walks that would ask for it.
    pub(in crate::activecampaign) fn with_field_tags(self, tags: Vec<(i64, String)>) -> Self {
        // Nobody has met the fields before: the cell is new.
        let _ = self.field_tags.set(tags);
        self
    }
}

/// A position of a walk over the same streams and the same time.
fn mark_of<M: Mark>(position: &Position, group: &Group) -> Option<M> {
    let mark: M = serde_json::from_value(position.0.clone()).ok()?;
    let fits = mark.signature() == group.signature() && mark.span() == group.span();
    fits.then_some(mark)
}
