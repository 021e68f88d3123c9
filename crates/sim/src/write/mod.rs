//! Writes: create, update, delete, and what they do beside that.

mod campaign;
mod contact;
mod create;
mod crm;
mod echo;
mod field;
mod membership;
mod refuse;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    account::{Account, Table},
    answer::{
        Answer, Query, error_body,
        row::{Rower, View},
        single::find_row,
        special,
    },
    json::{push_string, push_value},
    serve::route::{Asked, json_of, not_found},
};

/// A write on its way through the account.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) account: &'a mut Account,
    pub(super) body: &'a Value,
    pub(super) base: &'a str,
    /// What it did to somebody's consent.
    pub(super) consent: Option<Value>,
}

/// Answers a POST, PUT, PATCH or DELETE.
pub(crate) fn answer(account: &mut Account, asked: &Asked<'_>) -> Answer {
    let body = json_of(asked.body);
    let mut write = Write { account, body: &body, base: asked.base, consent: None };
    let mut answer = write.dispatch(asked);
    answer.consent = write.consent;
    answer
}

impl Write<'_> {
    fn dispatch(&mut self, asked: &Asked<'_>) -> Answer {
        match (asked.method, &asked.path[..]) {
            (&Method::POST, ["contact", "sync"]) => contact::sync(self),
            // Documented in the singular; the vendor's own MCP server 0.12.0 asks in the plural.
            (&Method::POST, ["fieldOption" | "fieldOptions", "bulk"]) => field::options(self),
            (&Method::POST, [name @ ("dealCustomFieldData" | "accountCustomFieldData"), "bulkCreate"]) => {
                self.on(name, crm::bulk_create)
            }
            (&Method::PATCH, [name @ ("dealCustomFieldData" | "accountCustomFieldData"), "bulkUpdate"]) => {
                self.on(name, crm::bulk_update)
            }
            (&Method::POST, ["segmentMatchAll"]) => {
                special::match_described(self.account, self.body, &asked.query)
            }
            (&Method::POST, ["deals", id, "notes", ..]) => crm::deal_note(self, id),
            (&Method::POST, ["accounts", id, "notes"]) => crm::account_note(self, id),
            (&Method::PUT, ["deals" | "accounts", _, "notes", id]) => self.update("notes", id),
            (&Method::DELETE, ["accounts", "bulk_delete"]) => self.delete_companies(&asked.query),
            (&Method::POST, ["campaign"]) => campaign::create(self),
            (&Method::POST, ["campaigns", id, "copy"]) => campaign::copy(self, id),
            (&Method::DELETE, ["campaigns", id, "delete"]) => campaign::delete(self, id),
            (&Method::POST, [name] | [name, ""]) => {
                self.on(name, |write, envelope| create::create(write, envelope))
            }
            (&Method::PUT | &Method::PATCH, [name, id]) => {
                self.on(name, |write, envelope| write.update(envelope, id))
            }
            (&Method::DELETE, [name, id]) => self.on(name, |write, envelope| write.delete(envelope, id)),
            _ => not_found(),
        }
    }

    /// Deletes the companies that `ids[]` names; those that are not there do not matter.
    fn delete_companies(&mut self, query: &Query) -> Answer {
        let ids: Vec<u64> = query.list("ids").iter().filter_map(|id| id.parse().ok()).collect();
        self.account.delete("accounts", &ids);
        Answer::ok(&json!({"meta": {"success": true}}))
    }

    fn on(&mut self, name: &str, act: impl FnOnce(&mut Self, &'static str) -> Answer) -> Answer {
        match self.account.at(name).map(Table::envelope) {
            Some(envelope) => act(self, envelope),
            None => not_found(),
        }
    }

    fn missing(&self, envelope: &'static str, id: &str) -> Answer {
        let table = self.account.table(envelope);
        error_body::missing(&self.account.switches, envelope, table.item(), id)
    }

    /// The object inside the envelope; `None` when the body is wrapped in something else.
    pub(super) fn sent(&self, envelope: &'static str) -> Option<Map<String, Value>> {
        self.body.get(self.account.table(envelope).item())?.as_object().cloned()
    }

    /// Row `id` as the answer to a write of it.
    pub(super) fn loaded(&self, envelope: &'static str, id: u64) -> Map<String, Value> {
        self.row(envelope, id, View::Written)
    }

    /// Row `id` beside the answer to a write of another row.
    pub(super) fn beside(&self, envelope: &'static str, id: u64) -> Value {
        Value::Object(self.row(envelope, id, View::Side))
    }

    fn row(&self, envelope: &'static str, id: u64, view: View) -> Map<String, Value> {
        let rower = Rower { account: self.account, base: self.base, count_deals: false };
        rower.tree(self.account.table(envelope), id, view)
    }

    /// A PUT or PATCH: both are partial.
    fn update(&mut self, envelope: &'static str, id: &str) -> Answer {
        let Some(row) = find_row(self.account, self.account.table(envelope), id) else {
            return self.missing(envelope, id);
        };
        let item = self.account.table(envelope).item();
        // A wrong envelope is accepted and changes nothing.
        let mut sent = self.sent(envelope).unwrap_or_default();
        if envelope == "campaigns" {
            // Recorded in 2026: answered with 200, and the name stays.
            sent.clear();
        }
        if let Err(refusal) = refuse::update(self, envelope, row, &sent) {
            return refusal;
        }
        let before = self.account.value(envelope, row, "fieldValue");
        let mut values = echo::stored(self.account.table(envelope), &sent);
        if !values.is_empty() {
            self.after_save(envelope, row, &mut values);
            self.account.change(envelope, row, values);
        }
        let parents = self.update_effects(envelope, row, &sent);
        if envelope == "lists" && self.account.switches.lists_put_empty_body {
            return empty_with_error();
        }
        let mut object = self.loaded(envelope, row);
        if create::is_strict(envelope) {
            // The newer service answers with the stored row and the value before.
            object.insert("originalValue".to_owned(), before);
        } else {
            echo::overlay(self.account.table(envelope), &mut object, &sent);
        }
        create::finish(envelope, &mut object);
        respond(StatusCode::OK, &parents, item, object)
    }

    /// What saving a loaded row does besides: the change is dated, and database nulls become zeros.
    fn after_save(&self, envelope: &'static str, id: u64, values: &mut Map<String, Value>) {
        let account = &*self.account;
        let table = account.table(envelope);
        match envelope {
            "contacts" => values.extend(account.changed_now()),
            "accounts" | "accountContacts" => {
                values.insert("updatedTimestamp".to_owned(), json!(account.now_iso()));
            }
            _ => {
                for field in ["udate", "mdate"].into_iter().filter(|field| table.field(field).is_some()) {
                    values.insert(field.to_owned(), json!(account.now_iso()));
                }
            }
        }
        for (of, field, zero) in ZEROED {
            if *of == envelope && !values.contains_key(*field) && account.value(envelope, id, field).is_null()
            {
                values.insert((*field).to_owned(), json!(zero));
            }
        }
    }

    /// What an update does to other rows; gives the rows that come along in the answer.
    fn update_effects(
        &mut self,
        envelope: &'static str,
        id: u64,
        sent: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut body = Map::new();
        match envelope {
            "contacts" => {
                let values = contact::save_values(self, id, sent);
                if !values.is_empty() {
                    body.insert("fieldValues".to_owned(), Value::Array(values));
                }
            }
            "fieldValues" => {
                let contact = self.account.pointer(envelope, id, "contact");
                self.account.touch_contact(contact);
                self.put_beside(&mut body, "contacts", contact);
            }
            "deals" if sent.contains_key("contact") => {
                let contact = self.account.pointer(envelope, id, "contact");
                self.put_beside(&mut body, "contacts", contact);
            }
            _ => {}
        }
        body
    }

    /// Puts row `id` into `body` as the array of its collection, when the row is there.
    pub(super) fn put_beside(&self, body: &mut Map<String, Value>, envelope: &'static str, id: u64) {
        if self.account.has(envelope, id) {
            body.insert(envelope.to_owned(), json!([self.beside(envelope, id)]));
        }
    }

    fn delete(&mut self, envelope: &'static str, id: &str) -> Answer {
        let Some(row) = find_row(self.account, self.account.table(envelope), id) else {
            return self.missing(envelope, id);
        };
        let contact = match envelope {
            "contactTags" if !self.account.switches.tag_removal_keeps_udate => {
                self.account.pointer(envelope, row, "contact")
            }
            "fieldValues" => self.account.pointer(envelope, row, "contact"),
            _ => 0,
        };
        self.account.delete(envelope, &[row]);
        self.account.touch_contact(contact);
        match envelope {
            "dealCustomFieldMeta" => error_body::message(StatusCode::OK, "DealCustomFieldMeta deleted."),
            "accountCustomFieldMeta" => {
                error_body::message(StatusCode::OK, "AccountCustomFieldMeta deleted.")
            }
            _ => Answer::ok(&json!({})),
        }
    }
}

