//! One collection of the account: seeded rows that are computed, and what has changed since, which is kept.

use std::collections::{BTreeMap, HashMap};

use achub_api::stream::{Field, Stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::Ids;
use crate::{
    clock::Zone,
    seed::{Cell, Column, Rows, Scope, columns, keys::target, rows},
};

/// Where the values of a row come from that no write has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Made from the seed, as if the account had started with the row.
    Seeded,
    /// Created by a write: empty until written.
    Blank,
}

/// What happened to a row since the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) origin: Origin,
    /// 0 for a row as it was at the start, one more with every change.
    pub(crate) version: u64,
    /// The account's revision that this version came with.
    pub(crate) revision: u64,
    /// Fields with their new values, spelled as they are sent.
    pub(crate) values: Map<String, Value>,
}

/// One collection.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) stream: &'static Stream,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Rows,
    pub(crate) seeded: u64,
    pub(crate) ids: Ids,
    pub(crate) changes: HashMap<u64, Change>,
    /// Rows made after the start, and rows moved to another parent, by the field and the id it holds.
    adopted: BTreeMap<(&'static str, u64), Vec<u64>>,
}

/// Fields by which children are looked up often; their values in changed rows are indexed.
const INDEXED: &[&str] =
    &["contact", "subscriberid", "relid", "account", "deal", "field", "group", "list", "tag"];

impl Table {
    pub(crate) fn new(stream: &'static Stream, contacts: u64) -> Table {
        let seeded = rows::count(stream.envelope, contacts);
        Table {
            stream,
            columns: columns(stream, contacts),
            rows: rows::filled(stream.envelope),
            seeded,
            ids: Ids::up_to(seeded),
            changes: HashMap::new(),
            adopted: BTreeMap::new(),
        }
    }

