//! Contacts, lists, tags, custom fields and what ties them together.

use super::{Cell, Make, Scope, people};
use crate::chance::salt;

/// How many lists an account starts with.
pub(crate) const LIST_COUNT: u64 = 8;
/// How many tags an account starts with.
pub(crate) const TAG_COUNT: u64 = 40;
/// How many custom fields of contacts an account starts with.
pub(crate) const FIELD_COUNT: u64 = CHOICES.len() as u64;
/// How many options the custom fields have together.
pub(super) const OPTION_COUNT: u64 = 21;

/// The custom fields: title, type, options.
const CHOICES: &[(&str, &str, &[&str])] = &[
    ("Company size", "number", &[]),
    ("Birthday", "date", &[]),
    ("Last demo", "datetime", &[]),
    ("Colours", "listbox", &["red", "blue", "green", "yellow"]),
    ("Plan", "dropdown", &["free", "pro", "enterprise"]),
    ("Contact by", "radio", &["mail", "phone", "post"]),
    ("Interests", "checkbox", &["sport", "music", "travel", "books & films"]),
    ("About", "textarea", &[]),
    ("Job title", "text", &[]),
    ("Source", "hidden", &[]),
    ("City", "text", &[]),
    ("Newsletter day", "dropdown", &["Monday", "Wednesday", "Friday"]),
    ("Language", "listbox", &["de", "en", "pl", "日本語"]),
    ("Rating", "number", &[]),
];

const LISTS: [&str; LIST_COUNT as usize] = [
    "Newsletter",
    "Product updates",
    "Customers",
    "Trial users",
    "Partners",
    "Événements",
    "Zürich meetup",
    "Internal test",
];
const TAGS: &[&str] = &[
    "newsletter",
    "lead",
    "customer",
    "vip",
    "webinar",
    "trial",
    "churned",
    "événement",
    "pricing page",
    "ebook: guide",
];
const CITIES: &[&str] = &["Kraków", "München", "São Paulo", "東京", "Austin", "Αθήνα", "Nairobi"];
const JOBS: &[&str] = &["CTO", "Marketing manager", "Développeuse", "Owner", "Data engineer", ""];

