//! Values of a file's maps, read as what they must be; what they are not names place and key.

use std::time::Duration;

use achub_core::{Code, Error};
use jiff::{Span, SpanRelativeTo};

use crate::config::{
    keys::{Origin, switch},
    nearest::advice,
    yaml::{Entry, Kind, Node},
};

/// Reads the entries of one map, which is called `what` in messages: `defaults`, `stream contacts, source_options`.
pub struct Reader<'a> {
    /// The text the map stands in.
    pub origin: &'a Origin,
    /// What the map is.
    pub what: String,
}

impl<'a> Reader<'a> {
    /// A reader of the map `what`.
    pub fn new(origin: &'a Origin, what: impl Into<String>) -> Reader<'a> {
        Reader { origin, what: what.into() }
    }

    /// A reader of the map behind `key` of this one.
    pub fn inner(&self, key: &str) -> Reader<'a> {
        Reader::new(self.origin, format!("{}, {key}", self.what))
    }

    /// The failure that the value of `entry` is wrong: `what` says how.
    pub fn error(&self, entry: &Entry, what: impl std::fmt::Display) -> Error {
        let text = format!("{}: `{}` {what}", self.what, entry.key);
        self.origin.error(Code::BadFile, entry.value.place, text)
    }

    /// The entries of a map; null has none.
    pub fn entries<'n>(&self, entry: &'n Entry) -> Result<&'n [Entry], Error> {
        match entry.value.entries() {
            Some(entries) => Ok(entries),
            None if entry.value.is_null() => Ok(&[]),
            None => Err(self.error(entry, format!("must be a map, got {}", entry.value.describe()))),
        }
    }

    /// A text without the white space around it; null and the empty text are none.
    pub fn text(&self, entry: &Entry) -> Result<Option<String>, Error> {
        Ok(self.text_as_is(entry)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// A text as it stands there, the empty one too; null is none.
    pub fn text_as_is(&self, entry: &Entry) -> Result<Option<String>, Error> {
        match (entry.value.text(), entry.value.is_null()) {
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, true) => Ok(None),
            (None, false) => {
                Err(self.error(entry, format!("must be a text, got {}", entry.value.describe())))
            }
        }
    }

    /// A text that has to be there.
    pub fn needed(&self, entry: &Entry) -> Result<String, Error> {
        self.text(entry)?.ok_or_else(|| self.error(entry, "is empty"))
    }

    /// A list of texts, or one text as a list of one. Empty items are dropped.
    pub fn texts(&self, entry: &Entry) -> Result<Vec<String>, Error> {
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

    /// True or false; nothing is false.
    pub fn switch(&self, entry: &Entry) -> Result<bool, Error> {
        let text = self.text(entry)?.unwrap_or_default();
        match switch(&text) {
            Some(value) => Ok(value),
            None if text.is_empty() => Ok(false),
            None => Err(self.error(entry, format!("must be true or false, got {text:?}"))),
        }
    }

    /// A whole number of at least `least`; null is none.
    pub fn count(&self, entry: &Entry, least: u64) -> Result<Option<u64>, Error> {
        let Some(text) = self.text(entry)? else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(count) if count >= least => Ok(Some(count)),
            _ => Err(self.error(entry, format!("must be a whole number of {least} or more, got {text:?}"))),
        }
    }

    /// A span of time: a number of seconds, or a text such as `30s` and `1h 30m`.
    pub fn duration(&self, entry: &Entry) -> Result<Option<Duration>, Error> {
        let Some(text) = self.text(entry)? else { return Ok(None) };
        match duration(&text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self
                .error(entry, format!("must be a span of time, got {text:?}"))
                .with_hint("write it like 30s, 5m or 1h 30m")),
        }
    }

    /// One of the words of `choices`, compared without case; null is none.
    pub fn choice<T: Copy>(&self, entry: &Entry, choices: &[(&'static str, T)]) -> Result<Option<T>, Error> {
        let Some(word) = self.text(entry)? else { return Ok(None) };
        match choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(&word)) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(self
                .error(entry, format!("has the unknown value {word:?}"))
                .with_hint(advice(&word, choices.iter().map(|(known, _)| *known)))),
        }
    }
}

/// A span of time: a number of seconds, or units behind numbers, a day being 24 hours. `None`: neither, or less than
/// nothing.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => {
            text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn spans_of_time_have_units_or_mean_seconds() {
        for (text, millis) in [
            ("30", Some(30_000)),
            ("0.5", Some(500)),
            ("1h 30m", Some(5_400_000)),
            ("1m30s", Some(90_000)),
            ("250ms", Some(250)),
            ("-1s", None),
            ("-1", None),
            ("7d", Some(604_800_000)),
            ("1mo", None),
            ("soon", None),
            ("inf", None),
        ] {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }
}
