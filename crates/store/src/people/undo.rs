//! What an undo makes of people.

use std::collections::{HashMap, HashSet};

use achub_core::{
    Error,
    consent::{Permission, Standing},
    person::{Link, ListId, Mark, Membership, Person, PersonField, PersonId},
    port::people::Author,
};

use super::{
    change::{self, Known},
    codec::unlettered,
    defect,
    difference::Difference,
    page::email_key,
};

/// What a run did to one person in one batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trace {
    /// Her version before, 0 where she was added.
    pub(crate) before: i64,
    pub(crate) after: i64,
    pub(crate) differences: Vec<Difference>,
}

/// What becomes of one person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// She becomes this.
    Restored(Box<Person>),
    /// She goes.
    Removed,
    /// Somebody touched her since.
    Left,
}

/// Whether nobody but the run touched her since it began to.
fn is_untouched(current: &Person, traces: &[Trace]) -> bool {
    let is_chain = traces.windows(2).all(|pair| pair[0].after == pair[1].before);
    is_chain && traces.last().is_some_and(|last| last.after == current.version)
}

/// What becomes of somebody by her traces alone, oldest first.
pub(crate) fn verdict(
    current: &Person,
    traces: &[Trace],
    author: &Author,
    known: &Known,
) -> Result<Verdict, Error> {
    if !is_untouched(current, traces) {
        return Ok(Verdict::Left);
    }
    if traces.first().is_some_and(|first| first.before == 0) {
        return Ok(Verdict::Removed);
    }
    let mut person = current.clone();
    for difference in traces.iter().rev().flat_map(|trace| trace.differences.iter().rev()) {
        take_back(&mut person, difference, author, known)?;
    }
    Ok(Verdict::Restored(Box::new(change::settled(current, person, author))))
}

fn take_back(
    person: &mut Person,
    difference: &Difference,
    author: &Author,
    known: &Known,
) -> Result<(), Error> {
    match difference {
        Difference::Email(before, _) => person.email.clone_from(before),
        Difference::Field(field, before, _) => {
            let value = unlettered(before.as_deref())
                .ok_or_else(|| defect("what an undo would restore cannot be read"))?;
            let is_gone = matches!(field, PersonField::Custom(id) if !known.fields.contains_key(id));
            if !is_gone {
                change::put(person, *field, &value, author, known)?;
            }
        }
        Difference::Permission(list, before, _) => take_back_permission(person, *list, *before),
        Difference::Mark(mark, before, _) => {
            // What she herself said holds, however it was learnt.
            let is_hers = matches!(mark, Mark::Unsubscribed | Mark::Spam);
            if !(is_hers && before.is_none()) {
                person.marks.retain(|(held, _)| held != mark);
                person.marks.extend(before.map(|since| (*mark, since)));
            }
        }
        Difference::Tag(tag, true) => person.tags.retain(|held| held != tag),
        Difference::Tag(tag, false) => person.tags.push(*tag),
        Difference::Company(company, true) => person.companies.retain(|held| held != company),
        Difference::Company(company, false) => person.companies.push(*company),
        Difference::Link(link, true) => person.links.retain(|held| held != link),
        Difference::Link(link, false) => person.links.push(link.clone()),
    }
    Ok(())
}

/// Only where that allows less than is held now. Of two dates of one standing the present one stays: an earlier opt-out would
/// let an opt-in count that came before the later one.
fn take_back_permission(person: &mut Person, list: ListId, before: Option<Permission>) {
    let Some(place) = person.memberships.iter().position(|held| held.list == list) else { return };
    let held = person.memberships[place].permission.status.standing();
    match before {
        Some(before) if before.status.standing() < held => {
            person.memberships[place] = Membership { list, permission: before };
        }
        None if held >= Standing::NeverAsked => {
            person.memberships.remove(place);
        }
        _ => {}
    }
}

/// Who is taken back together, with whoever holds the addresses and links that they want back.
pub(crate) struct Portion {
    pub(crate) verdicts: Vec<(Person, Verdict)>,
    pub(crate) email_owners: HashMap<String, PersonId>,
    pub(crate) link_owners: HashMap<Link, PersonId>,
}

impl Portion {
    /// Leaves those whose address somebody else has by now, and the links that somebody else keeps.
    pub(crate) fn settle(mut self) -> Vec<(Person, Verdict)> {
        while let Some(place) = self.blocked() {
            self.verdicts[place].1 = Verdict::Left;
        }
        let kept: HashSet<Link> = self
            .link_owners
            .iter()
            .filter(|(link, owner)| self.keeps(**owner, link))
            .map(|(link, _)| link.clone())
            .collect();
        for (current, verdict) in &mut self.verdicts {
            if let Verdict::Restored(person) = verdict {
                person.links.retain(|link| current.links.contains(link) || !kept.contains(link));
            }
        }
        self.verdicts
    }

    /// Somebody whose former address is taken.
    fn blocked(&self) -> Option<usize> {
        self.verdicts.iter().position(|(current, verdict)| {
            let Verdict::Restored(person) = verdict else { return false };
            let key = email_key(person);
            let owner = self.email_owners.get(key).filter(|owner| **owner != current.id);
            !key.is_empty() && owner.is_some_and(|owner| self.is_at(*owner, key))
        })
    }

    /// Whether somebody has this address when all is done.
    fn is_at(&self, id: PersonId, key: &str) -> bool {
        match self.verdicts.iter().find(|(current, _)| current.id == id) {
            Some((_, Verdict::Restored(person))) => email_key(person) == key,
            Some((_, Verdict::Removed)) => false,
            Some((_, Verdict::Left)) | None => true,
        }
    }

    fn keeps(&self, id: PersonId, link: &Link) -> bool {
        match self.verdicts.iter().find(|(current, _)| current.id == id) {
            Some((_, Verdict::Restored(person))) => person.links.contains(link),
            Some((_, Verdict::Removed)) => false,
            Some((_, Verdict::Left)) | None => true,
        }
    }
}
