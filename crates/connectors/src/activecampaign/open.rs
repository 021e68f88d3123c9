//! Choosing walks for what is wanted, and sending the first request of each.

use std::{collections::HashMap, time::Duration};

use achub_api::{
    decode,
    stream::{Read, Sideload, Stream},
    streams,
};
use achub_client::Client;
use achub_core::{
    Error, StreamName, Value, WalkName,
    port::{
        clock::Clock,
        source::{OpenWalk, Opened, Position, Price, Walk, WalkStream, Wanted},
        state::{Fact, StateStore},
    },
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use crate::activecampaign::{
    columns::{self, FieldNames},
    contacts::{self, ContactsWalk},
    find,
    group::{Group, groups},
    intake::Intake,
    numbered::{self, NumberedWalk},
    offset::{self, OffsetWalk, Place},
    pages::{Fetched, Pages, Query, filter_time},
    segments::{self, SegmentsWalk},
    series::{OVERLAP, Series},
};

/// How long something found out about an account is believed.
const FACT_AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The fact that `/dealStages` shows the stages of all pipelines at once.
const STAGES_FLAT: &str = "deal_stages are complete without asking per pipeline";

/// What positions of all kinds of walks have in common.
trait Mark: DeserializeOwned {
    fn signature(&self) -> &str;
    fn since(&self) -> Option<Timestamp>;
}

/// What opening needs.
pub(super) struct Opening<'a> {
    pub(super) client: &'a Client,
    pub(super) state: &'a dyn StateStore,
    pub(super) clock: &'a dyn Clock,
    pub(super) positions: &'a HashMap<WalkName, Position>,
    pub(super) field_names: FieldNames,
}

type OpenedWalk = Box<dyn OpenWalk>;

