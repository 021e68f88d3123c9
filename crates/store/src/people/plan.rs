//! What a batch of changes makes of everybody it is about, before anything is written.

use std::collections::HashMap;

use achub_core::{
    Error,
    person::{Link, Person, PersonId},
    port::people::{ChangeBatch, PersonChange, Whom},
};

use super::{
    change::{self, Known, changed, nobody, settled},
    defect, meanwhile,
};

/// Everybody who differs, and whom each change was about.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Before and after; [`nobody`] is before whoever is new. Those who only lose a link come first.
    pub(crate) pairs: Vec<(Person, Person)>,
    /// For each change, in order.
    pub(crate) ids: Vec<PersonId>,
}

/// People that the changes are about, and all links that they claim.
pub(crate) fn wanted(batch: &ChangeBatch) -> (Vec<PersonId>, Vec<Link>) {
    let known = batch.changes.iter().filter_map(|change| match change.whom {
        Whom::Known(id, _) => Some(id),
        Whom::New(_) => None,
    });
    let links = batch.changes.iter().flat_map(|change| change.links.iter().cloned());
    (known.collect(), links.collect())
}

/// Works the batch out. `held` has everybody of [`wanted`] and the `owners` of the links; `last` is the last person's number.
///
/// Errors: those of `PeopleStore::apply`, but for what only the whole store can tell: who else has an address.
pub(crate) fn work_out(
    batch: &ChangeBatch,
    held: &HashMap<PersonId, Person>,
    owners: &HashMap<Link, PersonId>,
    known: &Known,
    last: &mut i64,
) -> Result<Plan, Error> {
    change::check_once(batch)?;
    let mut plan = Plan::default();
    let mut claims: HashMap<&Link, PersonId> = HashMap::new();
    let mut about = Vec::new();
    for change in &batch.changes {
        let before = before(change, batch, held, last)?;
        for link in &change.links {
            if claims.insert(link, before.id).is_some_and(|other| other != before.id) {
                return Err(defect(format_args!("two people get link {} of {}", link.key, link.connection)));
            }
        }
        let after = changed(&before, change, &batch.author, known)?;
        plan.ids.push(before.id);
        about.push((before, after));
    }
    let mut losers = losers(&claims, owners, held, &plan.ids);
    losers.append(&mut about);
    for (before, mut after) in losers {
        after.links.retain(|link| claims.get(link).is_none_or(|owner| *owner == after.id));
        let after = settled(&before, after, &batch.author);
        if before != after {
            plan.pairs.push((before, after));
        }
    }
    Ok(plan)
}

fn before(
    change: &PersonChange,
    batch: &ChangeBatch,
    held: &HashMap<PersonId, Person>,
    last: &mut i64,
) -> Result<Person, Error> {
    match &change.whom {
        Whom::New(_) => {
            *last += 1;
            Ok(nobody(PersonId(*last), batch.author.at))
        }
        Whom::Known(id, version) => {
            let person = held.get(id).ok_or_else(|| meanwhile(&format!("person {id} is gone")))?;
            if person.version != *version {
                let found = person.version;
                return Err(meanwhile(&format!("person {id} is at version {found}, not {version}")));
            }
            Ok(person.clone())
        }
    }
}

/// Those who lose a link to somebody of the batch and are not in it themselves.
fn losers(
    claims: &HashMap<&Link, PersonId>,
    owners: &HashMap<Link, PersonId>,
    held: &HashMap<PersonId, Person>,
    about: &[PersonId],
) -> Vec<(Person, Person)> {
    let lost = claims.iter().filter_map(|(link, claimant)| {
        owners.get(*link).filter(|owner| *owner != claimant && !about.contains(owner))
    });
    let mut ids: Vec<PersonId> = lost.copied().collect();
    ids.sort();
    ids.dedup();
    ids.iter().filter_map(|id| held.get(id)).map(|person| (person.clone(), person.clone())).collect()
}
