//! The nearest right name for a wrong one.

/// The name among `names` that was most likely meant by `given`, if one is near enough to be worth saying.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(3) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean "x"` for the nearest name, else all the names there are, shortened.
pub fn advice<'a>(given: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(given, names.clone()) {
        Some(name) => format!("did you mean {name:?}"),
        None => format!("there are: {}", listed(names)),
    }
}

/// Names joined by commas; says how many were left out past twenty.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 20;
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::{advice, nearest};

    #[test]
    fn nearest_name_forgives_small_slips_only() {
        let names = ["contacts", "contact_tags", "deals"];
        for (given, expected) in [
            ("contcats", Some("contacts")),
            ("Contacts", Some("contacts")),
            ("contact_tag", Some("contact_tags")),
            ("deal", Some("deals")),
            ("orders", None),
        ] {
            assert_eq!(nearest(given, names), expected, "{given}");
        }
        assert_eq!(advice("orders", names), "there are: contacts, contact_tags, deals");
    }
}
