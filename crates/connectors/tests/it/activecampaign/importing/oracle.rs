//! The judge of an import: what the account holds, read from its rows as they are, against what the store holds.
//!
//! It shares neither decoder nor mapping with what it judges.

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
};

use achub_core::{
    person::{BuiltIn, Mark, Person, PersonField},
    port::people::PeopleStore,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::activecampaign::importing::rig::Importing;

/// What somebody is, by the name of each thing.
type Facts = BTreeMap<String, String>;

/// What differs, in words.
pub async fn differences(importing: &Importing) -> Vec<String> {
    let account = account(importing).await;
    let store = store(importing).await;
    let mut differences = Vec::new();
    for (key, shown) in &account {
        match store.get(key) {
            None => differences.push(format!("contact {key} is not in the store")),
            Some(held) if held != shown => differences.push(difference(key, shown, held)),
            Some(_) => {}
        }
    }
    differences
}

fn difference(key: &str, shown: &Facts, held: &Facts) -> String {
    let names: std::collections::BTreeSet<&String> = shown.keys().chain(held.keys()).collect();
    let differing = names.into_iter().filter(|name| shown.get(*name) != held.get(*name));
    let words: Vec<String> = differing
        .map(|name| format!("{name}: account {:?}, store {:?}", shown.get(name), held.get(name)))
        .collect();
    format!("contact {key}: {}", words.join("; "))
}

/// Everybody the account holds, by contact id.
async fn account(importing: &Importing) -> BTreeMap<String, Facts> {
    let rows = |stream: &'static str| importing.rig.account.truth(stream);
    let mut people: BTreeMap<String, Facts> = BTreeMap::new();
    let companies = companies(&rows("accounts").await, &rows("account_contacts").await);
    for contact in rows("contacts").await {
        let id = text(&contact, "id");
        let mut facts = Facts::new();
        put(&mut facts, "email", text(&contact, "email"));
        put(&mut facts, "first_name", text(&contact, "firstName"));
        put(&mut facts, "last_name", text(&contact, "lastName"));
        put(&mut facts, "company", companies.get(&id).cloned().unwrap_or_default());
        put(&mut facts, "ip", ip(&text(&contact, "ip")));
        put(&mut facts, "bounced", if text(&contact, "bounced_hard") == "0" { "" } else { "yes" }.to_owned());
        put(&mut facts, "field phone", text(&contact, "phone"));
        put(&mut facts, "field cdate", moment(&text(&contact, "cdate")));
        put(&mut facts, "field sms_consent", text(&contact, "sms_consent"));
        put(&mut facts, "field whatsapp_username", text(&contact, "whatsapp_username"));
        put(&mut facts, "tag", "via_activecampaign".to_owned());
        people.insert(id, facts);
    }
    for row in rows("contact_lists").await {
        let since = match text(&row, "status").as_str() {
            "0" | "1" => moment(&text(&row, "sdate")),
            "2" => moment(&text(&row, "udate")),
            _ => String::new(),
        };
        if let Some(facts) = people.get_mut(&text(&row, "contact")) {
            let status = format!("{} {since}", text(&row, "status"));
            facts.insert(format!("list {}", text(&row, "list")), status);
        }
    }
    values(importing, &mut people).await;
    people
}

async fn values(importing: &Importing, people: &mut BTreeMap<String, Facts>) {
    let kinds: HashMap<String, String> = importing
        .rig
        .account
        .truth("custom_fields")
        .await
        .iter()
        .map(|field| (text(field, "id"), text(field, "type")))
        .collect();
    let mut labels: HashMap<(String, String), String> = HashMap::new();
    for option in importing.rig.account.truth("field_options").await {
        labels.insert((text(&option, "field"), text(&option, "value")), text(&option, "label"));
    }
    let label = |field: &str, value: &str| {
        let label = labels.get(&(field.to_owned(), value.to_owned())).filter(|label| !label.is_empty());
        label.map_or(value, String::as_str).to_owned()
    };
    for row in importing.rig.account.truth("field_values").await {
        let (field, raw) = (text(&row, "field"), text(&row, "value"));
        let chosen: Vec<String> =
            raw.split("||").filter(|one| !one.is_empty()).map(|one| label(&field, one)).collect();
        let shown = match kinds.get(&field).map(String::as_str) {
            Some("checkbox" | "listbox") if chosen.is_empty() => String::new(),
            Some("checkbox" | "listbox") => Value::from(chosen).to_string(),
            Some("dropdown" | "radio") => chosen.first().cloned().unwrap_or_default(),
            Some("number") => raw.parse::<f64>().map(|number| number.to_string()).unwrap_or_default(),
            Some("datetime") => moment(&raw),
            _ => raw,
        };
        if let Some(facts) = people.get_mut(&text(&row, "contact")) {
            put(facts, &format!("field {field}"), shown);
        }
    }
}

/// The name of each contact's company.
fn companies(accounts: &[Value], associations: &[Value]) -> HashMap<String, String> {
    let names: HashMap<String, String> =
        accounts.iter().map(|row| (text(row, "id"), text(row, "name"))).collect();
    let of = |row: &Value| Some((text(row, "contact"), names.get(&text(row, "account"))?.clone()));
    associations.iter().filter_map(of).collect()
}

fn put(facts: &mut Facts, name: &str, value: String) {
    if !value.trim().is_empty() {
        facts.insert(name.to_owned(), value);
    }
}

fn text(row: &Value, name: &str) -> String {
    match &row[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn moment(text: &str) -> String {
    text.parse::<Timestamp>().map(|moment| moment.to_string()).unwrap_or_default()
}

fn ip(text: &str) -> String {
    match text.parse::<u32>() {
        Ok(0) | Err(_) => String::new(),
        Ok(number) => Ipv4Addr::from(number).to_string(),
    }
}

/// Everybody the store holds, by each contact id they have.
async fn store(importing: &Importing) -> BTreeMap<String, Facts> {
    let store = &importing.rig.store;
    let lists = store.lists().await.expect("the store is in memory");
    let fields = store.fields().await.expect("the store is in memory");
    let tags = store.tags().await.expect("the store is in memory");
    let key =
        |link: &Option<achub_core::person::Link>| link.as_ref().map_or("?", |link| &link.key).to_owned();
    let lists: HashMap<_, _> = lists.iter().map(|list| (list.id, key(&list.link))).collect();
    let fields: HashMap<_, _> = fields.iter().map(|field| (field.id, key(&field.link))).collect();
    let tags: HashMap<_, _> = tags.iter().map(|tag| (tag.id, tag.name.clone())).collect();
    let facts = |person: &Person| {
        let mut facts = Facts::new();
        for field in [BuiltIn::Email, BuiltIn::FirstName, BuiltIn::LastName, BuiltIn::Company, BuiltIn::Ip] {
            put(&mut facts, field.word(), person.value(PersonField::BuiltIn(field)).display());
        }
        for membership in &person.memberships {
            let permission = membership.permission;
            let since = permission.since.map(|since| since.to_string()).unwrap_or_default();
            let status = format!("{} {since}", permission.status.number());
            facts.insert(format!("list {}", lists[&membership.list]), status);
        }
        for value in &person.values {
            put(&mut facts, &format!("field {}", fields[&value.field]), value.value.display());
        }
        person.tags.iter().for_each(|tag| put(&mut facts, "tag", tags[tag].clone()));
        put(&mut facts, "bounced", if person.is_marked(Mark::Bounced) { "yes" } else { "" }.to_owned());
        facts
    };
    let people = importing.people().await;
    let linked = people.iter().flat_map(|person| person.links.iter().map(move |link| (link, person)));
    linked.map(|(link, person)| (link.key.clone(), facts(person))).collect()
}