/// The answer to a write: rows that come along first, the written one last.
pub(super) fn respond(
    status: StatusCode,
    beside: &Map<String, Value>,
    item: &str,
    object: Map<String, Value>,
) -> Answer {
    let mut body = vec![b'{'];
    for (name, rows) in beside {
        push_string(&mut body, name);
        body.push(b':');
        push_value(&mut body, rows);
        body.push(b',');
    }
    push_string(&mut body, item);
    body.push(b':');
    push_value(&mut body, &Value::Object(object));
    body.push(b'}');
    Answer::json(status, body)
}

/// Database nulls that become zeros when a row is saved again.
const ZEROED: &[(&str, &str, &str)] = &[
    ("contacts", "ua", ""),
    ("contacts", "created_by", "0"),
    ("contacts", "updated_by", "0"),
    ("contacts", "best_send_hour", "0"),
    ("contacts", "sms_consent", "0"),
    ("contacts", "sms_consent_updated_at", "0000-00-00 00:00:00"),
    ("lists", "analytics_domains", ""),
    ("lists", "facebook_session", ""),
    ("lists", "created_by", "0"),
    ("lists", "updated_by", "0"),
    ("tags", "created_by", "0"),
    ("tags", "updated_by", "0"),
];

/// The answer of 2021 to `PUT /lists/{id}`.
fn empty_with_error() -> Answer {
    let mut answer = Answer::json(StatusCode::OK, Vec::new());
    answer.headers.insert("X-Ac-Error", http::HeaderValue::from_static("Code 9001"));
    answer
}
