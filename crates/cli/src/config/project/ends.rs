//! Connections and targets of a project file, in its short form.

use achub_core::{Code, Error};

use crate::config::{
    keys::{Keys, Origin},
    yaml::{Entry, Kind, Node, Place},
};

/// Keys of an account that stand in the entry itself; everything else an account takes is among its inputs.
const ACCOUNT: &[&str] =
    &["url", "key", "share", "anchor_date", "allow_private_address", "reading", "backoff", "rules"];
/// Kinds of targets: the key that says where, and the type it means.
const KINDS: [(&str, &str); 4] =
    [("postgres", "postgres"), ("sqlite", "sqlite"), ("duckdb", "duckdb"), ("folder", "file")];
const TARGET: &[&str] =
    &["postgres", "sqlite", "duckdb", "folder", "schema", "role", "library", "format", "formulas"];

/// An account, `{url, key, share}`, as an entry of `env.yaml`.
///
/// Errors: `CF-104` for unknown keys and for what is missing; the values are checked when the connection is used.
pub fn account(origin: &Origin, entry: &Entry) -> Result<Entry, Error> {
    let what = format!("connections.{}", entry.key);
    let keys = Keys::of(origin, Code::BadFile, what, &entry.value, ACCOUNT)?;
    let place = entry.place;
    let secrets = vec![
        made("base_url", Node::made(keys.needed("url")?, place)),
        made("api_key", Node::made(keys.needed("key")?, place)),
    ];
    let inputs = ACCOUNT[2..].iter().filter_map(|key| {
        let name = if *key == "share" { "requests_per_second" } else { key };
        Some(made(name, keys.get(key)?.clone()))
    });
    let map = vec![
        made("type", Node::made("api", place)),
        made("spec", Node::made("activecampaign", place)),
        made("secrets", map(place, secrets)),
        made("inputs", map(place, inputs.collect())),
    ];
    Ok(Entry { value: self::map(place, map), ..entry.clone() })
}

/// A target, `{postgres: URL}`, `{sqlite: FILE}`, `{duckdb: FILE}` or `{folder: PATH}`, as an entry of `env.yaml`.
///
/// Errors: `CF-104` for unknown keys, and where none or several say where it is.
pub fn target(origin: &Origin, entry: &Entry) -> Result<Entry, Error> {
    let what = format!("targets.{}", entry.key);
    let keys = Keys::of(origin, Code::BadFile, what, &entry.value, TARGET)?;
    let named: Vec<&(&str, &str)> = KINDS.iter().filter(|(key, _)| keys.get(key).is_some()).collect();
    let [(key, kind)] = named[..] else {
        let kinds: Vec<&str> = KINDS.iter().map(|(key, _)| *key).collect();
        return Err(keys.error(entry.place, format!("needs exactly one of {}", kinds.join(", "))));
    };
    let place = entry.place;
    let text = keys.needed(key)?;
    let at = if text.contains("://") { "url" } else { "path" };
    let mut entries = vec![made("type", Node::made(*kind, place)), made(at, Node::made(text, place))];
    let others = TARGET[KINDS.len()..].iter().filter_map(|key| Some(made(key, keys.get(key)?.clone())));
    entries.extend(others);
    Ok(Entry { value: map(place, entries), ..entry.clone() })
}

fn made(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), place: value.place, value }
}

fn map(place: Place, entries: Vec<Entry>) -> Node {
    Node { place, kind: Kind::Map(entries) }
}
