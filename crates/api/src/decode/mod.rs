//! From the bytes of an answer to records, in one pass and without a tree in between.
//!
//! Values are read tolerantly into their declared types: what does not fit is `Null`, its spelling is kept in the
//! record's extra members as `<field>__raw`, and it is counted. Members without a declared field are kept unchanged.
//! Of two members of the same name the last one counts. No input panics.

mod depth;
mod layout;
mod row;
mod scalar;
pub mod segment_match;
mod text;
mod unreadable;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use achub_core::{Batch, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json, value::RawValue};

pub use depth::DEPTH_MAX;
pub use layout::schema;
pub(crate) use row::RAW_SUFFIX;
pub use unreadable::{Kind, Unreadable};

use crate::stream::{Stream, Type};
use row::{Name, Row, Rows};

/// What is wanted of the records beyond their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether link blocks are decoded. They are half of a contact; passed over, they are `Null`.
    pub noise: bool,
}

/// A page of a list answer.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// One part for each wanted stream, in the order in which they were wanted.
    pub parts: Vec<DecodedPart>,
    /// `meta.total`, sent as a string or a number.
    pub total: Option<u64>,
    /// `meta` as it came: a JSON document.
    pub meta: Option<Box<str>>,
}

/// The records of one stream in an answer.
#[derive(Debug, Clone)]
pub struct DecodedPart {
    /// Which stream.
    pub stream: &'static Stream,
    /// Its records, shaped like [`schema`] of the stream.
    pub batch: Batch,
    /// Whether the answer had the stream's key at all.
    pub present: bool,
    /// For each field how many values did not fit its declared type.
    pub type_drift: BTreeMap<&'static str, u64>,
    /// For each relation whose stream was wanted too, how many ids the records name together; `None` where no record
    /// names any. Compared with the records of that stream it tells whether all of them were delivered.
    pub sideload_ids: Vec<(&'static str, Option<u64>)>,
}

/// Reads a list answer.
///
/// `wanted[0]` is the stream that was asked for, the others are those that came along under their own keys. Everything
/// else in the answer is passed over.
///
/// Errors: see [`Kind`]; no or another key than that of `wanted[0]` is [`Kind::Empty`]. Rows that are no objects are
/// [`Kind::Shape`].
///
/// # Panics
/// Where nothing is wanted.
pub fn page(body: &[u8], wanted: &[&'static Stream], options: Options) -> Result<Decoded, Unreadable> {
    let main = wanted[0];
    let readers = wanted.iter().map(|stream| Reader::new(stream, wanted, options)).collect();
    let mut answer = Answer { readers, shape: Shape::List, meta: None, reading: "an answer" };
    answer.read(body)?;
    let total = answer.meta.and_then(total);
    if !answer.readers[0].present {
        let total = total.map_or(String::new(), |total| format!(" though its total is {total}"));
        return Err(Unreadable::new(Kind::Empty, format!("answer has no `{}`{total}", main.envelope)));
    }
    let meta = answer.meta.map(|meta| text::surrogates_whole(meta).into());
    Ok(Decoded { parts: answer.readers.into_iter().map(Reader::finish).collect(), total, meta })
}

/// Reads a single answer: one record under the stream's key for single answers.
///
/// Link blocks are decoded, and the ids of related records are kept among the extra members.
///
/// Errors: as [`page`]; a stream that has no single answer is [`Kind::Shape`].
pub fn item(body: &[u8], stream: &'static Stream) -> Result<DecodedPart, Unreadable> {
    let Some(key) = stream.item else {
        return Err(Unreadable::shape(format_args!("no single answer of {}", stream.name)));
    };
    let reader = Reader::new(stream, &[], Options { noise: true });
    let mut answer = Answer { readers: vec![reader], shape: Shape::Item, meta: None, reading: "an answer" };
    answer.read(body)?;
    let reader = answer.readers.pop().expect("a single answer has one reader");
    if !reader.present {
        return Err(Unreadable::new(Kind::Empty, format!("answer has no `{key}`")));
    }
    Ok(reader.finish())
}

/// The members of an answer as a tree, for answers that are small.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Json>, Unreadable> {
    if let Some(unreadable) = Unreadable::before_parsing(body) {
        return Err(unreadable);
    }
    depth::check(body)?;
    serde_json::from_slice(body).map_err(|error| Unreadable::from_json(&error, body, "an answer"))
}

/// Reads `raw`, a valid JSON value, as `ty`; `None` where it does not fit.
pub(crate) fn value(ty: Type, raw: &str) -> Option<Value> {
    scalar::value(ty, raw, None)
}

/// Reads `text`, which may be empty, as `ty`; `None` where it does not fit.
pub(crate) fn of_text(ty: Type, text: &str) -> Option<Value> {
    scalar::of_text(ty, text)
}

/// `total` in `meta`.
fn total(meta: &str) -> Option<u64> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(meta).ok()?;
    row::count(members.get("total")?.get())
}

