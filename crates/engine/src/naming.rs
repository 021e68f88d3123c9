//! Column names made of field names.

use std::collections::HashSet;

use crate::replication::Casing;

/// The column name for a field.
pub(crate) fn column(field: &str, casing: Casing) -> String {
    match casing {
        Casing::Snake => snake(field),
        Casing::Normalize => normalize(field),
        Casing::Source => field.to_owned(),
        Casing::Target | Casing::Lower => field.to_lowercase(),
        Casing::Upper => field.to_uppercase(),
        Casing::Camel => camel(field),
    }
}

/// `firstName` → `first_name`, `ip4Sub` → `ip4_sub`, `HTMLBody` → `html_body`.
fn snake(field: &str) -> String {
    let characters: Vec<char> = field.chars().collect();
    let mut name = String::with_capacity(field.len() + 4);
    for (index, &character) in characters.iter().enumerate() {
        if character.is_uppercase() {
            let before = index.checked_sub(1).map(|before| characters[before]);
            let after = characters.get(index + 1);
            let starts_word = before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
            if starts_word {
                name.push('_');
            }
            name.extend(character.to_lowercase());
        } else {
            name.push(character);
        }
    }
    name
}

/// `first_name` → `firstName`, `ID` → `id`.
fn camel(field: &str) -> String {
    let snake = snake(field);
    let mut words = snake.split('_').filter(|word| !word.is_empty());
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    name
}

/// Lower case, unless the name has mixed case or odd characters; then it is kept as it is.
fn normalize(field: &str) -> String {
    let plain = field.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    let mixed = field.chars().any(char::is_uppercase) && field.chars().any(char::is_lowercase);
    if plain && !mixed { field.to_lowercase() } else { field.to_owned() }
}

/// Makes names distinct, compared without regard to case as databases do, by appending `_2`, `_3` ….
pub(crate) struct Distinct(HashSet<String>);

impl Distinct {
    pub(crate) fn new() -> Distinct {
        Distinct(HashSet::new())
    }

    pub(crate) fn name(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut number = 2;
        while !self.0.insert(name.to_lowercase()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{Distinct, column};
    use crate::replication::Casing::{self, Normalize, Snake};

    #[test]
    fn snake_case_splits_words_once() {
        for (field, name) in [
            ("firstName", "first_name"),
            ("ip4Sub", "ip4_sub"),
            ("ip4_last", "ip4_last"),
            ("HTMLBody", "html_body"),
            ("isDisabled", "is_disabled"),
            ("dealCustomFieldMetumId", "deal_custom_field_metum_id"),
            ("id", "id"),
            ("udate__raw", "udate__raw"),
        ] {
            assert_eq!(column(field, Snake), name);
        }
    }

    #[test]
    fn normalize_keeps_mixed_case_names() {
        for (field, name) in [
            ("firstName", "firstName"),
            ("EMAIL", "email"),
            ("cdate", "cdate"),
            ("odd-name", "odd-name"),
            ("ODD-NAME", "ODD-NAME"),
        ] {
            assert_eq!(column(field, Normalize), name);
        }
    }

    #[test]
    fn camel_case_joins_words() {
        for (field, name) in
            [("first_name", "firstName"), ("firstName", "firstName"), ("ID", "id"), ("_x_y", "xY")]
        {
            assert_eq!(column(field, Casing::Camel), name);
        }
    }

    #[test]
    fn names_equal_without_case_are_numbered() {
        let mut distinct = Distinct::new();

        let names: Vec<_> = ["id", "ID", "id", "id_2"].map(|name| distinct.name(name.to_owned())).into();

        assert_eq!(names, ["id", "ID_2", "id_3", "id_2_2"]);
    }
}
