//! The settings of one stream with their meaning, once defaults were merged in.

use achub_core::Error;
use achub_engine::replication::Mode;

use crate::config::{
    nearest::advice,
    replication_file::{
        columns::{self, ColumnSpec},
        findings::Findings,
        grant::{MODE, names},
        hooks::{self, HookSpec},
        reader::Reader,
        source_options::SourceOptions,
        stream_map::Given,
        target_options::TargetOptions,
        transforms::{self, Asked},
    },
    yaml::{Entry, Place},
};

/// The settings that are named; what is not named, or named with nothing behind it, is open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The template of the table's name.
    pub object: Option<Placed<String>>,
    /// The mode.
    pub mode: Option<Placed<Mode>>,
    /// The fields rows are merged by; an empty list takes the key away.
    pub primary_key: Option<Placed<Vec<String>>>,
    /// The field compared with the cursor.
    pub update_key: Option<Placed<String>>,
    /// The items of the selection.
    pub select: Option<Placed<Vec<String>>>,
    /// What was asked of columns.
    pub columns: Vec<ColumnSpec>,
    /// Transforms, and where they stand.
    pub transforms: Option<Placed<Vec<Asked>>>,
    /// Whether the stream is left out.
    pub disabled: bool,
    /// A sentence about it.
    pub description: Option<String>,
    /// Its name in reports.
    pub id: Option<String>,
    /// By what it can be selected.
    pub tags: Vec<String>,
    /// Options of the source.
    pub source: SourceOptions,
    /// Options of the target.
    pub target: TargetOptions,
    /// Its hooks.
    pub hooks: Vec<HookSpec>,
}

/// A value, where it stands, and whether the defaults named it.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
    /// Whether the defaults named it.
    pub by_defaults: bool,
}

impl Settings {
    /// Reads keys that are granted. What is not done goes to `findings`.
    ///
    /// Errors: `CF-104` for values of the wrong kind.
    pub fn read(reader: &Reader<'_>, given: &[Given], findings: &mut Findings) -> Result<Settings, Error> {
        let mut settings = Settings::default();
        for given in given {
            settings.take(reader, given, findings)?;
        }
        Ok(settings)
    }

    fn take(&mut self, reader: &Reader<'_>, given: &Given, findings: &mut Findings) -> Result<(), Error> {
        let entry = &given.entry;
        match entry.key.as_str() {
            "object" => self.object = reader.text(entry)?.map(|value| given.placed(value)),
            "mode" => self.mode = mode(reader, entry, findings)?.map(|value| given.placed(value)),
            "primary_key" => self.primary_key = Some(given.placed(reader.texts(entry)?)),
            "update_key" => self.update_key = reader.text(entry)?.map(|value| given.placed(value)),
            "select" => {
                let items = reader.texts(entry)?;
                self.select = Some(items).filter(|items| !items.is_empty()).map(|items| given.placed(items));
            }
            "columns" => self.columns = columns::read(reader, entry, findings)?,
            "transforms" => self.transforms = Some(given.placed(transforms::read(reader, entry)?)),
            "disabled" => self.disabled = reader.switch(entry)?,
            "description" => self.description = reader.text(entry)?,
            "id" => self.id = reader.text(entry)?,
            "tags" => self.tags = reader.texts(entry)?,
            "source_options" => {
                let inner = reader.inner("source_options");
                for option in reader.entries(entry)? {
                    self.source.take(&inner, option)?;
                }
            }
            "target_options" => {
                let inner = reader.inner("target_options");
                for option in reader.entries(entry)? {
                    self.target.take(&inner, option, findings)?;
                }
            }
            "hooks" => self.hooks = hooks::of_stream(reader, entry, findings)?,
            other => unreachable!("`{other}` is granted and not read"),
        }
        Ok(())
    }
}

fn mode(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<Option<Mode>, Error> {
    let Some(word) = reader.text(entry)? else { return Ok(None) };
    if !names(MODE).any(|known| known == word) {
        let error = reader.error(entry, format!("has the unknown value {word:?}"));
        return Err(error.with_hint(advice(&word, names(MODE))));
    }
    let shown = format!("mode {word}");
    Ok(match findings.judge(MODE, &word, entry.value.place, &reader.what, &shown) {
        true => super::mode_of(&word),
        false => None,
    })
}
