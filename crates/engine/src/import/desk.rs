//! Looking people up and putting them into an order in which they can be decided. Preview and run share it.

use std::collections::HashSet;

use achub_core::{
    Error, Outcome, Outcomes,
    person::{CompanyId, Link, PersonId, TagId},
    port::{
        incoming::{Incoming, ShownCompany},
        people::{Found, Lookup, PeopleStore, RefusedPerson},
    },
};
use jiff::Timestamp;

use crate::{
    import::{
        catalogue::Names,
        deciding::{Decided, Rules, decided},
        definition::Import,
        shown::{Shown, shown},
    },
    once::Once,
};

/// What an import needs to know to decide about people.
pub(super) struct Desk<'a> {
    pub(super) import: &'a Import,
    pub(super) people: &'a dyn PeopleStore,
    pub(super) names: Names,
    pub(super) tag: Option<TagId>,
    /// Keys of people who were shown in this attempt: whoever is shown again lands again and is not counted again.
    pub(super) seen: Once,
}

/// People who can be decided together: nobody among them is, or becomes, somebody another one is.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) now: Vec<(Shown, Found)>,
    /// Those who have to be looked up again once the others are stored.
    pub(super) later: Vec<Shown>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) outcomes: Outcomes,
    /// Memberships that were shown and not taken.
    pub(super) kept: u64,
    /// Values that did not fit their field.
    pub(super) left_out: u64,
    /// Keys of lists that are not in the catalogue.
    pub(super) unknown_lists: HashSet<String>,
}

impl Desk<'_> {
    /// Reads people who were shown together. Of somebody shown twice the last showing counts. Whoever cannot be read is
    /// refused; one who was refused before in this attempt is not refused again.
    pub(super) fn take(&mut self, people: Vec<Incoming>) -> (Vec<Shown>, Vec<RefusedPerson>) {
        let mut keys = HashSet::new();
        let mut last: Vec<Incoming> =
            people.into_iter().rev().filter(|incoming| keys.insert(incoming.key.clone())).collect();
        last.reverse();
        let (mut readable, mut refused) = (Vec::new(), Vec::new());
        for incoming in last {
            let counts = self.seen.is_first(&incoming.key);
            let link = Link { connection: self.import.connection.clone(), key: incoming.key.clone() };
            match shown(incoming, link, self.import.locals, &self.names, counts) {
                Ok(shown) => readable.push(shown),
                Err(row) if counts => refused.push(*row),
                Err(_) => {}
            }
        }
        (readable, refused)
    }

    /// Looks people up and keeps back those who get in each other's way.
    pub(super) async fn round(&self, waiting: Vec<Shown>) -> Result<Round, Error> {
        let lookups: Vec<Lookup> = waiting
            .iter()
            .map(|shown| Lookup {
                link: shown.link.clone(),
                email: shown.email.as_ref().map(|email| email.key().to_owned()),
            })
            .collect();
        let found = if lookups.is_empty() { Vec::new() } else { self.people.find(&lookups).await? };
        Ok(apart(waiting, found))
    }

    /// Decides about everybody of a round. `companies` are those of the store, by person.
    pub(super) fn decide(&self, round: &Round, companies: &[Vec<CompanyId>], at: Timestamp) -> Vec<Decided> {
        let rules = Rules { merge: self.import.merge, tag: self.tag, names: &self.names, at };
        let none = Vec::new();
        let everybody = round.now.iter().enumerate();
        everybody
            .map(|(index, (shown, found))| {
                decided(shown, found, companies.get(index).unwrap_or(&none), &rules)
            })
            .collect()
    }

    /// The companies of the store for those of a round, made where there are none.
    pub(super) async fn companies(&self, round: &Round) -> Result<Vec<Vec<CompanyId>>, Error> {
        let shown: Vec<ShownCompany> =
            round.now.iter().flat_map(|(shown, _)| shown.incoming.companies.clone()).collect();
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = self.people.companies(&self.import.connection, &shown).await?.into_iter();
        let of = |(shown, _): &(Shown, Found)| ids.by_ref().take(shown.incoming.companies.len()).collect();
        Ok(round.now.iter().map(of).collect())
    }
}