/// Whether records come in an array or alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    List,
    Item,
}

/// Reads the records of one wanted stream.
struct Reader<'de> {
    stream: &'static Stream,
    rows: Rows<'de>,
    present: bool,
    skip_noise: bool,
    delivered: Vec<&'static str>,
}

impl<'de> Reader<'de> {
    fn new(stream: &'static Stream, wanted: &[&'static Stream], options: Options) -> Reader<'de> {
        let is_wanted = |name: &str| wanted.iter().any(|stream| stream.name == name);
        let relations = stream.sideloads.iter().filter(|relation| is_wanted(relation.stream));
        let delivered: Vec<_> = relations.map(|relation| relation.include).collect();
        let skip_noise = !options.noise;
        let rows = Rows::new(stream, layout::of(stream), skip_noise, &delivered);
        Reader { stream, rows, present: false, skip_noise, delivered }
    }

    /// Gets ready to read; what an earlier member of the same name held is forgotten.
    fn start(&mut self) {
        if self.present {
            self.rows = Rows::new(self.stream, layout::of(self.stream), self.skip_noise, &self.delivered);
        }
        self.present = true;
    }

    fn finish(self) -> DecodedPart {
        self.rows.finish(self.present)
    }
}

/// Reads the members of an answer.
struct Answer<'de> {
    readers: Vec<Reader<'de>>,
    shape: Shape,
    meta: Option<&'de str>,
    /// What is being read, for the error.
    reading: &'static str,
}

impl<'de> Answer<'de> {
    fn read(&mut self, body: &'de [u8]) -> Result<(), Unreadable> {
        if let Some(unreadable) = Unreadable::before_parsing(body) {
            return Err(unreadable);
        }
        depth::check(body)?;
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let read = deserializer.deserialize_map(&mut *self).and_then(|()| deserializer.end());
        read.map_err(|error| Unreadable::from_json(&error, body, self.reading))
    }

    fn reader(&mut self, name: &str) -> Option<&mut Reader<'de>> {
        let shape = self.shape;
        self.readers.iter_mut().find(|reader| match shape {
            Shape::List => reader.stream.envelope == name,
            Shape::Item => reader.stream.item == Some(name),
        })
    }
}

impl<'de> Visitor<'de> for &mut Answer<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            let shape = self.shape;
            if let Some(reader) = self.reader(&name) {
                reader.start();
                self.reading = match shape {
                    Shape::List => reader.stream.envelope,
                    Shape::Item => reader.stream.item.unwrap_or(reader.stream.envelope),
                };
                let reader = self.reader(&name).expect("it was there a moment ago");
                match shape {
                    Shape::List => map.next_value_seed(List { rows: &mut reader.rows })?,
                    Shape::Item => map.next_value_seed(Row { rows: &mut reader.rows })?,
                }
                self.reading = "an answer";
            } else if name == "meta" {
                self.meta = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads an array of records.
struct List<'a, 'de> {
    rows: &'a mut Rows<'de>,
}

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Row { rows: self.rows })?.is_some() {}
        Ok(())
    }
}
