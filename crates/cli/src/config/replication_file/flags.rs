//! What flags of the command line say, read as the file would be.

use std::collections::BTreeMap;

use achub_core::{Code, Error};
use achub_engine::replication::Mode;

use crate::config::{
    environment::Environment,
    keys::Origin,
    nearest::advice,
    replication_file::{
        Reading, StreamMap,
        findings::Findings,
        grant::{self, Grant, MODE},
        mode_of, substitute,
    },
    yaml::{Entry, Kind, Node, Place, parse},
};

/// The mode of a `--mode` flag.
///
/// Errors: `CF-106` for an unknown word, `CF-105` for one that is not done.
pub fn mode_of_flag(word: &str) -> Result<Mode, Error> {
    if let Some(mode) = mode_of(word) {
        return Ok(mode);
    }
    match grant::grant(MODE, word) {
        Some(Grant::Refused(why)) => {
            Err(Error::new(Code::NotGranted, format!("--mode: {word} is not done: {why}")))
        }
        _ => Err(Error::new(Code::BadArgument, format!("--mode: unknown mode {word:?}"))
            .with_hint(advice(word, grant::names(MODE)))),
    }
}

/// Adds what the flag called `flag` says about `key` of every stream to `map`; the text is YAML or JSON. Keys that are not
/// done are refused; those that are ignored are told in `warnings`.
pub fn add_flag(
    map: &mut StreamMap,
    flag: &str,
    key: &str,
    text: &str,
    reading: &Reading,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let origin = Origin::new(flag);
    let value = parse(text).map_err(|mistake| origin.mistake(mistake))?;
    add_node(map, &origin, key, value, reading, warnings)
}

/// Adds `text` as the value of an option of every stream, as [`add_flag`] does.
pub fn add_option(
    map: &mut StreamMap,
    flag: &str,
    option: &str,
    text: &str,
    reading: &Reading,
) -> Result<(), Error> {
    let place = Place { line: 1, column: 1 };
    let value = Node::made(text, place);
    let options = vec![Entry { key: option.to_owned(), place, value }];
    let value = Node { place, kind: Kind::Map(options) };
    add_node(map, &Origin::new(flag), "source_options", value, reading, &mut Vec::new())
}

fn add_node(
    map: &mut StreamMap,
    origin: &Origin,
    key: &str,
    value: Node,
    reading: &Reading,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let place = value.place;
    let whole = Node { place, kind: Kind::Map(vec![Entry { key: key.to_owned(), place, value }]) };
    let mut findings = Findings::new(origin.clone(), reading.strict);
    let read = StreamMap::read(origin, "every stream", &whole, false, &mut findings)?;
    warnings.extend(findings.close()?);
    *map = read.with_defaults(map);
    Ok(())
}

/// The map of an `--env` flag.
pub fn env_of_flag(text: &str, environment: &Environment) -> Result<BTreeMap<String, String>, Error> {
    let flag = Origin::new("--env");
    let node = parse(text).map_err(|mistake| flag.mistake(mistake))?;
    substitute::variables(&node, environment).map_err(|mistake| flag.mistake(mistake))
}
