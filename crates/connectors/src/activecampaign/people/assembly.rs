//! From the records of a page to people.

use std::collections::{HashMap, HashSet};

use achub_core::{
    Batch, StreamName, Value,
    port::{
        incoming::{Incoming, ShownCompany},
        source::Part,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::value::RawValue;

use crate::activecampaign::people::{attributes::ATTRIBUTES, catalogue::Known, membership};

/// Who of those who come is meant. Servers are known to ignore filters, so everybody is held against what was wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pick {
    /// Everybody.
    All,
    /// Who is or was on any of these lists.
    OnLists(HashSet<i64>),
    /// Who carries any of these tags.
    Tagged(HashSet<i64>),
}

/// The records of a page by stream.
pub(super) struct Records<'a>(&'a [Part]);

impl<'a> Records<'a> {
    /// The records of these parts.
    pub(super) fn new(parts: &'a [Part]) -> Records<'a> {
        Records(parts)
    }

    /// Those of one stream.
    pub(super) fn of(&self, stream: &str) -> Option<&'a Batch> {
        let name = StreamName::new(stream);
        self.0.iter().find(|part| part.stream == name).map(|part| &part.batch)
    }

    /// Pairs of numbers, by the first one: for each row the values of two columns.
    pub(super) fn pairs(&self, stream: &str, one: &str, other: &str) -> HashMap<i64, Vec<i64>> {
        let mut pairs: HashMap<i64, Vec<i64>> = HashMap::new();
        let Some(batch) = self.of(stream) else { return pairs };
        let column = |name: &str| batch.schema().index_of(name);
        let (Some(one), Some(other)) = (column(one), column(other)) else { return pairs };
        for (values, _) in batch.rows() {
            if let (Value::Integer(one), Value::Integer(other)) = (&values[one], &values[other]) {
                pairs.entry(*one).or_default().push(*other);
            }
        }
        pairs
    }
}

/// The people of a page who are meant. `companies` are those of each contact.
pub(super) fn people(
    records: &Records<'_>,
    known: &Known,
    pick: &Pick,
    companies: &HashMap<i64, Vec<ShownCompany>>,
) -> Vec<Incoming> {
    let Some(contacts) = records.of("contacts") else { return Vec::new() };
    let mut memberships = memberships(records);
    let mut values = values(records, known);
    let tags = records.pairs("contact_tags", "contact", "tag");
    let row = Row { batch: contacts };
    let mut people = Vec::with_capacity(contacts.len());
    for (fields, extra) in contacts.rows() {
        let Some(id) = row.integer(fields, "id") else { continue };
        let memberships = memberships.remove(&id).unwrap_or_default();
        let is_meant = match pick {
            Pick::All => true,
            Pick::OnLists(lists) => memberships.iter().any(|(list, _)| lists.contains(list)),
            Pick::Tagged(wanted) => {
                tags.get(&id).is_some_and(|tags| tags.iter().any(|tag| wanted.contains(tag)))
            }
        };
        if !is_meant {
            continue;
        }
        let mut incoming = row.person(id, fields, extra);
        incoming.companies = companies.get(&id).cloned().unwrap_or_default();
        if let Some(name) = row.text(fields, "orgname").filter(|_| incoming.companies.is_empty()) {
            incoming.companies.push(ShownCompany { key: None, name, url: None });
        }
        incoming.memberships =
            memberships.into_iter().map(|(list, permission)| (list.to_string(), permission)).collect();
        incoming.values.extend(values.remove(&id).unwrap_or_default());
        people.push(incoming);
    }
    people
}

fn memberships(records: &Records<'_>) -> HashMap<i64, Vec<(i64, achub_core::consent::Permission)>> {
    let mut all: HashMap<i64, Vec<_>> = HashMap::new();
    let Some(batch) = records.of("contact_lists") else { return all };
    let Some(columns) = membership::Columns::of(batch) else { return all };
    for (contact, list, permission) in batch.rows().filter_map(|(values, _)| columns.read(values)) {
        all.entry(contact).or_default().push((list, permission));
    }
    all
}

