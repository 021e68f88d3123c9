//! Names of streams in a file and on the command line: wildcards, exclusions, selection.

use achub_core::{Code, Error};

use crate::config::{
    keys::Origin,
    known_stream::{KnownStream, SLING, is_derived, normal, unknown},
    replication_file::stream_map::StreamMap,
    yaml::Place,
};

/// A stream as the file lists it: a name or a pattern with its own settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The name as written.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Its settings.
    pub map: StreamMap,
}

/// What a pattern does not hand on.
const OF_THE_STREAM: [&str; 2] = ["primary_key", "description"];

/// Whether the name is a pattern.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether `name` matches `pattern`: `*` stands for any text, `?` for one character.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            matches(rest, name)
                || name.chars().next().is_some_and(|c| matches(pattern, &name[c.len_utf8()..]))
        }
        Some(wanted) => name.chars().next().is_some_and(|c| {
            (wanted == '?' || wanted == c) && matches(&pattern[wanted.len_utf8()..], &name[c.len_utf8()..])
        }),
    }
}

/// The streams of `known` that a pattern stands for.
///
/// A pattern is about Sling's names, so that a file means what it meant there; only where it matches none of them is
/// it about all our names.
pub fn expand<'a>(pattern: &str, known: &'a [KnownStream]) -> Vec<&'a KnownStream> {
    let pattern = normal(pattern);
    let matching = |sling: bool| -> Vec<&'a KnownStream> {
        let candidates = known.iter().filter(|stream| !sling || SLING.contains(&stream.name.as_str()));
        candidates.filter(|stream| matches(&pattern, &stream.name)).collect()
    };
    match matching(true) {
        found if found.is_empty() => matching(false),
        found => found,
    }
}

/// The streams of the list in the order of work, patterns replaced by what they stand for.
///
/// A pattern's settings are copied to each stream but for its key and description, which are the stream's own. A stream that is also named on its own keeps
/// its own place and settings. Of two patterns that match one stream the later one decides its settings.
///
/// Errors: a name or pattern that matches nothing; one stream named twice.
pub fn resolve(origin: &Origin, listed: Vec<Listed>, known: &[KnownStream]) -> Result<Vec<Listed>, Error> {
    let own: Vec<String> =
        listed.iter().filter(|entry| !is_pattern(&entry.name)).map(|entry| normal(&entry.name)).collect();
    let mut resolved: Vec<Listed> = Vec::new();
    for entry in listed {
        let place = entry.place;
        let nothing = |error: Error| error.context(format!("{}:{place}", origin.name()));
        if is_pattern(&entry.name) {
            let found = expand(&entry.name, known);
            if found.is_empty() {
                return Err(nothing(unknown(known, &entry.name)));
            }
            for stream in found.into_iter().filter(|stream| !own.contains(&stream.name)) {
                let map = entry.map.clone().without(&OF_THE_STREAM);
                put(&mut resolved, Listed { name: stream.name.clone(), place, map });
            }
            continue;
        }
        let name = normal(&entry.name);
        if !known.iter().any(|stream| stream.name == name) {
            return Err(nothing(unknown(known, &entry.name)));
        }
        if resolved.iter().any(|other| other.name == name) {
            return Err(origin.error(Code::BadFile, place, format!("the stream {name} is named twice")));
        }
        resolved.push(Listed { name, ..entry });
    }
    Ok(resolved)
}

fn put(resolved: &mut Vec<Listed>, entry: Listed) {
    match resolved.iter_mut().find(|other| other.name == entry.name) {
        Some(other) => *other = entry,
        None => resolved.push(entry),
    }
}

/// What `--streams` selects of a file.
#[derive(Debug)]
pub struct Selection {
    items: Vec<String>,
    tags: Vec<String>,
    left_out: Vec<String>,
}

/// What a stream is selected by.
pub struct Selectable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its tags.
    pub tags: &'a [String],
}

impl Selection {
    /// Reads the items of `--streams`: names, ids and patterns, `tag:NAME`, `-tag:NAME`. No items: everything is selected.
    ///
    /// Errors: `CF-106` where some tags are to be in and others out.
    pub fn read(items: &[String]) -> Result<Selection, Error> {
        let mut selection = Selection { items: Vec::new(), tags: Vec::new(), left_out: Vec::new() };
        for item in items.iter().map(|item| normal(item)).filter(|item| !item.is_empty()) {
            let tag = |prefix: &str| item.strip_prefix(prefix).map(|tag| tag.trim().to_owned());
            match (tag("tag:"), tag("-tag:")) {
                (Some(tag), _) => selection.tags.push(tag),
                (_, Some(tag)) => selection.left_out.push(tag),
                (None, None) => selection.items.push(item),
            }
        }
        match selection.tags.is_empty() || selection.left_out.is_empty() {
            true => Ok(selection),
            false => {
                let what = "--streams: tags can be selected or left out, not both in one call";
                Err(Error::new(Code::BadArgument, what))
            }
        }
    }