impl Opening<'_> {
    /// Opens all walks beside each other. Fails as a whole only where nothing could be opened.
    pub(super) async fn all(&self, wanted: &[Wanted]) -> Result<Opened, Error> {
        let groups = groups(wanted)?;
        let opened = join_all(groups.iter().map(|group| self.group(group))).await;
        let mut walks = Vec::new();
        let mut failed = Vec::new();
        for (group, result) in groups.iter().zip(opened) {
            match result {
                Ok(opened) => walks.extend(opened),
                Err(error) => failed.push((group.names(), error)),
            }
        }
        if walks.is_empty()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        Ok(Opened { walks, requests_per_second: self.client.requests_per_second(), failed })
    }

    async fn group(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        match group.main.read {
            Read::Keyset => self.contacts(group).await,
            Read::Offset | Read::With { .. } if group.main.name == "deal_stages" => self.stages(group).await,
            Read::Offset | Read::With { .. } => self.offset(group, Vec::new(), Place::Nowhere).await.map(one),
            Read::PageNumber => self.numbered(group).await.map(one),
            Read::PerParent { parent } => self.per_parent(group, parent, Place::Path).await.map(one),
            Read::SegmentMatch { parent } => self.segments(group, parent).await.map(one),
        }
    }

    /// Contacts and what comes along. What this account does not let come along is read from its own address.
    async fn contacts(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
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
        let requests =
            pages_for(total.saturating_sub(came), page_size) + u64::from(group.wants("field_values"));
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

    /// Stages in one go where that shows the same as asking per pipeline; otherwise pipeline by pipeline.
    async fn stages(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        let parent = group.main.parent.expect("deal_stages belong to deal_pipelines");
        let is_flat = match self.fact(STAGES_FLAT).await? {
            Some(known) => known,
            None => {
                let found = self.stages_are_flat(group.main, parent.stream).await?;
                self.remember(STAGES_FLAT, found).await?;
                found
            }
        };
        match (is_flat, parent.filter) {
            (false, Some(filter)) => {
                self.per_parent(group, parent.stream, Place::Filter(filter)).await.map(one)
            }
            _ => self.offset(group, Vec::new(), Place::Nowhere).await.map(one),
        }
    }

    /// The control query: pipelines list the ids of their stages; the flat listing must have as many.
    async fn stages_are_flat(&self, stages: &'static Stream, pipelines: &str) -> Result<bool, Error> {
        let pipelines = Pages::new(self.client, vec![find(&StreamName::new(pipelines))?], Vec::new());
        let limit: Query = vec![("limit".to_owned(), pipelines.main().page_size.to_string())];
        let listed = pipelines.get(pipelines.main().path, limit.clone(), |_| Ok(())).await?;
        let flat = Pages::new(self.client, vec![stages], Vec::new());
        let total = flat.get(stages.path, limit, |_| Ok(())).await?.decoded.total;
        Ok(total.is_some() && total == listed_stages(&listed))
    }

    async fn per_parent(&self, group: &Group, parent: &str, place: Place) -> Result<OpenedWalk, Error> {
        let parents = Pages::new(self.client, vec![find(&StreamName::new(parent))?], Vec::new());
        let (keys, _) = numbered::parent_keys(&parents).await?;
        self.offset(group, keys, place).await
    }

    async fn offset(&self, group: &Group, parents: Vec<String>, place: Place) -> Result<OpenedWalk, Error> {
        let streams = std::iter::once(group.main).chain(group.companions()).collect();
        let pages = Pages::new(self.client, streams, Vec::new());
        let how = if place == Place::Nowhere { "offset" } else { "offset, per parent" };
        let intake = Intake::new(group.feeds(&[]));
        if let Some(mark) = self.position::<offset::Mark>(group) {
            let query = offset_query(group.main, mark.since);
            let walk = resumed(self.walk(group, how.to_owned(), 1, None, mark.as_of));
            return Ok(Box::new(OffsetWalk { walk, pages, intake, query, place, mark, opening: None }));
        }
        let query = offset_query(group.main, group.since());
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
            offset_requests(total, came, group.main.page_size) + (parents.len() as u64).saturating_sub(1);
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

    async fn numbered(&self, group: &Group) -> Result<OpenedWalk, Error> {
        let pages = Pages::new(self.client, vec![group.main], Vec::new());
        let how = "page numbers".to_owned();
        let intake = Intake::new(group.feeds(&[]));
        if let Some(mark) = self.position::<numbered::Mark>(group) {
            let walk = resumed(self.walk(group, how, 1, None, mark.as_of));
            return Ok(Box::new(NumberedWalk { walk, pages, intake, mark, opening: None }));
        }
        let fetched = numbered::fetch(&pages, 1).await?;
        let as_of = fetched.date.unwrap_or_else(|| self.clock.now());
        let mark = numbered::Mark { signature: group.signature(), as_of, page: 1 };
        let walk = self.walk(group, how, 0, fetched.decoded.total, as_of);
        Ok(Box::new(NumberedWalk { walk, pages, intake, mark, opening: Some(fetched) }))
    }

    async fn segments(&self, group: &Group, parent: &str) -> Result<OpenedWalk, Error> {
        let how = "evaluated per segment".to_owned();
        let (stream, client) = (group.main, self.client.clone());
        let intake = Intake::new(group.feeds(&[]));
        if let Some(mark) = self.position::<segments::Mark>(group) {
            let walk = resumed(self.walk(group, how, mark.left.len() as u64, None, mark.as_of));
            return Ok(Box::new(SegmentsWalk { walk, client, stream, intake, mark }));
        }
        let parents = Pages::new(self.client, vec![find(&StreamName::new(parent))?], Vec::new());
        let (left, date) = numbered::parent_keys(&parents).await?;
        let as_of = date.unwrap_or_else(|| self.clock.now());
        let requests = 2 * left.len() as u64;
        let mark = segments::Mark { signature: group.signature(), as_of, left };
        let walk = self.walk(group, how, requests, None, as_of);
        Ok(Box::new(SegmentsWalk { walk, client, stream, intake, mark }))
    }

    /// The position of an unfinished walk over the same streams that reads at least what is wanted now.
    fn position<M: Mark>(&self, group: &Group) -> Option<M> {
        let position = self.positions.get(&WalkName::new(group.main.name))?;
        let mark: M = serde_json::from_value(position.0.clone()).ok()?;
        let reaches_back = match (mark.since(), group.since()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mark), Some(wanted)) => mark <= wanted,
        };
        (mark.signature() == group.signature() && reaches_back).then_some(mark)
    }

    fn walk(&self, group: &Group, how: String, requests: u64, rows: Option<u64>, as_of: Timestamp) -> Walk {
        let latency = self.client.latency().max(Duration::from_millis(1)).as_secs_f64();
        let side_by_side = if group.main.read == Read::Keyset { self.client.in_flight_wanted() } else { 1 };
        let seconds = requests as f64 * latency / side_by_side.max(1) as f64;
        let streams = group
            .wanted
            .iter()
            .map(|wanted| WalkStream {
                name: wanted.stream.clone(),
                schema: decode::schema(find(&wanted.stream).expect("groups hold known streams")),
                rows: rows.filter(|_| wanted.stream.as_str() == group.main.name),
                left_out: None,
            })
            .collect();
        Walk {
            name: WalkName::new(group.main.name),
            streams,
            how,
            price: Price { requests, seconds },
            resumed: false,
            as_of,
        }
    }

    /// Says how many records are older than a start date; one more request for each stream that has one.
    async fn add_left_out(&self, group: &Group, walk: &mut Walk, total: u64) -> Result<(), Error> {
        let is_counted = group
            .wanted
            .iter()
            .any(|wanted| wanted.count_left_out && wanted.stream.as_str() == group.main.name);
        if !is_counted || group.since().is_none() {
            return Ok(());
        }
        let pages = Pages::new(self.client, vec![group.main], Vec::new());
        let all = pages.get(group.main.path, vec![("limit".to_owned(), "1".to_owned())], |_| Ok(())).await?;
        let left_out = all.decoded.total.unwrap_or(total).saturating_sub(total);
        if let Some(stream) = walk.streams.iter_mut().find(|stream| stream.name.as_str() == group.main.name) {
            stream.left_out = Some(left_out);
        }
        Ok(())
    }

    async fn fact(&self, name: &str) -> Result<Option<bool>, Error> {
        let fact = self.state.fact(self.client.account(), name).await?;
        Ok(fact
            .filter(|fact| self.clock.now().duration_since(fact.found_at) < FACT_AGE_MAX)
            .and_then(|fact| fact.value.as_bool()))
    }

    async fn remember(&self, name: &str, found: bool) -> Result<(), Error> {
        let fact = Fact { value: found.into(), found_at: self.clock.now() };
        self.state.put_fact(self.client.account(), name, &fact).await
    }
}

