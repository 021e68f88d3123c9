//! One hook, read key by key.

use std::time::Duration;

use achub_core::{Code, Error, port::hooks::Moment};

use super::{Action, CommandLine, HookSpec, LogLevel, OnFailure};
use crate::config::{
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{self, Grant, HOOK_TYPE},
        reader::Reader,
    },
    yaml::{Entry, Kind, Node, Place},
};

const ON_FAILURE: &[(&str, OnFailure)] = &[
    ("abort", OnFailure::Abort),
    ("error", OnFailure::Error),
    ("warn", OnFailure::Warn),
    ("quiet", OnFailure::Quiet),
    ("skip", OnFailure::Skip),
    ("break", OnFailure::Break),
    ("retry", OnFailure::Retry),
    ("defer", OnFailure::Defer),
];

const LEVELS: &[(&str, LogLevel)] = &[
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
];

/// One hook; `None` where its type is refused, which `findings` tell.
pub(super) fn hook(
    reader: &Reader<'_>,
    id: &str,
    moment: Moment,
    node: &Node,
    findings: &mut Findings,
) -> Result<Option<HookSpec>, Error> {
    let mistake = |place: Place, what: String| {
        reader.origin.error(Code::BadFile, place, format!("{}: {id}: {what}", reader.what))
    };
    let Some(entries) = node.entries() else {
        return Err(mistake(node.place, format!("a hook must be a map, got {}", node.describe())));
    };
    let Some(kind) = node.get("type").filter(|kind| !kind.is_null()) else {
        return Err(mistake(node.place, "`type` is missing".to_owned())
            .with_hint("add `type: log`, `query`, `http`, `check`, `command`, `write`, `read` or `store`"));
    };
    let word = kind.text().unwrap_or_default().trim().to_lowercase();
    if grant::grant(HOOK_TYPE, &word).is_none() {
        return Err(mistake(kind.place, format!("there is no hook of type {word:?}"))
            .with_hint(advice(&word, grant::names(HOOK_TYPE))));
    }
    let inner = reader.inner(&format!("{id} ({word})"));
    if !findings.judge(HOOK_TYPE, &word, kind.place, &reader.what, &format!("a hook of type `{word}`")) {
        return Ok(None);
    }
    let table = grant::hook_keys(&word);
    let mut known = Vec::new();
    for entry in entries {
        let common = matches!(grant::grant(grant::HOOK, &entry.key), Some(Grant::Done(_)));
        if common || findings.key(table, entry, &inner.what) {
            known.push(entry);
        }
    }
    let map = HookMap { reader: inner, place: node.place, entries: known };
    Ok(Some(HookSpec {
        moment,
        place: node.place,
        id: map.text("id")?.unwrap_or_else(|| id.to_owned()),
        condition: map.text("if")?,
        on_failure: map.choice("on_failure", ON_FAILURE)?.unwrap_or(OnFailure::Abort),
        action: action(&map, &word)?,
    }))
}

fn action(map: &HookMap<'_>, word: &str) -> Result<Action, Error> {
    Ok(match word {
        "log" => Action::Log {
            message: map.needed("message")?,
            level: map.choice("level", LEVELS)?.unwrap_or(LogLevel::Info),
        },
        "query" => Action::Query {
            connection: map.text("connection")?,
            sql: map.one_of("query", "sql")?,
            into: map.text("into")?,
            transient: map.switch("transient")?.unwrap_or(false),
            operation: map.text("operation")?,
            params: map.texts_by_name("params")?.into_iter().collect(),
        },
        "http" => Action::Http {
            url: map.needed("url")?,
            method: map.text("method")?.map_or_else(|| "GET".to_owned(), |method| method.to_uppercase()),
            headers: map.texts_by_name("headers")?,
            body: map.body()?,
            into: map.text("into")?,
            timeout: map.duration("timeout")?,
        },
        "check" => Action::Check {
            check: map.needed("check")?,
            failure_message: map.text("failure_message")?,
            success_message: map.text("success_message")?,
            vars: map.texts_by_name("vars")?.into_iter().collect(),
        },
        "command" => Action::Command {
            command: map.command()?,
            working_dir: map.text("working_dir")?,
            env: map.texts_by_name("env")?.into_iter().collect(),
            print: map.switch("print")?.unwrap_or(false),
            into: map.text("into")?,
            timeout: map.duration("timeout")?,
        },
        "write" => Action::Write { to: map.needed("to")?, content: map.as_is("content")? },
        "read" => Action::Read { from: map.needed("from")?, into: map.needed("into")? },
        "store" => Action::Store { key: map.needed("key")?, value: map.stored_value()? },
        other => unreachable!("a hook of type `{other}` is granted and not read"),
    })
}

