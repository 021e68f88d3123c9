//! From a file that was read to a replication that can be run.

use std::collections::HashSet;

use achub_core::{Code, Error, ReplicationName, StreamName};
use achub_engine::replication::{
    Anchor, FullCheck, Landing, Mode, Replication, Selected, StreamTask, Working,
};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::config::{
    connection::{ActiveCampaign, Connection},
    keys::Origin,
    known_stream::KnownStream,
    nearest::advice,
    replication_file::{
        FileHooks, ReplicationFile, Switches,
        names::{self, Listed, Selection},
        select,
        template::{Object, Variables},
    },
    yaml::Place,
};

/// The most bytes of a name in PostgreSQL.
const POSTGRES_NAME_BYTES_MAX: usize = 63;
/// What a staging table is called behind its table.
const STAGING: &str = "_tmp";
/// How tables of the hub's own begin.
const OWN: &str = "_achub_";

/// By whose defaults a file is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Those of `achub run`: Sling's.
    Sling,
    /// Those of `achub replicate`: ours.
    Ours,
}

/// Everything around the file that its meaning depends on.
pub struct Setting<'a> {
    /// The streams there are.
    pub known: &'a [KnownStream],
    /// Streams that can be asked for changes.
    pub tracked: &'a HashSet<String>,
    /// The source's name and what it is.
    pub source: (&'a str, &'a ActiveCampaign),
    /// The target's name and what it is.
    pub target: (&'a str, &'a Connection),
    /// Whose defaults.
    pub style: Style,
    /// When the run starts.
    pub now: Timestamp,
    /// The switches of the process.
    pub switches: Switches,
    /// What the command line asks for.
    pub overrides: &'a Overrides,
}

/// What flags change about every stream of a file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--streams`.
    pub streams: Vec<String>,
    /// `--mode`.
    pub mode: Option<Mode>,
    /// `--limit`.
    pub limit: Option<u64>,
    /// `--primary-key`.
    pub primary_key: Option<Vec<String>>,
    /// `--update-key`.
    pub update_key: Option<String>,
    /// `--select`.
    pub select: Option<Vec<String>>,
    /// `--since`.
    pub since: Option<Anchor>,
}

/// A file, resolved.
#[derive(Debug)]
pub struct Resolved {
    /// What is to be run; without streams where the selection left none.
    pub replication: Replication,
    /// What is wanted around it.
    pub hooks: FileHooks,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Resolves `file` under `name`.
///
/// Errors: `CF-101` for unknown streams, `CF-104` for unknown fields and templates, `CF-107` for table names that
/// cannot be used or are used twice. All name the place.
pub fn resolve(
    file: &ReplicationFile,
    name: ReplicationName,
    setting: &Setting<'_>,
) -> Result<Resolved, Error> {
    let mut listed = names::resolve(&file.origin, file.listed.clone(), setting.known)?;
    for entry in &mut listed {
        // After patterns were replaced: a key in the defaults is for every stream, that of a pattern is not.
        entry.map = std::mem::take(&mut entry.map).with_defaults(&file.defaults);
    }
    let selection = Selection::read(&setting.overrides.streams)?;
    let all: Vec<String> = listed.iter().map(|entry| entry.name.clone()).collect();
    let notes =
        selection.idle(&all).map(|item| format!("--streams: {item} matches no stream of the file")).collect();
    let switches = file.switches.clone().or(setting.switches.clone());
    let resolver = Resolver { file, setting, switches: &switches, variables: variables(file, setting) };
    let mut placed: Vec<(Place, StreamTask)> = Vec::new();
    for entry in listed.iter().filter(|entry| selection.selects(&entry.name)) {
        if !entry.map.disabled.unwrap_or(false) {
            placed.push((entry.place, resolver.task(entry)?));
        }
    }
    let mut hooks = FileHooks { run: file.hooks.clone(), ..FileHooks::default() };
    for (_, task) in &placed {
        let entry = listed.iter().find(|entry| entry.name == task.stream.as_str());
        if let Some(of_stream) = entry.and_then(|entry| entry.map.hooks.clone()) {
            hooks.streams.insert(task.stream.clone(), of_stream);
        }
    }
    check_tables(&file.origin, &placed, setting.target.1)?;
    let streams = placed.into_iter().map(|(_, task)| task).collect();
    let landing = match setting.style {
        Style::Sling => Landing::sling(switches.loaded_at.flatten()),
        Style::Ours => Landing::ours(),
    };
    let replication = Replication {
        name,
        streams,
        state_schema: None,
        landing,
        anchor: anchor(setting)?,
        full_check: FullCheck::WEEKLY,
        working: Working::default(),
    };
    Ok(Resolved { replication, hooks, notes })
}

/// The start of incremental streams without a cursor.
///
/// Errors: a start that lies in the future, where nothing would ever be read.
pub fn anchor(setting: &Setting<'_>) -> Result<Anchor, Error> {
    let anchor = match (setting.overrides.since, setting.style, setting.source.1.anchor) {
        (Some(since), _, _) => since,
        (None, _, Some(anchor)) => Anchor::Since(anchor),
        (None, Style::Ours, None) => Anchor::Everything,
        (None, Style::Sling, None) => Anchor::Since(year_before(setting.now)),
    };
    match anchor {
        Anchor::Since(moment) if moment > setting.now => Err(Error::new(
            Code::BadConnection,
            format!("connection {}: the start {moment} lies in the future", setting.source.0),
        )
        .with_hint("set `anchor_date` or --since to a moment that has passed")),
        anchor => Ok(anchor),
    }
}

fn year_before(now: Timestamp) -> Timestamp {
    let wall = now.to_zoned(TimeZone::UTC);
    wall.checked_sub(1.year()).map_or(now, |earlier| earlier.timestamp())
}

fn variables(file: &ReplicationFile, setting: &Setting<'_>) -> Variables {
    let mut variables = Variables::default();
    let (target_type, target_kind) = setting.target.1.type_and_kind();
    let schema = match setting.target.1 {
        Connection::Postgres(postgres) => postgres.schema.as_deref().unwrap_or("public"),
        Connection::Sqlite(_) | Connection::Duckdb(_) => "main",
        _ => "",
    };
    for (name, value) in [
        ("source_name", setting.source.0.to_lowercase().as_str()),
        ("target_name", setting.target.0.to_lowercase().as_str()),
        ("source_type", "api"),
        ("source_kind", "api"),
        ("target_type", target_type),
        ("target_kind", target_kind),
        ("target_schema", schema),
    ] {
        variables.set(name, value);
    }
    variables.set_moment(setting.now);
    variables.set_env(&file.env);
    variables
}

struct Resolver<'a> {
    file: &'a ReplicationFile,
    setting: &'a Setting<'a>,
    switches: &'a Switches,
    variables: Variables,
}

