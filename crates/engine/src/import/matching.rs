//! Who in the store somebody over there is (SX-19, SX-20, SX-22).
//!
//! The address decides, then the link. Two contacts of an account may have one address, in different case: they are one
//! person with two links, whose values follow the contact that was made last; the other fills gaps. Which was made last is
//! told by their keys, so that two imports in a row never undo each other.

use std::cmp::Ordering;

use achub_core::{
    person::{Link, Person},
    port::people::Found,
};

/// Who somebody is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matched<'a> {
    /// The person of the store; `None` for somebody new.
    pub(super) person: Option<&'a Person>,
    /// Whether the link has to be given to her.
    pub(super) gets_link: bool,
    /// Her values follow another contact of the same account: this one fills gaps and raises nothing.
    pub(super) is_twin: bool,
    /// Something a person at the desk should look at: the address belongs to another contact, or did until now.
    pub(super) is_duplicate: bool,
}

/// Who the contact of `link` is, whose address is known when `has_address`.
pub(super) fn matched<'a>(found: &'a Found, link: &Link) -> Matched<'a> {
    let (by_link, by_email) = (found.by_link.as_ref(), found.by_email.as_ref());
    let moved = |person: &Person| by_link.is_some_and(|linked| linked.id != person.id);
    if let Some(person) = by_email {
        let gets_link = by_link.is_none_or(|linked| linked.id != person.id);
        let others = others(person, link);
        return Matched {
            person: Some(person),
            gets_link,
            is_twin: others.iter().any(|other| is_newer(other, &link.key)),
            // Once she has the link it was told.
            is_duplicate: gets_link && (moved(person) || !others.is_empty()),
        };
    }
    let Some(person) = by_link else {
        return Matched { person: None, gets_link: true, is_twin: false, is_duplicate: false };
    };
    let is_twin = others(person, link).iter().any(|other| is_newer(other, &link.key));
    if is_twin && found_without_address(found, person) {
        // It shared the address of another contact and has one of its own now.
        return Matched { person: None, gets_link: true, is_twin: false, is_duplicate: false };
    }
    Matched { person: Some(person), gets_link: false, is_twin, is_duplicate: false }
}

/// Keys of other contacts of the same account who are this person too.
fn others<'a>(person: &'a Person, link: &Link) -> Vec<&'a str> {
    let links = person.links.iter();
    links
        .filter(|other| other.connection == link.connection && other.key != link.key)
        .map(|other| other.key.as_str())
        .collect()
}

/// Whether somebody's address is not hers: nobody has it.
fn found_without_address(found: &Found, person: &Person) -> bool {
    found.by_email.is_none() && person.email.is_some()
}

/// Whether the contact of key `one` was made after that of `other`: keys of accounts are counted up.
fn is_newer(one: &str, other: &str) -> bool {
    let number = |key: &str| key.parse::<u64>().ok();
    let order = match (number(one), number(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.cmp(other),
    };
    order == Ordering::Greater
}

#[cfg(test)]
mod tests {
    use achub_core::person::Person;

    use super::{Found, matched};
    use crate::import::sample::{link, person};

    /// Person, gets the link, is a twin, is a duplicate.
    type Expected = (Option<i64>, bool, bool, bool);

    fn linked(id: i64, keys: &[&str]) -> Option<Person> {
        let links = keys.iter().map(|key| link(key)).collect();
        Some(Person { links, ..person(id, &format!("p{id}@example.com")) })
    }

    /// SX-19, SX-20, SX-22.
    #[test]
    fn address_decides_before_link() {
        let cases: [(&str, Found, Expected); 7] = [
            ("nobody", Found::default(), (None, true, false, false)),
            ("by link", Found { by_link: linked(1, &["7"]), by_email: None }, (Some(1), false, false, false)),
            (
                "by both",
                Found { by_link: linked(1, &["7"]), by_email: linked(1, &["7"]) },
                (Some(1), false, false, false),
            ),
            ("by address", Found { by_link: None, by_email: linked(2, &[]) }, (Some(2), true, false, false)),
            (
                "link says one, address another",
                Found { by_link: linked(1, &["7"]), by_email: linked(2, &[]) },
                (Some(2), true, false, true),
            ),
            (
                "older contact with the address of a newer one",
                Found { by_link: None, by_email: linked(2, &["12"]) },
                (Some(2), true, true, true),
            ),
            (
                "newer contact with the address of an older one",
                Found { by_link: None, by_email: linked(2, &["3"]) },
                (Some(2), true, false, true),
            ),
        ];
        for (case, found, expected) in cases {
            let matched = matched(&found, &link("7"));
            let id = matched.person.map(|person| person.id.0);
            let got = (id, matched.gets_link, matched.is_twin, matched.is_duplicate);
            assert_eq!(got, expected, "{case}");
        }
    }

    #[test]
    fn twin_with_new_address_is_somebody_new() {
        let found = Found { by_link: linked(1, &["7", "12"]), by_email: None };

        let older = matched(&found, &link("7"));
        assert_eq!((older.person, older.gets_link), (None, true));
        let newer = matched(&found, &link("12"));
        assert_eq!(
            newer.person.map(|person| person.id.0),
            Some(1),
            "whom values follow moves with her address"
        );
    }

    #[test]
    fn keys_are_compared_as_numbers() {
        let found = Found { by_link: None, by_email: linked(1, &["100"]) };
        assert!(matched(&found, &link("99")).is_twin);
        assert!(!matched(&found, &link("101")).is_twin);
    }
}
