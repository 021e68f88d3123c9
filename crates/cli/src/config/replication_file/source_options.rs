//! `source_options`: what is read of a stream, and what becomes of its values.

use std::time::Duration;

use achub_core::Error;
use achub_engine::{replication::Range, shape::Nesting};
use jiff::{Timestamp, ToSpan as _, civil::Date};

use crate::config::{
    connection::moment,
    replication_file::reader::{Reader, duration},
    yaml::Entry,
};

/// The options of a stream. What is not named is as it is without options.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceOptions {
    /// At most so many records.
    pub limit: Option<u64>,
    /// So many records are passed over first.
    pub offset: u64,
    /// Changes between two moments.
    pub range: Option<Range>,
    /// The windows the range is read in.
    pub chunk: Option<Duration>,
    /// How nested values become columns.
    pub nesting: Option<Nesting>,
    /// Empty texts become null.
    pub empty_as_null: bool,
    /// Texts equal to this become null.
    pub null_if: Option<String>,
    /// Decimals that numbers keep.
    pub max_decimals: Option<u8>,
}

impl SourceOptions {
    /// Takes one key that is granted. `columns` and `transforms` were moved up before.
    pub fn take(&mut self, reader: &Reader<'_>, entry: &Entry) -> Result<(), Error> {
        match entry.key.as_str() {
            "limit" => self.limit = reader.count(entry, 1)?,
            "offset" => self.offset = reader.count(entry, 0)?.unwrap_or(0),
            "range" => {
                let text = reader.text(entry)?;
                let range = text.map(|text| range(&text)).transpose();
                self.range = range.map_err(|what| {
                    reader
                        .error(entry, what)
                        .with_hint("write it like '2025-01-01,2025-06-30' or '2025-01-01,,7d'")
                })?;
            }
            "chunk_size" => self.chunk = reader.duration(entry)?.filter(|chunk| !chunk.is_zero()),
            "flatten" => self.nesting = nesting(reader, entry)?,
            "empty_as_null" => self.empty_as_null = reader.switch(entry)?,
            "null_if" => self.null_if = reader.text_as_is(entry)?,
            "max_decimals" => self.max_decimals = decimals(reader, entry)?,
            other => unreachable!("`{other}` is granted and not read"),
        }
        Ok(())
    }

    /// The range with the windows of `chunk_size`, where it names none itself.
    pub fn window(&self) -> Option<Range> {
        self.range.map(|range| Range { step: range.step.or(self.chunk), ..range })
    }
}

/// `1` is what documents are anyway; a deeper one counts the field itself as its first level.
fn nesting(reader: &Reader<'_>, entry: &Entry) -> Result<Option<Nesting>, Error> {
    let Some(text) = reader.text(entry)? else { return Ok(None) };
    let depth = match text.to_ascii_lowercase().as_str() {
        "false" => return Ok(Some(Nesting::WholeRecord)),
        "true" => return Ok(Some(Nesting::Depth(u8::MAX))),
        number => number.parse::<u64>().ok(),
    };
    match depth {
        Some(1) => Ok(Some(Nesting::AsJson)),
        Some(depth) if depth > 1 => Ok(Some(Nesting::Depth(u8::try_from(depth - 1).unwrap_or(u8::MAX)))),
        _ => Err(reader.error(entry, format!("must be true, false, or a depth of 1 or more, got {text:?}"))),
    }
}

fn decimals(reader: &Reader<'_>, entry: &Entry) -> Result<Option<u8>, Error> {
    match reader.text(entry)?.as_deref() {
        None | Some("-1") => Ok(None),
        Some(text) => match text.parse::<u8>() {
            Ok(decimals) => Ok(Some(decimals)),
            Err(_) => {
                Err(reader.error(entry, format!("must be a whole number, or -1 for none, got {text:?}")))
            }
        },
    }
}

/// `from,to` or `from,to,step`; `from` and `to` are days or moments, both included, and may be empty.
///
/// Errors, as text: what is not understood, a range that ends before it begins.
pub fn range(text: &str) -> Result<Range, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let (from, to, step) = match parts[..] {
        [from, to] => (from, to, ""),
        [from, to, step] => (from, to, step),
        _ => return Err(format!("must be from,to or from,to,step, got {text:?}")),
    };
    let read = |part: &str, at: &dyn Fn(&str) -> Option<Timestamp>| match part {
        "" => Ok(None),
        part => at(part).map(Some).ok_or_else(|| format!("has {part:?}, which is no date or time")),
    };
    let (from, until) = (read(from, &moment)?, read(to, &behind)?);
    let step = match step {
        "" => None,
        step => Some(
            duration(step)
                .filter(|step| !step.is_zero())
                .ok_or_else(|| format!("has the step {step:?}, which is no span of time"))?,
        ),
    };
    match (from, until) {
        (None, None) => Err("names neither a beginning nor an end".to_owned()),
        (Some(from), Some(until)) if from >= until => Err(format!("ends before it begins: {text:?}")),
        _ => Ok(Range { from, until, step }),
    }
}

/// The moment behind the last one that is included: a day counts whole, a moment to its last second.
fn behind(text: &str) -> Option<Timestamp> {
    let is_day = text.parse::<Date>().is_ok() && !text.contains([':', 'T']);
    let length = if is_day { 24.hours() } else { 1.second() };
    moment(text)?.checked_add(length).ok()
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_include_both_ends() {
        let show = |text: &str| {
            range(text).map(|range| {
                let part = |moment: Option<jiff::Timestamp>| {
                    moment.map_or("-".to_owned(), |moment| moment.to_string())
                };
                format!("{} {} {:?}", part(range.from), part(range.until), range.step)
            })
        };
        for (text, expected) in [
            ("2025-01-01,2025-06-30", Ok("2025-01-01T00:00:00Z 2025-07-01T00:00:00Z None")),
            (
                "2025-01-01 10:00:00, 2025-01-01T12:00:00Z",
                Ok("2025-01-01T10:00:00Z 2025-01-01T12:00:01Z None"),
            ),
            ("2025-01-01,,7d", Ok("2025-01-01T00:00:00Z - Some(604800s)")),
            (",2025-01-01", Ok("- 2025-01-02T00:00:00Z None")),
            ("2025-01-01", Err("must be from,to or from,to,step, got \"2025-01-01\"")),
            (",", Err("names neither a beginning nor an end")),
            ("2025-02-01,2025-01-01", Err("ends before it begins: \"2025-02-01,2025-01-01\"")),
            ("soon,", Err("has \"soon\", which is no date or time")),
            ("2025-01-01,,often", Err("has the step \"often\", which is no span of time")),
        ] {
            assert_eq!(show(text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