fn one(walk: OpenedWalk) -> Vec<OpenedWalk> {
    vec![walk]
}

fn resumed(mut walk: Walk) -> Walk {
    walk.resumed = true;
    walk
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

fn offset_query(stream: &Stream, since: Option<Timestamp>) -> Query {
    let mut query = Query::new();
    if let (Some(since), Some(filter)) = (since, stream.cursor.and_then(|cursor| cursor.filter)) {
        query.push((filter.to_owned(), filter_time(since)));
    }
    // The order of contacts belongs to their id ranges; whoever reads them by offset does so because it was not kept.
    if let Some((parameter, direction)) = stream.order.filter(|_| stream.read != Read::Keyset) {
        query.push((parameter.to_owned(), direction.to_owned()));
    }
    query
}

fn pages_for(records: u64, page_size: u32) -> u64 {
    records.div_ceil(u64::from(page_size.max(1)))
}

/// Requests still needed after a first page of `came` records: each further one brings all but the overlap.
fn offset_requests(total: Option<u64>, came: u64, page_size: u32) -> u64 {
    match total {
        Some(total) if came > 0 && total > came => {
            (total - came).div_ceil(u64::from(page_size.max(OVERLAP as u32 + 1)) - OVERLAP)
        }
        Some(total) if total == u64::from(page_size) => 1,
        _ => 0,
    }
}

fn listed_stages(pipelines: &Fetched) -> Option<u64> {
    let stages = pipelines.main().schema().index_of("stages")?;
    let complete = pipelines.decoded.total.is_some_and(|total| total <= pipelines.main().len() as u64);
    if !complete {
        return None;
    }
    pipelines.main().rows().try_fold(0, |sum, (values, _)| match &values[stages] {
        Value::Json(ids) => {
            let ids: Vec<serde_json::Value> = serde_json::from_str(ids).ok()?;
            Some(sum + ids.len() as u64)
        }
        Value::Null => Some(sum),
        _ => None,
    })
}

macro_rules! mark {
    ($mark:path, $since:expr) => {
        impl Mark for $mark {
            fn signature(&self) -> &str {
                &self.signature
            }

            fn since(&self) -> Option<Timestamp> {
                let since: fn(&Self) -> Option<Timestamp> = $since;
                since(self)
            }
        }
    };
}

mark!(contacts::Mark, |mark| mark.since);
mark!(offset::Mark, |mark| mark.since);
mark!(numbered::Mark, |_| None);
mark!(segments::Mark, |_| None);
