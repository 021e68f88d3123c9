//! Changing the account from outside the API: the world that moves while somebody reads.

use serde_json::{Map, Value, json};

use crate::{
    account::{Account, Origin, Table},
    chance::Dice,
    error::Error,
    seed::Cell,
};

/// What to do to one collection.
#[derive(Debug, Clone)]
pub(crate) struct Mutation {
    pub(crate) envelope: &'static str,
    create: u64,
    change: u64,
    delete: u64,
    /// Values put into single rows as they are, by id.
    set: Vec<Setting>,
    dice: Dice,
    /// Whether it happens between every two pages of the collection instead of now.
    pub(crate) between_pages: bool,
}

impl Mutation {
    /// Reads `{"collection": "contacts", "create": 1, "change": 1, "delete": 1, "set": {"7": {"firstName": "Ada"}},
    /// "seed": 1, "between_pages": false}`; all but `collection` may be left out.
    pub(crate) fn read(account: &Account, value: &Value) -> Result<Mutation, Error> {
        const KNOWN: &[&str] = &["collection", "create", "change", "delete", "set", "seed", "between_pages"];
        let object =
            value.as_object().ok_or_else(|| Error::Control("a mutation is a JSON object".to_owned()))?;
        if let Some(key) = object.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(Error::Control(format!(
                "mutation has an unknown member `{key}`; known are {}",
                KNOWN.join(", ")
            )));
        }
        let whole = |name: &str, otherwise: u64| match object.get(name) {
            None => Ok(otherwise),
            Some(value) => {
                value.as_u64().ok_or_else(|| Error::Control(format!("`{name}` is not a whole number")))
            }
        };
        let name = object.get("collection").and_then(Value::as_str).unwrap_or_default();
        let table = collection(account, name)?;
        Ok(Mutation {
            envelope: table.envelope(),
            set: object.get("set").map_or(Ok(Vec::new()), |set| settings(table, set))?,
            create: whole("create", 0)?,
            change: whole("change", 0)?,
            delete: whole("delete", 0)?,
            dice: Dice::new(whole("seed", 1)?),
            between_pages: match object.get("between_pages") {
                None => false,
                Some(value) => value
                    .as_bool()
                    .ok_or_else(|| Error::Control("`between_pages` is not true or false".to_owned()))?,
            },
        })
    }

    /// Does it once; says which rows it made, changed and deleted.
    pub(crate) fn apply(&mut self, account: &mut Account) -> Value {
        let deleted = self.choose(account, self.delete);
        account.delete(self.envelope, &deleted);
        let changed = self.choose(account, self.change);
        for id in &changed {
            change(account, self.envelope, *id);
        }
        let there: Vec<_> =
            self.set.iter().filter(|(id, _)| account.has(self.envelope, *id)).cloned().collect();
        let set: Vec<u64> = there.iter().map(|(id, _)| *id).collect();
        for (id, values) in there {
            account.change(self.envelope, id, values);
        }
        let created: Vec<u64> =
            (0..self.create).map(|_| create(account, self.envelope, &mut self.dice)).collect();
        json!({"at": account.now_iso(), "revision": account.revision, "collection": self.envelope, "created": created, "changed": changed, "set": set, "deleted": deleted})
    }

    /// `count` different living rows, or all of them when there are fewer.
    fn choose(&mut self, account: &Account, count: u64) -> Vec<u64> {
        let ids = &account.table(self.envelope).ids;
        if count >= ids.count() {
            return ids.iter().collect();
        }
        let mut ranks = std::collections::BTreeSet::new();
        while (ranks.len() as u64) < count {
            ranks.insert(self.dice.below(ids.count()));
        }
        ranks.into_iter().filter_map(|rank| ids.nth(rank)).collect()
    }
}

/// A row, and the values it gets.
type Setting = (u64, Map<String, Value>);

/// What `set` puts into which rows: an object of ids, each with an object of fields the collection has. Values are sent as
/// they are given here, whatever their field is meant to hold.
fn settings(table: &Table, value: &Value) -> Result<Vec<Setting>, Error> {
    let wrong = || Error::Control("`set` is not an object of ids with objects of fields".to_owned());
    let one = |(id, values): (&String, &Value)| {
        let (id, values) = (id.parse().map_err(|_| wrong())?, values.as_object().ok_or_else(wrong)?);
        match values.keys().find(|name| table.field(name).is_none()) {
            Some(name) => Err(Error::Control(format!("{} have no field `{name}`", table.envelope()))),
            None => Ok((id, values.clone())),
        }
    };
    value.as_object().ok_or_else(wrong)?.iter().map(one).collect()
}

