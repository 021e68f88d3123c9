//! Which custom field has which column.
//!
//! A field gets its column when it is first met, named after its personalisation tag, and keeps it whatever becomes of
//! title and tag: the names are remembered with the facts about the account, by the field's id. A name is never given to
//! another field, not even when its field is gone: the column in the tables may still hold that field's values.

use std::collections::{BTreeMap, HashSet};

use achub_core::{Error, port::source::Wide};

use super::beside::Beside;
use crate::activecampaign::facts::Facts;

/// The column with the values of all fields that have no column, by field id.
pub(super) const REST: &str = "_rest";

/// Fields with a column of their own at the most, on every target, so that tables of one account are alike. A table has
/// room for 1,600 columns on PostgreSQL and 2,000 on SQLite; but rows that came are joined with those that are there to
/// compare them, and such a join has room for 1,664 and 2,000. Contacts have about fifty columns without custom fields.
pub(super) const COLUMNS_MAX: usize = 700;

/// Bytes of a name that is made of a tag: with an id behind it, it still fits PostgreSQL's 63.
const NAME_BYTES_MAX: usize = 50;

/// The names of columns, by the id of their field. Fields that are gone are among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::activecampaign) struct Names(BTreeMap<i64, String>);

impl Names {
    /// The names of `fields` (id and wanted name, by id): those remembered, and new ones for fields that are met for the
    /// first time, which are remembered as well.
    pub(in crate::activecampaign) async fn given(
        beside: &Beside,
        facts: &Facts,
        fields: &[(i64, String)],
    ) -> Result<Names, Error> {
        // A note that cannot be read is as good as none: the names are made of the tags again.
        let known = facts.noted(beside.fact).await?.and_then(|known| serde_json::from_value(known).ok());
        let known = Names(known.unwrap_or_default());
        let names = known.clone().with(beside, fields, COLUMNS_MAX);
        if names != known {
            let noted = serde_json::to_value(&names.0).expect("names by integer ids are a JSON object");
            facts.note(beside.fact, noted).await?;
        }
        Ok(names)
    }

    fn with(mut self, beside: &Beside, fields: &[(i64, String)], columns_max: usize) -> Names {
        let mut taken: HashSet<String> = self.0.values().map(|name| plain(name)).collect();
        taken.extend(beside.base().fields.iter().map(|field| plain(&field.name)));
        for (id, wanted) in fields {
            if self.0.contains_key(id) || self.0.len() >= columns_max {
                continue;
            }
            let is_free = !is_ours(wanted) && taken.insert(plain(wanted));
            let name = if is_free { wanted.clone() } else { format!("{wanted}_{id}") };
            taken.insert(plain(&name));
            self.0.insert(*id, name);
        }
        self
    }

    /// The column of a field; `None` where it has none of its own.
    pub(super) fn column(&self, id: i64) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }

    /// How field values of `fields` are laid out as a view.
    pub(in crate::activecampaign) fn view(&self, beside: &Beside, fields: &[(i64, String)]) -> Wide {
        let named = |(id, _): &(i64, String)| Some((*id, self.column(*id)?.to_owned()));
        let columns: Vec<(i64, String)> = fields.iter().filter_map(named).collect();
        let rest = columns.len() < fields.len();
        beside.view(columns, rest)
    }
}

/// Whether a name belongs to columns of our own.
fn is_ours(name: &str) -> bool {
    name == REST || name.starts_with("_achub") || name.starts_with("_sling")
}

/// A name as columns are compared, whatever casing a replication wants.
fn plain(name: &str) -> String {
    name.chars().filter(|&character| character != '_').flat_map(char::to_lowercase).collect()
}

/// A name made of a personalisation tag: lower case, `_` for what is no letter or digit, not too long. `None` where
/// nothing is left.
pub(super) fn of_tag(tag: &str) -> Option<String> {
    let mut name = String::new();
    for character in tag.trim().to_lowercase().chars() {
        let character = if character.is_alphanumeric() { character } else { '_' };
        if name.len() + character.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        name.push(character);
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{super::beside::CONTACTS, Names, of_tag};

    fn names(known: Names, fields: &[(i64, &str)], columns_max: usize) -> Names {
        let fields: Vec<(i64, String)> = fields.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        known.with(&CONTACTS, &fields, columns_max)
    }

    fn check(names: &Names, expected: &[(i64, &str)]) {
        let names: Vec<(i64, &str)> = names.0.iter().map(|(id, name)| (*id, name.as_str())).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn tags_become_names_of_columns() {
        assert_eq!(of_tag("FAVOURITE COLOUR-2").as_deref(), Some("favourite_colour_2"));
        assert_eq!(of_tag(" "), None);
        let long = of_tag(&"日本".repeat(40)).expect("a name");
        assert_eq!((long.len(), long.chars().count()), (48, 16));
    }

    #[test]
    fn fields_keep_their_first_name() {
        let first = names(Names::default(), &[(4, "colour"), (7, "size")], 10);

        let later = names(first, &[(4, "favourite"), (9, "size"), (12, "colour")], 10);

        check(&later, &[(4, "colour"), (7, "size"), (9, "size_9"), (12, "colour_12")]);
    }

    #[test]
    fn names_of_other_columns_are_not_taken() {
        let fields = [(1, "email"), (2, "first_name"), (3, "_rest"), (4, "_achub_loaded_at"), (5, "colour")];
        let names = names(Names::default(), &fields, 10);
        check(
            &names,
            &[(1, "email_1"), (2, "first_name_2"), (3, "_rest_3"), (4, "_achub_loaded_at_4"), (5, "colour")],
        );
    }

    #[test]
    fn fields_beyond_the_limit_go_into_the_rest() {
        let fields = [(1, "a"), (2, "b"), (3, "c")];
        let names = names(Names::default(), &fields, 2);
        check(&names, &[(1, "a"), (2, "b")]);

        let view = names.view(&CONTACTS, &fields.map(|(id, name)| (id, name.to_owned())));

        assert_eq!(view.fields, [(1, "a".to_owned()), (2, "b".to_owned())]);
        assert_eq!(view.rest.as_deref(), Some("_rest"));
        assert_eq!(names.view(&CONTACTS, &[(2, "b".to_owned())]).rest, None);
    }
}