pub(super) const MAKERS: &[(&str, &str, Make)] = &[
    ("contacts", "cdate", |s, id| Cell::Moment(s.contact_made(id))),
    ("contacts", "udate", |s, id| Cell::Moment(s.contact_changed(id))),
    ("contacts", "email", |s, id| Cell::Text(people::email(s, id))),
    ("contacts", "email_domain", |s, id| Cell::Word(people::domain(s, id))),
    ("contacts", "email_local", |_, _| Cell::Word("")),
    ("contacts", "firstName", |s, id| Cell::Word(first_name(s, id))),
    ("contacts", "lastName", |s, id| Cell::Word(last_name(s, id))),
    ("contacts", "phone", phone),
    ("contacts", "orgid", |_, _| Cell::Number(0)),
    ("contacts", "orgname", |_, _| Cell::Word("")),
    ("contacts", "organization", |_, _| Cell::Null),
    ("contacts", "segmentio_id", |_, _| Cell::Word("")),
    ("contacts", "bounced_hard", |s, id| Cell::flag(hard_bounced(s, id))),
    ("contacts", "bounced_soft", |s, id| Cell::Number(soft_bounces(s, id))),
    ("contacts", "bounced_date", bounced_date),
    ("contacts", "ip", |s, id| {
        Cell::Number(if s.one_in(IP, id, 3) { 0 } else { 0x0a00_0001 + (s.mix(IP, id) % 0x00ff_fffe) as i64 })
    }),
    ("contacts", "ua", |_, _| Cell::Null),
    ("contacts", "hash", |s, id| Cell::Hash(s.mix(IP, id + 1), s.mix(IP + 1, id))),
    ("contacts", "socialdata_lastcheck", |_, _| Cell::Null),
    ("contacts", "rating_tstamp", |_, _| Cell::Null),
    ("contacts", "sentcnt", |s, id| Cell::Number((s.mix(SENT, id) % 60) as i64)),
    ("contacts", "gravatar", |s, id| Cell::Number((s.mix(SENT + 1, id) % 3) as i64)),
    ("contacts", "adate", |s, id| {
        if s.one_in(SENT, id, 3) { Cell::Null } else { Cell::Moment(s.contact_changed(id)) }
    }),
    ("contacts", "edate", |_, _| Cell::Null),
    ("contacts", "deleted", |_, _| Cell::Number(0)),
    ("contacts", "anonymized", |_, _| Cell::Number(0)),
    ("contacts", "deleted_at", |_, _| Cell::Null),
    ("contacts", "created_by", |_, _| Cell::Null),
    ("contacts", "updated_by", |_, _| Cell::Null),
    ("contacts", "mpp_tracking", |_, _| Cell::Number(0)),
    ("contacts", "last_click_date", |_, _| Cell::Null),
    ("contacts", "last_open_date", |s, id| {
        if s.one_in(SENT, id, 2) { Cell::Moment(s.contact_changed(id)) } else { Cell::Null }
    }),
    ("contacts", "last_mpp_open_date", |_, _| Cell::Null),
    ("contacts", "best_send_hour", |_, _| Cell::Null),
    ("contacts", "sms_consent", |_, _| Cell::Null),
    ("contacts", "sms_consent_updated_at", |_, _| Cell::Null),
    ("contacts", "whatsapp_id", |_, _| Cell::Null),
    ("contacts", "whatsapp_username", |_, _| Cell::Null),
    ("contactTags", "tag", |s, id| Cell::id(tag_of(s, id))),
    ("contactTags", "cdate", |s, id| Cell::Moment(between(s, TAGGED, id, contact_of(id, 3)))),
    ("contactTags", "created_by", |_, _| Cell::Null),
    ("contactTags", "updated_by", |_, _| Cell::Null),
    ("contactLists", "list", |s, id| Cell::id(list_of(s, id))),
    ("contactLists", "status", |s, id| Cell::Number(status_of(s, id))),
    ("contactLists", "sdate", |s, id| Cell::Moment(subscribed_at(s, id))),
    ("contactLists", "udate", |s, id| {
        if status_of(s, id) == 2 { Cell::Moment(s.contact_changed(contact_of(id, 2))) } else { Cell::Null }
    }),
    ("contactLists", "first_name", |s, id| Cell::Word(first_name(s, contact_of(id, 2)))),
    ("contactLists", "last_name", |s, id| Cell::Word(last_name(s, contact_of(id, 2)))),
    ("contactLists", "form", |_, _| Cell::Null),
    ("contactLists", "seriesid", |_, _| Cell::Number(0)),
    ("contactLists", "responder", |_, _| Cell::Number(1)),
    ("contactLists", "sync", |_, _| Cell::Number(0)),
    ("contactLists", "unsubreason", |s, id| {
        Cell::Word(if status_of(s, id) == 2 { "too many mails" } else { "" })
    }),
    ("contactLists", "campaign", |_, _| Cell::Null),
    ("contactLists", "message", |_, _| Cell::Null),
    ("contactLists", "ip4Sub", |_, _| Cell::Number(0)),
    ("contactLists", "ip4_last", |_, _| Cell::Number(0)),
    ("contactLists", "ip4Unsub", |_, _| Cell::Number(0)),
    ("contactLists", "sourceid", |s, id| Cell::Number(3 + (s.mix(STATUS, id) % 2) as i64)),
    ("contactLists", "autosyncLog", |_, _| Cell::Null),
    ("contactLists", "created_by", |_, _| Cell::Number(0)),
    ("contactLists", "updated_by", |_, _| Cell::Number(0)),
    ("contactLists", "unsubscribeAutomation", |_, _| Cell::Null),
    ("contactLists", "channel", |_, _| Cell::Word("email")),
    ("contactLists", "automation", |_, _| Cell::Null),
    ("fieldValues", "field", |s, id| Cell::id(field_of(s, id))),
    ("fieldValues", "value", value_of),
    ("fieldValues", "cdate", |s, id| Cell::Moment(between(s, VALUE, id, contact_of(id, 10)))),
    ("fieldValues", "udate", |s, id| Cell::Moment(s.contact_changed(contact_of(id, 10)))),
    ("fieldValues", "created_by", |_, _| Cell::Null),
    ("fieldValues", "updated_by", |_, _| Cell::Null),
    ("lists", "cdate", |s, id| Cell::Moment(s.made(LISTED, id, LIST_COUNT * 20))),
    ("lists", "udate", |s, id| Cell::Moment(s.later(LISTED, id, s.made(LISTED, id, LIST_COUNT * 20)))),
    ("lists", "name", |_, id| Cell::Word(LISTS[(id - 1) as usize % LISTS.len()])),
    ("lists", "stringid", |_, id| Cell::Text(format!("list-{id}"))),
    ("lists", "channel", |_, _| Cell::Word("email")),
    ("lists", "description", |_, _| Cell::Word("")),
    ("lists", "sender_url", |_, _| Cell::Word("https://example.com")),
    ("lists", "sender_reminder", |_, _| Cell::Word("You signed up on our site.")),
    ("lists", "deletestamp", |_, _| Cell::Null),
    ("lists", "analytics_domains", |_, _| Cell::Null),
    ("lists", "facebook_session", |_, _| Cell::Null),
    ("lists", "created_by", |_, _| Cell::Null),
    ("lists", "updated_by", |_, _| Cell::Null),
    ("lists", "fulladdress", |_, _| Cell::Word("")),
    ("lists", "analytics_source", |_, _| Cell::Word("")),
    ("lists", "analytics_ua", |_, _| Cell::Word("")),
    ("lists", "twitter_token", |_, _| Cell::Word("")),
    ("lists", "twitter_token_secret", |_, _| Cell::Word("")),
    ("lists", "carboncopy", |_, _| Cell::Word("")),
    ("lists", "subscription_notify", |_, _| Cell::Word("")),
    ("lists", "unsubscription_notify", |_, _| Cell::Word("")),
    ("lists", "to_name", |_, _| Cell::Word("Recipient")),
    ("lists", "sender_name", |_, _| Cell::Word("Example Inc.")),
    ("lists", "sender_city", |_, _| Cell::Word("Kraków")),
    ("lists", "sender_country", |_, _| Cell::Word("PL")),
    ("tags", "tag", |_, id| Cell::Text(tag_name(id))),
    ("tags", "tagType", |_, _| Cell::Word("contact")),
    ("tags", "description", |_, _| Cell::Word("")),
    ("tags", "deleted", |_, _| Cell::Number(0)),
    ("tags", "created_by", |_, _| Cell::Null),
    ("tags", "updated_by", |_, _| Cell::Null),
    ("fields", "title", |_, id| Cell::Word(definition(id).0)),
    ("fields", "type", |_, id| Cell::Word(definition(id).1)),
    ("fields", "perstag", |_, id| Cell::Text(definition(id).0.to_uppercase().replace(' ', "_"))),
    ("fields", "descript", |_, _| Cell::Null),
    ("fields", "defval", |_, _| Cell::Null),
    ("fields", "service", |_, _| Cell::Word("")),
    ("fields", "ordernum", |_, id| Cell::id(id)),
    ("fields", "visible", |_, _| Cell::Number(1)),
    ("fields", "isrequired", |_, _| Cell::Number(0)),
    ("fields", "rows", |_, _| Cell::Number(0)),
    ("fields", "cols", |_, _| Cell::Number(0)),
    ("fieldOptions", "field", |_, id| Cell::id(option(id).0)),
    ("fieldOptions", "orderid", |_, id| Cell::id(option(id).1)),
    ("fieldOptions", "value", |_, id| Cell::Word(option(id).2)),
    ("fieldOptions", "label", |_, id| Cell::Word(option(id).2)),
    ("fieldOptions", "isdefault", |_, _| Cell::Number(0)),
    ("fieldOptions", "cdate", |_, _| Cell::Null),
    ("fieldOptions", "udate", |_, _| Cell::Null),
    ("fieldRels", "field", |_, id| Cell::id(id)),
    ("fieldRels", "relid", |_, _| Cell::Number(0)),
    ("fieldRels", "dorder", |_, _| Cell::Number(0)),
    ("listGroups", "list", |_, id| Cell::id((id - 1) / 2 + 1)),
    ("listGroups", "group", |_, id| Cell::id((id - 1) % 2 + 1)),
];

