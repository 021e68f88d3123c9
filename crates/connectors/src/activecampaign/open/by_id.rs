//! Opening a walk over contacts.

use achub_api::{stream::Sideload, streams};
use achub_core::{Error, StreamName};
use futures_util::future::join;

use super::{OpenedWalk, Opening, one, resumed, riders};
use crate::activecampaign::{
    contacts::{
        self, ContactsWalk, Control,
        blocks::{self, Blocks, Lasting},
        latency::Latency,
        query,
        riders::{Rider, RiderWalk, rows_of},
    },
    facts::BLOCKS,
    group::Group,
    intake,
    offset::Place,
    pages::{Fetched, Pages},
    reading::Reading,
    wide,
};

impl Opening<'_> {
    /// Contacts and what comes along. What this account does not let come along is read from its own address.
    pub(super) async fn contacts(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        let pages = self.contact_pages(group);
        if let Some(mark) = self.position::<contacts::Mark>(group) {
            return self.contacts_resumed(group, pages, mark).await.map(one);
        }
        let query = query::opening(group.main, group.span(), group.page_size());
        let opening = pages.get(group.main.path, query, |decoded| pages.check_listed(decoded));
        let (opening, rider_openings) = join(opening, self.rider_openings(group)).await;
        let fetched = match opening {
            Ok(fetched) => fetched,
            Err(error) if group.riders.is_empty() => return Err(error),
            Err(error) => {
                self.fail(group.without_riders().names(), error);
                return self.seat(group, rider_openings, None).await.map(|(_, walks)| walks);
            }
        };
        let without_wide = self.without_unfillable(group, &pages, &fetched);
        let group = without_wide.as_ref().unwrap_or(group);
        if group.wanted.is_empty() {
            return Ok(Vec::new());
        }
        if !query::is_ordered(&fetched.decoded) {
            // Without an order by id there are no id ranges; the offset is documented too.
            let mut walks = self.each_alone(group, group.without_riders().names()).await?;
            walks.extend(self.seat(group, rider_openings, None).await?.1);
            return Ok(walks);
        }
        let (riding, rider_walks) = self.seat(group, rider_openings, Some((&pages, &fetched))).await?;
        let mut walks = self.contacts_or_separate(group, pages, fetched, riding).await?;
        walks.extend(rider_walks);
        Ok(walks)
    }

    fn contact_pages(&self, group: &Group) -> Pages {
        let includes: Vec<&'static Sideload> =
            group.main.sideloads.iter().filter(|sideload| group.needs(sideload.stream)).collect();
        let streams = std::iter::once(group.main)
            .chain(includes.iter().filter_map(|include| streams::find(include.stream)))
            .collect();
        Pages::new(self.client, streams, includes)
    }

    /// The group without contacts that are laid out, where the account does not send what has to be laid out.
    fn without_unfillable(&self, group: &Group, pages: &Pages, fetched: &Fetched) -> Option<Group> {
        let refused = pages.refused(&fetched.decoded);
        let is_unfillable =
            group.wants_wide() && refused.iter().any(|refused| refused.stream == wide::VALUES);
        is_unfillable.then(|| {
            self.fail(vec![StreamName::new(wide::NAME)], wide::without_values());
            group.without_wide()
        })
    }

    /// The walk over contacts, and walks of their own for the satellites it does not bring.
    async fn contacts_or_separate(
        &self,
        group: &Group,
        pages: Pages,
        fetched: Fetched,
        riding: Vec<RiderWalk>,
    ) -> Result<Vec<OpenedWalk>, Error> {
        let is_riding =
            |include: &Sideload| riding.iter().any(|rider| rider.include.stream == include.stream);
        let without_riders = group.without_riders();
        let refused: Vec<&'static Sideload> = pages.refused(&fetched.decoded);
        let separate: Vec<StreamName> = if is_dearer(&without_riders, &fetched) {
            without_riders.names()
        } else {
            let satellites = refused.iter().filter(|refused| without_riders.wants(refused.stream));
            satellites.map(|refused| StreamName::new(refused.stream)).collect()
        };
        let mut walks = self.each_alone(group, separate).await?;
        if walks.len() < without_riders.wanted.len() {
            let is_left_behind = |include: &&'static Sideload| {
                refused.contains(include) || !without_riders.needs(include.stream) && !is_riding(include)
            };
            let left_behind: Vec<&'static Sideload> =
                pages.includes().iter().copied().filter(is_left_behind).collect();
            let (rest, pages) = (group.without(&left_behind), pages.without(&left_behind));
            walks.insert(0, self.contacts_opened(&rest, pages, fetched, riding).await?);
        }
        Ok(walks)
    }

    /// Some streams of a group, each from its own address.
    async fn each_alone(&self, group: &Group, names: Vec<StreamName>) -> Result<Vec<OpenedWalk>, Error> {
        let mut walks = Vec::new();
        let comes_with_main = |name: &StreamName| wide::is_wide(name) && group.wants(group.main.name);
        for name in names.iter().filter(|name| !comes_with_main(name)) {
            walks.push(self.offset(&group.alone(name.as_str())?, Vec::new(), Place::Nowhere).await?);
        }
        Ok(walks)
    }

    pub(super) async fn contacts_resumed(
        &self,
        group: &Group,
        pages: Pages,
        mark: contacts::Mark,
    ) -> Result<OpenedWalk, Error> {
        let page_size = group.page_size();
        let is_known = self.facts.known(BLOCKS).await? == Some(true) && !mark.second_look;
        let blocks = self.blocks_worth_it(group, &mark, mark.records_left(), page_size).filter(|_| is_known);
        let requests = requests_left(&mark, mark.records_left(), page_size, blocks.as_ref())
            + self.requests_for_tags(group);
        let latency = Latency::about(self.client.latency());
        let walk =
            self.walk(group, contacts_how(&pages, blocks.as_ref()), requests, Some(mark.total), mark.as_of);
        let riders = group.riders.iter().filter_map(|rider| {
            Some(RiderWalk { include: riders::include(group, rider)?, group: rider.clone(), opening: None })
        });
        Ok(Box::new(ContactsWalk {
            walk: resumed(walk),
            intake: self.intake(group, pages.includes()),
            pages,
            mark,
            opening: None,
            control: None,
            page_size,
            field_tags: self.field_tags.clone(),
            blocks,
            riders: riders.collect(),
            facts: self.facts.clone(),
            latency,
            notes: Vec::new(),
        }))
    }

    pub(super) async fn contacts_opened(
        &self,
        group: &Group,
        pages: Pages,
        fetched: Fetched,
        riders: Vec<RiderWalk>,
    ) -> Result<OpenedWalk, Error> {
        let asked = group.page_size();
        let came = fetched.main().len() as u64;
        let total = fetched.decoded.total.unwrap_or(came);
        // Fewer than asked for, and nobody says that this is all there is: that is all this server grants. A total below
        // what came says nothing.
        let is_all = fetched.decoded.total == Some(came);
        let is_granted_less = came > 0 && came < u64::from(asked) && !is_all;
        let page_size = if is_granted_less { u32::try_from(came).unwrap_or(asked) } else { asked };
        let as_of = fetched.date.unwrap_or_else(|| self.clock.now());
        let mut mark =
            contacts::Mark::opened(group.signature(), group.span(), as_of, &fetched.decoded, page_size);
        let mut notes = Vec::new();
        let records = mark.records_left().saturating_sub(came);
        let (blocks, control) = match self.blocks_worth_it(group, &mark, records, page_size) {
            Some(blocks) => self.blocks_shown(blocks, &pages, &mark, &mut notes).await?,
            None => (None, None),
        };
        let latency = latency_of(&fetched, control.as_ref(), blocks.as_ref());
        let left = group.within_limits(total).saturating_sub(came);
        let requests = requests_left(&mark, left, page_size, blocks.as_ref()) - u64::from(control.is_some())
            + self.requests_for_tags(group);
        let mut walk = self.walk(group, contacts_how(&pages, blocks.as_ref()), requests, Some(total), as_of);
        walk.price.seconds = latency.seconds(self.client, requests);
        self.add_left_out(group, &mut walk, total).await?;
        for rider in &riders {
            let total = rider.opening.as_ref().and_then(|page| page.decoded.total).unwrap_or(0);
            mark.riders.push(Rider::new(rider.include.stream, total));
        }
        mark.riders.iter().for_each(|rider| rows_of(&mut walk, rider));
        Ok(Box::new(ContactsWalk {
            walk,
            intake: self.intake(group, pages.includes()),
            pages,
            mark,
            opening: Some(fetched),
            control,
            page_size,
            field_tags: self.field_tags.clone(),
            blocks,
            riders,
            facts: self.facts.clone(),
            latency,
            notes,
        }))
    }

    /// Requests for the names of custom fields, where they are needed and not known.
    fn requests_for_tags(&self, group: &Group) -> u64 {
        u64::from(group.wants(wide::VALUES) && self.field_tags.get().is_none())
    }

    /// Blocks of ids, where they are cheaper for what `mark` has left.
    fn blocks_worth_it(
        &self,
        group: &Group,
        mark: &contacts::Mark,
        records: u64,
        page_size: u32,
    ) -> Option<Blocks> {
        let is_allowed = self.reading == Reading::Accelerated
            && group.wants_everything()
            && page_size == group.main.page_size;
        // Two pages are read sooner than it is found out whether one block brings the same.
        let pays = records > 2 * u64::from(page_size) && Blocks::pay(records, mark.width_left());
        (is_allowed && pays).then(|| Blocks::up_to(mark.newest, page_size))
    }

    /// `blocks` where they are known to work, or shown to by the control query. Its answer is kept: it is the last block of
    /// the walk.
    async fn blocks_shown(
        &self,
        blocks: Blocks,
        pages: &Pages,
        mark: &contacts::Mark,
        notes: &mut Vec<String>,
    ) -> Result<(Option<Blocks>, Option<Control>), Error> {
        match self.facts.known(BLOCKS).await? {
            Some(true) => return Ok((Some(blocks), None)),
            Some(false) => return Ok((None, None)),
            None => {}
        }
        let Some(block) = mark.left.last().and_then(|&range| blocks.last_of(range)) else {
            return Ok((None, None));
        };
        let page = match blocks::fetch(pages, block).await {
            Ok(page) => page,
            Err(error) => {
                let Some(lasting) = blocks::failure(&error) else { return Err(error) };
                if lasting == Lasting::Yes {
                    self.facts.remember(BLOCKS, false).await?;
                    notes.push(format!("ActiveCampaign does not answer blocks of ids: {error}"));
                }
                return Ok((None, None));
            }
        };
        let shown = blocks.are_shown(block, &intake::ids(page.main()));
        if let Some(shown) = shown {
            self.facts.remember(BLOCKS, shown).await?;
        }
        Ok(if shown == Some(true) { (Some(blocks), Some(Control { block, page })) } else { (None, None) })
    }
}