/// The keys of one hook.
struct HookMap<'a> {
    reader: Reader<'a>,
    place: Place,
    entries: Vec<&'a Entry>,
}

impl HookMap<'_> {
    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().copied().find(|entry| entry.key == key)
    }

    fn missing(&self, key: &str) -> Error {
        let what = format!("{}: `{key}` is missing", self.reader.what);
        self.reader.origin.error(Code::BadFile, self.place, what)
    }

    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        self.get(key).map_or(Ok(None), |entry| self.reader.text(entry))
    }

    fn needed(&self, key: &str) -> Result<String, Error> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    fn one_of(&self, key: &str, other: &str) -> Result<String, Error> {
        match (self.text(key)?, self.text(other)?) {
            (Some(text), None) | (None, Some(text)) => Ok(text),
            (None, None) => Err(self.missing(key)),
            (Some(_), Some(_)) => {
                let entry = self.get(other).expect("its text was just read");
                Err(self.reader.error(entry, format!("and `{key}` cannot both be given")))
            }
        }
    }

    fn as_is(&self, key: &str) -> Result<String, Error> {
        let entry = self.get(key).ok_or_else(|| self.missing(key))?;
        Ok(self.reader.text_as_is(entry)?.unwrap_or_default())
    }

    fn switch(&self, key: &str) -> Result<Option<bool>, Error> {
        self.get(key).map(|entry| self.reader.switch(entry)).transpose()
    }

    fn duration(&self, key: &str) -> Result<Option<Duration>, Error> {
        self.get(key).map_or(Ok(None), |entry| self.reader.duration(entry))
    }

    fn choice<T: Copy>(&self, key: &str, choices: &[(&'static str, T)]) -> Result<Option<T>, Error> {
        self.get(key).map_or(Ok(None), |entry| self.reader.choice(entry, choices))
    }

    /// A map of single values.
    fn texts_by_name(&self, key: &str) -> Result<Vec<(String, String)>, Error> {
        let Some(entry) = self.get(key) else { return Ok(Vec::new()) };
        let inner = self.reader.inner(key);
        let entries = self.reader.entries(entry)?.iter();
        entries.map(|entry| Ok((entry.key.clone(), inner.text_as_is(entry)?.unwrap_or_default()))).collect()
    }

    fn body(&self) -> Result<Option<String>, Error> {
        let given = [self.get("payload"), self.get("body")].into_iter().flatten().collect::<Vec<_>>();
        match given[..] {
            [] => Ok(None),
            [entry] if entry.value.scalar().is_some() => self.reader.text_as_is(entry),
            [entry] => Ok(Some(json(&entry.value).to_string())),
            [_, second, ..] => Err(self.reader.error(second, "and `payload` cannot both be given")),
        }
    }

    fn command(&self) -> Result<CommandLine, Error> {
        let entry = self.get("command").ok_or_else(|| self.missing("command"))?;
        if !matches!(entry.value.kind, Kind::List(_)) {
            return self.reader.needed(entry).map(CommandLine::Shell);
        }
        match self.reader.texts(entry)? {
            parts if parts.is_empty() => Err(self.reader.error(entry, "is empty")),
            parts => Ok(CommandLine::Program(parts)),
        }
    }

    fn stored_value(&self) -> Result<Option<String>, Error> {
        if self.switch("delete")?.unwrap_or(false) {
            return Ok(None);
        }
        let entry = self.get("value").ok_or_else(|| self.missing("value"))?;
        match entry.value.scalar() {
            Some(_) => Ok(Some(self.reader.text_as_is(entry)?.unwrap_or_default())),
            None => Ok(Some(json(&entry.value).to_string())),
        }
    }
}

/// A map or list of the file as JSON. What stands there without quotes and is a JSON word or number is one.
fn json(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect(),
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Scalar(_) if node.is_null() => serde_json::Value::Null,
        Kind::Scalar(scalar) if scalar.plain => {
            serde_json::from_str(&scalar.text).unwrap_or_else(|_| scalar.text.clone().into())
        }
        Kind::Scalar(scalar) => scalar.text.clone().into(),
    }
}
