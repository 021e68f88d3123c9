//! Which people a page has: where it begins, and whom a search finds.

use achub_core::{
    Code, Error,
    email::fold,
    person::Person,
    port::people::{PageMark, PeopleOrder},
};
use serde::{Deserialize, Serialize};

/// So many characters of a name can be searched by.
const KEY_CHARS: usize = 100;

/// The last entry of a page, by the order it was listed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Last {
    Id(i64),
    /// The key of the address, empty where there is none.
    Email(String, i64),
    /// Microseconds since 1970.
    UpdatedAt(i64, i64),
}

impl Last {
    /// Where somebody stands in an order.
    pub(crate) fn of(person: &Person, order: PeopleOrder) -> Last {
        match order {
            PeopleOrder::Id => Last::Id(person.id.0),
            PeopleOrder::Email => Last::Email(email_key(person).to_owned(), person.id.0),
            PeopleOrder::UpdatedAt => Last::UpdatedAt(person.updated_at.as_microsecond(), person.id.0),
        }
    }

    /// Reads a mark that was made in this order.
    pub(crate) fn read(mark: &PageMark, order: PeopleOrder) -> Result<Last, Error> {
        let refuse =
            || Error::new(Code::BadArgument, "cannot list people: the mark of the page is of another list");
        let last: Last = serde_json::from_str(&mark.0).map_err(|_| refuse())?;
        let fits = matches!(
            (&last, order),
            (Last::Id(_), PeopleOrder::Id)
                | (Last::Email(..), PeopleOrder::Email)
                | (Last::UpdatedAt(..), PeopleOrder::UpdatedAt)
        );
        if fits { Ok(last) } else { Err(refuse()) }
    }

    /// The mark it is handed out as.
    pub(crate) fn mark(&self) -> PageMark {
        PageMark(serde_json::to_string(self).expect("numbers and text have a JSON form"))
    }
}

/// By which she is found by address; empty where she has none.
pub(crate) fn email_key(person: &Person) -> &str {
    person.email.as_ref().map_or("", |email| email.key())
}

/// How her first and last name begin, as they are searched; `None` where she has neither.
pub(crate) fn name_key(first: Option<&str>, last: Option<&str>) -> Option<String> {
    let names: Vec<&str> = [first, last].into_iter().flatten().filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| search_key(&names.join(" ")))
}

/// The form of a text in which names are searched.
pub(crate) fn search_key(text: &str) -> String {
    fold(text).chars().take(KEY_CHARS).collect()
}

/// Whether a search finds her: her address, her last name, or first and last name begin with it.
pub(crate) fn is_found(person: &Person, search: &str) -> bool {
    let wanted = search_key(search.trim());
    let last = person.last_name.as_deref();
    email_key(person).starts_with(&wanted)
        || last.is_some_and(|last| search_key(last).starts_with(&wanted))
        || name_key(person.first_name.as_deref(), last).is_some_and(|name| name.starts_with(&wanted))
}

/// The least text that is behind everything that begins with `prefix`; `None` where there is none.
pub(crate) fn behind(prefix: &str) -> Option<String> {
    let mut text: Vec<char> = prefix.chars().collect();
    while let Some(last) = text.pop() {
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_a_prefix_is_the_least() {
        for (prefix, next) in
            [("ab", Some("ac")), ("a\u{10ffff}", Some("b")), ("\u{d7ff}", Some("\u{e000}")), ("", None)]
        {
            assert_eq!(behind(prefix).as_deref(), next, "{prefix:?}");
        }
        assert!(behind("an").unwrap().as_str() > "an\u{10ffff}z");
    }

    #[test]
    fn marks_of_other_orders_are_refused() {
        let mark = Last::Email("a@example.com".to_owned(), 3).mark();
        assert!(Last::read(&mark, PeopleOrder::Email).is_ok());
        assert_eq!(Last::read(&mark, PeopleOrder::Id).unwrap_err().code(), Code::BadArgument);
        assert_eq!(
            Last::read(&PageMark("x".to_owned()), PeopleOrder::Id).unwrap_err().code(),
            Code::BadArgument
        );
    }
}