impl Tally {
    /// Counts what became of somebody, unless she was counted before.
    pub(super) fn add(&mut self, shown: &Shown, decided: &Decided) {
        self.unknown_lists.extend(decided.unknown_lists.iter().cloned());
        if !shown.counts {
            return;
        }
        self.outcomes += one(decided.outcome);
        self.kept += decided.kept.len() as u64;
        self.left_out += shown.left_out.len() as u64;
    }

    /// Counts people who were refused.
    pub(super) fn refuse(&mut self, count: usize) {
        self.outcomes.refused += count as u64;
    }

    /// Takes over what was counted elsewhere.
    pub(super) fn join(&mut self, other: Tally) {
        self.outcomes += other.outcomes;
        self.kept += other.kept;
        self.left_out += other.left_out;
        self.unknown_lists.extend(other.unknown_lists);
    }
}

fn one(outcome: Outcome) -> Outcomes {
    let mut one = Outcomes::default();
    match outcome {
        Outcome::Added => one.added = 1,
        Outcome::Changed => one.changed = 1,
        Outcome::Same => one.same = 1,
        Outcome::Removed => one.removed = 1,
        Outcome::Refused => one.refused = 1,
        Outcome::Skipped => one.skipped = 1,
        Outcome::Held => one.held = 1,
        Outcome::Unknown => one.unknown = 1,
    }
    one
}

/// Splits people so that those of one round touch different people and different addresses.
fn apart(waiting: Vec<Shown>, found: Vec<Found>) -> Round {
    let (mut people, mut addresses) = (HashSet::<PersonId>::new(), HashSet::new());
    let mut round = Round::default();
    for (shown, found) in waiting.into_iter().zip(found) {
        let mut ids: Vec<PersonId> =
            [&found.by_link, &found.by_email].into_iter().flatten().map(|person| person.id).collect();
        ids.dedup();
        let address = shown.email.as_ref().map(|email| email.key().to_owned());
        let is_touched = ids.iter().any(|id| people.contains(id))
            || address.as_ref().is_some_and(|address| addresses.contains(address));
        if is_touched {
            round.later.push(shown);
            continue;
        }
        people.extend(ids);
        addresses.extend(address);
        round.now.push((shown, found));
    }
    round
}

#[cfg(test)]
mod tests {
    use achub_core::email::LocalParts;

    use super::*;
    use crate::import::sample::{incoming, link, person};

    fn ann(key: &str, email: &str) -> Shown {
        let names = Names::default();
        shown(incoming(key, email), link(key), LocalParts::FoldCase, &names, true).expect("she can be read")
    }

    fn keys(people: &[Shown]) -> Vec<&str> {
        people.iter().map(|shown| shown.incoming.key.as_str()).collect()
    }

    #[test]
    fn one_address_is_decided_once_a_round() {
        let waiting =
            vec![ann("7", "ann@example.com"), ann("12", "Ann@Example.com"), ann("13", "b@example.com")];

        let round = apart(waiting, vec![Found::default(); 3]);

        assert_eq!(round.now.len(), 2);
        assert_eq!(keys(&round.later), ["12"]);
    }

    #[test]
    fn swapped_addresses_take_two_rounds() {
        let (one, two) = (person(1, "one@example.com"), person(2, "two@example.com"));
        let found = vec![
            Found { by_link: Some(one.clone()), by_email: Some(two.clone()) },
            Found { by_link: Some(two), by_email: Some(one) },
        ];

        let round = apart(vec![ann("1", "two@example.com"), ann("2", "one@example.com")], found);

        assert_eq!((round.now.len(), keys(&round.later)), (1, vec!["2"]));
    }
}
