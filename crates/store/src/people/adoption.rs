//! Lists and fields of the store for those of a catalogue.

use std::collections::HashSet;

use achub_core::{
    ConnectionName,
    email::fold,
    person::{CustomField, FieldId, Link, List, ListId},
    port::{
        incoming::{Catalogue, ShownField, ShownList},
        people::Adopted,
    },
};

/// What is adopted, and what has to be written for it.
#[derive(Debug, Default)]
pub(crate) struct Adoption {
    pub(crate) adopted: Adopted,
    /// Lists that are new or have another name.
    pub(crate) lists: Vec<List>,
    /// Fields that are new or have other choices or another tag.
    pub(crate) fields: Vec<CustomField>,
    pub(crate) last_list: i64,
    pub(crate) last_field: i64,
}

/// Which numbers what is new gets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers {
    /// Those behind the last list and the last field.
    Behind(i64, i64),
    /// Those below zero: nothing is written.
    BelowZero,
}

impl Numbers {
    fn step(self) -> i64 {
        match self {
            Numbers::Behind(..) => 1,
            Numbers::BelowZero => -1,
        }
    }
}

/// Finds a list and a field for each of the catalogue's, by link alone: names say nothing about what a list is.
pub(crate) fn adopt(
    lists: &[List],
    fields: &[CustomField],
    connection: &ConnectionName,
    catalogue: &Catalogue,
    numbers: Numbers,
) -> Adoption {
    let (last_list, last_field) = match numbers {
        Numbers::Behind(list, field) => (list, field),
        Numbers::BelowZero => (0, 0),
    };
    let mut adoption = Adoption { last_list, last_field, ..Adoption::default() };
    adopt_lists(lists, connection, &catalogue.lists, numbers, &mut adoption);
    adopt_fields(fields, connection, &catalogue.fields, numbers, &mut adoption);
    adoption
}

fn link(connection: &ConnectionName, key: &str) -> Link {
    Link { connection: connection.clone(), key: key.to_owned() }
}

fn adopt_lists(
    lists: &[List],
    connection: &ConnectionName,
    shown: &[ShownList],
    numbers: Numbers,
    adoption: &mut Adoption,
) {
    let shown_keys: HashSet<&str> = shown.iter().map(|list| list.key.as_str()).collect();
    // A list that is shown gives its name up before the new ones are handed out: two may have changed names.
    let is_shown = |list: &List| {
        list.link
            .as_ref()
            .is_some_and(|link| link.connection == *connection && shown_keys.contains(link.key.as_str()))
    };
    let mut taken: HashSet<String> =
        lists.iter().filter(|list| !is_shown(list)).map(|list| list.name.clone()).collect();
    for item in shown {
        let link = link(connection, &item.key);
        let held = lists.iter().find(|list| list.link.as_ref() == Some(&link));
        let name = free_name(&item.name, connection, &mut taken, str::to_owned);
        if name != item.name && held.is_none_or(|held| held.name != name) {
            let note = format!(
                "the list {:?} is called {name:?} here, because another list has its name",
                item.name
            );
            adoption.adopted.notes.push(note);
        }
        let id = held.map_or_else(
            || {
                adoption.last_list += numbers.step();
                ListId(adoption.last_list)
            },
            |held| held.id,
        );
        let list = List { id, name, link: Some(link) };
        if held != Some(&list) {
            adoption.lists.push(list.clone());
        }
        adoption.adopted.lists.push(list);
    }
}

fn adopt_fields(
    fields: &[CustomField],
    connection: &ConnectionName,
    shown: &[ShownField],
    numbers: Numbers,
    adoption: &mut Adoption,
) {
    let mut taken: HashSet<String> = fields.iter().map(|field| fold(&field.name)).collect();
    for item in shown {
        let link = link(connection, &item.key);
        let held = fields.iter().find(|field| field.link.as_ref() == Some(&link));
        let field = match held {
            Some(held) => kept_field(held, item, &mut adoption.adopted.notes),
            None => {
                adoption.last_field += numbers.step();
                let name = free_name(&item.name, connection, &mut taken, fold);
                if name != item.name {
                    let note = format!(
                        "the field {:?} is called {name:?} here, because another field has its name",
                        item.name
                    );
                    adoption.adopted.notes.push(note);
                }
                new_field(FieldId(adoption.last_field), name, item, link)
            }
        };
        if held != Some(&field) {
            adoption.fields.push(field.clone());
        }
        adoption.adopted.fields.push(field);
    }
}

