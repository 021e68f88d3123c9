//! Refusals: what the API does not accept, with the bodies of `activecampaign-api.md` §4.8.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Write;
use crate::{
    account::number,
    answer::{Answer, error_body},
};

/// Whether an address looks like one. The API's own rule is unpublished; this is the least it must be.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain =
        !text.chars().any(|letter| letter.is_whitespace() || letter == ',' || letter == '<' || letter == '>');
    plain
        && !local.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

/// Refuses a create.
pub(super) fn create(
    write: &Write<'_>,
    envelope: &'static str,
    sent: &Map<String, Value>,
) -> Result<(), Answer> {
    let missing = |name: &str| sent.get(name).is_none_or(|value| value.is_null() || value == "");
    match envelope {
        "accounts" if missing("name") => {
            Err(error_body::invalid("The account name was not provided.", "field_missing", "name"))
        }
        "accounts" => unique_company(write, sent, None),
        "accountContacts" => association(write, sent),
        "tags" if missing("tag") => {
            Err(error_body::invalid("The tag name was not provided.", "field_missing", "tag"))
        }
        "tags" => unique_tag(write, sent, None),
        "lists" if missing("name") => {
            Err(error_body::invalid("The list name was not provided.", "field_missing", "name"))
        }
        "fields" if missing("title") => {
            Err(error_body::invalid("The field title was not provided.", "field_missing", "title"))
        }
        "fields" => unique_field(write, sent, None),
        "fieldRels" => exists(write, "fields", sent, "field"),
        "listGroups" => exists(write, "lists", sent, "listid")
            .or_else(|refusal| exists(write, "lists", sent, "list").map_err(|_| refusal)),
        "deals" => deal(write, sent, missing("title")),
        "notes" if missing("note") => {
            Err(error_body::invalid("The note was not provided.", "field_missing", "note"))
        }
        "notes" => note(write, sent),
        "contactAutomations" if !write.account.has("contacts", sent.get("contact").map_or(0, number)) => {
            Err(error_body::message(StatusCode::FORBIDDEN, "Could not create SubscriberSeries"))
        }
        "users" if missing("group") => Err(no_user_group()),
        "contactDeals" => contact_deal(write, sent),
        "groups" if missing("title") => {
            Err(error_body::message(StatusCode::FORBIDDEN, "$value is not a string"))
        }
        _ => Ok(()),
    }
}

/// Refuses an update of row `id`.
pub(super) fn update(
    write: &Write<'_>,
    envelope: &'static str,
    id: u64,
    sent: &Map<String, Value>,
) -> Result<(), Answer> {
    match envelope {
        "contacts" => match sent.get("email").and_then(Value::as_str) {
            Some(email) if !is_email(email) => Err(error_body::email_invalid()),
            Some(email) if write.account.contact_by_email(email).is_some_and(|other| other != id) => {
                Err(duplicate_email())
            }
            _ => Ok(()),
        },
        "users" if !sent.contains_key("group") => Err(no_user_group()),
        "accounts" => unique_company(write, sent, Some(id)),
        "tags" => unique_tag(write, sent, Some(id)),
        "fields" => unique_field(write, sent, Some(id)),
        _ => Ok(()),
    }
}

fn no_user_group() -> Answer {
    let error = json!({
        "title": "The user group was not provided.",
        "detail": "",
        "code": "field_missing",
        "error": "user_group_was_not_provided",
        "source": {"pointer": "/data/attributes/group"},
    });
    error_body::errors(StatusCode::UNPROCESSABLE_ENTITY, error)
}

/// An address that another contact has.
pub(super) fn duplicate_email() -> Answer {
    error_body::invalid("Email address already exists in the system", "duplicate", "email")
}

/// Whether another row than `but` holds `text` in `field`, without regard to case.
fn taken(write: &Write<'_>, envelope: &'static str, field: &str, text: &str, but: Option<u64>) -> bool {
    let account = &*write.account;
    let table = account.table(envelope);
    let same = |id: &u64| {
        Some(*id) != but
            && table
                .text(&account.scope, &account.zone, *id, field)
                .is_some_and(|other| other.to_lowercase() == text.to_lowercase())
    };
    table.ids.iter().any(|id| same(&id))
}

fn text<'a>(sent: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    sent.get(name).and_then(Value::as_str)
}

fn unique_company(write: &Write<'_>, sent: &Map<String, Value>, but: Option<u64>) -> Result<(), Answer> {
    match text(sent, "name") {
        Some(name) if taken(write, "accounts", "name", name, but) => {
            let title = format!("An account named \"{name}\" already exists. Please choose a new name.");
            Err(error_body::invalid(&title, "duplicate", "name"))
        }
        _ => Ok(()),
    }
}

