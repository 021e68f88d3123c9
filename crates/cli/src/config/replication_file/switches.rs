//! The switches: `SLING_…` in the file's `env` or in the process.

use std::collections::BTreeMap;

use achub_core::{Code, Error};
use achub_engine::replication::LoadedAt;

use crate::config::{
    environment::Environment,
    keys::{Origin, switch},
    replication_file::{
        findings::Findings,
        grant::{Grant, SWITCH, grant},
    },
    yaml::Place,
};

const LIMIT: &str = "SLING_LIMIT";
const LOADED_AT: &str = "SLING_LOADED_AT_COLUMN";
/// The name Sling gives the column.
const LOADED_AT_COLUMN: &str = "_sling_loaded_at";

/// What the switches ask for. What is not named stays open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Switches {
    /// At most so many records of each stream.
    pub limit: Option<u64>,
    /// The loaded-at column; `Some(None)` asks for none.
    pub loaded_at: Option<Option<LoadedAt>>,
}

impl Switches {
    /// The switches of a file's `env`, which stands at `place`. What is not done goes to `findings`.
    ///
    /// Errors: `CF-104` for a wrong value.
    pub fn read(
        origin: &Origin,
        place: Place,
        env: &BTreeMap<String, String>,
        findings: &mut Findings,
    ) -> Result<Switches, Error> {
        for name in env.keys().filter(|name| name.starts_with("SLING_")) {
            match grant(SWITCH, name) {
                Some(_) => findings.judge(SWITCH, name, place, "env", &format!("`{name}`")),
                None => {
                    findings.warn(place, &format!("env: `{name}` is not known and ignored"));
                    false
                }
            };
        }
        let value = |name: &str| env.get(name).map(String::as_str);
        Switches::of(value(LIMIT), value(LOADED_AT))
            .map_err(|what| origin.error(Code::BadFile, place, format!("env: {what}")))
    }

    /// The switches of the process. Errors: `CF-106` for a wrong value.
    pub fn of_process(environment: &Environment) -> Result<Switches, Error> {
        Switches::of(environment.get(LIMIT), environment.get(LOADED_AT))
            .map_err(|what| Error::new(Code::BadArgument, what))
    }

    fn of(limit: Option<&str>, column: Option<&str>) -> Result<Switches, String> {
        let filled = |value: Option<&'_ str>| {
            value.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let limit = filled(limit)
            .map(|text| match text.parse::<u64>() {
                Ok(limit) if limit > 0 => Ok(limit),
                _ => Err(format!("`{LIMIT}` must be a whole number of 1 or more, got {text:?}")),
            })
            .transpose()?;
        let loaded_at = filled(column).map(|text| loaded_at(&text)).transpose()?;
        Ok(Switches { limit, loaded_at })
    }

    /// These switches with what they do not name taken from `other`.
    pub fn or(self, other: Switches) -> Switches {
        Switches { limit: self.limit.or(other.limit), loaded_at: self.loaded_at.or(other.loaded_at) }
    }
}

fn loaded_at(text: &str) -> Result<Option<LoadedAt>, String> {
    let column = |unix| Some(LoadedAt { column: LOADED_AT_COLUMN.to_owned(), unix });
    match (text.to_ascii_lowercase().as_str(), switch(text)) {
        ("timestamp", _) => Ok(column(false)),
        ("unix", _) | (_, Some(true)) => Ok(column(true)),
        (_, Some(false)) => Ok(None),
        _ => Err(format!("`{LOADED_AT}` must be true, unix, timestamp or false, got {text:?}")),
    }
}

/// A word about each switch of the process that has no effect. The file did not ask for them: they are no errors.
pub fn process_warnings(environment: &Environment) -> Vec<String> {
    let names = environment.iter().map(|(name, _)| name).filter(|name| name.starts_with("SLING_"));
    let idle = names.filter(|name| !matches!(grant(SWITCH, name), Some(Grant::Done | Grant::Same)));
    idle.map(|name| format!("the variable {name} has no effect in this version")).collect()
}
