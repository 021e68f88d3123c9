//! What a change makes of a person, and whether it may.

use std::collections::{HashMap, HashSet};

use achub_core::{
    Error, FieldType, Value,
    consent::{Decision, Permission, decide},
    person::{
        BuiltIn, CompanyId, FieldId, ListId, Membership, Person, PersonField, PersonId, PersonValue,
        Provenance, TagId,
    },
    port::people::{Author, ChangeBatch, FieldChange, PermissionChange, PersonChange, Whom},
};
use jiff::Timestamp;

use super::{defect, difference, whole};

/// What there is that a change may name.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) fields: HashMap<FieldId, FieldType>,
    pub(crate) tags: HashMap<TagId, String>,
    pub(crate) lists: HashSet<ListId>,
    pub(crate) companies: HashSet<CompanyId>,
}

/// Ids that the changes of a batch name.
pub(crate) fn named(batch: &ChangeBatch) -> Known {
    let mut known = Known::default();
    for change in &batch.changes {
        for field in &change.fields {
            if let PersonField::Custom(id) = field.field {
                known.fields.insert(id, FieldType::Text);
            }
        }
        let tags = change.tags.iter().chain(&change.tags_removed);
        known.tags.extend(tags.map(|tag| (*tag, String::new())));
        known.lists.extend(change.permissions.iter().map(|line| line.list));
        known.companies.extend(&change.companies);
    }
    known
}

/// Refuses a batch that is about one person twice.
pub(crate) fn check_once(batch: &ChangeBatch) -> Result<(), Error> {
    let mut seen = HashSet::new();
    let twice = batch.changes.iter().find_map(|change| match change.whom {
        Whom::Known(id, _) if !seen.insert(id) => Some(id),
        _ => None,
    });
    twice.map_or(Ok(()), |id| Err(defect(format_args!("person {id} is in the batch twice"))))
}

/// Somebody of whom nothing is known yet.
pub(crate) fn nobody(id: PersonId, at: Timestamp) -> Person {
    Person {
        id,
        version: 0,
        email: None,
        first_name: None,
        last_name: None,
        company: None,
        companies: Vec::new(),
        ip: None,
        source: None,
        source_page: None,
        lifetime_value: None,
        marks: Vec::new(),
        memberships: Vec::new(),
        tags: Vec::new(),
        values: Vec::new(),
        links: Vec::new(),
        created_at: whole(at),
        updated_at: whole(at),
    }
}

/// What `change` makes of `before`, which is [`nobody`] for somebody new. The same where it changes nothing.
///
/// Errors: `SY-199` where the change contradicts what is held or names what there is not.
pub(crate) fn changed(
    before: &Person,
    change: &PersonChange,
    author: &Author,
    known: &Known,
) -> Result<Person, Error> {
    let mut after = before.clone();
    for line in &change.fields {
        change_field(&mut after, line, author, known)?;
    }
    change_email(&mut after, change)?;
    for line in &change.permissions {
        change_permission(&mut after, line, known)?;
    }
    for (mark, since) in &change.marks {
        if !after.is_marked(*mark) {
            after.marks.push((*mark, whole(*since)));
        }
    }
    after.marks.retain(|(mark, _)| !change.marks_cleared.contains(mark));
    change_tags(&mut after, change, known)?;
    for company in &change.companies {
        if !known.companies.contains(company) {
            return Err(defect(format_args!("there is no company {company}")));
        }
        after.companies.push(*company);
    }
    after.links.extend(change.links.iter().cloned());
    Ok(settled(before, after, author))
}

/// Sorts what has no order, and counts the change where there is one.
pub(crate) fn settled(before: &Person, mut after: Person, author: &Author) -> Person {
    after.marks.sort_by_key(|(mark, _)| *mark);
    after.memberships.sort_by_key(|membership| membership.list);
    after.values.sort_by_key(|value| value.field);
    after.tags.sort();
    after.tags.dedup();
    after.companies.sort();
    after.companies.dedup();
    after.links.sort();
    after.links.dedup();
    if before.version > 0 && difference::between(before, &after).is_empty() {
        return before.clone();
    }
    after.version = before.version + 1;
    after.updated_at = whole(author.at);
    after
}

fn change_field(after: &mut Person, line: &FieldChange, author: &Author, known: &Known) -> Result<(), Error> {
    let field = line.field;
    if after.version > 0 || field != PersonField::BuiltIn(BuiltIn::Email) {
        let held = after.value(field);
        if held != exact(&line.before) {
            return Err(defect(format_args!(
                "{field:?} of person {} was not what the change says",
                after.id
            )));
        }
    }
    put(after, field, &exact(&line.after), author, known)
}

/// A value as it is kept.
fn exact(value: &Value) -> Value {
    match value {
        Value::Timestamp(moment) => Value::Timestamp(whole(*moment)),
        other => other.clone(),
    }
}