/// Values of custom fields by contact; of two rows of one field the one that was made later counts.
fn values(records: &Records<'_>, known: &Known) -> HashMap<i64, Vec<(String, Value)>> {
    let mut all: HashMap<i64, Vec<(String, Value)>> = HashMap::new();
    let Some(batch) = records.of("field_values") else { return all };
    let column = |name: &str| batch.schema().index_of(name);
    let (Some(id), Some(contact), Some(field), Some(value)) =
        (column("id"), column("contact"), column("field"), column("value"))
    else {
        return all;
    };
    let mut rows: Vec<&[Value]> = batch.rows().map(|(values, _)| values).collect();
    rows.sort_by_key(|row| match row[id] {
        Value::Integer(id) => id,
        _ => 0,
    });
    for row in rows {
        let (Value::Integer(contact), Value::Integer(field), Value::Text(text)) =
            (&row[contact], &row[field], &row[value])
        else {
            continue;
        };
        let Some(value) = known.value(*field, text).filter(|(_, value)| !value.is_null()) else { continue };
        let values = all.entry(*contact).or_default();
        values.retain(|(key, _)| *key != value.0);
        values.push(value);
    }
    all
}

/// Reads rows of contacts.
struct Row<'a> {
    batch: &'a Batch,
}

impl Row<'_> {
    fn value<'v>(&self, fields: &'v [Value], column: &str) -> &'v Value {
        self.batch.schema().index_of(column).map_or(&Value::Null, |index| &fields[index])
    }

    fn text(&self, fields: &[Value], column: &str) -> Option<String> {
        match self.value(fields, column) {
            Value::Text(text) if !text.trim().is_empty() => Some(text.to_string()),
            _ => None,
        }
    }

    fn integer(&self, fields: &[Value], column: &str) -> Option<i64> {
        match self.value(fields, column) {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn moment(&self, fields: &[Value], column: &str) -> Option<Timestamp> {
        match self.value(fields, column) {
            Value::Timestamp(moment) => Some(*moment),
            Value::Date(day) => day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp()),
            _ => None,
        }
    }

    /// What a contact says of itself.
    fn person(&self, id: i64, fields: &[Value], extra: Option<&str>) -> Incoming {
        let is_bounced = self.integer(fields, "bounced_hard").is_some_and(|count| count > 0);
        let attributes = ATTRIBUTES
            .iter()
            .map(|attribute| (attribute.column.to_owned(), self.value(fields, attribute.column).clone()));
        let is_there = |(_, value): &(String, Value)| match value {
            Value::Null => false,
            Value::Text(text) => !text.trim().is_empty(),
            _ => true,
        };
        Incoming {
            key: id.to_string(),
            email: self.text(fields, "email").unwrap_or_default(),
            first_name: self.text(fields, "firstName"),
            last_name: self.text(fields, "lastName"),
            companies: Vec::new(),
            ip: self.text(fields, "ip").or_else(|| raw(extra, "ip")),
            bounced: is_bounced.then(|| self.moment(fields, "bounced_date")),
            values: attributes.filter(is_there).collect(),
            memberships: Vec::new(),
            created_at: self.moment(fields, "cdate"),
            updated_at: self.moment(fields, "udate"),
        }
    }
}

/// The spelling of a value that did not fit its column; it is kept beside the record.
fn raw(extra: Option<&str>, column: &str) -> Option<String> {
    let extra: HashMap<String, &RawValue> = serde_json::from_str(extra?).ok()?;
    let raw = extra.get(&format!("{column}__raw"))?.get();
    Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::raw;

    #[test]
    fn spelling_that_did_not_fit_is_found() {
        let extra = r#"{"ip__raw":"4294967296","other":{"a":1}}"#;
        assert_eq!(raw(Some(extra), "ip").as_deref(), Some("4294967296"));
        assert_eq!(raw(Some(r#"{"ip__raw":4294967296}"#), "ip").as_deref(), Some("4294967296"));
        assert_eq!(raw(Some("{}"), "ip"), None);
        assert_eq!(raw(None, "ip"), None);
    }
}
