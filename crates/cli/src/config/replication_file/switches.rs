//! The switches: `SLING_…` in the file's `env` or in the process.

use std::{collections::BTreeMap, time::Duration};

use achub_core::{Code, Error};
use achub_engine::{replication::LoadedAt, shape::OnBroken};

use crate::config::{
    environment::Environment,
    keys::{Origin, switch},
    nearest::nearest,
    replication_file::{
        figures::{Figure, Figures},
        findings::Findings,
        grant::{Grant, SWITCH, grant, names},
        reader::duration,
    },
    yaml::Place,
};

/// The name Sling gives the column.
pub const LOADED_AT_COLUMN: &str = "_sling_loaded_at";

/// What the switches ask for. What is not named stays open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Switches {
    /// At most so many records of each stream.
    pub limit: Option<u64>,
    /// The loaded-at column; `Some(None)` asks for none.
    pub loaded_at: Option<Option<LoadedAt>>,
    /// Columns that tell when and how a row was last touched.
    pub synced_at: bool,
    /// A column with the run.
    pub exec_id: bool,
    /// A column with an id of the row's own.
    pub row_id: bool,
    /// A column with the row's number.
    pub row_number: bool,
    /// Where the state lives: `CONN/place`.
    pub state: Option<String>,
    /// Streams read at a time.
    pub threads: Option<usize>,
    /// How often a stream that failed in passing is begun again.
    pub retries: Option<u32>,
    /// How long to wait before that.
    pub retry_delay: Option<Duration>,
    /// When the run ends at its next safe point.
    pub time_limit: Option<Duration>,
    /// Whether a stream without rows makes an empty table.
    pub allow_empty: Option<bool>,
    /// How words are said.
    pub logging: Option<Logging>,
    /// What happens to rows that break a constraint.
    pub on_broken: Option<OnBroken>,
    /// Whether staging tables are left.
    pub keep_staging: bool,
    /// Whether rows that are appended go straight into the table.
    pub direct_insert: bool,
    /// Whether only the plan is printed.
    pub dry_run: bool,
    /// Figures the run must reach.
    pub figures: Figures,
}

/// How words are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logging {
    /// As people read them.
    Console,
    /// The same without colour.
    NoColor,
    /// One JSON object a line.
    Json,
}

impl Switches {
    /// Looks at the switches of a file's `env`, which stands at `place`. What is not done goes to `findings`.
    ///
    /// Errors: `CF-104` for a wrong value.
    pub fn check(
        origin: &Origin,
        place: Place,
        env: &BTreeMap<String, String>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        for name in env.keys().filter(|name| name.starts_with("SLING_")) {
            match grant(SWITCH, name) {
                Some(_) => {
                    findings.judge(SWITCH, name, place, "env", &format!("`{name}`"));
                }
                None => {
                    let near = nearest(name, names(SWITCH)).map(|near| format!(", did you mean `{near}`"));
                    let near = near.unwrap_or_default();
                    findings.warn(place, &format!("env: `{name}` is not known and ignored{near}"));
                }
            }
        }
        Switches::of(&|name| env.get(name).map(String::as_str))
            .map(drop)
            .map_err(|what| origin.error(Code::BadFile, place, format!("env: {what}")))
    }

    /// The switches of a run: those of the file's `env`, and of the process where that names none.
    ///
    /// Errors: `CF-106` for a wrong value.
    pub fn of_run(env: &BTreeMap<String, String>, environment: &Environment) -> Result<Switches, Error> {
        Switches::of(&|name| env.get(name).map(String::as_str).or_else(|| environment.get(name)))
            .map_err(|what| Error::new(Code::BadArgument, what))
    }

    fn of<'a>(lookup: &dyn Fn(&str) -> Option<&'a str>) -> Result<Switches, String> {
        let values = Values { lookup };
        Ok(Switches {
            limit: values.number("SLING_LIMIT", 1)?,
            loaded_at: values.read("SLING_LOADED_AT_COLUMN", "true, unix, timestamp or false", loaded_at)?,
            synced_at: values.switch("SLING_SYNCED_AT_COLUMN")?.unwrap_or(false),
            exec_id: values.switch("SLING_EXEC_ID_COLUMN")?.unwrap_or(false),
            row_id: values.switch("SLING_ROW_ID_COLUMN")?.unwrap_or(false),
            row_number: values.switch("SLING_ROW_NUM_COLUMN")?.unwrap_or(false),
            state: values.filled("SLING_STATE").map(str::to_owned),
            threads: values.number("SLING_THREADS", 1)?,
            retries: values.number("SLING_RETRIES", 0)?,
            retry_delay: values.read("SLING_RETRY_DELAY", "a span of time such as 30s", duration)?,
            time_limit: values.read("SLING_TIMEOUT", "a number of minutes above 0", minutes)?,
            allow_empty: match values.switch("SLING_ALLOW_EMPTY")? {
                None => values.switch("SLING_ALLOW_EMPTY_TABLES")?,
                allowed => allowed,
            },
            logging: values.read("SLING_LOGGING", "JSON, CONSOLE or NO_COLOR", logging)?,
            on_broken: values.read("SLING_ON_CONSTRAINT_FAILURE", "warn, skip or abort", on_broken)?,
            keep_staging: values.switch("SLING_KEEP_TEMP")?.unwrap_or(false),
            direct_insert: values.switch("SLING_DIRECT_INSERT")?.unwrap_or(false),
            dry_run: values.switch("SLING_DRY_RUN")?.unwrap_or(false),
            figures: Figures {
                streams: values.figure("SLING_STREAM_CNT")?,
                rows: values.figure("SLING_ROW_CNT")?,
                bytes: values.figure("SLING_TOTAL_BYTES")?,
                constraint_fails: values.figure("SLING_CONSTRAINT_FAILS")?,
            },
        })
    }
}

