//! Audiences in memory.

use std::collections::{BTreeMap, BTreeSet};

use achub_core::{
    AudienceName, Code, Error,
    person::PersonId,
    port::audiences::{Audience, AudienceKind, AudienceQuery, AudienceStore, PeopleSql, QueryLimits},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, State};
use crate::audience::{check_static, gone, key, selected, unknown};

/// Audiences by the key of their name, with the people who were put in. Who is forgotten is left out when they are read.
#[derive(Debug, Default)]
pub(super) struct Audiences(BTreeMap<String, (Audience, BTreeSet<PersonId>)>);

impl State {
    fn members(&self, people: &BTreeSet<PersonId>) -> Vec<PersonId> {
        people.iter().copied().filter(|person| self.people.has(*person)).collect()
    }

    /// An audience as it is told: of a static one that was filled its people are counted.
    fn told(&self, (audience, people): &(Audience, BTreeSet<PersonId>)) -> Audience {
        let is_counted = audience.kind == AudienceKind::Static && audience.member_count.is_some();
        let member_count =
            if is_counted { Some(self.members(people).len() as u64) } else { audience.member_count };
        Audience { member_count, ..audience.clone() }
    }

    fn edit(
        &mut self,
        name: &AudienceName,
        at: Timestamp,
        change: impl FnOnce(&mut BTreeSet<PersonId>) -> u64,
    ) -> Result<u64, Error> {
        let (audience, people) = self.audiences.0.get_mut(&key(name)).ok_or_else(|| unknown(name))?;
        check_static(name, audience.kind)?;
        let changed = change(people);
        audience.member_count = Some(people.len() as u64);
        audience.updated_at = at;
        Ok(changed)
    }
}

#[async_trait]
impl AudienceStore for MemoryStore {
    async fn put_audience(&self, audience: &Audience) -> Result<(), Error> {
        let mut state = self.state();
        let (held, people) = state
            .audiences
            .0
            .entry(key(&audience.name))
            .or_insert_with(|| (audience.clone(), BTreeSet::new()));
        *held = audience.clone();
        if audience.kind == AudienceKind::Dynamic {
            people.clear();
        } else if !people.is_empty() {
            held.member_count = Some(people.len() as u64);
        }
        Ok(())
    }

    async fn audience(&self, name: &AudienceName) -> Result<Option<Audience>, Error> {
        let state = self.state();
        Ok(state.audiences.0.get(&key(name)).map(|held| state.told(held)))
    }

    async fn audiences(&self, query: &AudienceQuery) -> Result<Vec<Audience>, Error> {
        let state = self.state();
        let all = state.audiences.0.values().map(|held| state.told(held)).collect();
        Ok(selected(all, query))
    }

    async fn remove_audience(&self, name: &AudienceName) -> Result<bool, Error> {
        Ok(self.state().audiences.0.remove(&key(name)).is_some())
    }

    async fn add_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.state();
        let is_whole = people.iter().all(|person| state.people.has(*person));
        let (audience, _) = state.audiences.0.get(&key(name)).ok_or_else(|| unknown(name))?;
        check_static(name, audience.kind)?;
        if !is_whole {
            return Err(gone());
        }
        state.edit(name, at, |held| people.iter().filter(|person| held.insert(**person)).count() as u64)
    }

    async fn remove_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.state();
        state.edit(name, at, |held| people.iter().filter(|person| held.remove(person)).count() as u64)
    }

    async fn members(
        &self,
        name: &AudienceName,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, Error> {
        let state = self.state();
        let (audience, people) = state.audiences.0.get(&key(name)).ok_or_else(|| unknown(name))?;
        check_static(name, audience.kind)?;
        let behind = |person: &PersonId| after.is_none_or(|after| *person > after);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(state.members(people).into_iter().filter(behind).take(limit).collect())
    }
}

#[async_trait]
impl PeopleSql for MemoryStore {
    async fn people_by_sql(&self, _sql: &str, _limits: &QueryLimits) -> Result<Vec<PersonId>, Error> {
        Err(Error::new(Code::BadQuery, "a store in memory understands no SQL"))
    }
}
