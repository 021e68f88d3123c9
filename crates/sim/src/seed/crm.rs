//! Companies, deals, pipelines, tasks and notes.

use super::{Cell, Make, Scope, rows::USER_COUNT};
use crate::chance::salt;

/// The pipelines with their stages.
const PIPELINES: &[(&str, &str, &[&str])] = &[
    ("Sales", "usd", &["To Contact", "In Contact", "Demo", "Offer", "Closing"]),
    ("Renewals", "eur", &["Due", "Talking", "Signed"]),
    ("Partners", "usd", &["To Contact", "In Contact", "Follow Up", "Signed"]),
];

pub(super) const PIPELINE_COUNT: u64 = PIPELINES.len() as u64;
pub(super) const STAGE_COUNT: u64 = 12;
pub(super) const CRM_FIELD_COUNT: u64 = CRM_FIELDS.len() as u64;

/// Custom fields of deals and companies: label, type, options as JSON.
const CRM_FIELDS: &[(&str, &str, &str)] = &[
    ("Forecasted Close Date", "date", "null"),
    ("Region", "dropdown", r#"["EMEA","APAC","Americas"]"#),
    ("Budget", "currency", "null"),
    ("Comment", "text", "null"),
];

const COMPANIES: &[&str] =
    &["Acme", "Übermorgen GmbH", "Łąka sp. z o.o.", "株式会社さくら", "Globex", "Initech", "Δελτα ΑΕ"];
const TITLES: &[&str] = &["Renewal", "Upgrade", "Pilot project", "Consulting", "Año nuevo", "拡張"];

pub(super) const MAKERS: &[(&str, &str, Make)] = &[
    ("deals", "title", |s, id| Cell::Text(format!("{} {id}", s.word(DEAL, id, TITLES)))),
    ("deals", "description", |_, _| Cell::Word("")),
    ("deals", "hash", |s, id| Cell::Text(format!("{:08x}", s.mix(DEAL, id) as u32))),
    ("deals", "value", |s, id| Cell::Number((s.mix(DEAL + 1, id) % 2_000_000) as i64)),
    ("deals", "currency", |s, id| Cell::Word(PIPELINES[group_of(s, id) as usize - 1].1)),
    ("deals", "percent", |_, _| Cell::Number(0)),
    ("deals", "group", |s, id| Cell::id(group_of(s, id))),
    ("deals", "stage", |s, id| Cell::id(stage_of(s, id))),
    ("deals", "status", |s, id| Cell::Number([0, 0, 0, 1, 2][(s.mix(DEAL + 2, id) % 5) as usize])),
    ("deals", "cdate", |s, id| Cell::Moment(deal_made(s, id))),
    ("deals", "mdate", |s, id| Cell::Moment(s.later(DEAL + 3, id, deal_made(s, id)))),
    ("deals", "organization", |_, _| Cell::Null),
    ("deals", "nextdate", |_, _| Cell::Null),
    ("deals", "nexttaskid", |_, _| Cell::Null),
    ("deals", "nextTask", |_, _| Cell::Null),
    ("deals", "nextdealid", |_, id| Cell::id(id)),
    ("deals", "winProbability", |_, _| Cell::Null),
    ("deals", "winProbabilityMdate", |_, _| Cell::Null),
    ("deals", "edate", |_, _| Cell::Null),
    ("deals", "isDisabled", |_, _| Cell::Number(0)),
    ("deals", "account", |_, id| company_of_deal(id)),
    ("deals", "customerAccount", |_, id| company_of_deal(id)),
    ("contactDeals", "deal", |_, id| Cell::id(id)),
    ("contactDeals", "contact", |_, id| Cell::id(id * 5)),
    ("contactDeals", "role", |_, _| Cell::Null),
    ("dealGroups", "title", |_, id| Cell::Word(pipeline(id).0)),
    ("dealGroups", "currency", |_, id| Cell::Word(pipeline(id).1)),
    ("dealGroups", "autoassign", |_, _| Cell::Number(1)),
    ("dealGroups", "allusers", |_, _| Cell::Number(1)),
    ("dealGroups", "allgroups", |_, _| Cell::Number(1)),
    ("dealGroups", "source", |_, _| Cell::Word("")),
    ("dealGroups", "win_probability_initialize_date", |_, _| Cell::Null),
    ("dealStages", "group", |_, id| Cell::id(stage(id).0)),
    ("dealStages", "title", |_, id| Cell::Word(stage(id).2)),
    ("dealStages", "order", |_, id| Cell::id(stage(id).1)),
    ("dealStages", "color", |_, id| Cell::Word(if stage(id).1 == 1 { "19CCA3" } else { "3f3f3f" })),
    ("dealStages", "width", |_, _| Cell::Number(280)),
    ("dealStages", "dealOrder", |_, _| Cell::Word("next-action DESC")),
    ("dealStages", "cardRegion1", |_, _| Cell::Word("title")),
    ("dealStages", "cardRegion2", |_, _| Cell::Word("next-action")),
    ("dealStages", "cardRegion3", |_, _| Cell::Word("show-avatar")),
    ("dealStages", "cardRegion4", |_, _| Cell::Word("contact-fullname-acctname")),
    ("dealStages", "cardRegion5", |_, _| Cell::Word("value")),
    ("dealStages", "cdate", |_, _| Cell::Null),
    ("dealGroupUsers", "dealGroup", |_, id| Cell::id((id - 1) / USER_COUNT + 1)),
    ("dealGroupUsers", "user", |_, id| Cell::id((id - 1) % USER_COUNT + 1)),
    ("dealGroupUsers", "cdate", |_, _| Cell::Null),
    ("accounts", "name", |s, id| Cell::Text(format!("{} {id}", s.word(COMPANY, id, COMPANIES)))),
    ("accounts", "accountUrl", |_, id| Cell::Text(format!("https://company{id}.example.com"))),
    ("accounts", "contactCount", |_, _| Cell::Number(0)),
    ("accounts", "dealCount", |_, _| Cell::Number(0)),
    ("accountContacts", "account", |_, id| Cell::id(company_of_contact(id * 4))),
    ("accountContacts", "jobTitle", |s, id| {
        Cell::Word(s.word(COMPANY, id, &["Owner", "Buyer", "Dyrektor", ""]))
    }),
    ("notes", "reltype", |_, _| Cell::Word("Subscriber")),
    ("notes", "relid", |_, id| Cell::id(id * 3)),
    ("notes", "owner", |_, id| Cell::Made(format!(r#"{{"type":"contact","id":"{}"}}"#, id * 3))),
    ("notes", "is_draft", |_, _| Cell::Number(0)),
    ("notes", "note", |_, id| Cell::Text(format!("Called, will call back in week {}.", id % 52))),
    ("dealTasks", "reltype", |_, _| Cell::Word("Deal")),
    ("dealTasks", "relid", |_, id| Cell::id(id * 2)),
    ("dealTasks", "owner", |_, id| Cell::Made(format!(r#"{{"type":"deal","id":"{}"}}"#, id * 2))),
    ("dealTasks", "title", |_, id| Cell::Text(format!("Follow up {id}"))),
    ("dealTasks", "status", |_, id| Cell::Number((id % 2) as i64)),
    ("dealTasks", "outcomeInfo", |_, _| Cell::Word("")),
    ("dealTasktypes", "title", |_, id| {
        Cell::Word(["Call", "Email", "To-do", "Lunch"][(id - 1) as usize % 4])
    }),
    ("taskOutcomes", "title", |_, id| Cell::Text(format!("Outcome {id}"))),
    ("taskOutcomes", "sentiment", |s, id| {
        Cell::Word(s.word(COMPANY, id, &["Positive", "Neutral", "Negative"]))
    }),
    ("dealRoles", "title", |_, id| {
        Cell::Word(["Decision maker", "Influencer", "Champion"][(id - 1) as usize % 3])
    }),
    ("dealActivities", "data_type", |s, id| Cell::Word(s.word(DEAL, id, &["deal", "note", "stage"]))),
    ("dealCustomFieldMeta", "fieldLabel", |_, id| Cell::Word(crm_field(id).0)),
    ("dealCustomFieldMeta", "fieldType", |_, id| Cell::Word(crm_field(id).1)),
    ("dealCustomFieldMeta", "fieldOptions", |_, id| Cell::Json(crm_field(id).2)),
    ("dealCustomFieldMeta", "fieldDefault", |_, _| Cell::Null),
    ("dealCustomFieldMeta", "fieldDefaultCurrency", |_, _| Cell::Null),
    ("dealCustomFieldMeta", "personalization", |_, id| {
        Cell::Text(format!("DEAL_{}_{id}", crm_field(id).0.to_uppercase().replace(' ', "_")))
    }),
    ("dealCustomFieldMeta", "knownFieldId", |_, id| if id == 1 { Cell::Number(13) } else { Cell::Null }),
    ("dealCustomFieldMeta", "displayOrder", |_, id| Cell::id(id)),
    ("dealCustomFieldMeta", "isFormVisible", |_, _| Cell::flag(true)),
    ("dealCustomFieldMeta", "isRequired", |_, _| Cell::flag(false)),
    ("dealCustomFieldMeta", "hideFieldFlag", |_, _| Cell::flag(false)),
    ("accountCustomFieldMeta", "fieldLabel", |_, id| Cell::Word(crm_field(id).0)),
    ("accountCustomFieldMeta", "fieldType", |_, id| Cell::Word(crm_field(id).1)),
    ("accountCustomFieldMeta", "fieldOptions", |_, id| Cell::Json(crm_field(id).2)),
    ("accountCustomFieldMeta", "fieldDefault", |_, _| Cell::Null),
    ("accountCustomFieldMeta", "fieldDefaultCurrency", |_, _| Cell::Null),
    ("accountCustomFieldMeta", "personalization", |_, id| {
        Cell::Text(format!("ACCT_{}_{id}", crm_field(id).0.to_uppercase().replace(' ', "_")))
    }),
    ("accountCustomFieldMeta", "displayOrder", |_, id| Cell::id(id)),
    ("accountCustomFieldMeta", "isFormVisible", |_, _| Cell::flag(true)),
    ("accountCustomFieldMeta", "isRequired", |_, _| Cell::flag(false)),
    ("accountCustomFieldMeta", "hideFieldFlag", |_, _| Cell::flag(false)),
    ("dealCustomFieldData", "dealCustomFieldMetumId", |_, id| Cell::id(crm_field_of(id))),
    ("dealCustomFieldData", "customFieldId", |_, id| Cell::id(crm_field_of(id))),
    ("dealCustomFieldData", "dealId", |_, id| Cell::id(((id - 1) / 2 + 1) * 2)),
    ("dealCustomFieldData", "fieldValue", |s, id| crm_value(s, id)),
    ("dealCustomFieldData", "fieldCurrency", |_, _| Cell::Null),
    ("accountCustomFieldData", "accountCustomFieldMetumId", |_, id| Cell::id(crm_field_of(id))),
    ("accountCustomFieldData", "customFieldId", |_, id| Cell::id(crm_field_of(id))),
    ("accountCustomFieldData", "fieldValue", |s, id| crm_value(s, id)),
    ("accountCustomFieldData", "fieldCurrency", |_, _| Cell::Null),
];

const DEAL: u64 = salt("deals");
const COMPANY: u64 = salt("accounts");

fn group_of(scope: &Scope, deal: u64) -> u64 {
    stage(stage_of(scope, deal)).0
}

fn stage_of(scope: &Scope, deal: u64) -> u64 {
    scope.pick(DEAL + 4, deal, STAGE_COUNT)
}

fn deal_made(scope: &Scope, deal: u64) -> i64 {
    scope.contact_made(deal * 5)
}

/// The company that contact `contact` works for, if it works for one: every fourth does, five to a company.
fn company_of_contact(contact: u64) -> u64 {
    (contact - 1) / 20 + 1
}

fn company_of_deal(deal: u64) -> Cell {
    let contact = deal * 5;
    if contact.is_multiple_of(4) { Cell::id(company_of_contact(contact)) } else { Cell::Null }
}

fn pipeline(id: u64) -> &'static (&'static str, &'static str, &'static [&'static str]) {
    &PIPELINES[(id - 1) as usize % PIPELINES.len()]
}

/// Pipeline, position and title of stage `id`; stages are numbered through all pipelines.
fn stage(id: u64) -> (u64, u64, &'static str) {
    let all = PIPELINES.iter().zip(1u64..).flat_map(|((_, _, stages), group)| {
        stages.iter().zip(1u64..).map(move |(title, order)| (group, order, *title))
    });
    all.cycle().nth((id - 1) as usize).expect("there are stages, and they repeat")
}

fn crm_field(id: u64) -> &'static (&'static str, &'static str, &'static str) {
    &CRM_FIELDS[(id - 1) as usize % CRM_FIELDS.len()]
}

/// Two values each: the region and the comment.
fn crm_field_of(id: u64) -> u64 {
    if id % 2 == 1 { 2 } else { 4 }
}

fn crm_value(scope: &Scope, id: u64) -> Cell {
    match crm_field_of(id) {
        2 => Cell::Word(scope.word(COMPANY + 1, id, &["EMEA", "APAC", "Americas"])),
        _ => Cell::Text(format!("comment {id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{PIPELINES, STAGE_COUNT};

    #[test]
    fn stage_count_matches_the_pipelines() {
        let stages: usize = PIPELINES.iter().map(|(_, _, stages)| stages.len()).sum();
        assert_eq!(stages as u64, STAGE_COUNT);
    }
}