impl Resolver<'_> {
    fn error(&self, entry: &Listed, place: Place, what: impl std::fmt::Display) -> Error {
        self.file.origin.error(Code::BadFile, place, format!("stream {}: {what}", entry.name))
    }

    fn task(&self, entry: &Listed) -> Result<StreamTask, Error> {
        let known = self.setting.known.iter().find(|stream| stream.name == entry.name);
        let known = known.expect("names were resolved against the known streams");
        let object = self.object(entry)?;
        let (mode, mode_reason) = self.mode(entry);
        let overrides = self.setting.overrides;
        let primary_key = match (&overrides.primary_key, &entry.map.primary_key) {
            (Some(names), _) => Some(self.fields(entry, known, names, entry.place, "--primary-key")?),
            (None, Some(named)) => {
                Some(self.fields(entry, known, &named.value, named.place, "primary_key")?)
            }
            (None, None) => None,
        };
        let update_key = match (&overrides.update_key, &entry.map.update_key) {
            (Some(name), _) => Some((name, entry.place, "--update-key")),
            (None, Some(named)) => named.value.as_ref().map(|name| (name, named.place, "update_key")),
            (None, None) => None,
        };
        let update_key =
            update_key.map(|(name, place, what)| self.field(entry, known, name, place, what)).transpose()?;
        Ok(StreamTask {
            schema: object.schema,
            table: object.table,
            primary_key,
            update_key,
            select: self.select(entry, known)?,
            row_limit: overrides.limit.or(self.switches.limit).or(entry.map.limit.flatten()),
            ..StreamTask::new(StreamName::new(&entry.name), mode, mode_reason)
        })
    }

    fn object(&self, entry: &Listed) -> Result<Object, Error> {
        let named = entry.map.object.as_ref().and_then(|named| Some((named.value.as_ref()?, named.place)));
        let Some((template, place)) = named else {
            return Err(self
                .error(entry, entry.place, "`object` is missing, here and in `defaults`")
                .with_hint("add `object: SCHEMA.{stream_name}`"));
        };
        let mut variables = self.variables.clone();
        variables.set("stream_name", &entry.name);
        variables.render(template).map_err(|what| self.error(entry, place, format!("`object`: {what}")))
    }

    /// An unset mode is a full refresh unless somebody names a key.
    fn mode(&self, entry: &Listed) -> (Mode, String) {
        let overrides = self.setting.overrides;
        if let Some(mode) = overrides.mode {
            return (mode, "from --mode".to_owned());
        }
        if let Some(named) = &entry.map.mode
            && let Some(mode) = named.value
        {
            let place = if named.by_defaults { "from defaults" } else { "from the file" };
            return (mode, place.to_owned());
        }
        let names_key = entry.map.primary_key.as_ref().is_some_and(|named| !named.value.is_empty())
            || entry.map.update_key.as_ref().is_some_and(|named| named.value.is_some());
        let flag_key = overrides.primary_key.as_ref().is_some_and(|names| !names.is_empty())
            || overrides.update_key.is_some();
        match self.setting.style {
            _ if flag_key => (Mode::Incremental, "no mode given, a flag names a key".to_owned()),
            _ if names_key => (Mode::Incremental, "no mode given, the file names a key".to_owned()),
            Style::Sling => (Mode::FullRefresh, "no mode and no key given".to_owned()),
            Style::Ours => default_mode(self.setting.tracked.contains(&entry.name)),
        }
    }

    fn fields(
        &self,
        entry: &Listed,
        known: &KnownStream,
        names: &[String],
        place: Place,
        what: &str,
    ) -> Result<Vec<String>, Error> {
        names.iter().map(|name| self.field(entry, known, name, place, what)).collect()
    }

    fn field(
        &self,
        entry: &Listed,
        known: &KnownStream,
        name: &str,
        place: Place,
        what: &str,
    ) -> Result<String, Error> {
        match known.field(name) {
            Some(field) => Ok(field.to_owned()),
            None => {
                let fields = known.fields.iter().map(String::as_str);
                Err(self
                    .error(entry, place, format!("`{what}` names {name:?}, which is no field of it"))
                    .with_hint(advice(name, fields)))
            }
        }
    }

    fn select(&self, entry: &Listed, known: &KnownStream) -> Result<Option<Vec<Selected>>, Error> {
        let (items, place) = match (&self.setting.overrides.select, &entry.map.select) {
            (Some(items), _) => (items, entry.place),
            (None, Some(named)) => (&named.value, named.place),
            (None, None) => return Ok(None),
        };
        if items.is_empty() {
            return Ok(None);
        }
        let with_noise = self.setting.style == Style::Sling;
        let selected = select::resolve(items, known, with_noise)
            .map_err(|what| self.error(entry, place, format!("`select`: {what}")))?;
        Ok(Some(selected))
    }
}

