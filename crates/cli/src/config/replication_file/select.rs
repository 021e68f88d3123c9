//! `select`: which fields become columns, in which order, under which names.

use std::collections::HashSet;

use achub_engine::replication::Selected;

use crate::config::{known_stream::KnownStream, nearest::advice, replication_file::names::matches};

/// The item that stands for the names in `columns`.
const OF_COLUMNS: &str = "@columns";

/// Resolves the items of a `select` for a stream. `columns` are the names in `columns`, `with_noise` says whether patterns
/// take link blocks along.
///
/// Items: `@columns` (first), `name`, `*` and other patterns, `-name` and `-pattern`, `old as new`. Only exclusions mean
/// "all but these". Errors, as text: an unknown field with the nearest right one, two columns of one name, nothing left.
pub fn resolve(
    items: &[String],
    stream: &KnownStream,
    columns: &[String],
    with_noise: bool,
) -> Result<Vec<Selected>, String> {
    let items = &with_columns(items, columns)?[..];
    let (out, kept): (Vec<&str>, Vec<&str>) =
        items.iter().map(String::as_str).partition(|item| item.starts_with('-'));
    let named = named(&kept, stream)?;
    if let Some(item) = out.iter().find(|item| item.split_whitespace().count() > 1) {
        return Err(format!("{:?} is left out and renamed", &item[1..]));
    }
    let left_out = |field: &str| out.iter().any(|item| is_about(&item[1..], field, stream));
    let mut taken = HashSet::new();
    let mut selected = Vec::new();
    let everything = ["*"];
    for item in if kept.is_empty() { &everything[..] } else { &kept[..] } {
        for candidate in candidates(item, stream, &named, with_noise)? {
            if !left_out(&candidate.field) && taken.insert(candidate.field.clone()) {
                selected.push(candidate);
            }
        }
    }
    check(&selected, stream)?;
    Ok(selected)
}

/// The items with `@columns` replaced by the names it stands for.
fn with_columns(items: &[String], columns: &[String]) -> Result<Vec<String>, String> {
    match items.iter().position(|item| item.eq_ignore_ascii_case(OF_COLUMNS)) {
        None => Ok(items.to_vec()),
        Some(0) if columns.is_empty() => Err(format!("`{OF_COLUMNS}` needs `columns`, and there are none")),
        Some(0) => Ok([columns, &items[1..]].concat()),
        Some(_) => Err(format!("`{OF_COLUMNS}` must be the first item")),
    }
}

/// The fields that items name one by one; patterns leave them to their own places.
fn named(items: &[&str], stream: &KnownStream) -> Result<HashSet<String>, String> {
    let single = items.iter().filter(|item| !item.contains(['*', '?']));
    single.map(|item| Ok(one(item, stream)?.field)).collect()
}

fn candidates(
    item: &str,
    stream: &KnownStream,
    named: &HashSet<String>,
    with_noise: bool,
) -> Result<Vec<Selected>, String> {
    if !item.contains(['*', '?']) {
        return Ok(vec![one(item, stream)?]);
    }
    let pattern = item.to_lowercase();
    let fields = stream.fields.iter().filter(|field| {
        matches(&pattern, &field.to_lowercase())
            && !named.contains(*field)
            && (with_noise || !stream.noise.contains(field))
    });
    let found: Vec<Selected> = fields.map(|field| Selected { field: field.clone(), column: None }).collect();
    match found.is_empty()
        && item != "*"
        && !stream.fields.iter().any(|field| matches(&pattern, &field.to_lowercase()))
    {
        true => Err(format!("{item:?} matches no field of {}", stream.name)),
        false => Ok(found),
    }
}

/// `name` or `old as new`.
fn one(item: &str, stream: &KnownStream) -> Result<Selected, String> {
    let words: Vec<&str> = item.split_whitespace().collect();
    let (old, new) = match words.as_slice() {
        [old, word, new] if word.eq_ignore_ascii_case("as") => (*old, Some((*new).to_owned())),
        _ => (item, None),
    };
    match stream.field(old) {
        Some(field) => Ok(Selected { field: field.to_owned(), column: new }),
        None => Err(format!(
            "{} has no field {old:?}, {}",
            stream.name,
            advice(old, stream.fields.iter().map(String::as_str))
        )),
    }
}

fn is_about(item: &str, field: &str, stream: &KnownStream) -> bool {
    let item = item.trim();
    matches(&item.to_lowercase(), &field.to_lowercase()) || stream.field(item) == Some(field)
}

fn check(selected: &[Selected], stream: &KnownStream) -> Result<(), String> {
    if selected.is_empty() {
        return Err(format!("leaves no field of {}", stream.name));
    }
    let mut names = HashSet::new();
    let twice = selected.iter().filter_map(|selected| selected.column.as_ref()).find(|column| {
        let plain =
            |selected: &Selected| selected.column.is_none() && selected.field.eq_ignore_ascii_case(column);
        !names.insert(column.to_lowercase()) || selected.iter().any(plain)
    });
    match twice {
        Some(column) => Err(format!("gives two columns the name {column:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::config::known_stream::KnownStream;

    fn stream() -> KnownStream {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        KnownStream {
            name: "things".to_owned(),
            fields: texts(&["id", "email", "firstName", "p_one", "p_two", "links"]),
            noise: texts(&["links"]),
            key: texts(&["id"]),
            texts: texts(&["email", "firstName"]),
        }
    }

    /// The columns as `field` or `field=column`.
    fn columns(items: &[&str], with_noise: bool) -> Result<String, String> {
        let items: Vec<String> = items.iter().map(|&item| item.to_owned()).collect();
        let selected = resolve(&items, &stream(), &["email".to_owned(), "id".to_owned()], with_noise)?;
        let shown = selected.into_iter().map(|selected| match selected.column {
            Some(column) => format!("{}={column}", selected.field),
            None => selected.field,
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn items_choose_order_and_rename() {
        for (items, expected) in [
            (&["id", "EMAIL"][..], "id email"),
            (&["email", "*", "-links"], "email id firstName p_one p_two"),
            (&["id", "first_name as fn", "*"], "id firstName=fn email p_one p_two links"),
            (&["-p_*", "-links"], "id email firstName"),
            (&["p_*", "id"], "p_one p_two id"),
            (&["*_two"], "p_two"),
            (&["*", "id"], "email firstName p_one p_two links id"),
            (&["id", "id"], "id"),
            (&["@columns", "*", "-links"], "email id firstName p_one p_two"),
        ] {
            assert_eq!(columns(items, true).as_deref(), Ok(expected), "{items:?}");
        }
        assert_eq!(columns(&["*"], false).as_deref(), Ok("id email firstName p_one p_two"));
        assert_eq!(columns(&["id", "links"], false).as_deref(), Ok("id links"));
    }

    #[test]
    fn wrong_items_are_named() {
        for (items, what) in [
            (&["emial"][..], "things has no field \"emial\", did you mean \"email\""),
            (&["x_*"], "\"x_*\" matches no field of things"),
            (&["id", "@columns"], "`@columns` must be the first item"),
            (&["-id as x"], "\"id as x\" is left out and renamed"),
            (&["id", "-*"], "leaves no field of things"),
            (&["id as x", "email as X"], "gives two columns the name \"X\""),
            (&["id as email", "email"], "gives two columns the name \"email\""),
        ] {
            let error = columns(items, true).unwrap_err();
            assert!(error.starts_with(what), "{items:?}: {error}");
        }
    }
}