fn unique_tag(write: &Write<'_>, sent: &Map<String, Value>, but: Option<u64>) -> Result<(), Answer> {
    match text(sent, "tag") {
        Some(tag) if taken(write, "tags", "tag", tag, but) => {
            Err(error_body::invalid("A tag with this name already exists.", "duplicate", "tag"))
        }
        _ => Ok(()),
    }
}

fn unique_field(write: &Write<'_>, sent: &Map<String, Value>, but: Option<u64>) -> Result<(), Answer> {
    match text(sent, "title") {
        Some(title) if taken(write, "fields", "title", title, but) => {
            let error = json!({"title": "There is already a field with this title", "detail": "", "code": "duplicate"});
            Err(error_body::errors(StatusCode::UNPROCESSABLE_ENTITY, error))
        }
        _ => Ok(()),
    }
}

/// A contact belongs to at most one company.
fn association(write: &Write<'_>, sent: &Map<String, Value>) -> Result<(), Answer> {
    let contact = sent.get("contact").map_or(0, number);
    for (envelope, name) in [("contacts", "contact"), ("accounts", "account")] {
        if !write.account.has(envelope, sent.get(name).map_or(0, number)) {
            return Err(error_body::invalid(&format!("The {name} does not exist."), "related_missing", name));
        }
    }
    if write.account.children("accountContacts", "contact", contact).is_empty() {
        return Ok(());
    }
    Err(error_body::invalid(
        "The contact is already associated with an account.",
        "field_invalid",
        "account,contact",
    ))
}

fn exists(
    write: &Write<'_>,
    envelope: &'static str,
    sent: &Map<String, Value>,
    name: &str,
) -> Result<(), Answer> {
    let id = sent.get(name).map_or(0, number);
    if write.account.has(envelope, id) {
        return Ok(());
    }
    Err(error_body::missing(
        &write.account.switches,
        envelope,
        write.account.table(envelope).item(),
        &id.to_string(),
    ))
}

fn deal(write: &Write<'_>, sent: &Map<String, Value>, untitled: bool) -> Result<(), Answer> {
    let named = |name: &str| sent.get(name).map_or(0, number);
    if untitled {
        return Err(error_body::invalid("The deal title was not provided.", "field_missing", "title"));
    }
    if !["contact", "account", "customerAccount"].iter().any(|name| named(name) > 0) {
        return Err(error_body::invalid("The deal contact was not provided.", "field_missing", "contact"));
    }
    for (envelope, name) in
        [("contacts", "contact"), ("accounts", "account"), ("dealGroups", "group"), ("dealStages", "stage")]
    {
        if named(name) > 0 && !write.account.has(envelope, named(name)) {
            return Err(error_body::invalid(
                &format!("The deal {name} does not exist."),
                "related_missing",
                name,
            ));
        }
    }
    for name in ["value", "currency"] {
        if !sent.contains_key(name) {
            return Err(error_body::invalid(
                &format!("The deal {name} was not provided."),
                "field_missing",
                name,
            ));
        }
    }
    if named("group") == 0 && named("stage") == 0 {
        return Err(error_body::invalid("The deal group was not provided.", "field_missing", "group"));
    }
    Ok(())
}

fn note(write: &Write<'_>, sent: &Map<String, Value>) -> Result<(), Answer> {
    match text(sent, "reltype") {
        Some("Subscriber") => exists(write, "contacts", sent, "relid"),
        Some("Deal") => exists(write, "deals", sent, "relid"),
        Some("CustomerAccount") => exists(write, "accounts", sent, "relid"),
        Some("DealTask") => exists(write, "dealTasks", sent, "relid"),
        Some("Activity") => exists(write, "activities", sent, "relid"),
        _ => Err(error_body::invalid("The note reltype is not valid.", "field_invalid", "reltype")),
    }
}

fn contact_deal(write: &Write<'_>, sent: &Map<String, Value>) -> Result<(), Answer> {
    for (envelope, name) in [("contacts", "contact"), ("deals", "deal")] {
        let Some(id) = sent.get(name).map(number) else {
            return Err(error_body::invalid(&format!("The {name} was not provided."), "field_missing", name));
        };
        if !write.account.has(envelope, id) {
            return Err(error_body::invalid(&format!("The {name} does not exist."), "related_missing", name));
        }
    }
    Ok(())
}