/// The mode of a stream for which nobody names one, by our defaults.
pub fn default_mode(tracked: bool) -> (Mode, String) {
    match tracked {
        true => (Mode::Incremental, "changes can be asked for".to_owned()),
        false => (Mode::FullRefresh, "changes cannot be asked for".to_owned()),
    }
}

/// Tables must have names that can be used, and must not stand in each other's way.
fn check_tables(origin: &Origin, placed: &[(Place, StreamTask)], target: &Connection) -> Result<(), Error> {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (place, task) in placed {
        let error = |what: String| {
            origin.error(Code::BadTableName, *place, format!("stream {}: {what}", task.stream))
        };
        if task.table.to_lowercase().starts_with(OWN) {
            return Err(error(format!(
                "the table name {:?} begins with {OWN}, which is the hub's own",
                task.table
            )));
        }
        let parts = task.schema.iter().chain([&task.table]);
        if matches!(target, Connection::Postgres(_))
            && let Some(long) = parts.clone().find(|part| part.len() > POSTGRES_NAME_BYTES_MAX)
        {
            let what = format!(
                "the name {long:?} is longer than the {POSTGRES_NAME_BYTES_MAX} bytes PostgreSQL allows"
            );
            return Err(error(what).with_hint("shorten `object`"));
        }
        let name = table_key(task, target);
        let same = taken.iter().find(|(other, _)| {
            *other == name || *other == format!("{name}{STAGING}") || name == format!("{other}{STAGING}")
        });
        if let Some((_, other)) = same {
            return Err(error(format!("would land in the table of stream {other}, or in its staging table")));
        }
        taken.push((name, task.stream.as_str()));
    }
    Ok(())
}

/// By what two tables of this target are one.
fn table_key(task: &StreamTask, target: &Connection) -> String {
    let separator = match target {
        // An SQLite file has no schemas: `a.b` is the table `a_b`.
        Connection::Sqlite(_) => "_",
        _ => ".",
    };
    let schema = match (target, task.schema.as_deref()) {
        (Connection::Postgres(postgres), None) => Some(postgres.schema.as_deref().unwrap_or("public")),
        (Connection::Duckdb(_), None) => Some("main"),
        (_, schema) => schema,
    };
    let parts: Vec<&str> = schema.into_iter().chain([task.table.as_str()]).collect();
    parts.join(separator).to_lowercase()
}
