//! Names of streams in a file and on the command line: wildcards, exclusions, selection.

use achub_core::{Code, Error};

use crate::config::{
    keys::Origin,
    known_stream::{KnownStream, SLING, normal, unknown},
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
/// A pattern's settings are copied to each stream but for `primary_key`. A stream that is also named on its own keeps
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
                let map = StreamMap { primary_key: None, ..entry.map.clone() };
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

/// The items of `--streams` that match none of `names`, and whether a name is selected.
pub struct Selection {
    items: Vec<String>,
}

impl Selection {
    /// Reads the items of `--streams`. No items: everything is selected.
    ///
    /// Errors: `tag:` items, which need stream tags.
    pub fn read(items: &[String]) -> Result<Selection, Error> {
        let items: Vec<String> =
            items.iter().map(|item| normal(item)).filter(|item| !item.is_empty()).collect();
        match items.iter().find(|item| item.starts_with("tag:") || item.starts_with("-tag:")) {
            Some(item) => Err(Error::new(
                Code::NotGranted,
                format!("--streams: selecting by tag ({item}) comes with a later version"),
            )),
            None => Ok(Selection { items }),
        }
    }

    /// Whether the stream called `name` is selected.
    pub fn selects(&self, name: &str) -> bool {
        self.items.is_empty() || self.items.iter().any(|item| matches(item, name))
    }

    /// The items that select none of `names`.
    pub fn idle<'a>(&'a self, names: &[String]) -> impl Iterator<Item = &'a str> {
        let names = names.to_vec();
        self.items
            .iter()
            .map(String::as_str)
            .filter(move |item| !names.iter().any(|name| matches(item, name)))
    }
}

/// The streams that the items of `--streams` name, in the order of the items; `all` and `*` are all there are.
///
/// Errors: an item that matches nothing.
pub fn select_known(items: &[String], known: &[KnownStream]) -> Result<Vec<String>, Error> {
    let mut selected: Vec<String> = Vec::new();
    for item in items.iter().map(|item| normal(item)).filter(|item| !item.is_empty()) {
        let pattern = if item == "all" { "*" } else { item.as_str() };
        let found: Vec<&KnownStream> = known.iter().filter(|stream| matches(pattern, &stream.name)).collect();
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
    use super::{expand, matches};
    use crate::config::known_stream::all;

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
}
