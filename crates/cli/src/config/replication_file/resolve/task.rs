//! One stream of the file as a task.

use achub_core::{Code, Error, StreamName};
use achub_engine::{
    replication::{LoadedAt, Mode, Selected, StreamTask},
    shape::{Nesting, WHOLE_RECORD},
};

use super::{Listing, Setting, Style, default_mode, options};
use crate::config::{
    known_stream::KnownStream,
    nearest::advice,
    replication_file::{
        ReplicationFile,
        columns::EVERY_COLUMN,
        select,
        switches::LOADED_AT_COLUMN,
        template::{Object, Variables},
    },
    yaml::Place,
};

/// Makes tasks of the streams of one file.
pub(super) struct Resolver<'a> {
    pub(super) file: &'a ReplicationFile,
    pub(super) setting: &'a Setting<'a>,
    pub(super) variables: Variables,
}

impl Resolver<'_> {
    /// The failure that something at `place` is wrong about the stream.
    pub(super) fn error(&self, listing: &Listing, place: Place, what: impl std::fmt::Display) -> Error {
        self.file.origin.error(Code::BadFile, place, format!("stream {}: {what}", listing.listed.name))
    }

    /// The task of a stream; what the user should know goes to `notes`.
    pub(super) fn task(&self, listing: &Listing, notes: &mut Vec<String>) -> Result<StreamTask, Error> {
        let known = self.setting.known.iter().find(|stream| stream.name == listing.listed.name);
        let known = known.expect("names were resolved against the known streams");
        let settings = &listing.settings;
        let overrides = self.setting.overrides;
        let object = self.object(listing)?;
        let (mode, mode_reason) = self.mode(listing);
        let mut task = StreamTask {
            schema: object.schema,
            table: object.table,
            primary_key: self.primary_key(listing, known)?,
            update_key: self.update_key(listing, known)?,
            select: self.select(listing, known)?,
            row_limit: overrides.limit.or(self.setting.switches.limit).or(settings.source.limit),
            skip: settings.source.offset,
            range: settings.source.window().filter(|_| mode == Mode::Backfill),
            description: settings.description.clone(),
            id: listing.id.clone(),
            ..StreamTask::new(StreamName::new(&listing.listed.name), mode, mode_reason)
        };
        task.shaping = self.shaping(listing, known)?;
        task.columns = self.wishes(listing, known, task.select.as_deref())?;
        self.check_mode(listing, &task)?;
        if settings.source.range.is_some() && mode != Mode::Backfill {
            let text = "`range` is for mode backfill and has no effect in mode";
            notes.push(format!("stream {}: {text} {}", listing.listed.name, mode.name()));
        }
        options::apply(self, listing, known, &mut task, notes)?;
        Ok(task)
    }

    fn object(&self, listing: &Listing) -> Result<Object, Error> {
        let Some(template) = &listing.settings.object else {
            return Err(self
                .error(listing, listing.listed.place, "`object` is missing, here and in `defaults`")
                .with_hint("add `object: SCHEMA.{stream_name}`"));
        };
        let rendered = self.variables_of(listing).render(&template.value);
        rendered.map_err(|what| self.error(listing, template.place, format!("`object`: {what}")))
    }

    /// The variables with those of the stream.
    pub(super) fn variables_of(&self, listing: &Listing) -> Variables {
        let mut variables = self.variables.clone();
        variables.set("stream_name", &listing.listed.name);
        variables.set("stream_run_id", &listing.id);
        variables.set("stream_description", listing.settings.description.as_deref().unwrap_or_default());
        variables
    }

    /// An unset mode is a full refresh unless somebody names a key.
    fn mode(&self, listing: &Listing) -> (Mode, String) {
        let (settings, overrides) = (&listing.settings, self.setting.overrides);
        if let Some(mode) = overrides.mode {
            return (mode, "from --mode".to_owned());
        }
        if let Some(mode) = &settings.mode {
            let place = if mode.by_defaults { "from defaults" } else { "from the file" };
            return (mode.value, place.to_owned());
        }
        let names_key = settings.primary_key.as_ref().is_some_and(|named| !named.value.is_empty())
            || settings.update_key.is_some();
        let flag_key = overrides.primary_key.as_ref().is_some_and(|names| !names.is_empty())
            || overrides.update_key.is_some();
        match self.setting.style {
            _ if flag_key => (Mode::Incremental, "no mode given, a flag names a key".to_owned()),
            _ if names_key => (Mode::Incremental, "no mode given, the file names a key".to_owned()),
            Style::Sling => (Mode::FullRefresh, "no mode and no key given".to_owned()),
            Style::Ours => default_mode(self.setting.tracked.contains(&listing.listed.name)),
        }
    }

    fn check_mode(&self, listing: &Listing, task: &StreamTask) -> Result<(), Error> {
        if task.mode != Mode::Backfill {
            return Ok(());
        }
        let place = listing.settings.mode.as_ref().map_or(listing.listed.place, |mode| mode.place);
        let missing = |what: &str, hint: &str| {
            Err(self.error(listing, place, format!("mode backfill needs {what}")).with_hint(hint))
        };
        if task.range.is_none() {
            return missing(
                "`source_options.range`",
                "add `source_options: {range: '2025-01-01,2025-06-30'}`",
            );
        }
        if task.primary_key.as_ref().is_some_and(Vec::is_empty) {
            return missing("a `primary_key`", "name the fields by which rows are merged");
        }
        if task.update_key.is_none() && !self.setting.tracked.contains(&listing.listed.name) {
            return missing("an `update_key`", "name the field that tells when a record changed");
        }
        Ok(())
    }

    fn primary_key(&self, listing: &Listing, known: &KnownStream) -> Result<Option<Vec<String>>, Error> {
        let (names, place, what) = match (&self.setting.overrides.primary_key, &listing.settings.primary_key)
        {
            (Some(names), _) => (names, listing.listed.place, "--primary-key"),
            (None, Some(named)) => (&named.value, named.place, "primary_key"),
            (None, None) => return Ok(None),
        };
        let fields = names.iter().map(|name| self.field(listing, known, name, place, what));
        fields.collect::<Result<_, _>>().map(Some)
    }

    fn update_key(&self, listing: &Listing, known: &KnownStream) -> Result<Option<String>, Error> {
        let (name, place, what) = match (&self.setting.overrides.update_key, &listing.settings.update_key) {
            (Some(name), _) => (name, listing.listed.place, "--update-key"),
            (None, Some(named)) => (&named.value, named.place, "update_key"),
            (None, None) => return Ok(None),
        };
        self.field(listing, known, name, place, what).map(Some)
    }

    /// The field that a person calls `name`.
    pub(super) fn field(
        &self,
        listing: &Listing,
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
                    .error(listing, place, format!("`{what}` names {name:?}, which is no field of it"))
                    .with_hint(advice(name, fields)))
            }
        }
    }

    fn select(&self, listing: &Listing, known: &KnownStream) -> Result<Option<Vec<Selected>>, Error> {
        let settings = &listing.settings;
        let asked = match (&self.setting.overrides.select, &settings.select) {
            (Some(items), _) => Some((items, listing.listed.place)),
            (None, Some(named)) => Some((&named.value, named.place)),
            (None, None) => None,
        };
        let asked = asked.filter(|(items, _)| !items.is_empty());
        if settings.source.nesting == Some(Nesting::WholeRecord) {
            let whole = Selected { field: WHOLE_RECORD.to_owned(), column: None };
            return match asked {
                None => Ok(Some(vec![whole])),
                Some((_, place)) => {
                    Err(self.error(listing, place, "`select` and `flatten: false` cannot both be given"))
                }
            };
        }
        let Some((items, place)) = asked else { return Ok(None) };
        let columns = settings.columns.iter().map(|column| column.name.clone());
        let columns: Vec<String> = columns.filter(|name| name != EVERY_COLUMN).collect();
        let with_noise = self.setting.style == Style::Sling;
        select::resolve(items, known, &columns, with_noise)
            .map(Some)
            .map_err(|what| self.error(listing, place, format!("`select`: {what}")))
    }

    /// The loaded-at column that modes and strategies need which tell rows of one key apart by it.
    pub(super) fn needed_loaded_at(&self) -> Option<LoadedAt> {
        let column = LoadedAt { column: LOADED_AT_COLUMN.to_owned(), unix: false };
        match (self.setting.style, &self.setting.switches.loaded_at) {
            (Style::Ours, _) | (Style::Sling, Some(Some(_))) => None,
            (Style::Sling, None | Some(None)) => Some(column),
        }
    }
}
