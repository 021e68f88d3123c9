//! One record: its members in one pass, then its values.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use achub_core::{Batch, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    decode::{
        DecodedPart,
        layout::Layout,
        scalar,
        text::{surrogates_whole, unescaped},
    },
    stream::{Field, Role, Stream},
};

/// The member of a JSON:API resource that holds its fields.
const ATTRIBUTES: &str = "attributes";

/// What the records of one array have in common, and the spellings of the record that is being read.
pub(super) struct Rows<'de> {
    stream: &'static Stream,
    layout: &'static Layout,
    batch: Batch,
    /// Fields whose values are passed over.
    skipped: Vec<bool>,
    /// Fields that hold ids of related records.
    relations: Vec<Relation>,
    drift: BTreeMap<&'static str, u64>,
    /// The field at each position of the record before: records come in the same order of members.
    order: Vec<usize>,
    spellings: Vec<Option<&'de str>>,
    unknown: BTreeMap<Cow<'de, str>, &'de str>,
}

/// A field with ids of related records.
struct Relation {
    field: usize,
    /// Whether those records are decoded from the same answer.
    counted: bool,
    /// How many ids there were so far; `None` while no record had the field.
    ids: Option<u64>,
}

impl<'de> Rows<'de> {
    /// Nothing read yet. `skip_noise` passes link blocks over; the ids of `delivered` relations are only counted.
    pub fn new(
        stream: &'static Stream,
        layout: &'static Layout,
        skip_noise: bool,
        delivered: &[&str],
    ) -> Rows<'de> {
        let fields = stream.fields.iter();
        let is_skipped = |field: &Field| skip_noise && field.role == Role::Noise;
        let relations = fields.clone().enumerate().filter_map(|(field, declared)| {
            let counted = delivered.contains(&declared.name);
            (counted || declared.role == Role::Sideload).then_some(Relation { field, counted, ids: None })
        });
        Rows {
            stream,
            layout,
            batch: Batch::new(layout.schema.clone()),
            skipped: fields.map(is_skipped).collect(),
            relations: relations.collect(),
            drift: BTreeMap::new(),
            order: Vec::new(),
            spellings: vec![None; stream.fields.len()],
            unknown: BTreeMap::new(),
        }
    }

    /// The part these records make up; `present` tells whether the answer had them.
    pub fn finish(self, present: bool) -> DecodedPart {
        let counted = self.relations.iter().filter(|relation| relation.counted);
        let ids = counted.map(|relation| (self.stream.fields[relation.field].name, relation.ids));
        DecodedPart {
            stream: self.stream,
            present,
            sideload_ids: ids.collect(),
            batch: self.batch,
            type_drift: self.drift,
        }
    }

    /// The field called `name`, tried first where the record before had it.
    fn field(&mut self, position: usize, name: &str) -> Option<usize> {
        if let Some(&guess) = self.order.get(position)
            && self.stream.fields[guess].name == name
        {
            return Some(guess);
        }
        let index = self.layout.index_of(name)?;
        if position < self.order.len() {
            self.order[position] = index;
        } else if position == self.order.len() {
            self.order.push(index);
        }
        Some(index)
    }

    /// Turns what was read into a record and makes room for the next one.
    fn push(&mut self) {
        let mut values = Vec::with_capacity(self.layout.columns.len());
        let mut unfit = Vec::new();
        for &index in &self.layout.columns {
            let Some(raw) = self.spellings[index] else {
                values.push(Value::Null);
                continue;
            };
            let twin = self.layout.twins[index].and_then(|twin| self.spellings[twin]);
            let field = &self.stream.fields[index];
            values.push(scalar::value(field.ty, raw, twin).unwrap_or_else(|| {
                unfit.push((field.name, raw));
                Value::Null
            }));
        }
        self.keep_relations();
        for (name, raw) in unfit {
            *self.drift.entry(name).or_default() += 1;
            self.keep_raw(name, raw);
        }
        self.batch.push(values, extra(&self.unknown));
        self.spellings.fill(None);
        self.unknown.clear();
    }

    /// Counts the ids of delivered relations and keeps the others, so that no relation gets lost.
    fn keep_relations(&mut self) {
        for relation in &mut self.relations {
            let field = &self.stream.fields[relation.field];
            let Some(raw) = self.spellings[relation.field] else { continue };
            if relation.counted
                && let Ok(list) = serde_json::from_str::<Vec<IgnoredAny>>(raw)
            {
                let count = u64::try_from(list.len()).unwrap_or(u64::MAX);
                relation.ids = Some(relation.ids.unwrap_or(0).saturating_add(count));
            } else if field.role == Role::Sideload && !matches!(raw, "[]" | "null") {
                self.unknown.insert(Cow::Borrowed(field.name), raw);
            }
        }
    }

    /// Keeps the spelling of a value that does not fit, beside a member that happens to have that name.
    fn keep_raw(&mut self, name: &'static str, raw: &'de str) {
        let mut key = format!("{name}{RAW_SUFFIX}");
        while self.unknown.contains_key(key.as_str()) {
            key.push('_');
        }
        self.unknown.insert(Cow::Owned(key), raw);
    }
}

/// What follows a field's name where its value did not fit and is kept as it came.
pub(crate) const RAW_SUFFIX: &str = "__raw";

/// The JSON object of members without a field, `None` where there are none.
fn extra(members: &BTreeMap<Cow<'_, str>, &str>) -> Option<Box<str>> {
    if members.is_empty() {
        return None;
    }
    let mut object = String::from("{");
    for (name, raw) in members {
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(&serde_json::Value::from(name.as_ref()).to_string());
        object.push(':');
        object.push_str(&surrogates_whole(raw));
    }
    object.push('}');
    Some(object.into())
}

/// Reads one record.
pub(super) struct Row<'a, 'de> {
    pub rows: &'a mut Rows<'de>,
}

impl<'de> DeserializeSeed<'de> for Row<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Members { rows: self.rows, inside: false })?;
        self.rows.push();
        Ok(())
    }
}

/// Reads the members of a record, or those inside its `attributes`.
struct Members<'a, 'de> {
    rows: &'a mut Rows<'de>,
    inside: bool,
}

impl<'de> DeserializeSeed<'de> for Members<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(name) = map.next_key_seed(Name)? {
            let rows = &mut *self.rows;
            if rows.stream.attributes && !self.inside && name == ATTRIBUTES {
                map.next_value_seed(Members { rows, inside: true })?;
                continue;
            }
            match rows.field(position, &name) {
                Some(index) if rows.skipped[index] => _ = map.next_value::<IgnoredAny>()?,
                // The resource's own `id` and `type` stand before attributes of the same name.
                Some(index) if self.inside && rows.spellings[index].is_some() => {
                    _ = map.next_value::<IgnoredAny>()?;
                }
                Some(index) => rows.spellings[index] = Some(map.next_value::<&RawValue>()?.get()),
                None => _ = rows.unknown.insert(name, map.next_value::<&RawValue>()?.get()),
            }
            position += 1;
        }
        Ok(())
    }
}

/// Reads the name of a member, borrowed where it has no escapes.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The number in `raw`, sent as a number or in a string.
pub(super) fn count(raw: &str) -> Option<u64> {
    unescaped(raw).trim().parse().ok()
}