    /// Whether the stream is selected.
    pub fn selects(&self, stream: &Selectable<'_>) -> bool {
        let has = |tag: &String| stream.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
        if self.left_out.iter().any(has) {
            return false;
        }
        let everything = self.items.is_empty() && self.tags.is_empty();
        everything || self.tags.iter().any(has) || self.items.iter().any(|item| names(item, stream))
    }

    /// The items that select none of `streams`, as they were given.
    pub fn idle(&self, streams: &[Selectable<'_>]) -> Vec<String> {
        let has =
            |stream: &Selectable<'_>, tag: &str| stream.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
        let items =
            self.items.iter().filter(|item| !streams.iter().any(|stream| names(item, stream))).cloned();
        let tagged =
            [("tag:", &self.tags), ("-tag:", &self.left_out)].into_iter().flat_map(|(prefix, tags)| {
                let idle = tags.iter().filter(|tag| !streams.iter().any(|stream| has(stream, tag)));
                idle.map(move |tag| format!("{prefix}{tag}"))
            });
        items.chain(tagged).collect()
    }
}

fn names(item: &str, stream: &Selectable<'_>) -> bool {
    matches(item, stream.name) || item.eq_ignore_ascii_case(stream.id)
}

/// The streams that the items of `--streams` name, in the order of the items; `all` and `*` are all there are.
///
/// Errors: an item that matches nothing.
pub fn select_known(items: &[String], known: &[KnownStream]) -> Result<Vec<String>, Error> {
    let mut selected: Vec<String> = Vec::new();
    for item in items.iter().map(|item| normal(item)).filter(|item| !item.is_empty()) {
        let pattern = if item == "all" { "*" } else { item.as_str() };
        let is_meant = |name: &str| matches(pattern, name) && (pattern == name || !is_derived(name));
        let found: Vec<&KnownStream> = known.iter().filter(|stream| is_meant(&stream.name)).collect();
        if found.is_empty() {
            return Err(unknown(known, &item).context("--streams"));
        }
        for stream in found {
            if !selected.contains(&stream.name) {
                selected.push(stream.name.clone());
            }
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::{Selectable, Selection, expand, matches, select_known};
    use crate::config::known_stream::all;

    #[test]
    fn derived_streams_are_selected_by_name() {
        let select = |item: &str| select_known(&[item.to_owned()], &all()).expect("it matches");

        assert_eq!(select("contacts_wide"), ["contacts_wide"]);
        assert_eq!(select("contacts*"), ["contacts"]);
        assert!(!select("all").contains(&"contacts_wide".to_owned()));
    }

    #[test]
    fn patterns_match_like_globs() {
        for (pattern, name, expected) in [
            ("*", "contacts", true),
            ("deal_*", "deal_stages", true),
            ("deal_*", "deals", false),
            ("*s", "deals", true),
            ("d?als", "deals", true),
            ("d?als", "dals", false),
            ("contacts", "contacts", true),
            ("c*t*s", "contacts", true),
            ("", "contacts", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_mean_what_they_meant_in_sling() {
        let known = all();
        let names = |pattern: &str| -> Vec<String> {
            expand(pattern, &known).into_iter().map(|stream| stream.name.clone()).collect()
        };
        assert_eq!(names("*").len(), 15);
        assert_eq!(names("DEAL_*"), ["deal_pipelines", "deal_stages"]);
        assert!(
            names("ecom_*").len() > 1,
            "a pattern that matches none of Sling's names is about all of ours"
        );
        assert!(names("nothing*").is_empty());
    }

    #[test]
    fn names_ids_patterns_and_tags_select() {
        let tags = ["Nightly".to_owned(), "crm".to_owned()];
        let stream = Selectable { name: "deal_stages", id: "Stages", tags: &tags };
        for (items, expected) in [
            (&[][..], true),
            (&["deals"], false),
            (&["DEAL_*"], true),
            (&["stages"], true),
            (&["tag:nightly"], true),
            (&["tag:other", "x"], false),
            (&["-tag:crm"], false),
            (&["-tag:other"], true),
            (&["deal_*", "-tag:crm"], false),
        ] {
            let items: Vec<String> = items.iter().map(|&item: &&str| item.to_owned()).collect();
            assert_eq!(Selection::read(&items).unwrap().selects(&stream), expected, "{items:?}");
        }
        let both = ["tag:a".to_owned(), "-tag:b".to_owned()];
        assert_eq!(Selection::read(&both).unwrap_err().code().id(), "CF-106");
        let items = ["deals".to_owned(), "-tag:CRM".to_owned(), "-tag:none".to_owned()];
        assert_eq!(Selection::read(&items).unwrap().idle(&[stream]), ["deals", "-tag:none"]);
    }
}
