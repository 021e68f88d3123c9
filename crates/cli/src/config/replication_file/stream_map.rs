//! The settings of a stream as a file gives them, and how defaults fill them up.
//!
//! They are kept as written until both are together: whether a key is named decides who wins, and a key that is named
//! with nothing behind it is named.

use achub_core::{Code, Error};

use crate::config::{
    keys::Origin,
    replication_file::{
        findings::Findings,
        grant::{SOURCE_OPTIONS, STREAM, TARGET_OPTIONS, Table},
        reader::Reader,
        settings::{Placed, Settings},
    },
    yaml::{Entry, Kind, Node},
};

/// The keys that are named and carried out, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamMap {
    given: Vec<Given>,
}

/// A key with its value, and who named it.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The key and its value.
    pub entry: Entry,
    /// Whether the defaults named it.
    pub by_defaults: bool,
}

impl Given {
    /// `value`, which stands here.
    pub fn placed<T>(&self, value: T) -> Placed<T> {
        Placed { value, place: self.entry.value.place, by_defaults: self.by_defaults }
    }
}

/// In `columns`: the entry is added to those of the defaults.
const ADDED: char = '+';
/// Maps that are merged key by key.
const OPTIONS: [&str; 2] = ["source_options", "target_options"];
/// Keys that may also stand in `source_options`, their old place.
const MOVED_UP: [&str; 2] = ["columns", "transforms"];

impl StreamMap {
    /// Reads the map `what` (`defaults`, `stream contacts`); null names nothing.
    ///
    /// Errors: `CF-104` for values of the wrong kind. Keys that are not done go to `findings`.
    pub fn read(
        origin: &Origin,
        what: &str,
        node: &Node,
        by_defaults: bool,
        findings: &mut Findings,
    ) -> Result<StreamMap, Error> {
        if node.is_null() {
            return Ok(StreamMap::default());
        }
        let Some(entries) = node.entries() else {
            let text = format!("{what} must be a map, got {}", node.describe());
            return Err(origin.error(Code::BadFile, node.place, text));
        };
        let reader = Reader::new(origin, what);
        let mut map = StreamMap::default();
        for entry in granted(STREAM, entries, what, findings) {
            map.add(&reader, entry, by_defaults, findings)?;
        }
        // What the defaults say wrong is wrong even where every stream says something else.
        Settings::read(&reader, &map.given, findings)?;
        Ok(map)
    }

    fn add(
        &mut self,
        reader: &Reader<'_>,
        mut entry: Entry,
        by_defaults: bool,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let table = match entry.key.as_str() {
            "source_options" => SOURCE_OPTIONS,
            "target_options" => TARGET_OPTIONS,
            _ => {
                self.put(Given { entry, by_defaults });
                return Ok(());
            }
        };
        let inner = reader.inner(&entry.key);
        let options = granted(table, reader.entries(&entry)?, &inner.what, findings);
        let (moved, kept): (Vec<Entry>, Vec<Entry>) =
            options.into_iter().partition(|option| MOVED_UP.contains(&option.key.as_str()));
        for entry in moved {
            if self.get(&entry.key).is_none() {
                self.put(Given { entry, by_defaults });
            }
        }
        entry.value.kind = Kind::Map(kept);
        self.put(Given { entry, by_defaults });
        Ok(())
    }

    fn put(&mut self, given: Given) {
        match self.given.iter_mut().find(|known| known.entry.key == given.entry.key) {
            Some(known) => *known = given,
            None => self.given.push(given),
        }
    }

    /// Adds a key, or replaces its value.
    pub fn set(&mut self, key: &str, value: Node) {
        let entry = Entry { key: key.to_owned(), place: value.place, value };
        self.put(Given { entry, by_defaults: false });
    }

    /// The value of a key that is named.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.given.iter().find(|given| given.entry.key == key).map(|given| &given.entry.value)
    }

    /// The same without these keys.
    pub fn without(mut self, keys: &[&str]) -> StreamMap {
        self.given.retain(|given| !keys.contains(&given.entry.key.as_str()));
        self
    }

    /// These settings with what they do not name taken from `defaults`.
    ///
    /// A key that is named wins, except that options are merged key by key, and `columns` where a name begins with `+`.
    pub fn with_defaults(mut self, defaults: &StreamMap) -> StreamMap {
        for default in &defaults.given {
            match self.given.iter_mut().find(|given| given.entry.key == default.entry.key) {
                None => self.given.push(default.clone()),
                Some(own) if OPTIONS.contains(&own.entry.key.as_str()) => {
                    merge(&mut own.entry.value, &default.entry.value);
                }
                Some(own) if own.entry.key == "columns" && adds(&own.entry.value) => {
                    // The defaults' own `+` stays: what they add to has its turn later.
                    merge(&mut own.entry.value, &default.entry.value);
                }
                Some(_) => {}
            }
        }
        self
    }

    /// The settings with their meaning, for the stream called `name`. What is not done was told when the map was read.
    pub fn settings(&self, origin: &Origin, name: &str) -> Result<Settings, Error> {
        let mut given = self.given.clone();
        for given in given.iter_mut().filter(|given| given.entry.key == "columns") {
            strip(&mut given.entry.value);
        }
        let mut told = Findings::new(origin.clone(), false);
        Settings::read(&Reader::new(origin, format!("stream {name}")), &given, &mut told)
    }
}

/// The entries that are carried out; what is not done goes to `findings`.
fn granted(table: Table, entries: &[Entry], what: &str, findings: &mut Findings) -> Vec<Entry> {
    entries.iter().filter(|entry| findings.key(table, entry, what)).cloned().collect()
}

/// Adds the entries of `default` that `own` does not name, in front of its own: theirs is the earlier place.
fn merge(own: &mut Node, default: &Node) {
    let Some(from) = default.entries() else { return };
    let mut merged: Vec<Entry> = from.to_vec();
    for entry in own.entries().unwrap_or_default() {
        let name = plain(&entry.key);
        match merged.iter_mut().find(|known| plain(&known.key) == name) {
            Some(known) => known.value = entry.value.clone(),
            None => merged.push(Entry { key: name.to_owned(), ..entry.clone() }),
        }
    }
    own.kind = Kind::Map(merged);
}

/// The name without the `+`, which is not part of it.
fn plain(name: &str) -> &str {
    name.strip_prefix(ADDED).unwrap_or(name)
}

fn adds(columns: &Node) -> bool {
    columns.entries().unwrap_or_default().iter().any(|entry| entry.key.starts_with(ADDED))
}

/// Takes the `+` off names.
fn strip(columns: &mut Node) {
    let Kind::Map(entries) = &mut columns.kind else { return };
    for entry in entries {
        entry.key = plain(&entry.key).to_owned();
    }
}
