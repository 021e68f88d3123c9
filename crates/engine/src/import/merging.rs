//! Which fields of a person change (SX-21, AB-89).

use achub_core::{
    EmailAddress, Value,
    person::{BuiltIn, Person, PersonField},
    port::people::FieldChange,
};

use crate::import::definition::Merge;

/// What becomes of somebody's fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Merged {
    /// What changes, the address included where somebody known gets another one.
    pub(super) changes: Vec<FieldChange>,
    /// That other address.
    pub(super) email: Option<EmailAddress>,
    /// Fields that differ and stay as they are, because the import was told so.
    pub(super) left: u64,
}

/// What `email` and the other values `shown` change about `held`; of a field that is shown twice the last value counts.
/// Blanks change nothing, nor does another spelling of the address: the one that is held is shown and mailed (SX-19).
pub(super) fn merged(
    held: Option<&Person>,
    email: Option<&EmailAddress>,
    shown: &[(PersonField, Value)],
    merge: Merge,
) -> Merged {
    const EMAIL: PersonField = PersonField::BuiltIn(BuiltIn::Email);
    let address = email.filter(|email| held.and_then(|person| person.email.as_ref()) != Some(*email));
    let email = address.map(|email| (EMAIL, Value::text(email.as_str())));
    let mut merged = Merged::default();
    for (index, (field, value)) in email.iter().chain(shown).enumerate() {
        let mut later = email.iter().chain(shown).skip(index + 1);
        if is_blank(value) || later.any(|(later, _)| later == field) {
            continue;
        }
        let before = held.map_or(Value::Null, |person| person.value(*field));
        if before == *value {
            continue;
        }
        let is_taken = held.is_none()
            || match merge {
                Merge::Overwrite => true,
                Merge::FillMissing => is_blank(&before),
                Merge::Skip => false,
            };
        if is_taken {
            if *field == EMAIL && held.is_some() {
                merged.email = address.cloned();
            }
            merged.changes.push(FieldChange { field: *field, before, after: value.clone() });
        } else {
            merged.left += 1;
        }
    }
    merged
}

/// Whether nothing would be lost by losing it.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::Json(json) => matches!(json.trim(), "" | "null" | "[]" | "{}" | "\"\""),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use achub_core::{email::LocalParts, person::FieldId};
    use proptest::prelude::*;

    use super::*;
    use crate::import::sample::person;

    const FIRST: PersonField = PersonField::BuiltIn(BuiltIn::FirstName);
    const LAST: PersonField = PersonField::BuiltIn(BuiltIn::LastName);

    fn check(merge: Merge, shown: &[(PersonField, &str)], expected: &[(&str, &str)], left: u64) {
        let mut held = person(1, "ann@example.com");
        held.first_name = Some("Ann".to_owned());
        let shown: Vec<_> = shown.iter().map(|(field, text)| (*field, Value::text(*text))).collect();

        let merged = merged(Some(&held), None, &shown, merge);

        let changes: Vec<(String, String)> =
            merged.changes.iter().map(|change| (change.before.display(), change.after.display())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(before, after)| (before.to_string(), after.to_string())).collect();
        assert_eq!((changes, merged.left), (expected, left), "{merge:?}");
    }

    /// AB-89.
    #[test]
    fn policies_decide_about_fields_that_differ() {
        let shown = [(FIRST, "Anna"), (LAST, "Lee")];
        check(Merge::Overwrite, &shown, &[("Ann", "Anna"), ("", "Lee")], 0);
        check(Merge::FillMissing, &shown, &[("", "Lee")], 1);
        check(Merge::Skip, &shown, &[], 2);
    }

    /// SX-21: a blank erases nothing, under no policy.
    #[test]
    fn blanks_never_erase_a_value() {
        for merge in Merge::ALL {
            check(merge, &[(FIRST, ""), (FIRST, "  ")], &[], 0);
        }
    }

    /// SX-19.
    #[test]
    fn another_case_of_the_address_keeps_its_spelling() {
        let held = person(1, "ann@example.com");
        let email = |text| EmailAddress::parse(text, LocalParts::FoldCase).expect("an address");
        let changes = |text| merged(Some(&held), Some(&email(text)), &[], Merge::Overwrite).changes;
        assert_eq!(changes("ANN@Example.COM"), vec![]);
        assert_eq!(changes("ann@new.example")[0].after, Value::text("ann@new.example"));
    }

    #[test]
    fn last_of_two_values_counts() {
        check(Merge::Overwrite, &[(FIRST, "Ann B"), (FIRST, "Ann")], &[], 0);
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            "[ a-c]{0,3}".prop_map(Value::text),
            any::<bool>().prop_map(Value::Boolean),
            Just(Value::Json("[]".into())),
            Just(Value::Json("[\"a\"]".into())),
        ]
    }

    fn put(person: &mut Person, changes: &[FieldChange]) {
        for change in changes {
            let PersonField::Custom(field) = change.field else { continue };
            person.values.retain(|held| held.field != field);
            let provenance =
                achub_core::person::Provenance { connection: None, run: None, at: person.created_at };
            let value = change.after.clone();
            person.values.push(achub_core::person::PersonValue { field, value, provenance });
        }
    }

    proptest! {
        /// SX-20, SX-21: no change leads to a blank, and a second import of the same values changes nothing.
        #[test]
        fn second_merge_changes_nothing(
            held in proptest::collection::vec((0_i64..4, value()), 0..4),
            shown in proptest::collection::vec((0_i64..4, value()), 0..6),
            merge in prop_oneof![Just(Merge::Skip), Just(Merge::Overwrite), Just(Merge::FillMissing)],
        ) {
            let mut person = person(1, "ann@example.com");
            let fields = |values: Vec<(i64, Value)>| -> Vec<(PersonField, Value)> {
                values.into_iter().map(|(id, value)| (PersonField::Custom(FieldId(id)), value)).collect()
            };
            put(&mut person, &merged(None, None, &fields(held), Merge::Overwrite).changes);
            let shown = fields(shown);

            let first = merged(Some(&person), None, &shown, merge);
            prop_assert!(first.changes.iter().all(|change| !is_blank(&change.after)));
            put(&mut person, &first.changes);
            prop_assert_eq!(merged(Some(&person), None, &shown, merge).changes, vec![]);
        }
    }
}
