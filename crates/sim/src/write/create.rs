//! Creating records: a sparse echo of what was sent, a few defaults, times, links and the id.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, contact, crm, echo, field, membership, refuse, respond};
use crate::{
    account::Origin,
    answer::{Answer, row::View},
};

/// What a create puts into a field that was not sent.
#[derive(Debug, Clone, Copy)]
enum Given {
    /// The moment of creation, with its offset.
    Now,
    /// The same without a zone.
    Wall,
    /// Ready JSON.
    Json(&'static str),
    /// Ready JSON that is echoed as it is and stored as a string.
    Number(u64),
}

use Given::{Json, Now, Number, Wall};

/// A default, and whether the answer to the create shows it.
#[derive(Debug, Clone, Copy)]
struct Fresh {
    envelope: &'static str,
    field: &'static str,
    given: Given,
    shown: bool,
}

const fn shown(envelope: &'static str, field: &'static str, given: Given) -> Fresh {
    Fresh { envelope, field, given, shown: true }
}

const fn kept(envelope: &'static str, field: &'static str, given: Given) -> Fresh {
    Fresh { envelope, field, given, shown: false }
}

const NULL: Given = Json("null");
const EMPTY: Given = Json("\"\"");

/// Defaults by collection, from recorded creates; collections that are not here get [`OTHERWISE`].
const FRESH: &[Fresh] = &[
    shown("contacts", "cdate", Now),
    shown("contacts", "udate", Now),
    shown("contacts", "phone", EMPTY),
    shown("contacts", "orgid", Json("\"0\"")),
    shown("contacts", "orgname", EMPTY),
    shown("contacts", "organization", NULL),
    kept("contacts", "created_utc_timestamp", Wall),
    kept("contacts", "updated_utc_timestamp", Wall),
    kept("contacts", "created_timestamp", Wall),
    kept("contacts", "updated_timestamp", Wall),
    shown("contactTags", "cdate", Now),
    kept("contactTags", "created_timestamp", Wall),
    kept("contactTags", "updated_timestamp", Wall),
    shown("contactLists", "sdate", Now),
    shown("contactLists", "udate", NULL),
    shown("contactLists", "unsubreason", EMPTY),
    shown("contactLists", "campaign", NULL),
    shown("contactLists", "message", NULL),
    shown("contactLists", "sourceid", Number(3)),
    shown("contactLists", "unsubscribeAutomation", NULL),
    kept("contactLists", "responder", Json("\"1\"")),
    kept("contactLists", "channel", Json("\"email\"")),
    kept("contactLists", "created_timestamp", Wall),
    kept("contactLists", "updated_timestamp", Wall),
    shown("tags", "cdate", Now),
    kept("tags", "created_timestamp", Wall),
    kept("tags", "updated_timestamp", Wall),
    kept("tags", "tagType", Json("\"contact\"")),
    shown("lists", "channel", Json("\"email\"")),
    shown("lists", "description", EMPTY),
    shown("lists", "send_last_broadcast", Number(0)),
    shown("lists", "carboncopy", EMPTY),
    shown("lists", "subscription_notify", EMPTY),
    shown("lists", "unsubscription_notify", EMPTY),
    shown("lists", "userid", Number(1)),
    shown("lists", "user", Number(1)),
    shown("lists", "cdate", Now),
    shown("lists", "udate", Now),
    kept("lists", "created_timestamp", Wall),
    kept("lists", "updated_timestamp", Wall),
    shown("fields", "cdate", Now),
    shown("fields", "udate", Now),
    shown("fields", "created_by", Json("\"1\"")),
    shown("fields", "updated_by", Json("\"1\"")),
    kept("fields", "created_timestamp", Wall),
    kept("fields", "updated_timestamp", Wall),
    kept("fields", "visible", Json("\"1\"")),
    shown("fieldRels", "cdate", Now),
    shown("fieldOptions", "cdate", Now),
    shown("fieldOptions", "udate", Now),
    shown("fieldValues", "cdate", Now),
    shown("fieldValues", "udate", Now),
    shown("accounts", "createdTimestamp", Now),
    shown("accounts", "updatedTimestamp", Now),
    shown("accounts", "owner", Json("\"1\"")),
    kept("accounts", "accountUrl", EMPTY),
    shown("accountContacts", "createdTimestamp", Now),
    shown("accountContacts", "updatedTimestamp", Now),
    shown("deals", "cdate", Now),
    shown("deals", "mdate", Now),
    shown("deals", "description", EMPTY),
    shown("deals", "organization", NULL),
    shown("deals", "status", Number(0)),
    shown("deals", "nextdate", NULL),
    shown("deals", "winProbability", NULL),
    shown("deals", "winProbabilityMdate", NULL),
    shown("deals", "isDisabled", Json("false")),
    shown("deals", "account", NULL),
    shown("deals", "customerAccount", NULL),
    kept("deals", "activitycount", Json("\"1\"")),
    shown("notes", "cdate", Now),
    shown("notes", "mdate", Now),
    shown("notes", "userid", Json("\"1\"")),
    shown("notes", "user", Json("\"1\"")),
    shown("notes", "is_draft", EMPTY),
    shown("dealGroups", "cdate", Now),
    shown("dealGroups", "udate", Now),
    shown("dealStages", "cdate", Now),
    shown("dealStages", "udate", Now),
    shown("dealStages", "width", Number(280)),
    shown("dealStages", "color", Json("\"3f3f3f\"")),
    shown("dealStages", "dealOrder", Json("\"next-action DESC\"")),
    shown("dealStages", "cardRegion1", Json("\"title\"")),
    shown("dealStages", "cardRegion2", Json("\"next-action\"")),
    shown("dealStages", "cardRegion3", Json("\"show-avatar\"")),
    shown("dealStages", "cardRegion4", Json("\"contact-fullname-acctname\"")),
    shown("dealStages", "cardRegion5", Json("\"value\"")),
    shown("users", "cdate", Now),
    shown("users", "udate", Now),
    shown("users", "localZoneid", Json("\"America/Chicago\"")),
    shown("dealTasktypes", "cdate", Now),
    shown("dealTasktypes", "udate", Now),
    shown("dealTasktypes", "created_by", Json("\"1\"")),
    kept("addresses", "created_timestamp", Now),
    kept("addresses", "updated_timestamp", Now),
    shown("groups", "p_admin", Number(1)),
    shown("webhooks", "cdate", Now),
    shown("webhooks", "listid", Json("\"0\"")),
    kept("campaigns", "cdate", Now),
    kept("campaigns", "mdate", Now),
    kept("campaigns", "source", Json("\"api\"")),
    kept("campaigns", "userid", Json("\"1\"")),
    kept("campaigns", "user", Json("\"1\"")),
    shown("dealCustomFieldMeta", "createdTimestamp", Now),
    shown("dealCustomFieldMeta", "updatedTimestamp", Now),
    shown("accountCustomFieldMeta", "createdTimestamp", Now),
    shown("accountCustomFieldMeta", "updatedTimestamp", Now),
];

/// Defaults of every other collection, in so far as it has the fields.
const OTHERWISE: &[(&str, Given)] = &[("cdate", Now), ("udate", Now)];

/// Collections whose create is answered with the whole row and status 200 or 201.
const WHOLE: &[(&str, StatusCode)] = &[
    ("dealCustomFieldMeta", StatusCode::CREATED),
    ("accountCustomFieldMeta", StatusCode::CREATED),
    ("dealCustomFieldData", StatusCode::OK),
    ("accountCustomFieldData", StatusCode::OK),
];

/// Answers `POST /{collection}`.
pub(super) fn create(write: &mut Write<'_>, envelope: &'static str) -> Answer {
    let sent = write.sent(envelope).unwrap_or_default();
    match envelope {
        "contactTags" => return membership::tag(write, &sent),
        "contactLists" => return membership::list(write, &sent),
        "fieldValues" => return field::value(write, &sent),
        "contacts" => return contact::create(write, &sent),
        _ => {}
    }
    if let Err(refusal) = refuse::create(write, envelope, &sent) {
        return refusal;
    }
    let (id, object) = insert(write, envelope, &sent);
    let item = write.account.table(envelope).item();
    let (beside, object) = effects(write, envelope, id, object);
    match WHOLE.iter().find(|(of, _)| *of == envelope) {
        Some((_, status)) => {
            let mut whole = write.loaded(envelope, id);
            if *status == StatusCode::OK {
                whole.insert(
                    "originalValue".to_owned(),
                    sent.get("fieldValue").cloned().unwrap_or(Value::Null),
                );
            }
            respond(*status, &Map::new(), item, whole)
        }
        None => respond(StatusCode::CREATED, &beside, item, object),
    }
}

/// Whether the newer service keeps the collection, which does not follow the echo rule.
pub(super) fn is_strict(envelope: &str) -> bool {
    matches!(envelope, "dealCustomFieldData" | "accountCustomFieldData")
}

/// Makes the record and gives its id and what the answer says of it.
pub(super) fn insert(
    write: &mut Write<'_>,
    envelope: &'static str,
    sent: &Map<String, Value>,
) -> (u64, Map<String, Value>) {
    let account = &mut *write.account;
    let table = account.table(envelope);
    let mut values = echo::stored(table, sent);
    let mut object = echo::echoed(table, sent);
    let (now, wall) = (account.now_iso(), account.now_wall());
    let known: Vec<Fresh> = FRESH.iter().copied().filter(|fresh| fresh.envelope == envelope).collect();
    let otherwise = OTHERWISE.iter().map(|(field, given)| shown(envelope, field, *given));
    let defaults: Vec<Fresh> = if known.is_empty() { otherwise.collect() } else { known };
    for fresh in defaults.iter().filter(|fresh| table.field(fresh.field).is_some()) {
        let (echoed, kept) = match fresh.given {
            Now => (json!(now), json!(now)),
            Wall => (json!(wall), json!(wall)),
            Json(text) => constant(text),
            Number(number) => (json!(number), json!(number.to_string())),
        };
        if fresh.shown && !sent.contains_key(fresh.field) {
            object.insert(fresh.field.to_owned(), echoed);
        }
        values.entry(fresh.field).or_insert(kept);
    }
    derived(write, envelope, sent, &mut values, &mut object);
    let id = write.account.create(envelope, Origin::Blank, values);
    let whole = write.row(envelope, id, View::Written);
    for name in ["links", "id"] {
        object.extend(whole.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    (id, object)
}

fn constant(text: &str) -> (Value, Value) {
    let value: Value = serde_json::from_str(text).expect("defaults are written as JSON");
    (value.clone(), value)
}

/// Defaults that depend on what was sent or on what is there.
fn derived(
    write: &mut Write<'_>,
    envelope: &'static str,
    sent: &Map<String, Value>,
    values: &mut Map<String, Value>,
    object: &mut Map<String, Value>,
) {
    let account = &mut *write.account;
    match envelope {
        "contacts" => {
            let hash = format!("{:016x}{:016x}", account.dice.below(u64::MAX), account.dice.below(u64::MAX));
            values.insert("hash".to_owned(), json!(hash));
            let email = values.get("email").and_then(Value::as_str).unwrap_or_default();
            let domain = email.split_once('@').map_or("", |(_, domain)| domain).to_owned();
            values.insert("email_domain".to_owned(), json!(domain));
        }
        "fields" => {
            let perstag = field::perstag(sent);
            let order = account.table("fields").ids.count() + 1;
            object.insert("perstag".to_owned(), json!(perstag));
            object.insert("ordernum".to_owned(), json!(order));
            values.insert("perstag".to_owned(), json!(perstag));
            values.insert("ordernum".to_owned(), json!(order.to_string()));
        }
        "deals" => {
            let hash = format!("{:08x}", account.dice.below(1 << 32));
            let next = (account.table("deals").ids.newest() + 1).to_string();
            for (name, value) in [("hash", hash), ("nextdealid", next)] {
                object.insert(name.to_owned(), json!(value));
                values.insert(name.to_owned(), json!(value));
            }
            values.entry("owner").or_insert(json!("1"));
            crm::place_deal(account, values);
        }
        "dealStages" => {
            let group = values.get("group").map_or(0, crate::account::number);
            let order = account.children("dealStages", "group", group).len() + 1;
            object.entry("order").or_insert(json!(order));
            values.entry("order").or_insert(json!(order.to_string()));
        }
        "notes" => crm::own_note(values, object),
        _ => {}
    }
}

/// What creating a record does besides, and the rows that come along.
fn effects(
    write: &mut Write<'_>,
    envelope: &'static str,
    id: u64,
    mut object: Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut beside = Map::new();
    let pointer = |write: &Write<'_>, field: &str| write.account.pointer(envelope, id, field);
    match envelope {
        "contactAutomations" => {
            let contact = pointer(write, "contact");
            write.put_beside(&mut beside, "contacts", contact);
        }
        "deals" => {
            for (to, field) in [("contacts", "contact"), ("dealGroups", "group"), ("dealStages", "stage")] {
                let other = pointer(write, field);
                write.put_beside(&mut beside, to, other);
            }
        }
        "dealStages" => {
            let group = pointer(write, "group");
            write.put_beside(&mut beside, "dealGroups", group);
        }
        "dealGroups" => {
            let stages = crm::first_stages(write, id);
            object.insert("stages".to_owned(), json!(stages.iter().map(u64::to_string).collect::<Vec<_>>()));
            let rows: Vec<Value> =
                stages.into_iter().map(|stage| write.beside("dealStages", stage)).collect();
            beside.insert("dealStages".to_owned(), Value::Array(rows));
        }
        "notes" => beside = crm::note_effects(write, id),
        _ => {}
    }
    finish(envelope, &mut object);
    (beside, object)
}

/// What answers to writes of a company or a deal carry besides the row.
pub(super) fn finish(envelope: &str, object: &mut Map<String, Value>) {
    if matches!(envelope, "accounts" | "deals") {
        object.insert("customFieldSaveStatus".to_owned(), json!({"status": "success"}));
        object.insert("fields".to_owned(), json!([]));
    }
}