/// Values of switches by name; an empty one counts as not set.
struct Values<'l, 'a> {
    lookup: &'l dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Values<'_, 'a> {
    fn filled(&self, name: &str) -> Option<&'a str> {
        (self.lookup)(name).map(str::trim).filter(|value| !value.is_empty())
    }

    fn read<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.filled(name) else { return Ok(None) };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("`{name}` must be {wanted}, got {text:?}")),
        }
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, String> {
        self.read(name, "true or false", switch)
    }

    fn number<T: TryFrom<u64>>(&self, name: &str, least: u64) -> Result<Option<T>, String> {
        self.read(name, &format!("a whole number of {least} or more"), |text| {
            let number = text.parse::<u64>().ok().filter(|number| *number >= least)?;
            T::try_from(number).ok()
        })
    }

    fn figure(&self, name: &str) -> Result<Option<Figure>, String> {
        self.read(name, "N or >N", Figure::read)
    }
}

fn loaded_at(text: &str) -> Option<Option<LoadedAt>> {
    let column = |unix| Some(Some(LoadedAt { column: LOADED_AT_COLUMN.to_owned(), unix }));
    match (text.to_ascii_lowercase().as_str(), switch(text)) {
        ("timestamp", _) => column(false),
        ("unix", _) | (_, Some(true)) => column(true),
        (_, Some(false)) => Some(None),
        _ => None,
    }
}

fn minutes(text: &str) -> Option<Duration> {
    let minutes = text.parse::<f64>().ok().filter(|minutes| *minutes > 0.0)?;
    Duration::try_from_secs_f64(minutes * 60.0).ok()
}

fn logging(text: &str) -> Option<Logging> {
    match text.to_ascii_uppercase().as_str() {
        "JSON" => Some(Logging::Json),
        "CONSOLE" => Some(Logging::Console),
        "NO_COLOR" => Some(Logging::NoColor),
        _ => None,
    }
}

fn on_broken(text: &str) -> Option<OnBroken> {
    match text.to_ascii_lowercase().as_str() {
        "warn" => Some(OnBroken::Warn),
        "skip" => Some(OnBroken::Skip),
        "abort" => Some(OnBroken::Abort),
        _ => None,
    }
}

/// A word about each switch of the process that has no effect. The file did not ask for them: they are no errors.
pub fn process_warnings(environment: &Environment) -> Vec<String> {
    let names = environment.iter().map(|(name, _)| name).filter(|name| name.starts_with("SLING_"));
    let idle = names.filter(|name| !matches!(grant(SWITCH, name), Some(Grant::Done(_) | Grant::Same(_))));
    idle.map(|name| format!("the variable {name} has no effect")).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use achub_engine::shape::OnBroken;

    use super::{Logging, Switches};
    use crate::config::environment::Environment;

    fn switches(file: &[(&str, &str)], process: &[(&str, &str)]) -> Result<Switches, String> {
        let env: BTreeMap<String, String> =
            file.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Switches::of_run(&env, &Environment::of(process)).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn file_wins_over_process() {
        let file = [
            ("SLING_LIMIT", "5"),
            ("SLING_TIMEOUT", "1.5"),
            ("SLING_RETRY_DELAY", "2s"),
            ("SLING_LOGGING", "json"),
        ];
        let process = [
            ("SLING_LIMIT", "7"),
            ("SLING_THREADS", "3"),
            ("SLING_RETRIES", "0"),
            ("SLING_ALLOW_EMPTY_TABLES", "true"),
            ("SLING_ON_CONSTRAINT_FAILURE", "Skip"),
            ("SLING_DRY_RUN", ""),
        ];
        let switches = switches(&file, &process).unwrap();
        assert_eq!((switches.limit, switches.threads, switches.retries), (Some(5), Some(3), Some(0)));
        assert_eq!(switches.time_limit, Some(Duration::from_secs(90)));
        assert_eq!(switches.retry_delay, Some(Duration::from_secs(2)));
        assert_eq!(switches.logging, Some(Logging::Json));
        assert_eq!((switches.allow_empty, switches.on_broken), (Some(true), Some(OnBroken::Skip)));
        assert!(!switches.dry_run, "an empty value is none");
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        for (name, value, wanted) in [
            ("SLING_LIMIT", "0", "a whole number of 1 or more"),
            ("SLING_THREADS", "many", "a whole number of 1 or more"),
            ("SLING_TIMEOUT", "-1", "a number of minutes above 0"),
            ("SLING_LOGGING", "xml", "JSON, CONSOLE or NO_COLOR"),
            ("SLING_ROW_CNT", "<5", "N or >N"),
            ("SLING_LOADED_AT_COLUMN", "x", "true, unix, timestamp or false"),
            ("SLING_KEEP_TEMP", "maybe", "true or false"),
        ] {
            assert_eq!(
                switches(&[(name, value)], &[]),
                Err(format!("`{name}` must be {wanted}, got {value:?}"))
            );
        }
    }
}
