//! The names that conditions may use: lists, tags and custom fields of a store at one moment.

use achub_core::{
    Error,
    person::{BuiltIn, CustomField, FieldId, List, ListId, Tag, TagId},
    port::people::PeopleStore,
};

use crate::audience::{fault::Fault, grammar::STATEMENTS};

/// A snapshot of the names of a store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names {
    /// Its lists.
    pub lists: Vec<List>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its custom fields.
    pub fields: Vec<CustomField>,
}

/// What was typed where a name is expected: the name in quotes, or the number of the store.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Typed {
    Name(String),
    Number(i64),
}

impl Names {
    /// Reads them from a store.
    pub async fn load(store: &dyn PeopleStore) -> Result<Names, Error> {
        Ok(Names { lists: store.lists().await?, tags: store.tags().await?, fields: store.fields().await? })
    }

    /// The name of a list, `None` where it is gone.
    pub fn list_name(&self, id: ListId) -> Option<&str> {
        self.lists.iter().find(|list| list.id == id).map(|list| list.name.as_str())
    }

    /// The name of a tag, `None` where it is gone.
    pub fn tag_name(&self, id: TagId) -> Option<&str> {
        self.tags.iter().find(|tag| tag.id == id).map(|tag| tag.name.as_str())
    }

    /// A custom field, `None` where it is gone.
    pub fn field(&self, id: FieldId) -> Option<&CustomField> {
        self.fields.iter().find(|field| field.id == id)
    }

    pub(super) fn find_list(&self, typed: &Typed, at: usize) -> Result<ListId, Fault> {
        one(typed, at, "list", &self.lists, |list| (list.id.0, &list.name)).map(|list| list.id)
    }

    pub(super) fn find_tag(&self, typed: &Typed, at: usize) -> Result<TagId, Fault> {
        one(typed, at, "tag", &self.tags, |tag| (tag.id.0, &tag.name)).map(|tag| tag.id)
    }

    pub(super) fn find_field(&self, typed: &Typed, at: usize) -> Result<&CustomField, Fault> {
        one(typed, at, "custom field", &self.fields, |field| (field.id.0, &field.name))
    }

    /// The custom field that is meant by a word without `field` before it: its name, with `_` for blanks and signs, or
    /// its personalisation tag.
    pub(super) fn find_bare_field(&self, word: &str, at: usize) -> Result<&CustomField, Fault> {
        let wanted = bare(word);
        let fits = |field: &&CustomField| {
            bare(&field.name) == wanted || field.tag.as_deref().is_some_and(|tag| bare(tag) == wanted)
        };
        let found: Vec<&CustomField> = self.fields.iter().filter(fits).collect();
        match found.as_slice() {
            [field] => Ok(field),
            [] => {
                let bare_names: Vec<String> = self.fields.iter().map(|field| bare(&field.name)).collect();
                let known = subjects().chain(bare_names.iter().map(String::as_str));
                Err(Fault::new(at, format!("there is no field {word:?}")).near(word, known, str::to_owned))
            }
            several => {
                let names: Vec<String> =
                    several.iter().map(|field| format!("field {:?}", field.name)).collect();
                Err(Fault::new(
                    at,
                    format!("{word} may be {}, name the one that is meant", names.join(" or ")),
                ))
            }
        }
    }
}

/// Words a statement may begin with, for those who mistyped one.
fn subjects<'k>() -> impl Iterator<Item = &'k str> {
    let built_in = BuiltIn::ALL.into_iter().map(BuiltIn::word);
    built_in.chain(STATEMENTS.iter().copied()).map(|word| -> &'k str { word })
}

/// A name as a bare word spells it.
fn bare(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).flat_map(char::to_lowercase).collect()
}

/// The one of `all` that was typed: by number, by its very name, or else without regard to case.
fn one<'n, T>(
    typed: &Typed,
    at: usize,
    kind: &str,
    all: &'n [T],
    key: impl Fn(&'n T) -> (i64, &'n String),
) -> Result<&'n T, Fault> {
    let name = match typed {
        Typed::Number(number) => {
            let found = all.iter().find(|one| key(one).0 == *number);
            return found
                .ok_or_else(|| Fault::new(at, format!("there is no {kind} with the number {number}")));
        }
        Typed::Name(name) => name,
    };
    if let Some(found) = all.iter().find(|one| key(one).1 == name) {
        return Ok(found);
    }
    let folded = name.to_lowercase();
    let found: Vec<&T> = all.iter().filter(|one| key(one).1.to_lowercase() == folded).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let known = all.iter().map(|one| key(one).1.as_str());
            Err(Fault::new(at, format!("there is no {kind} {name:?}"))
                .near(name, known, |near| format!("{near:?}")))
        }
        several => {
            let names: Vec<String> = several.iter().map(|one| format!("{:?}", key(one).1)).collect();
            let what = format!("there are several: {}; spell the {kind} exactly", names.join(", "));
            Err(Fault::new(at, what))
        }
    }
}