/// The collection a control call names, by stream or by the key of its array.
pub(crate) fn collection<'a>(account: &'a Account, name: &str) -> Result<&'a Table, Error> {
    let by_stream = |table: &&Table| table.stream.name.eq_ignore_ascii_case(name);
    account
        .tables()
        .iter()
        .find(by_stream)
        .or_else(|| account.find(name))
        .ok_or_else(|| Error::Control(format!("there is no collection `{name}`")))
}

/// Fields that move when a row changes.
const MOVING: &[&str] = &[
    "udate",
    "mdate",
    "updatedTimestamp",
    "updated_timestamp",
    "updated_utc_timestamp",
    "updatedDate",
    "lastdate",
    "tstamp",
];
/// Fields that say when a row was made.
const MADE: &[&str] = &[
    "cdate",
    "createdTimestamp",
    "created_timestamp",
    "created_utc_timestamp",
    "createdDate",
    "sdate",
    "adddate",
];
/// Texts that can change without breaking anything.
const TEXTS: &[&str] =
    &["firstName", "title", "name", "note", "value", "jobTitle", "subject", "description", "companyName"];

fn change(account: &mut Account, envelope: &'static str, id: u64) {
    let mut values = moments(account, envelope, MOVING);
    let table = account.table(envelope);
    if let Some(text) = TEXTS.iter().find(|text| table.field(text).is_some()) {
        values.insert((*text).to_owned(), json!(format!("changed {}", account.revision + 1)));
    }
    if envelope == "contactLists" {
        let status = if account.pointer(envelope, id, "status") == 1 { "2" } else { "1" };
        values.insert("status".to_owned(), json!(status));
    }
    account.change(envelope, id, values);
}

/// Makes a row that looks like a seeded one, made now, belonging to living rows.
fn create(account: &mut Account, envelope: &'static str, dice: &mut Dice) -> u64 {
    let mut values = moments(account, envelope, MADE);
    values.extend(moments(account, envelope, MOVING));
    if let crate::seed::Rows::Follow { of, .. } = account.table(envelope).rows {
        let parents = &account.table(of).ids;
        let parent = parents.nth(dice.below(parents.count()));
        for field in account.table(envelope).stream.fields {
            let points = crate::seed::keys::target(envelope, field.name) == Some(of)
                || (envelope, field.name) == ("notes", "relid");
            if let Some(parent) = parent.filter(|_| points) {
                values.insert(field.name.to_owned(), json!(parent.to_string()));
            }
        }
        if let (Some(parent), "notes") = (parent, envelope) {
            values.insert("owner".to_owned(), json!({"type": "contact", "id": parent.to_string()}));
        }
    }
    if envelope != "contacts" {
        return account.create(envelope, Origin::Seeded, values);
    }
    let next = account.table(envelope).ids.newest() + 1;
    values.insert("email".to_owned(), account.value(envelope, next, "email"));
    let id = account.create(envelope, Origin::Seeded, values);
    for (child, count) in [("contactTags", 3), ("contactLists", 2), ("fieldValues", 10)] {
        for _ in 0..count {
            let mut values = moments(account, child, MADE);
            values.extend(moments(account, child, MOVING));
            values.insert("contact".to_owned(), json!(id.to_string()));
            if child == "contactLists" {
                values.insert("udate".to_owned(), Value::Null);
            }
            if child == "fieldValues" {
                values.insert("owner".to_owned(), json!(id.to_string()));
            }
            account.create(child, Origin::Seeded, values);
        }
    }
    id
}

/// Now, in those of `names` the collection has, each spelled its own way.
fn moments(account: &Account, envelope: &'static str, names: &[&str]) -> Map<String, Value> {
    let now = account.clock.now();
    let fields = account.table(envelope).stream.fields.iter().filter(|field| names.contains(&field.name));
    fields
        .map(|field| {
            let mut out = Vec::new();
            Cell::Moment(now).push(&mut out, field, &account.zone);
            (field.name.to_owned(), serde_json::from_slice(&out).expect("moments are written as JSON"))
        })
        .collect()
}