const IP: u64 = salt("contacts.ip");
const SENT: u64 = salt("contacts.sentcnt");
const BOUNCE: u64 = salt("contacts.bounce");
const TAGGED: u64 = salt("contactTags");
const STATUS: u64 = salt("contactLists.status");
const LISTED: u64 = salt("contactLists.list");
const VALUE: u64 = salt("fieldValues.value");

/// The contact that `email` was made for at the start, without regard to case.
pub(crate) fn contact_of_email(scope: &Scope, email: &str) -> Option<u64> {
    let id = people::id_in(email)?;
    let seeded = (1..=scope.contacts).contains(&id) && people::email(scope, id).eq_ignore_ascii_case(email);
    seeded.then_some(id)
}

/// The contact that row `id` of a collection with `each` rows a contact belongs to.
fn contact_of(id: u64, each: u64) -> u64 {
    (id - 1) / each + 1
}

/// A moment in the life of `contact`, before its last change.
fn between(scope: &Scope, name: u64, id: u64, contact: u64) -> i64 {
    let made = scope.contact_made(contact);
    let span = (scope.contact_changed(contact) - made).max(0) as u64 + 1;
    made + (scope.mix(name, id) % span) as i64
}

fn first_name(scope: &Scope, id: u64) -> &'static str {
    if scope.one_in(IP + 2, id, 20) { "" } else { people::first(scope, id).0 }
}