/// Puts a value where it belongs; an address is left to [`change_email`].
pub(crate) fn put(
    person: &mut Person,
    field: PersonField,
    value: &Value,
    author: &Author,
    known: &Known,
) -> Result<(), Error> {
    let expected = match field {
        PersonField::BuiltIn(built_in) => built_in.field_type(),
        PersonField::Custom(id) => {
            *known.fields.get(&id).ok_or_else(|| defect(format_args!("there is no field {id}")))?
        }
    };
    let is_finite = !matches!(value, Value::Float(number) if !number.is_finite());
    if value.field_type().is_some_and(|found| found != expected) || !is_finite {
        return Err(defect(format_args!("{field:?} holds {}, not what it was given", expected.name())));
    }
    match field {
        PersonField::BuiltIn(built_in) => put_built_in(person, built_in, value),
        PersonField::Custom(id) => {
            put_custom(person, id, value, author);
            Ok(())
        }
    }
}

fn put_built_in(person: &mut Person, field: BuiltIn, value: &Value) -> Result<(), Error> {
    let text = match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    match field {
        BuiltIn::Email => {}
        BuiltIn::FirstName => person.first_name = text,
        BuiltIn::LastName => person.last_name = text,
        BuiltIn::Company => person.company = text,
        BuiltIn::Source => person.source = text,
        BuiltIn::SourcePage => person.source_page = text,
        BuiltIn::Ip => {
            let address = text.map(|text| text.parse()).transpose();
            person.ip = address.map_err(|_| defect("an IP address is none"))?;
        }
        BuiltIn::LifetimeValue => {
            person.lifetime_value = match value {
                Value::Float(number) => Some(*number),
                _ => None,
            };
        }
    }
    Ok(())
}

fn put_custom(person: &mut Person, field: FieldId, value: &Value, author: &Author) {
    let held = person.values.iter().position(|held| held.field == field);
    if held.is_some_and(|place| person.values[place].value == *value) {
        return;
    }
    if let Some(place) = held {
        person.values.remove(place);
    }
    if !value.is_null() {
        let provenance = Provenance {
            connection: author.connection.clone(),
            run: author.run.clone(),
            at: whole(author.at),
        };
        person.values.push(PersonValue { field, value: value.clone(), provenance });
    }
}

/// The address comes twice: as text among the values, for the history, and with its key.
fn change_email(after: &mut Person, change: &PersonChange) -> Result<(), Error> {
    let line = change.fields.iter().find(|line| line.field == PersonField::BuiltIn(BuiltIn::Email));
    let email = match &change.whom {
        Whom::New(email) => {
            if change.email.is_some() {
                return Err(defect("somebody new has her address twice"));
            }
            after.email.clone_from(email);
            email
        }
        Whom::Known(..) => {
            if line.is_none() && change.email.is_none() {
                return Ok(());
            }
            after.email.clone_from(&change.email);
            &change.email
        }
    };
    let given = email.as_ref().map_or(Value::Null, |email| Value::text(email.as_str()));
    let is_told = line.is_some_and(|line| line.after == given);
    if is_told || (line.is_none() && matches!(change.whom, Whom::New(_))) {
        return Ok(());
    }
    Err(defect("an address and its line among the values differ"))
}

fn change_permission(after: &mut Person, line: &PermissionChange, known: &Known) -> Result<(), Error> {
    if !known.lists.contains(&line.list) {
        return Err(defect(format_args!("there is no list {}", line.list)));
    }
    let held = after.memberships.iter().find(|held| held.list == line.list).map(|held| held.permission);
    if held != line.before.map(kept) {
        return Err(defect(format_args!(
            "list {} of person {} was not what the change says",
            line.list, after.id
        )));
    }
    let shown = kept(line.after);
    match decide(held.as_ref(), &shown) {
        Decision::Same => Ok(()),
        Decision::Keep => {
            let what = format_args!("list {} of person {} would move up without proof", line.list, after.id);
            Err(defect(what))
        }
        Decision::Record => {
            after.memberships.retain(|held| held.list != line.list);
            after.memberships.push(Membership { list: line.list, permission: shown });
            Ok(())
        }
    }
}

/// A permission as it is kept.
fn kept(permission: Permission) -> Permission {
    Permission { since: permission.since.map(whole), ..permission }
}

fn change_tags(after: &mut Person, change: &PersonChange, known: &Known) -> Result<(), Error> {
    let named = change.tags.iter().chain(&change.tags_removed);
    if let Some(tag) = named.into_iter().find(|tag| !known.tags.contains_key(tag)) {
        return Err(defect(format_args!("there is no tag {tag}")));
    }
    after.tags.extend(&change.tags);
    after.tags.retain(|tag| !change.tags_removed.contains(tag));
    Ok(())
}
