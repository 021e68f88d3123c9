//! Deals, pipelines and notes.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Write, create::insert, respond};
use crate::{
    account::{Account, Origin, number},
    answer::{Answer, single::find_row},
    seed::keys::NOTED,
};

/// The stages every new pipeline gets.
const FIRST_STAGES: &[(&str, &str)] =
    &[("To Contact", "19CCA3"), ("In Contact", "18D499"), ("Follow Up", "3f3f3f")];

/// Derives the pipeline of a deal from its stage, or its stage from the pipeline: the first one.
pub(super) fn place_deal(account: &Account, values: &mut Map<String, Value>) {
    let stage = values.get("stage").map_or(0, number);
    let group = values.get("group").map_or(0, number);
    if group == 0 && stage > 0 {
        let group = account.pointer("dealStages", stage, "group");
        values.insert("group".to_owned(), json!(group.to_string()));
    } else if stage == 0 && group > 0 {
        let stage = account.children("dealStages", "group", group).first().copied().unwrap_or(0);
        values.insert("stage".to_owned(), json!(stage.to_string()));
    }
}

/// Makes the stages of a new pipeline. They have no time of creation.
pub(super) fn first_stages(write: &mut Write<'_>, group: u64) -> Vec<u64> {
    let mut stages = Vec::new();
    for (order, (title, color)) in FIRST_STAGES.iter().enumerate() {
        let values = json!({
            "group": group.to_string(), "title": title, "color": color, "order": (order + 1).to_string(), "width": "280",
            "dealOrder": "next-action DESC", "cardRegion1": "title", "cardRegion2": "next-action",
            "cardRegion3": "show-avatar", "cardRegion4": "contact-fullname-acctname", "cardRegion5": "value",
        });
        let Value::Object(values) = values else { unreachable!("the literal is an object") };
        stages.push(write.account.create("dealStages", Origin::Blank, values));
    }
    stages
}

/// Says whom a new note belongs to.
pub(super) fn own_note(values: &mut Map<String, Value>, object: &mut Map<String, Value>) {
    let reltype = values.get("reltype").and_then(Value::as_str).unwrap_or_default();
    let kind = NOTED.iter().find(|(name, _, _)| *name == reltype).map_or("contact", |(_, _, kind)| kind);
    let owner = json!({"type": kind, "id": values.get("relid").map_or(0, number).to_string()});
    values.insert("owner".to_owned(), owner.clone());
    object.insert("owner".to_owned(), owner);
}

/// A note moves the contact it is about, and brings what it is about along.
pub(super) fn note_effects(write: &mut Write<'_>, id: u64) -> Map<String, Value> {
    let reltype = write.account.value("notes", id, "reltype");
    let about = write.account.pointer("notes", id, "relid");
    let mut beside = Map::new();
    if let Some((_, envelope, _)) = NOTED.iter().find(|(name, _, _)| reltype == *name) {
        if *envelope == "contacts" {
            write.account.touch_contact(about);
        }
        write.put_beside(&mut beside, envelope, about);
    }
    beside
}

/// Answers `POST /deals/{id}/notes`, and the same with the id of a note, which makes another note.
pub(super) fn deal_note(write: &mut Write<'_>, id: &str) -> Answer {
    note_on(write, "deals", "Deal", id)
}

/// Answers `POST /accounts/{id}/notes`.
pub(super) fn account_note(write: &mut Write<'_>, id: &str) -> Answer {
    note_on(write, "accounts", "CustomerAccount", id)
}

fn note_on(write: &mut Write<'_>, envelope: &'static str, reltype: &str, id: &str) -> Answer {
    let Some(row) = find_row(write.account, write.account.table(envelope), id) else {
        return write.missing(envelope, id);
    };
    let mut sent = write.sent("notes").unwrap_or_default();
    sent.insert("reltype".to_owned(), json!(reltype));
    sent.insert("relid".to_owned(), json!(row.to_string()));
    let (note, object) = insert(write, "notes", &sent);
    let beside = note_effects(write, note);
    respond(StatusCode::CREATED, &beside, "note", object)
}

/// Answers `POST /…CustomFieldData/bulkCreate`: a bare array.
pub(super) fn bulk_create(write: &mut Write<'_>, envelope: &'static str) -> Answer {
    for sent in write.body.as_array().into_iter().flatten().filter_map(Value::as_object) {
        insert(write, envelope, sent);
    }
    Answer::ok(&json!({"message": "The bulk insert was successful."}))
}

/// Answers `PATCH /…CustomFieldData/bulkUpdate`: a bare array of id and value.
pub(super) fn bulk_update(write: &mut Write<'_>, envelope: &'static str) -> Answer {
    let mut done = Vec::new();
    for sent in write.body.as_array().into_iter().flatten() {
        let id = sent.get("id").map_or(0, number);
        if let (true, Some(value)) = (write.account.has(envelope, id), sent.get("fieldValue")) {
            let mut values = Map::new();
            values.insert("fieldValue".to_owned(), value.clone());
            write.account.change(envelope, id, values);
            done.push(id.to_string());
        }
    }
    let model =
        if envelope == "dealCustomFieldData" { "DealCustomFieldDatas" } else { "AccountCustomFieldDatas" };
    Answer::ok(
        &json!({"message": format!("{model} with ID(s): {} successfully bulk updated.", done.join(", "))}),
    )
}
