//! The settings of a stream as a file gives them, and how defaults fill them up.

use achub_core::{Code, Error};

use crate::config::{
    keys::{Origin, switch},
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{MODE, SOURCE_OPTIONS, STREAM, names},
    },
    yaml::{Entry, Kind, Node, Place},
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
        let reader = Reader { origin, what };
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
        }
    }
}

struct Reader<'a> {
    origin: &'a Origin,
    what: &'a str,
}

impl Reader<'_> {
    fn error(&self, entry: &Entry, what: impl std::fmt::Display) -> Error {
        let text = format!("{}: `{}` {what}", self.what, entry.key);
        self.origin.error(Code::BadFile, entry.value.place, text)
    }

    fn text(&self, entry: &Entry) -> Result<Option<String>, Error> {
        match (entry.value.text(), entry.value.is_null()) {
            (Some(text), _) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            (None, true) => Ok(None),
            (None, false) => {
                Err(self.error(entry, format!("must be a text, got {}", entry.value.describe())))
            }
        }
    }

    /// A list of texts, or one text as a list of one. Empty items are dropped.
    fn texts(&self, entry: &Entry) -> Result<Vec<String>, Error> {
        let Kind::List(items) = &entry.value.kind else {
            return Ok(self.text(entry)?.into_iter().collect());
        };
        let wrong = items.iter().find(|item| item.scalar().is_none());
        if let Some(item) = wrong {
            return Err(self.error(entry, format!("must be a list of texts, got {} in it", item.describe())));
        }
        let texts = items.iter().filter_map(Node::text).map(|text| text.trim().to_owned());
        Ok(texts.filter(|text| !text.is_empty()).collect())
    }

    fn switch(&self, entry: &Entry) -> Result<bool, Error> {
        let text = self.text(entry)?.unwrap_or_default();
        match switch(&text) {
            Some(value) => Ok(value),
            None if text.is_empty() => Ok(false),
            None => Err(self.error(entry, format!("must be true or false, got {text:?}"))),
        }
    }

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
        Ok(match findings.judge(MODE, &word, entry.value.place, self.what, &shown) {
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
        let what = format!("{}, source_options", self.what);
        let inner = Reader { origin: self.origin, what: &what };
        let mut limit = None;
        for option in entries {
            if findings.key(SOURCE_OPTIONS, option, &what) {
                limit = Some(inner.text(option)?.map(|text| inner.count(option, &text)).transpose()?);
            }
        }
        Ok(limit)
    }

    fn count(&self, entry: &Entry, text: &str) -> Result<u64, Error> {
        match text.parse::<u64>() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(self.error(entry, format!("must be a whole number of 1 or more, got {text:?}"))),
        }
    }
}