fn last_name(scope: &Scope, id: u64) -> &'static str {
    if scope.one_in(IP + 2, id, 20) { "" } else { people::last(scope, id).0 }
}

fn phone(scope: &Scope, id: u64) -> Cell {
    if scope.one_in(SENT + 2, id, 3) {
        return Cell::Word("");
    }
    Cell::Text(format!("+1 555 {:03} {:04}", scope.mix(SENT + 3, id) % 1000, id % 10_000))
}

fn hard_bounced(scope: &Scope, id: u64) -> bool {
    scope.one_in(BOUNCE, id, 40)
}

fn soft_bounces(scope: &Scope, id: u64) -> i64 {
    if scope.one_in(BOUNCE + 1, id, 25) { 1 + (id % 3) as i64 } else { 0 }
}

fn bounced_date(scope: &Scope, id: u64) -> Cell {
    match (hard_bounced(scope, id), soft_bounces(scope, id)) {
        (false, 0) => Cell::Null,
        _ => Cell::Moment(scope.contact_changed(id)),
    }
}

fn tag_of(scope: &Scope, id: u64) -> u64 {
    // 13 and 26 steps of 40 lead to three different tags.
    (scope.mix(TAGGED, contact_of(id, 3)) + 13 * ((id - 1) % 3)) % TAG_COUNT + 1
}

fn list_of(scope: &Scope, id: u64) -> u64 {
    // 3 steps of 8 lead to another list.
    (scope.mix(LISTED, contact_of(id, 2)) + 3 * ((id - 1) % 2)) % LIST_COUNT + 1
}

fn status_of(scope: &Scope, id: u64) -> i64 {
    if hard_bounced(scope, contact_of(id, 2)) {
        return 3;
    }
    match scope.mix(STATUS, id) % 100 {
        0..=11 => 2,
        12..=17 => 0,
        _ => 1,
    }
}

