//! From a file that was read to a replication that can be run.

mod landing;
mod options;
mod state;
mod tables;
mod task;

use std::collections::HashSet;

use achub_core::{Code, Error, ReplicationName, StreamName};
use achub_engine::replication::{Anchor, FullCheck, Mode, Replication, StreamTask};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::config::{
    connection::{ActiveCampaign, Connection},
    known_stream::KnownStream,
    replication_file::{
        FileHooks, ReplicationFile, Switches,
        names::{self, Listed, Selectable, Selection},
        settings::Settings,
        stream_map::StreamMap,
        template::Variables,
    },
    yaml::Place,
};

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
    /// The switches of the run.
    pub switches: Switches,
    /// What the command line asks for.
    pub overrides: &'a Overrides,
}

/// What flags change about every stream of a file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Hooks may start programs.
    pub allow_commands: bool,
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
    /// `--columns`, `--transforms`, `--range`, `--offset`, `--src-options`, `--tgt-options`: what they name wins.
    pub map: StreamMap,
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

/// A stream of the file with its settings, defaults and flags merged in.
struct Listing {
    listed: Listed,
    settings: Settings,
    /// By what it is called in reports and selected.
    id: String,
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
    let selection = Selection::read(&setting.overrides.streams)?;
    let listings = listings(file, setting)?;
    let selectable: Vec<Selectable<'_>> = listings.iter().map(Listing::selectable).collect();
    let mut notes: Vec<String> = selection
        .idle(&selectable)
        .iter()
        .map(|item| format!("--streams: {item} matches no stream of the file"))
        .collect();
    let selected: Vec<&Listing> = listings
        .iter()
        .filter(|listing| selection.selects(&listing.selectable()) && !listing.settings.disabled)
        .collect();
    let resolver = task::Resolver { file, setting, variables: variables(file, setting) };
    let mut placed: Vec<(Place, StreamTask)> = Vec::new();
    for listing in &selected {
        placed.push((listing.listed.place, resolver.task(listing, &mut notes)?));
    }
    tables::check(&file.origin, &placed, setting.target.1)?;
    let streams: Vec<StreamTask> = placed.into_iter().map(|(_, task)| checked(task, setting.style)).collect();
    let replication = Replication {
        name,
        state_schema: state::schema(file, setting)?,
        landing: landing::landing(setting),
        anchor: anchor(setting)?,
        full_check: full_check(setting.style),
        working: landing::working(setting, selected.iter().map(|listing| &listing.settings.target)),
        streams,
    };
    Ok(Resolved { replication, hooks: hooks(file, &selected), notes })
}

impl Listing {
    fn selectable(&self) -> Selectable<'_> {
        Selectable { name: &self.listed.name, id: &self.id, tags: &self.settings.tags }
    }
}

/// The streams of the file in the order of work, patterns replaced, with their settings.
fn listings(file: &ReplicationFile, setting: &Setting<'_>) -> Result<Vec<Listing>, Error> {
    let listed = names::resolve(&file.origin, file.listed.clone(), setting.known)?;
    let listings = listed.into_iter().map(|listed| {
        // After patterns were replaced: a key in the defaults is for every stream, that of a pattern is not.
        let own = setting.overrides.map.clone().with_defaults(&listed.map);
        let settings = own.with_defaults(&file.defaults).settings(&file.origin, &listed.name)?;
        let id = settings.id.clone().unwrap_or_else(|| listed.name.clone());
        Ok(Listing { listed, settings, id })
    });
    listings.collect()
}

fn hooks(file: &ReplicationFile, selected: &[&Listing]) -> FileHooks {
    let of_streams = selected
        .iter()
        .filter(|listing| !listing.settings.hooks.is_empty())
        .map(|listing| (StreamName::new(&listing.listed.name), listing.settings.hooks.clone()));
    FileHooks { run: file.hooks.clone(), streams: of_streams.collect() }
}

/// Full checks of streams for which nobody asks that deletions be found; ours come by the week.
fn full_check(style: Style) -> FullCheck {
    match style {
        Style::Sling => FullCheck::Never,
        Style::Ours => FullCheck::WEEKLY,
    }
}

/// Who asks in a file for deletions of a stream to be found expects them found by every run.
fn checked(mut task: StreamTask, style: Style) -> StreamTask {
    let is_asked = style == Style::Sling && task.table_wish.absence.is_some();
    task.full_check = is_asked.then_some(FullCheck::Now);
    task
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

/// The mode of a stream for which nobody names one, by our defaults.
pub fn default_mode(tracked: bool) -> (Mode, String) {
    match tracked {
        true => (Mode::Incremental, "changes can be asked for".to_owned()),
        false => (Mode::Incremental, "changes cannot be asked for, differences are written".to_owned()),
    }
}

/// The schema that the target's own default is.
fn default_schema(target: &Connection) -> &str {
    match target {
        Connection::Postgres(postgres) => postgres.schema.as_deref().unwrap_or("public"),
        Connection::Sqlite(_) | Connection::Duckdb(_) => "main",
        _ => "",
    }
}

fn variables(file: &ReplicationFile, setting: &Setting<'_>) -> Variables {
    let mut variables = Variables::default();
    let (target_type, target_kind) = setting.target.1.type_and_kind();
    for (name, value) in [
        ("source_name", setting.source.0.to_lowercase().as_str()),
        ("target_name", setting.target.0.to_lowercase().as_str()),
        ("source_type", "api"),
        ("source_kind", "api"),
        ("target_type", target_type),
        ("target_kind", target_kind),
        ("target_schema", default_schema(setting.target.1)),
    ] {
        variables.set(name, value);
    }
    variables.set_moment(setting.now);
    variables.set_env(&file.env);
    variables
}
