//! People in memory: the model the other stores are compared with.

use std::collections::{BTreeMap, HashMap, HashSet};

use achub_core::{
    ConnectionName, Error, JobName, RunId,
    condition::{Condition, Facts},
    email::fold,
    person::{Company, CompanyId, CustomField, Link, List, Person, PersonId, Tag, TagId},
    port::{
        incoming::{Catalogue, ShownCompany},
        jobs::Fence,
        people::{
            Adopted, Advance, Author, ChangeBatch, Found, HistoryLine, ImportEnd, ImportProgress, Lookup,
            OutboxRow, PageMark, PeopleOrder, PeopleQuery, PeopleStore, RefusedPerson, Suppression, Undone,
        },
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, State};
use crate::{
    jobs::lost,
    people::{
        REFUSED_KEPT, UNDO_KEPT,
        adoption::{self, Numbers},
        change::Known,
        companies, difference, meanwhile,
        page::{self, Last},
        plan, suppression,
        undo::{self, Portion, Trace, Verdict},
        undo_too_late, whole,
    },
};

/// Everything about people.
#[derive(Debug, Default)]
pub(super) struct People {
    people: BTreeMap<PersonId, Person>,
    last_person: i64,
    lists: Vec<List>,
    tags: Vec<Tag>,
    fields: Vec<CustomField>,
    companies: Vec<Company>,
    history: Vec<(PersonId, HistoryLine)>,
    outbox: Vec<OutboxRow>,
    progress: HashMap<JobName, ImportProgress>,
    runs: HashMap<RunId, ImportRun>,
    traces: Vec<(RunId, PersonId, Trace)>,
    refused: Vec<Refusal>,
    suppressions: HashMap<String, Suppression>,
}

/// A run that changed people.
#[derive(Debug)]
struct ImportRun {
    last: Timestamp,
    is_undone: bool,
}

#[derive(Debug)]
struct Refusal {
    run: Option<RunId>,
    connection: Option<ConnectionName>,
    at: Timestamp,
    person: RefusedPerson,
}

impl People {
    /// Whether there is such a person.
    pub(super) fn has(&self, id: PersonId) -> bool {
        self.people.contains_key(&id)
    }

    fn known(&self) -> Known {
        Known {
            fields: self.fields.iter().map(|field| (field.id, field.field_type)).collect(),
            tags: self.tags.iter().map(|tag| (tag.id, tag.name.clone())).collect(),
            lists: self.lists.iter().map(|list| list.id).collect(),
            companies: self.companies.iter().map(|company| company.id).collect(),
        }
    }

    fn by_link(&self, link: &Link) -> Option<&Person> {
        self.people.values().find(|person| person.links.contains(link))
    }

    fn by_email(&self, key: &str) -> Option<&Person> {
        self.people.values().find(|person| page::email_key(person) == key)
    }

    fn is_suppressed(&self, person: &Person) -> bool {
        let Some(email) = &person.email else { return false };
        let keys = [email.key().to_owned(), email.as_str().to_lowercase()];
        let suppressed =
            self.suppressions.values().filter_map(|held| held.email.as_deref()).map(suppression::key);
        suppressed.into_iter().any(|key| keys.contains(&key))
    }

    fn holds(&self, condition: &Condition, person: &Person) -> bool {
        let companies: Vec<Company> =
            self.companies.iter().filter(|company| person.companies.contains(&company.id)).cloned().collect();
        let is_suppressed = self.is_suppressed(person);
        condition.holds(&Facts { person, companies: &companies, is_suppressed })
    }

    /// Puts people in their new state down, with history, outbox and undo.
    fn put(&mut self, pairs: Vec<(Person, Person)>, author: &Author) {
        let tags: HashMap<TagId, String> = self.tags.iter().map(|tag| (tag.id, tag.name.clone())).collect();
        for (before, after) in pairs {
            for (what, was, is) in difference::history(&before, &after, &tags) {
                let line = HistoryLine { author: kept(author), what, before: was, after: is };
                self.history.push((after.id, line));
            }
            if let Some(run) = &author.run {
                let trace = Trace {
                    before: before.version,
                    after: after.version,
                    differences: if before.version == 0 {
                        Vec::new()
                    } else {
                        difference::between(&before, &after)
                    },
                };
                self.traces.push((run.clone(), after.id, trace));
            }
            self.signal(after.id, author);
            self.people.insert(after.id, after);
        }
    }

    fn signal(&mut self, person: PersonId, author: &Author) {
        let number = self.outbox.last().map_or(0, |row| row.number) + 1;
        let row = OutboxRow { number, person, connection: author.connection.clone(), at: whole(author.at) };
        self.outbox.push(row);
    }

    fn erase(&mut self, id: PersonId) {
        self.people.remove(&id);
        self.history.retain(|(person, _)| *person != id);
        self.traces.retain(|(_, person, _)| *person != id);
    }

    fn advance(&mut self, advance: &Advance) {
        let progress = self.progress.entry(advance.job.clone()).or_default();
        progress.unfinished = Some((advance.run.clone(), advance.position.clone(), advance.outcomes));
    }

    fn note_run(&mut self, author: &Author) {
        if let Some(run) = &author.run {
            let at = whole(author.at);
            let held = self.runs.entry(run.clone()).or_insert(ImportRun { last: at, is_undone: false });
            held.last = at;
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        let old: HashSet<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| now.duration_since(run.last) > UNDO_KEPT)
            .map(|(id, _)| id.clone())
            .collect();
        self.runs.retain(|id, _| !old.contains(id));
        self.traces.retain(|(run, _, _)| !old.contains(run));
        self.refused.retain(|refusal| now.duration_since(refusal.at) <= REFUSED_KEPT);
    }
}

/// An author as stores keep one.
fn kept(author: &Author) -> Author {
    Author { at: whole(author.at), ..author.clone() }
}

fn sort(people: &mut [Person], order: PeopleOrder) {
    people.sort_by(|a, b| {
        let by_order = match order {
            PeopleOrder::Id => std::cmp::Ordering::Equal,
            PeopleOrder::Email => page::email_key(a).cmp(page::email_key(b)),
            PeopleOrder::UpdatedAt => b.updated_at.cmp(&a.updated_at),
        };
        by_order.then(a.id.cmp(&b.id))
    });
}

fn is_behind(person: &Person, last: &Last) -> bool {
    match last {
        Last::Id(id) => person.id.0 > *id,
        Last::Email(key, id) => (page::email_key(person), person.id.0) > (key.as_str(), *id),
        Last::UpdatedAt(at, id) => {
            let moment = person.updated_at.as_microsecond();
            moment < *at || (moment == *at && person.id.0 > *id)
        }
    }
}

fn at_most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl State {
    /// `RN-102` where the lease is not the newest.
    fn check_fence(&self, job: &JobName, fence: Fence) -> Result<(), Error> {
        if self.desk.is_newest(job, fence) { Ok(()) } else { Err(lost(job)) }
    }

    fn apply(&mut self, batch: &ChangeBatch) -> Result<Vec<PersonId>, Error> {
        if let Some(Advance { job, fence: Some(fence), .. }) = &batch.advance {
            self.check_fence(job, *fence)?;
        }
        let people = &mut self.people;
        let (_, links) = plan::wanted(batch);
        let owners: HashMap<Link, PersonId> = links
            .into_iter()
            .filter_map(|link| people.by_link(&link).map(|owner| owner.id).map(|owner| (link, owner)))
            .collect();
        let held: HashMap<PersonId, Person> =
            people.people.iter().map(|(id, person)| (*id, person.clone())).collect();
        let mut last = people.last_person;
        let plan = plan::work_out(batch, &held, &owners, &people.known(), &mut last)?;
        check_addresses(&people.people, &plan.pairs)?;
        people.last_person = last;
        people.note_run(&batch.author);
        people.put(plan.pairs, &batch.author);
        for refused in &batch.refused {
            people.refused.push(Refusal {
                run: batch.author.run.clone(),
                connection: batch.author.connection.clone(),
                at: whole(batch.author.at),
                person: refused.clone(),
            });
        }
        if let Some(advance) = &batch.advance {
            people.advance(advance);
        }
        Ok(plan.ids)
    }
}

/// An address belongs to one person once everything is written.
fn check_addresses(people: &BTreeMap<PersonId, Person>, pairs: &[(Person, Person)]) -> Result<(), Error> {
    let mut all = people.clone();
    all.extend(pairs.iter().map(|(_, after)| (after.id, after.clone())));
    let mut seen = HashSet::new();
    let keys = all.values().map(page::email_key).filter(|key| !key.is_empty());
    if keys.into_iter().all(|key| seen.insert(key)) {
        return Ok(());
    }
    Err(meanwhile("an address belongs to somebody else"))
}

#[async_trait]
impl PeopleStore for MemoryStore {
    async fn adopt(
        &self,
        connection: &ConnectionName,
        catalogue: &Catalogue,
        _author: &Author,
    ) -> Result<Adopted, Error> {
        let people = &mut self.state().people;
        let last_list = people.lists.iter().map(|list| list.id.0).max().unwrap_or(0);
        let last_field = people.fields.iter().map(|field| field.id.0).max().unwrap_or(0);
        let numbers = Numbers::Behind(last_list, last_field);
        let adoption = adoption::adopt(&people.lists, &people.fields, connection, catalogue, numbers);
        for list in adoption.lists {
            people.lists.retain(|held| held.id != list.id);
            people.lists.push(list);
        }
        for field in adoption.fields {
            people.fields.retain(|held| held.id != field.id);
            people.fields.push(field);
        }
        Ok(adoption.adopted)
    }

    async fn would_adopt(
        &self,
        connection: &ConnectionName,
        catalogue: &Catalogue,
    ) -> Result<Adopted, Error> {
        let people = &self.state().people;
        let numbers = Numbers::BelowZero;
        Ok(adoption::adopt(&people.lists, &people.fields, connection, catalogue, numbers).adopted)
    }

    async fn tag(&self, name: &str) -> Result<Tag, Error> {
        let people = &mut self.state().people;
        if let Some(tag) = people.tags.iter().find(|tag| fold(&tag.name) == fold(name)) {
            return Ok(tag.clone());
        }
        let id = people.tags.iter().map(|tag| tag.id.0).max().unwrap_or(0) + 1;
        let tag = Tag { id: TagId(id), name: name.to_owned() };
        people.tags.push(tag.clone());
        Ok(tag)
    }

    async fn companies(
        &self,
        connection: &ConnectionName,
        shown: &[ShownCompany],
    ) -> Result<Vec<CompanyId>, Error> {
        let people = &mut self.state().people;
        let last = people.companies.iter().map(|company| company.id.0).max().unwrap_or(0);
        let settled = companies::settle(people.companies.clone(), connection, shown, last);
        for company in settled.changed {
            people.companies.retain(|held| held.id != company.id);
            people.companies.push(company);
        }
        people.companies.sort_by_key(|company| company.id);
        Ok(settled.ids)
    }

    async fn find(&self, lookups: &[Lookup]) -> Result<Vec<Found>, Error> {
        let people = &self.state().people;
        let found = |lookup: &Lookup| Found {
            by_link: people.by_link(&lookup.link).cloned(),
            by_email: lookup.email.as_deref().and_then(|key| people.by_email(key)).cloned(),
        };
        Ok(lookups.iter().map(found).collect())
    }

    async fn apply(&self, batch: &ChangeBatch) -> Result<Vec<PersonId>, Error> {
        self.state().apply(batch)
    }

    async fn import_progress(&self, job: &JobName) -> Result<ImportProgress, Error> {
        Ok(self.state().people.progress.get(job).cloned().unwrap_or_default())
    }

    async fn end_import(&self, end: &ImportEnd) -> Result<(), Error> {
        let mut state = self.state();
        if let Some(fence) = end.fence {
            state.check_fence(&end.job, fence)?;
        }
        let progress = state.people.progress.entry(end.job.clone()).or_default();
        progress.unfinished = None;
        progress.cursor = end.cursor.map(whole).or(progress.cursor);
        progress.swept_at = end.swept_at.map(whole).or(progress.swept_at);
        if let Some(now) = state.people.runs.get(&end.run).map(|run| run.last) {
            state.people.forget_old(now);
        }
        Ok(())
    }

    async fn forget_import(&self, job: &JobName) -> Result<(), Error> {
        self.state().people.progress.remove(job);
        Ok(())
    }

    async fn refused(&self, run: &RunId, skip: u64, limit: u32) -> Result<(Vec<RefusedPerson>, u64), Error> {
        let state = self.state();
        let of_run: Vec<&RefusedPerson> = state
            .people
            .refused
            .iter()
            .filter(|refusal| refusal.run.as_ref() == Some(run))
            .map(|refusal| &refusal.person)
            .collect();
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let rows = of_run.iter().skip(skip).take(at_most(limit)).map(|row| (*row).clone()).collect();
        Ok((rows, of_run.len() as u64))
    }

    async fn undo(&self, run: &RunId, author: &Author) -> Result<Undone, Error> {
        self.state().people.undo(run, author)
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>, Error> {
        Ok(self.state().people.people.get(&id).cloned())
    }

    async fn people(&self, query: &PeopleQuery) -> Result<(Vec<Person>, Option<PageMark>), Error> {
        let last = query.after.as_ref().map(|mark| Last::read(mark, query.order)).transpose()?;
        let people = &self.state().people;
        let mut found: Vec<Person> = people
            .people
            .values()
            .filter(|person| last.as_ref().is_none_or(|last| is_behind(person, last)))
            .filter(|person| query.search.as_deref().is_none_or(|search| page::is_found(person, search)))
            .filter(|person| people.holds(&query.condition, person))
            .cloned()
            .collect();
        sort(&mut found, query.order);
        let has_more = found.len() > at_most(query.limit);
        found.truncate(at_most(query.limit));
        let mark = found.last().filter(|_| has_more).map(|person| Last::of(person, query.order).mark());
        Ok((found, mark))
    }

    async fn count(&self, condition: &Condition) -> Result<u64, Error> {
        let people = &self.state().people;
        Ok(people.people.values().filter(|person| people.holds(condition, person)).count() as u64)
    }

    async fn history(&self, id: PersonId, limit: u32) -> Result<Vec<HistoryLine>, Error> {
        let state = self.state();
        let lines = state.people.history.iter().rev().filter(|(person, _)| *person == id);
        Ok(lines.take(at_most(limit)).map(|(_, line)| line.clone()).collect())
    }

    async fn lists(&self) -> Result<Vec<List>, Error> {
        let mut lists = self.state().people.lists.clone();
        lists.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(lists)
    }

    async fn tags(&self) -> Result<Vec<Tag>, Error> {
        let mut tags = self.state().people.tags.clone();
        tags.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(tags)
    }

    async fn fields(&self) -> Result<Vec<CustomField>, Error> {
        let mut fields = self.state().people.fields.clone();
        fields.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(fields)
    }

    async fn companies_of(&self, ids: &[CompanyId]) -> Result<Vec<Company>, Error> {
        let state = self.state();
        let company =
            |id: &CompanyId| state.people.companies.iter().find(|company| company.id == *id).cloned();
        Ok(ids.iter().filter_map(company).collect())
    }

    async fn outbox(&self, number: i64, limit: u32) -> Result<Vec<OutboxRow>, Error> {
        let state = self.state();
        let rows = state.people.outbox.iter().filter(|row| row.number > number);
        Ok(rows.take(at_most(limit)).cloned().collect())
    }

    async fn suppress(&self, suppression: &Suppression, _author: &Author) -> Result<(), Error> {
        let held = &mut self.state().people.suppressions;
        let kept = suppression::merged(held.get(&suppression.hash), suppression);
        held.insert(kept.hash.clone(), kept);
        Ok(())
    }

    async fn suppressed(&self, hashes: &[Vec<String>]) -> Result<Vec<Option<Suppression>>, Error> {
        let state = self.state();
        let held = &state.people.suppressions;
        let one = |hashes: &Vec<String>| {
            suppression::weightiest(hashes.iter().filter_map(|hash| held.get(hash)).cloned())
        };
        Ok(hashes.iter().map(one).collect())
    }

    async fn suppressions(&self, limit: u32) -> Result<Vec<Suppression>, Error> {
        let mut all: Vec<Suppression> = self.state().people.suppressions.values().cloned().collect();
        all.sort_by(|a, b| b.since.cmp(&a.since).then(a.hash.cmp(&b.hash)));
        all.truncate(at_most(limit));
        Ok(all)
    }

    async fn forget(&self, id: PersonId, suppression: &Suppression, author: &Author) -> Result<(), Error> {
        let people = &mut self.state().people;
        let forgotten = Suppression { email: None, ..suppression.clone() };
        let held = people.suppressions.get(&forgotten.hash);
        let kept = Suppression { email: None, ..suppression::merged(held, &forgotten) };
        people.suppressions.insert(kept.hash.clone(), kept);
        let Some(person) = people.people.get(&id).cloned() else { return Ok(()) };
        people.erase(id);
        people.refused.retain(|refusal| !names(refusal, &person));
        people.signal(id, author);
        Ok(())
    }
}

/// Whether a record that did not get in says who she is.
fn names(refusal: &Refusal, person: &Person) -> bool {
    let is_linked = person
        .links
        .iter()
        .any(|link| refusal.connection.as_ref() == Some(&link.connection) && refusal.person.key == link.key);
    let is_addressed = person.email.as_ref().is_some_and(|email| {
        let columns = &refusal.person.columns;
        columns.contains(email.as_str()) || columns.contains(email.key())
    });
    is_linked || is_addressed
}

impl People {
    fn undo(&mut self, run: &RunId, author: &Author) -> Result<Undone, Error> {
        let held = self.runs.get(run).ok_or_else(|| undo_too_late("nothing is kept of it"))?;
        if held.is_undone {
            return Err(undo_too_late("it was taken back already"));
        }
        if author.at.duration_since(held.last) > UNDO_KEPT {
            return Err(undo_too_late("it ended more than seven days ago"));
        }
        let verdicts = self.verdicts(run, author)?;
        let mut undone = Undone::default();
        let mut pairs = Vec::new();
        for (current, verdict) in verdicts {
            match verdict {
                Verdict::Left => undone.left += 1,
                Verdict::Removed => {
                    undone.removed += 1;
                    self.erase(current.id);
                    self.signal(current.id, author);
                }
                Verdict::Restored(person) => {
                    undone.restored += 1;
                    if current != *person {
                        pairs.push((current, *person));
                    }
                }
            }
        }
        self.put(pairs, author);
        self.traces.retain(|(of, _, _)| of != run);
        if let Some(held) = self.runs.get_mut(run) {
            held.is_undone = true;
        }
        Ok(undone)
    }

    fn verdicts(&self, run: &RunId, author: &Author) -> Result<Vec<(Person, Verdict)>, Error> {
        let mut traces: BTreeMap<PersonId, Vec<Trace>> = BTreeMap::new();
        for (_, person, trace) in self.traces.iter().filter(|(of, _, _)| of == run) {
            traces.entry(*person).or_default().push(trace.clone());
        }
        let known = self.known();
        let mut verdicts = Vec::new();
        for (id, traces) in traces {
            if let Some(current) = self.people.get(&id) {
                verdicts.push((current.clone(), undo::verdict(current, &traces, author, &known)?));
            }
        }
        let email_owners = self
            .people
            .values()
            .filter_map(|person| person.email.as_ref().map(|email| (email.key().to_owned(), person.id)))
            .collect();
        let link_owners = self
            .people
            .values()
            .flat_map(|person| person.links.iter().map(|link| (link.clone(), person.id)))
            .collect();
        Ok(Portion { verdicts, email_owners, link_owners }.settle())
    }
}
