//! What differs between two states of a person: the one source of history, of undo, and of what is written.

use std::collections::HashMap;

use achub_core::{
    Value,
    consent::Permission,
    email::EmailAddress,
    person::{BuiltIn, CompanyId, FieldId, Link, ListId, Mark, Person, PersonField, TagId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::codec::{lettered, unlettered};

/// One difference. Kept as JSON for an undo, so its form is that of the stored text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Difference {
    /// The address before and after.
    Email(Option<EmailAddress>, Option<EmailAddress>),
    /// A value before and after, see [`lettered`].
    Field(PersonField, Option<String>, Option<String>),
    /// A membership before and after.
    Permission(ListId, Option<Permission>, Option<Permission>),
    /// Since when a mark held before and holds after.
    Mark(Mark, Option<Timestamp>, Option<Timestamp>),
    /// A tag; whether it was gained.
    Tag(TagId, bool),
    /// A company; whether it was gained.
    Company(CompanyId, bool),
    /// A link; whether it was gained.
    Link(Link, bool),
}

/// One line of history before it is written: what, before, after.
pub(crate) type Told = (String, Value, Value);

/// All differences between two states, in the order in which history shows them.
pub(crate) fn between(before: &Person, after: &Person) -> Vec<Difference> {
    let mut found = Vec::new();
    if spelling(before) != spelling(after) {
        found.push(Difference::Email(before.email.clone(), after.email.clone()));
    }
    fields(before, after, &mut found);
    let (held, holds) = (permissions(before), permissions(after));
    found.extend(pairs(&held, &holds).map(|(list, held, holds)| Difference::Permission(list, held, holds)));
    let (held, holds) = (marks(before), marks(after));
    found.extend(pairs(&held, &holds).map(|(mark, held, holds)| Difference::Mark(mark, held, holds)));
    found.extend(gained(&before.tags, &after.tags).map(|(tag, gained)| Difference::Tag(tag, gained)));
    let companies = gained(&before.companies, &after.companies);
    found.extend(companies.map(|(company, gained)| Difference::Company(company, gained)));
    found.extend(gained(&before.links, &after.links).map(|(link, gained)| Difference::Link(link, gained)));
    found
}

/// Address and key: one key can be spelled in several ways.
fn spelling(person: &Person) -> Option<(&str, &str)> {
    person.email.as_ref().map(|email| (email.as_str(), email.key()))
}

fn fields(before: &Person, after: &Person, found: &mut Vec<Difference>) {
    let built_in = BuiltIn::ALL.into_iter().filter(|field| *field != BuiltIn::Email);
    let mut custom: Vec<FieldId> =
        before.values.iter().chain(&after.values).map(|value| value.field).collect();
    custom.sort();
    custom.dedup();
    let all = built_in.map(PersonField::BuiltIn).chain(custom.into_iter().map(PersonField::Custom));
    for field in all {
        let (held, holds) = (before.value(field), after.value(field));
        if held != holds {
            found.push(Difference::Field(field, lettered(&held), lettered(&holds)));
        }
    }
}

fn permissions(person: &Person) -> Vec<(ListId, Permission)> {
    person.memberships.iter().map(|membership| (membership.list, membership.permission)).collect()
}

fn marks(person: &Person) -> Vec<(Mark, Timestamp)> {
    person.marks.clone()
}

/// Keys whose values differ, in the order of the keys.
fn pairs<K: Copy + Ord, V: Copy + PartialEq>(
    before: &[(K, V)],
    after: &[(K, V)],
) -> impl Iterator<Item = (K, Option<V>, Option<V>)> {
    let of = |side: &[(K, V)], key: K| side.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
    let mut keys: Vec<K> = before.iter().chain(after).map(|(key, _)| *key).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(move |key| (key, of(before, key), of(after, key)))
        .filter(|(_, held, holds)| held != holds)
        .collect::<Vec<_>>()
        .into_iter()
}

/// What is in one of the two only, and whether that is the later one.
fn gained<'a, T: Clone + PartialEq>(before: &'a [T], after: &'a [T]) -> impl Iterator<Item = (T, bool)> + 'a {
    let lost = before.iter().filter(|item| !after.contains(item)).map(|item| (item.clone(), false));
    let won = after.iter().filter(|item| !before.contains(item)).map(|item| (item.clone(), true));
    lost.chain(won)
}

/// The history of a change of somebody known, or the one line of somebody new.
pub(crate) fn history(before: &Person, after: &Person, tags: &HashMap<TagId, String>) -> Vec<Told> {
    if before.version == 0 {
        return vec![("person".to_owned(), Value::Null, Value::text("added"))];
    }
    between(before, after).iter().map(|difference| told(difference, tags)).collect()
}

fn told(difference: &Difference, tags: &HashMap<TagId, String>) -> Told {
    let flag = |gained: bool| {
        if gained { (Value::Null, Value::Boolean(true)) } else { (Value::Boolean(true), Value::Null) }
    };
    let (what, (before, after)) = match difference {
        Difference::Email(before, after) => {
            let text = |email: &Option<EmailAddress>| {
                email.as_ref().map_or(Value::Null, |email| Value::text(email.as_str()))
            };
            (BuiltIn::Email.word().to_owned(), (text(before), text(after)))
        }
        Difference::Field(field, before, after) => {
            let value = |text: &Option<String>| unlettered(text.as_deref()).unwrap_or(Value::Null);
            (field_word(*field), (value(before), value(after)))
        }
        Difference::Permission(list, before, after) => {
            let text = |permission: &Option<Permission>| {
                permission.as_ref().map_or(Value::Null, |permission| Value::text(in_words(permission)))
            };
            (format!("list {list}"), (text(before), text(after)))
        }
        Difference::Mark(mark, before, after) => {
            let since = |since: &Option<Timestamp>| since.map_or(Value::Null, Value::Timestamp);
            (format!("mark {}", mark.word()), (since(before), since(after)))
        }
        Difference::Tag(tag, gained) => {
            let name = tags.get(tag).cloned().unwrap_or_else(|| tag.to_string());
            (format!("tag {name}"), flag(*gained))
        }
        Difference::Company(company, gained) => (format!("company {company}"), flag(*gained)),
        Difference::Link(link, gained) => {
            (format!("link {}", link.connection), flag_text(&link.key, *gained))
        }
    };
    (what, before, after)
}

fn flag_text(text: &str, gained: bool) -> (Value, Value) {
    if gained { (Value::Null, Value::text(text)) } else { (Value::text(text), Value::Null) }
}

/// The word of a field in history.
fn field_word(field: PersonField) -> String {
    match field {
        PersonField::BuiltIn(built_in) => built_in.word().to_owned(),
        PersonField::Custom(id) => format!("field {id}"),
    }
}

/// `active, by person, since 2026-01-02T03:04:05Z`
fn in_words(permission: &Permission) -> String {
    let since = permission.since.map_or_else(String::new, |since| format!(", since {since}"));
    format!("{}, by {}{since}", permission.status.word(), permission.cause.word())
}