fn subscribed_at(scope: &Scope, id: u64) -> i64 {
    between(scope, LISTED, id, contact_of(id, 2))
}

fn field_of(scope: &Scope, id: u64) -> u64 {
    (scope.mix(VALUE, contact_of(id, 10)) + (id - 1) % 10) % FIELD_COUNT + 1
}

fn value_of(scope: &Scope, id: u64) -> Cell {
    let number = scope.mix(VALUE + 1, id);
    match number % 100 {
        0 => return Cell::Null,
        1..=2 => return Cell::Word(""),
        _ => {}
    }
    let (title, kind, options) = *definition(field_of(scope, id));
    let pick = (number >> 8) as usize;
    match kind {
        "number" => Cell::Text((number % 500).to_string()),
        "date" => Cell::Text(format!("{}-{:02}-{:02}", 1950 + number % 60, 1 + number % 12, 1 + number % 28)),
        "datetime" => Cell::Text(format!("2026-{:02}-{:02}T02:45:00-05:00", 5 + number % 5, 1 + number % 28)),
        "dropdown" | "radio" => Cell::Word(options[pick % options.len()]),
        "listbox" | "checkbox" if number.is_multiple_of(3) => {
            Cell::Text(format!("||{}||", options[pick % options.len()]))
        }
        "listbox" | "checkbox" => {
            let at = pick % (options.len() - 1);
            Cell::Text(format!("||{}||{}||", options[at], options[at + 1]))
        }
        "textarea" => Cell::Text(format!(
            "First line about {number:x}.\nSecond line, with \"quotes\" and a backslash \\."
        )),
        _ if title == "City" => Cell::Word(CITIES[pick % CITIES.len()]),
        _ if title == "Job title" => Cell::Word(JOBS[pick % JOBS.len()]),
        _ => Cell::Text(format!("import-{}", number % 9)),
    }
}

fn definition(id: u64) -> &'static (&'static str, &'static str, &'static [&'static str]) {
    &CHOICES[(id - 1) as usize % CHOICES.len()]
}

/// Field, position and value of option `id`; options are numbered through all fields.
fn option(id: u64) -> (u64, u64, &'static str) {
    let all = CHOICES.iter().zip(1u64..).flat_map(|((_, _, options), field)| {
        options.iter().zip(1u64..).map(move |(value, order)| (field, order, *value))
    });
    all.cycle().nth((id - 1) as usize).expect("there are options, and they repeat")
}

fn tag_name(id: u64) -> String {
    let word = TAGS[(id - 1) as usize % TAGS.len()];
    match (id - 1) / TAGS.len() as u64 {
        0 => word.to_owned(),
        round => format!("{word} {}", round + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { seed: 7, anchor: 1_795_161_600, contacts: 500 }
    }

    #[test]
    fn addresses_lead_back_to_their_contact() {
        for id in 1..=500 {
            let email = people::email(&scope(), id).to_uppercase();
            let ascii = email.is_ascii();
            assert!(!ascii || contact_of_email(&scope(), &email) == Some(id), "{email}");
        }
        assert_eq!(contact_of_email(&scope(), "nobody.3@example.com"), None);
    }

    #[test]
    fn tags_lists_and_fields_of_a_contact_differ() {
        let scope = scope();
        for contact in 1..=500u64 {
            let of = |each: u64| (contact - 1) * each + 1..=contact * each;
            for (each, pick) in [(3, tag_of as fn(&Scope, u64) -> u64), (2, list_of), (10, field_of)] {
                let mut ids: Vec<u64> = of(each).map(|id| pick(&scope, id)).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len() as u64, each, "contact {contact}");
            }
        }
    }

    #[test]
    fn option_count_matches_the_definitions() {
        let options: usize = CHOICES.iter().map(|(_, _, options)| options.len()).sum();
        assert_eq!(options as u64, OPTION_COUNT);
    }
}