fn new_field(id: FieldId, name: String, shown: &ShownField, link: Link) -> CustomField {
    CustomField {
        id,
        name,
        field_type: shown.field_type,
        options: shown.options.clone(),
        link: Some(link),
        tag: shown.tag.clone(),
    }
}

/// A field keeps its name and its type, whatever becomes of it over there: audiences and mappings name it.
fn kept_field(held: &CustomField, shown: &ShownField, notes: &mut Vec<String>) -> CustomField {
    if held.field_type != shown.field_type {
        notes.push(format!(
            "the field {:?} is {} over there by now, and stays {} here",
            held.name,
            shown.field_type.name(),
            held.field_type.name()
        ));
    }
    CustomField { options: shown.options.clone(), tag: shown.tag.clone(), ..held.clone() }
}

/// The name itself, else with the connection in brackets, else with a number too. It is taken then.
fn free_name(
    wanted: &str,
    connection: &ConnectionName,
    taken: &mut HashSet<String>,
    key: impl Fn(&str) -> String,
) -> String {
    let bracketed = format!("{wanted} [{connection}]");
    let numbered = (2_u32..).map(|number| format!("{wanted} [{connection} {number}]"));
    let mut names = [wanted.to_owned(), bracketed].into_iter().chain(numbered);
    names.find(|name| taken.insert(key(name))).expect("there are more numbers than names")
}

#[cfg(test)]
mod tests {
    use achub_core::FieldType;

    use super::*;

    fn shown(lists: &[(&str, &str)], fields: &[(&str, &str)]) -> Catalogue {
        let list = |(key, name): &(&str, &str)| ShownList {
            key: (*key).to_owned(),
            name: (*name).to_owned(),
            active: None,
        };
        let field = |(key, name): &(&str, &str)| ShownField {
            key: (*key).to_owned(),
            name: (*name).to_owned(),
            field_type: FieldType::Text,
            options: Vec::new(),
            tag: None,
        };
        Catalogue { lists: lists.iter().map(list).collect(), fields: fields.iter().map(field).collect() }
    }

    fn names(adoption: &Adoption) -> Vec<&str> {
        adoption.adopted.lists.iter().map(|list| list.name.as_str()).collect()
    }

    /// SX-2: a list of another account with the same name is another list.
    #[test]
    fn same_name_of_two_accounts_is_two_lists() {
        let (shop, blog) = (ConnectionName::new("shop"), ConnectionName::new("blog"));
        let first = adopt(&[], &[], &shop, &shown(&[("1", "News")], &[]), Numbers::Behind(0, 0));
        let second = adopt(&first.lists, &[], &blog, &shown(&[("1", "News")], &[]), Numbers::Behind(1, 0));
        assert_eq!(names(&second), ["News [blog]"]);
        assert_eq!(second.adopted.notes.len(), 1);

        let lists = [first.lists, second.lists].concat();
        let again = adopt(&lists, &[], &blog, &shown(&[("1", "News")], &[]), Numbers::Behind(2, 0));
        assert_eq!((again.lists.len(), again.adopted.notes.len()), (0, 0));
    }

    /// SX-2: renames follow the id, even where two lists change names.
    #[test]
    fn lists_that_change_names_keep_their_ids() {
        let shop = ConnectionName::new("shop");
        let first = adopt(&[], &[], &shop, &shown(&[("1", "A"), ("2", "B")], &[]), Numbers::Behind(0, 0));
        let swapped =
            adopt(&first.lists, &[], &shop, &shown(&[("1", "B"), ("2", "A")], &[]), Numbers::Behind(2, 0));
        assert_eq!(names(&swapped), ["B", "A"]);
        assert_eq!(swapped.adopted.lists[0].id, first.adopted.lists[0].id);
        assert!(swapped.adopted.notes.is_empty());
    }

    /// SX-9: names of fields are unique without regard to case, and stay.
    #[test]
    fn fields_of_one_name_are_told_apart() {
        let shop = ConnectionName::new("shop");
        let first = adopt(&[], &[], &shop, &shown(&[], &[("1", "Tier"), ("2", "TIER")]), Numbers::BelowZero);
        let found: Vec<(i64, &str)> =
            first.fields.iter().map(|field| (field.id.0, field.name.as_str())).collect();
        assert_eq!(found, [(-1, "Tier"), (-2, "TIER [shop]")]);
        let renamed = adopt(&[], &first.fields, &shop, &shown(&[], &[("1", "Level")]), Numbers::BelowZero);
        assert_eq!(renamed.adopted.fields[0].name, "Tier");
    }
}