    /// The key of the array in list answers, by which collections know each other.
    pub(crate) fn envelope(&self) -> &'static str {
        self.stream.envelope
    }

    /// The name of the object in single answers.
    pub(crate) fn item(&self) -> &'static str {
        self.stream.item.unwrap_or(self.stream.envelope)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.stream.field(name)
    }

    /// What row `id` holds in `field`, as it is sent; `None` when the collection has no such field.
    pub(crate) fn value(&self, scope: &Scope, zone: &Zone, id: u64, field: &str) -> Option<Value> {
        let column = self.columns.iter().find(|column| column.field.name == field)?;
        if let Some(value) = self.changes.get(&id).and_then(|change| change.values.get(field)) {
            return Some(value.clone());
        }
        let mut out = Vec::new();
        self.cell(scope, column, id).push(&mut out, column.field, zone);
        Some(serde_json::from_slice(&out).expect("cells are written as JSON"))
    }

    /// [`Table::value`] as text for comparing: strings without quotes, null and unknown fields as nothing.
    pub(crate) fn text(&self, scope: &Scope, zone: &Zone, id: u64, field: &str) -> Option<String> {
        let column = self.columns.iter().find(|column| column.field.name == field)?;
        match self.changes.get(&id).and_then(|change| change.values.get(field)) {
            Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => match self.cell(scope, column, id) {
                Cell::Null => None,
                cell => Some(cell.text(column.field, zone)),
            },
        }
    }

    /// The id another row has that `field` of row `id` points to; 0 when it points nowhere.
    pub(crate) fn pointer(&self, scope: &Scope, id: u64, field: &str) -> u64 {
        if let Some(value) = self.changes.get(&id).and_then(|change| change.values.get(field)) {
            return number(value);
        }
        let column = self.columns.iter().find(|column| column.field.name == field);
        match column.map(|column| self.cell(scope, column, id)) {
            Some(Cell::Number(number)) => u64::try_from(number).unwrap_or(0),
            _ => 0,
        }
    }

    /// The moment `field` of row `id` holds, in seconds since 1970.
    pub(crate) fn moment(&self, scope: &Scope, zone: &Zone, id: u64, field: &str) -> Option<i64> {
        if let Some(value) = self.changes.get(&id).and_then(|change| change.values.get(field)) {
            return zone.parse(value.as_str()?);
        }
        let column = self.columns.iter().find(|column| column.field.name == field)?;
        match self.cell(scope, column, id) {
            Cell::Moment(second) => Some(second),
            _ => None,
        }
    }

    /// The value of `column` in row `id` where no write has set it.
    pub(crate) fn cell(&self, scope: &Scope, column: &Column, id: u64) -> Cell {
        match self.changes.get(&id) {
            Some(Change { origin: Origin::Blank, .. }) => column.blank(id),
            _ => column.cell(scope, &self.columns, id),
        }
    }

    /// The living rows whose `field` holds `parent`, oldest first.
    pub(crate) fn children(&self, scope: &Scope, field: &'static str, parent: u64) -> Vec<u64> {
        let pointed = target(self.envelope(), field).unwrap_or("contacts");
        let mut ids: Vec<u64> = match rows::descendants(self.envelope(), pointed, parent) {
            Some(ids) => ids.into_iter().filter(|id| *id <= self.seeded && self.ids.contains(*id)).collect(),
            // Only dictionaries of a few dozen rows follow nothing.
            None => self
                .ids
                .iter()
                .filter(|id| *id <= self.seeded && self.pointer(scope, *id, field) == parent)
                .collect(),
        };
        ids.retain(|id| !self.moved_away(scope, *id, field, parent));
        if !INDEXED.contains(&field) {
            ids.extend(self.changes.keys().filter(|id| self.pointer(scope, **id, field) == parent));
            ids.sort_unstable();
            ids.dedup();
        } else if let Some(adopted) = self.adopted.get(&(field, parent)) {
            ids.extend(adopted.iter().copied().filter(|id| self.ids.contains(*id)));
        }
        ids
    }

    fn moved_away(&self, scope: &Scope, id: u64, field: &str, parent: u64) -> bool {
        self.changes.get(&id).is_some_and(|change| change.values.contains_key(field))
            && self.pointer(scope, id, field) != parent
    }

    /// Sets fields of row `id` and makes that a new version. The caller has checked that the row lives.
    pub(crate) fn change(&mut self, id: u64, revision: u64, values: Map<String, Value>) {
        let seeded_parent = self.rows.parent(id).filter(|_| id <= self.seeded);
        for field in INDEXED {
            let Some(value) = values.get(*field) else { continue };
            let old = self.changes.get(&id).and_then(|change| change.values.get(*field)).map(number);
            if let Some(adopted) = old.and_then(|old| self.adopted.get_mut(&(field, old))) {
                adopted.retain(|row| *row != id);
            }
            let parent = number(value);
            if seeded_parent != Some(parent) {
                self.adopted.entry((field, parent)).or_default().push(id);
            }
        }
        let change = self.changes.entry(id).or_insert_with(|| Change {
            origin: Origin::Seeded,
            version: 0,
            revision,
            values: Map::new(),
        });
        change.version += 1;
        change.revision = revision;
        change.values.extend(values);
    }

    /// Makes a new row and returns its id.
    pub(crate) fn create(&mut self, origin: Origin, revision: u64, values: Map<String, Value>) -> u64 {
        let id = self.ids.grow();
        self.changes.insert(id, Change { origin, version: 0, revision, values: Map::new() });
        self.change(id, revision, values);
        id
    }

    /// Removes rows; says how many of them lived.
    pub(crate) fn remove(&mut self, gone: &[u64]) -> u64 {
        for id in gone {
            self.changes.remove(id);
        }
        self.ids.remove(gone)
    }

    /// Puts a stored row back in place, as it was.
    pub(crate) fn restore(&mut self, id: u64, change: Change) {
        self.ids.grow_to(id);
        let stored = change.clone();
        self.changes.insert(id, Change { values: Map::new(), ..change });
        self.change(id, stored.revision, stored.values);
        if let Some(row) = self.changes.get_mut(&id) {
            row.version = stored.version;
        }
    }
}

/// The id a JSON value spells, as a number or a string; 0 for anything else.
pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    }
}