/// How long a request of the walk will take, judged by what is there: an answer takes as long as it has contacts.
fn latency_of(opening: &Fetched, control: Option<&Control>, blocks: Option<&Blocks>) -> Latency {
    let page = control.map_or(opening, |control| &control.page);
    let contacts = page.main().len().max(1) as f64;
    let per_request = blocks.map_or(contacts, |blocks| f64::from(blocks.size));
    Latency::about(page.latency.mul_f64((per_request / contacts).max(1.0)))
}

/// Requests for what `mark` has left, `records` of which are to be read.
fn requests_left(mark: &contacts::Mark, records: u64, page_size: u32, blocks: Option<&Blocks>) -> u64 {
    match blocks {
        Some(blocks) => mark.width_left().unsigned_abs().div_ceil(u64::from(blocks.size)),
        None => records.div_ceil(u64::from(page_size.max(1))),
    }
}

fn contacts_how(pages: &Pages, blocks: Option<&Blocks>) -> String {
    let includes: Vec<&str> = pages.includes().iter().map(|include| include.include).collect();
    let ids = match blocks {
        Some(blocks) => format!("blocks of {} ids", blocks.size),
        None => "id ranges".to_owned(),
    };
    if includes.is_empty() { ids } else { format!("{ids}, include={}", includes.join(",")) }
}

/// Whether satellites that are wanted without contacts cost less from their own addresses, judged by one page.
fn is_dearer(group: &Group, opening: &Fetched) -> bool {
    let contacts = opening.main().len() as u64;
    if group.wants_main() || contacts == 0 || group.span().since.is_some() {
        return false;
    }
    let came: usize = opening.decoded.parts.iter().skip(1).map(|part| part.batch.len()).sum();
    // A page from the own address brings 95 new records, one of contacts those of all its contacts.
    came < 95 * contacts as usize / 100
}
