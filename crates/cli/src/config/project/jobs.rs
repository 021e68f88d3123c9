//! What a project file has done: replications and imports, with the names that schedules know them by.

use achub_core::{Code, Error, port::incoming::Selection};
use achub_engine::import::Merge;
use clap::ValueEnum;

use crate::{
    args::{Policies, Removals, SchemaChanges, Wide},
    config::{
        keys::{Keys, Origin},
        nearest::advice,
        yaml::{Entry, Kind, Node},
    },
};

/// A replication of a project file. What it does not say is as with `achub replicate run`.
#[derive(Debug)]
pub struct Replication {
    /// Its name.
    pub name: String,
    /// The account, as the file names it.
    pub from: String,
    /// The target, as the file names it.
    pub to: String,
    /// The streams, as `--streams` takes them; empty for all that the account has.
    pub streams: Vec<String>,
    /// `--since`: a date, a time, or everything.
    pub start: Option<String>,
    /// `--mode` of all streams.
    pub mode: Option<String>,
    /// Everything else that flags can ask for.
    pub policies: Policies,
}

/// An import of a project file.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// The account, as the file names it.
    pub from: String,
    /// Chosen lists, tags or segments; everybody where none are.
    pub selection: Selection,
    /// What becomes of fields of people who are in the store already.
    pub merge: Merge,
}

const REPLICATION: &[&str] = &[
    "from",
    "to",
    "streams",
    "start",
    "mode",
    "full_check",
    "removals",
    "removal_floor",
    "schema_changes",
    "wide",
];
const IMPORT: &[&str] = &["from", "lists", "tags", "segments", "duplicates"];

impl Replication {
    /// Reads an entry of `replications`.
    pub fn read(origin: &Origin, entry: &Entry) -> Result<Replication, Error> {
        let what = format!("replications.{}", entry.key);
        let keys = Keys::of(origin, Code::BadFile, what, &entry.value, REPLICATION)?;
        let (full_check, no_full_check) = match word(&keys, "full_check", &["weekly", "every_run", "never"])?
        {
            None | Some("weekly") => (false, false),
            Some("every_run") => (true, false),
            Some(_) => (false, true),
        };
        Ok(Replication {
            name: entry.key.clone(),
            from: keys.needed("from")?.to_owned(),
            to: keys.needed("to")?.to_owned(),
            streams: texts(&keys, "streams")?,
            start: keys.text("start")?.map(str::to_owned),
            mode: keys.text("mode")?.map(str::to_owned),
            policies: Policies {
                full_check,
                no_full_check,
                removals: choice::<Removals>(&keys, "removals")?,
                removal_floor: keys.number("removal_floor", 100)?.and_then(|share| u8::try_from(share).ok()),
                schema_changes: choice::<SchemaChanges>(&keys, "schema_changes")?,
                wide: choice::<Wide>(&keys, "wide")?,
            },
        })
    }
}

impl Import {
    /// Reads an entry of `imports`.
    pub fn read(origin: &Origin, entry: &Entry) -> Result<Import, Error> {
        let what = format!("imports.{}", entry.key);
        let keys = Keys::of(origin, Code::BadFile, what, &entry.value, IMPORT)?;
        let given: Vec<(&str, Vec<String>)> = ["lists", "tags", "segments"]
            .into_iter()
            .map(|key| Ok((key, texts(&keys, key)?)))
            .filter(|given| !matches!(given, Ok((_, names)) if names.is_empty()))
            .collect::<Result<_, Error>>()?;
        let selection = match &given[..] {
            [] => Selection::All,
            [("lists", names)] => Selection::Lists(names.clone()),
            [("tags", names)] => Selection::Tags(names.clone()),
            [(_, names)] => Selection::Segments(names.clone()),
            [_, (second, _), ..] => {
                return Err(keys
                    .error_at(second, "stands beside another choice; one kind of choice is enough")
                    .with_hint("make two imports, or leave all out for everybody"));
            }
        };
        Ok(Import {
            name: entry.key.clone(),
            from: keys.needed("from")?.to_owned(),
            selection,
            merge: merge(&keys)?,
        })
    }
}

/// One text, or a list of texts; `all` and nothing are the empty list.
pub(super) fn texts(keys: &Keys<'_>, key: &str) -> Result<Vec<String>, Error> {
    let Some(node) = keys.get(key) else { return Ok(Vec::new()) };
    let text = |node: &Node| {
        let text = node.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        text.ok_or_else(|| {
            keys.error(node.place, format!("`{key}` must hold texts, got {}", node.describe()))
        })
    };
    match &node.kind {
        Kind::List(items) => items.iter().map(text).collect(),
        Kind::Scalar(scalar) if scalar.text.eq_ignore_ascii_case("all") => Ok(Vec::new()),
        _ => Ok(vec![text(node)?]),
    }
}

/// What `duplicates` says; fields are overwritten where it says nothing.
fn merge(keys: &Keys<'_>) -> Result<Merge, Error> {
    let words = Merge::ALL.map(Merge::word);
    let word = word(keys, "duplicates", &words)?;
    Ok(word.and_then(Merge::find).unwrap_or_default())
}

/// One of `words`.
fn word<'a>(keys: &Keys<'a>, key: &str, words: &[&'a str]) -> Result<Option<&'a str>, Error> {
    let Some(text) = keys.text(key)? else { return Ok(None) };
    match words.iter().find(|word| **word == text) {
        Some(word) => Ok(Some(word)),
        None => Err(keys
            .error_at(key, format!("must be one of {}, got {text:?}", words.join(", ")))
            .with_hint(advice(text, words.iter().copied()))),
    }
}

/// One of the words that a flag takes.
fn choice<T: ValueEnum>(keys: &Keys<'_>, key: &str) -> Result<Option<T>, Error> {
    let Some(text) = keys.text(key)? else { return Ok(None) };
    let words: Vec<String> = T::value_variants()
        .iter()
        .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
        .collect();
    T::from_str(text, false).map(Some).map_err(|_| {
        keys.error_at(key, format!("must be one of {}, got {text:?}", words.join(", ")))
            .with_hint(advice(text, words.iter().map(String::as_str)))
    })
}
