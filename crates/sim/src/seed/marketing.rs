//! Campaigns, automations, users, e-commerce and the rest that deserves believable values.

use super::{Cell, Make, Scope};
use crate::chance::salt;

const USERS: &[(&str, &str, &str)] = &[
    ("admin", "Ines", "Admin"),
    ("hokus", "Hokus", "Pokus"),
    ("kiran", "Kiran", "Testen"),
    ("sales", "Søren", "Sales"),
    ("support", "Юлія", "Support"),
];

pub(super) const MAKERS: &[(&str, &str, Make)] = &[
    ("users", "username", |_, id| Cell::Word(user(id).0)),
    ("users", "firstName", |_, id| Cell::Word(user(id).1)),
    ("users", "lastName", |_, id| Cell::Word(user(id).2)),
    ("users", "email", |_, id| Cell::Text(format!("{}@example.com", user(id).0))),
    ("users", "phone", |_, _| Cell::Word("")),
    ("users", "signature", |_, _| Cell::Null),
    ("users", "localZoneid", |_, _| Cell::Word("America/Chicago")),
    ("users", "mfaEnabled", |_, _| Cell::Number(0)),
    ("groups", "title", |_, id| Cell::Word(["Admin", "Sales", "Support"][(id - 1) as usize % 3])),
    ("groups", "descript", |_, _| Cell::Word("")),
    ("groups", "reqApprovalNotify", |_, _| Cell::Word("")),
    ("campaigns", "name", |_, id| Cell::Text(format!("Campaign {id}"))),
    ("campaigns", "type", |s, id| {
        Cell::Word(s.word(MAIL, id, &["single", "single", "split", "responder", "recurring"]))
    }),
    ("campaigns", "status", |s, id| Cell::Number([5, 5, 5, 1, 0][(s.mix(MAIL, id) % 5) as usize])),
    ("campaigns", "send_amt", |s, id| Cell::Number(sent(s, id))),
    ("campaigns", "total_amt", |s, id| Cell::Number(sent(s, id))),
    ("campaigns", "opens", |s, id| Cell::Number(sent(s, id) / 2)),
    ("campaigns", "uniqueopens", |s, id| Cell::Number(sent(s, id) / 3)),
    ("campaigns", "linkclicks", |s, id| Cell::Number(sent(s, id) / 8)),
    ("campaigns", "uniquelinkclicks", |s, id| Cell::Number(sent(s, id) / 10)),
    ("campaigns", "source", |_, _| Cell::Word("web")),
    ("campaigns", "screenshot", |_, id| Cell::Text(format!("//img.example.com/campaign/{id}.png"))),
    ("campaigns", "sdate", |s, id| {
        if s.mix(MAIL, id) % 5 < 3 { Cell::Moment(s.made(MAIL, id, 120)) } else { Cell::Null }
    }),
    ("campaigns", "isDoubleOptInCampaign", |_, _| Cell::Number(0)),
    ("campaigns", "groupLimitViolation", |_, _| Cell::Number(0)),
    ("campaignMessages", "percentage", |_, _| Cell::Number(100)),
    ("campaignMessages", "initial_split_percentage", |_, _| Cell::Number(100)),
    ("campaignMessages", "spamcheck_score", |_, _| Cell::Number(0)),
    ("campaignMessages", "spamcheck_max", |_, _| Cell::Number(5)),
    ("messages", "html", |_, id| {
        Cell::Text(format!("<html><body><h1>News {id}</h1><p>Hello %FIRSTNAME%</p></body></html>"))
    }),
    ("messages", "text", |_, id| Cell::Text(format!("News {id}\n\nHello %FIRSTNAME%"))),
    ("messages", "subject", |_, id| Cell::Text(format!("News {id}: für dich"))),
    ("messages", "format", |_, _| Cell::Word("mime")),
    ("messages", "charset", |_, _| Cell::Word("utf-8")),
    ("messages", "encoding", |_, _| Cell::Word("quoted-printable")),
    ("automations", "name", |_, id| Cell::Text(format!("Automation {id}"))),
    ("automations", "status", |_, id| Cell::Number(1 + (id % 2) as i64)),
    ("automations", "description", |_, _| Cell::Word("")),
    ("contactAutomations", "startid", |_, id| Cell::id(id % 15 + 1)),
    ("contactAutomations", "status", |_, id| Cell::Number(1 + (id % 2) as i64)),
    ("contactAutomations", "automation", |_, id| Cell::id(id % 15 + 1)),
    ("contactAutomations", "seriesid", |_, id| Cell::id(id % 15 + 1)),
    ("contactAutomations", "batchid", |_, _| Cell::Null),
    ("contactAutomations", "completedElements", |_, id| Cell::Number((id % 4) as i64)),
    ("contactAutomations", "totalElements", |_, _| Cell::Number(4)),
    ("contactAutomations", "completed", |_, id| Cell::flag(id % 4 == 0)),
    ("contactAutomations", "completeValue", |_, id| Cell::Number((id % 4 * 25) as i64)),
    ("forms", "name", |_, id| Cell::Text(format!("Form {id}"))),
    ("forms", "action", |_, _| Cell::Word("subscribe-to-list")),
    ("forms", "actiondata", |_, _| Cell::Json(r#"{"actions":[{"type":"subscribe-to-list","list":"1"}]}"#)),
    ("forms", "submit", |_, _| Cell::Word("show-thank-you")),
    ("forms", "submitdata", |_, _| Cell::Json(r#"{"url":""}"#)),
    ("forms", "style", |_, _| {
        Cell::Json(r##"{"background":"#ffffff","dark":true,"padding":20,"width":500}"##)
    }),
    ("forms", "options", |_, _| Cell::Json(r#"{"blanks_overwrite":true,"confaction":"show"}"#)),
    ("forms", "cfields", |_, _| {
        Cell::Json(
            r#"[{"type":"header","header":"Contact us"},{"type":"email","header":"Email","required":true}]"#,
        )
    }),
    ("forms", "layout", |_, _| Cell::Word("inline-form")),
    ("forms", "address", |_, _| Cell::Null),
    ("segments", "name", |_, id| Cell::Text(format!("Segment {id}"))),
    ("segments", "logic", |_, id| Cell::Word(if id % 2 == 0 { "or" } else { "and" })),
    ("segments", "hidden", |_, _| Cell::Number(0)),
    ("segments", "seriesid", |_, _| Cell::Number(0)),
    ("scores", "reltype", |_, id| Cell::Word(if id == 3 { "deal" } else { "contact" })),
    ("scores", "name", |_, id| Cell::Text(format!("Score {id}"))),
    ("scoreValues", "deal", |_, _| Cell::Null),
    ("scoreValues", "scoreValue", |s, id| Cell::Number((s.mix(MAIL, id) % 100) as i64)),
    ("connections", "service", |_, id| Cell::Word(if id == 1 { "shopify" } else { "woocommerce" })),
    ("connections", "name", |_, id| Cell::Text(format!("Shop {id}"))),
    ("connections", "status", |_, _| Cell::Number(1)),
    ("ecomOrders", "currency", |s, id| Cell::Word(s.word(MAIL, id, &["USD", "EUR"]))),
    ("ecomOrders", "externalid", |_, id| Cell::Text(format!("order-{id}"))),
    ("ecomOrders", "externalcheckoutid", |_, _| Cell::Null),
    ("ecomOrders", "abandonedDate", |_, _| Cell::Null),
    ("ecomOrders", "state", |_, _| Cell::Number(1)),
    ("ecomOrders", "source", |_, id| Cell::Number((id % 2) as i64)),
    ("ecomOrderActivities", "currency", |s, id| Cell::Word(s.word(MAIL, id, &["USD", "EUR"]))),
    ("activities", "reference_type", |s, id| Cell::Word(s.word(MAIL, id, &["Log", "ContactList", "Note"]))),
    ("activities", "reference_action", |s, id| Cell::Word(s.word(MAIL, id, &["open", "subscribe", "add"]))),
    ("activities", "reference", |_, id| Cell::Made(format!(r#"{{"type":"log","id":"{id}"}}"#))),
    ("activities", "jsonData", |_, _| Cell::Null),
    ("activities", "notes", |_, _| Cell::Json("[]")),
    ("activities", "recipients", |_, _| Cell::Json("[]")),
    ("emailActivities", "reltype", |_, _| Cell::Word("Subscriber")),
    ("emailActivities", "relid", |_, id| Cell::id(id * 7)),
    ("emailActivities", "reference", |_, id| {
        Cell::Made(format!(r#"{{"type":"subscriber","id":"{}"}}"#, id * 7))
    }),
    ("emailActivities", "d_id", |_, _| Cell::Number(0)),
    ("emailActivities", "deal", |_, _| Cell::Null),
    ("emailActivities", "account", |_, _| Cell::Null),
    ("emailActivities", "message", |_, id| Cell::Text(format!("Hello, this is mail {id}."))),
    ("bounceLogs", "email", |s, id| Cell::Text(super::people::email(s, id * 10))),
    ("bounceLogs", "error", |_, _| Cell::Word("")),
    ("bounceLogs", "source", |_, _| Cell::Word("Delivered-To: bounces@example.com\n")),
    ("webhooks", "url", |_, id| Cell::Text(format!("https://hooks.example.com/{id}"))),
    ("webhooks", "events", |_, _| Cell::Json(r#"["subscribe","unsubscribe"]"#)),
    ("webhooks", "sources", |_, _| Cell::Json(r#"["public","admin","api","system"]"#)),
    ("webhooks", "listid", |_, _| Cell::Number(0)),
    ("eventTrackingEvents", "name", |_, id| Cell::Text(format!("event {id}"))),
    ("data", "id", |_, id| Cell::Text(format!("00000000-0000-4000-8000-{id:012}"))),
    ("data", "segment_id", |_, id| Cell::Text(format!("00000000-0000-4000-8000-{id:012}"))),
    ("data", "type", |_, _| Cell::Word("audience")),
    ("data", "name", |_, id| Cell::Text(format!("Audience {id}"))),
    ("data", "counts", |s, id| Cell::Made(format!(r#"{{"total":{}}}"#, s.contacts / (id + 1)))),
    ("data", "created_date", |s, id| exact(s, id, 0)),
    ("data", "updated_date", |s, id| exact(s, id, 3_600)),
    ("data", "last_used_date", |s, id| exact(s, id, 7_200)),
    ("schemas", "createdTimestamp", |s, id| exact(s, id, 0)),
    ("schemas", "updatedTimestamp", |s, id| exact(s, id, 3_600)),
    ("records", "createdTimestamp", |s, id| exact(s, id, 0)),
    ("records", "updatedTimestamp", |s, id| exact(s, id, 3_600)),
    ("schemas", "id", |_, id| Cell::Text(format!("10000000-0000-4000-8000-{id:012}"))),
    ("schemas", "slug", |_, id| Cell::Text(format!("object-{id}"))),
    ("schemas", "visibility", |_, _| Cell::Word("private")),
    ("schemas", "labels", |_, id| {
        Cell::Made(format!(r#"{{"singular":"Object {id}","plural":"Objects {id}"}}"#))
    }),
    ("schemas", "fields", |_, _| {
        Cell::Json(
            r#"[{"id":"name","labels":{"singular":"Name","plural":"Names"},"type":"text","required":true}]"#,
        )
    }),
    ("schemas", "icons", |_, _| Cell::Json(r#"{"default":"https://img.example.com/icon.png"}"#)),
    ("schemas", "relationships", |_, _| {
        Cell::Json(
            r#"[{"id":"primary-contact","labels":{"singular":"Primary Contact","plural":"Primary Contacts"},"description":"Primary contact of this object","namespace":"contacts","hasMany":false}]"#,
        )
    }),
    ("records", "id", |_, id| Cell::Text(format!("20000000-0000-4000-8000-{id:012}"))),
    ("records", "externalId", |_, id| Cell::Text(format!("external-{id}"))),
    ("records", "schemaId", |_, id| Cell::Text(format!("10000000-0000-4000-8000-{:012}", (id - 1) / 30 + 1))),
    ("records", "fields", |_, id| Cell::Made(format!(r#"[{{"id":"name","value":"Record {id}"}}]"#))),
    ("records", "relationships", |s, id| {
        Cell::Made(format!(r#"{{"primary-contact":["{}"]}}"#, s.pick(MAIL, id, s.contacts)))
    }),
];

const MAIL: u64 = salt("campaigns");

/// A time as the newer services send it: UTC, with a fraction.
fn exact(scope: &Scope, id: u64, later: i64) -> Cell {
    let second = (scope.made(MAIL + 2, id, 60) + later).min(scope.anchor);
    let nanosecond = (scope.mix(MAIL + 3, id) % 1_000_000_000) as i32;
    let stamp =
        jiff::Timestamp::new(second, nanosecond).expect("the history is within the range of timestamps");
    Cell::Text(stamp.to_string())
}

fn user(id: u64) -> &'static (&'static str, &'static str, &'static str) {
    &USERS[(id - 1) as usize % USERS.len()]
}

fn sent(scope: &Scope, campaign: u64) -> i64 {
    (scope.mix(MAIL + 1, campaign) % scope.contacts.max(10)) as i64
}
