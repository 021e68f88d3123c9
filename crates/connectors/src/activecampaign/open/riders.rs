//! Which streams of their own may come along with contacts.

use achub_api::stream::{Read, Sideload};
use achub_core::{Error, WalkName};
use futures_util::future::join_all;

use super::{OpenedWalk, Opening};
use crate::activecampaign::{
    SATELLITES,
    contacts::{self, riders::RiderWalk},
    facts,
    group::Group,
    offset::{self, Place},
    pages::{Fetched, Pages},
    reading::Reading,
};

impl Opening<'_> {
    /// The groups, those that may come along with contacts put into theirs.
    pub(super) async fn with_riders(&self, groups: Vec<Group>) -> Result<Vec<Group>, Error> {
        let is_carrier = |group: &Group| {
            group.main.read == Read::Keyset && group.wants(group.main.name) && group.wants_everything()
        };
        let carrier = groups.iter().position(is_carrier).filter(|_| self.reading == Reading::Accelerated);
        let Some(carrier) = carrier else { return Ok(groups) };
        let (mut contacts, mut others) = (groups[carrier].clone(), Vec::new());
        for (index, group) in groups.into_iter().enumerate() {
            if index == carrier {
                continue;
            }
            if self.may_ride(&contacts, &group).await? {
                contacts = contacts.with_rider(group);
            } else {
                others.push(group);
            }
        }
        others.insert(carrier.min(others.len()), contacts);
        Ok(others)
    }

    /// Whether `group` may come along. Unfinished walks go on the way they began.
    async fn may_ride(&self, contacts: &Group, group: &Group) -> Result<bool, Error> {
        let fits = include(contacts, group).is_some()
            && group.wants_everything()
            && self.position::<offset::Mark>(group).is_none();
        if !fits {
            return Ok(false);
        }
        let position = self.positions.get(&WalkName::new(contacts.main.name));
        let mark =
            position.and_then(|position| serde_json::from_value::<contacts::Mark>(position.0.clone()).ok());
        match mark {
            Some(mark) => Ok(mark.carries(group.main.name)),
            None => Ok(self.facts.known(&facts::rides(group.main.name)).await? != Some(false)),
        }
    }

    /// The first page of each rider from its own address.
    pub(super) async fn rider_openings(&self, contacts: &Group) -> Vec<Result<Fetched, Error>> {
        join_all(contacts.riders.iter().map(|rider| self.first_page(rider))).await
    }

    /// Sorts riders by their first pages and that of contacts: those that come along, and walks of their own for the
    /// others. `contacts` is `None` where nothing can come along.
    pub(super) async fn seat(
        &self,
        group: &Group,
        openings: Vec<Result<Fetched, Error>>,
        contacts: Option<(&Pages, &Fetched)>,
    ) -> Result<(Vec<RiderWalk>, Vec<OpenedWalk>), Error> {
        let refused = contacts.map(|(pages, fetched)| pages.refused(&fetched.decoded));
        let (mut riding, mut walks) = (Vec::new(), Vec::new());
        for (rider, opening) in group.riders.iter().zip(openings) {
            let include = include(group, rider).expect("only what can be included may ride");
            match opening {
                Err(error) => self.fail(rider.names(), error),
                Ok(opening) => {
                    let is_listed = refused.as_ref().is_some_and(|refused| !refused.contains(&include));
                    if is_listed && has_more(&opening) {
                        riding.push(RiderWalk { group: rider.clone(), include, opening: Some(opening) });
                    } else {
                        walks.push(
                            self.offset_opened(rider, Vec::new(), Place::Nowhere, Some(opening)).await?,
                        );
                    }
                }
            }
        }
        Ok((riding, walks))
    }
}

/// By what `group` comes along with contacts.
pub(super) fn include(contacts: &Group, group: &Group) -> Option<&'static Sideload> {
    let mut sideloads = contacts.main.sideloads.iter();
    sideloads.find(|include| include.stream == group.main.name && !SATELLITES.contains(&include.stream))
}

/// Whether the source says that there are more records than on this page. Where it does not say, nothing could be held
/// against what came along.
fn has_more(page: &Fetched) -> bool {
    page.decoded.total.is_some_and(|total| total > page.main().len() as u64)
}
