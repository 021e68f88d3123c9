//! The settings of a stream as a file gives them, and how defaults fill them up.

use achub_core::{Code, Error};

use crate::config::{
    keys::Origin,
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{MODE, SOURCE_OPTIONS, STREAM, names},
        hooks::{self, HookSpec},
        reader::Reader,
    },
    yaml::{Entry, Node, Place},
};

/// The settings that are named; what is not named stays open. A key that is named with nothing behind it is named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamMap {
    /// The template of the table's name.
    pub object: Option<Named<Option<String>>>,
    /// The mode.
    pub mode: Option<Named<Option<achub_engine::replication::Mode>>>,
    /// The fields rows are merged by; an empty list takes the key away.
    pub primary_key: Option<Named<Vec<String>>>,
    /// The field compared with the cursor.
    pub update_key: Option<Named<Option<String>>>,
    /// The items of the selection.
    pub select: Option<Named<Vec<String>>>,
    /// Whether the stream is left out.
    pub disabled: Option<bool>,
    /// At most so many records.
    pub limit: Option<Option<u64>>,
    /// Its hooks.
    pub hooks: Option<Vec<HookSpec>>,
}

/// A value with the place and the map that named it.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
    /// Whether the defaults named it.
    pub by_defaults: bool,
}

impl StreamMap {
    /// Reads the map `what` (`defaults`, `stream contacts`); null names nothing.
    ///
    /// Errors: `CF-104` for values of the wrong kind. Keys that are not done go to `findings`.
    pub fn read(
        origin: &Origin,
        what: &str,
        node: &Node,
        by_defaults: bool,
        findings: &mut Findings,
    ) -> Result<StreamMap, Error> {
        let mut map = StreamMap::default();
        if node.is_null() {
            return Ok(map);
        }
        let Some(entries) = node.entries() else {
            let text = format!("{what} must be a map, got {}", node.describe());
            return Err(origin.error(Code::BadFile, node.place, text));
        };
        let reader = Reader::new(origin, what);
        for entry in entries {
            if findings.key(STREAM, entry, what) {
                map.take(&reader, entry, by_defaults, findings)?;
            }
        }
        Ok(map)
    }

    fn take(
        &mut self,
        reader: &Reader<'_>,
        entry: &Entry,
        by_defaults: bool,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let place = entry.value.place;
        match entry.key.as_str() {
            "object" => self.object = Some(Named { value: reader.text(entry)?, place, by_defaults }),
            "mode" => self.mode = Some(Named { value: reader.mode(entry, findings)?, place, by_defaults }),
            "primary_key" => {
                self.primary_key = Some(Named { value: reader.texts(entry)?, place, by_defaults });
            }
            "update_key" => self.update_key = Some(Named { value: reader.text(entry)?, place, by_defaults }),
            "select" => self.select = Some(Named { value: reader.texts(entry)?, place, by_defaults }),
            "disabled" => self.disabled = Some(reader.switch(entry)?),
            "source_options" => self.limit = reader.limit(entry, findings)?.or(self.limit),
            "hooks" => self.hooks = Some(hooks::of_stream(reader, entry, findings)?),
            other => unreachable!("`{other}` is granted and not read"),
        }
        Ok(())
    }

    /// These settings with what they do not name taken from `defaults`.
    pub fn with_defaults(self, defaults: &StreamMap) -> StreamMap {
        StreamMap {
            object: self.object.or_else(|| defaults.object.clone()),
            mode: self.mode.or_else(|| defaults.mode.clone()),
            primary_key: self.primary_key.or_else(|| defaults.primary_key.clone()),
            update_key: self.update_key.or_else(|| defaults.update_key.clone()),
            select: self.select.or_else(|| defaults.select.clone()),
            disabled: self.disabled.or(defaults.disabled),
            limit: self.limit.or(defaults.limit),
            hooks: self.hooks.or_else(|| defaults.hooks.clone()),
        }
    }
}

impl Reader<'_> {
    fn mode(
        &self,
        entry: &Entry,
        findings: &mut Findings,
    ) -> Result<Option<achub_engine::replication::Mode>, Error> {
        let Some(word) = self.text(entry)? else { return Ok(None) };
        if !names(MODE).any(|known| known == word) {
            let error = self.error(entry, format!("has the unknown value {word:?}"));
            return Err(error.with_hint(advice(&word, names(MODE))));
        }
        let shown = format!("mode {word}");
        Ok(match findings.judge(MODE, &word, entry.value.place, &self.what, &shown) {
            true => super::mode_of(&word),
            false => None,
        })
    }

    fn limit(&self, entry: &Entry, findings: &mut Findings) -> Result<Option<Option<u64>>, Error> {
        if entry.value.is_null() {
            return Ok(None);
        }
        let Some(entries) = entry.value.entries() else {
            return Err(self.error(entry, format!("must be a map, got {}", entry.value.describe())));
        };
        let inner = self.inner("source_options");
        let mut limit = None;
        for option in entries {
            if findings.key(SOURCE_OPTIONS, option, &inner.what) {
                limit = Some(inner.count(option, 1)?);
            }
        }
        Ok(limit)
    }
}
