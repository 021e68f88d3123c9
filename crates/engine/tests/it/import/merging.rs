//! What an import makes of people, and what it leaves alone.

use std::net::{IpAddr, Ipv4Addr};

use achub_core::{
    FieldType, Outcome, Value,
    consent::ListStatus,
    person::Mark,
    port::{
        people::PeopleStore,
        state::{RunStatus, StateStore},
    },
};
use achub_engine::import::Merge;

use crate::import::{
    rig::{Rig, counts},
    source::{Script, contact, crowd, on, rich},
};

/// SX-2…10, SX-18, SX-22, AB-93: one of everything arrives where it belongs.
#[tokio::test]
async fn person_arrives_with_everything_shown() {
    let rig = Rig::new();
    let mut ann = rich(7, " Ann@Example.com ");
    ann.memberships.push(on("2", ListStatus::Unsubscribed, Some("2026-02-01T00:00:00Z")));
    ann.bounced = Some(None);

    let summary = rig.import(&Script::of(vec![vec![ann]])).await;

    assert_eq!((summary.status, counts(&summary.outcomes)), (RunStatus::Done, [1, 0, 0, 0, 0, 0]));
    let ann = rig.linked(7).await;
    assert_eq!(ann.email.as_ref().map(|email| email.as_str()), Some("Ann@Example.com"));
    assert_eq!((ann.first_name.as_deref(), ann.last_name.as_deref()), (Some("First 7"), Some("Last")));
    assert_eq!(ann.company.as_deref(), Some("Company 1"));
    assert_eq!(ann.ip, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert!(ann.is_marked(Mark::Bounced));
    let companies = rig.store.companies_of(&ann.companies).await.expect("the store is in memory");
    assert_eq!(companies[0].name, "Company 1");
    let lists = rig.store.lists().await.expect("the store is in memory");
    let names: Vec<&str> = lists.iter().map(|list| list.name.as_str()).collect();
    assert_eq!(names, ["News", "Offers"]);
    let statuses: Vec<ListStatus> =
        ann.memberships.iter().map(|membership| membership.permission.status).collect();
    assert_eq!(statuses, [ListStatus::Active, ListStatus::Unsubscribed]);
    let tags = rig.store.tags().await.expect("the store is in memory");
    assert_eq!((tags[0].name.as_str(), ann.tags.as_slice()), ("via_shop", [tags[0].id].as_slice()));
    let fields = rig.store.fields().await.expect("the store is in memory");
    let types: Vec<(&str, FieldType)> =
        fields.iter().map(|field| (field.name.as_str(), field.field_type)).collect();
    assert_eq!(types, [("Phone", FieldType::Text), ("Score", FieldType::Float)]);
    assert_eq!(ann.values.len(), 2);
}

/// SX-20, SX-21: nothing is made twice, and blanks erase nothing.
#[tokio::test]
async fn second_import_changes_nothing() {
    let rig = Rig::new();
    rig.import(&Script::of(crowd(25))).await;
    let before = rig.people().await;

    let again = rig.import(&Script::of(crowd(25))).await;
    assert_eq!((again.status, counts(&again.outcomes)), (RunStatus::NothingToDo, [0, 0, 25, 0, 0, 0]));
    let blank = Script::of(vec![(1..=25).map(|key| contact(key, "")).collect()]);
    let blank = rig.import(&blank).await;

    assert_eq!(counts(&blank.outcomes), [0, 0, 25, 0, 0, 0]);
    assert_eq!(rig.people().await, before);
}

/// AB-89.
#[tokio::test]
async fn policy_decides_about_fields_that_differ() {
    for (merge, first_name, phone, expected) in [
        (Merge::Overwrite, "Anna", "+1 555", [0, 1, 0, 0, 0, 0]),
        (Merge::FillMissing, "Ann", "+1 555", [0, 1, 0, 0, 0, 0]),
        (Merge::Skip, "Ann", "", [0, 0, 0, 0, 1, 0]),
    ] {
        let mut rig = Rig::new();
        let mut ann = contact(7, "ann@example.com");
        ann.first_name = Some("Ann".to_owned());
        rig.import(&Script::of(vec![vec![ann.clone()]])).await;
        rig.import.merge = merge;
        ann.first_name = Some("Anna".to_owned());
        ann.values = vec![("phone".to_owned(), Value::text("+1 555"))];

        let summary = rig.import(&Script::of(vec![vec![ann]])).await;

        let ann = rig.linked(7).await;
        assert_eq!(counts(&summary.outcomes), expected, "{merge:?}");
        assert_eq!(ann.first_name.as_deref(), Some(first_name), "{merge:?}");
        let got = ann.values.first().map(|value| value.value.display()).unwrap_or_default();
        assert_eq!(got, phone, "{merge:?}");
    }
}

/// SX-19: one person, whatever the case of her address; an opt-out of either contact holds.
#[tokio::test]
async fn contacts_with_one_address_are_one_person() {
    let rig = Rig::new();
    let mut older = contact(3, "ANN@example.com");
    older.first_name = Some("Old".to_owned());
    older.memberships = vec![on("1", ListStatus::Unsubscribed, Some("2026-01-01T00:00:00Z"))];
    let mut newer = contact(12, "ann@Example.com");
    newer.first_name = Some("New".to_owned());
    newer.memberships = vec![on("1", ListStatus::Active, Some("2025-01-01T00:00:00Z"))];
    let script = || Script::of(vec![vec![older.clone(), newer.clone()]]);

    let first = rig.import(&script()).await;
    let second = rig.import(&script()).await;

    assert_eq!(counts(&first.outcomes), [1, 1, 0, 0, 0, 0]);
    assert_eq!(second.outcomes.changed, 0, "two contacts of one person undo each other: {second:?}");
    let people = rig.people().await;
    assert_eq!((people.len(), people[0].links.len()), (1, 2));
    assert_eq!(people[0].first_name.as_deref(), Some("New"));
    assert_eq!(people[0].memberships[0].permission.status, ListStatus::Unsubscribed);
}

/// SX-19: the address decides where the link says somebody else; both people stay.
#[tokio::test]
async fn moved_and_swapped_addresses_find_their_people() {
    let rig = Rig::new();
    let named = |key, email: &str, name: &str| {
        let mut contact = contact(key, email);
        contact.first_name = Some(name.to_owned());
        contact
    };
    let before = vec![named(1, "one@example.com", "One"), named(2, "two@example.com", "Two")];
    rig.import(&Script::of(vec![before])).await;

    // Moved: nobody else has the new address.
    rig.import(&Script::of(vec![vec![named(1, "uno@example.com", "One")]])).await;
    let one = rig.linked(1).await;
    assert_eq!(one.email.as_ref().map(|email| email.as_str()), Some("uno@example.com"));

    // Swapped, on one page.
    let swapped = vec![named(1, "two@example.com", "Two"), named(2, "uno@example.com", "One")];
    rig.import(&Script::of(vec![swapped])).await;

    assert_eq!(rig.people().await.len(), 2);
    assert_eq!(rig.linked(2).await.id, one.id);
    let email = rig.linked(1).await.email.map(|email| email.as_str().to_owned());
    assert_eq!(email.as_deref(), Some("two@example.com"));
}

/// SX-15, SX-16.
#[tokio::test]
async fn bounce_is_never_cleared() {
    let rig = Rig::new();
    let mut ann = contact(7, "ann@example.com");
    ann.bounced = Some(Some("2026-01-02T00:00:00Z".parse().expect("a timestamp")));
    rig.import(&Script::of(vec![vec![ann.clone()]])).await;
    ann.bounced = None;

    let summary = rig.import(&Script::of(vec![vec![ann]])).await;

    assert_eq!(counts(&summary.outcomes), [0, 0, 1, 0, 0, 0]);
    assert!(rig.linked(7).await.is_marked(Mark::Bounced));
}

/// SX-17, AB-113: what does not fit is in the row log with its columns; only a wrong address keeps somebody out.
#[tokio::test]
async fn what_does_not_fit_is_in_the_row_log() {
    let rig = Rig::new();
    let mut odd = rich(7, "ann@example.com");
    odd.ip = Some("4294967296".to_owned());
    odd.memberships = vec![on("1", ListStatus::Unsubscribed, None)];
    let script = Script::of(vec![vec![odd, contact(8, "no address")]]);

    let summary = rig.import(&script).await;

    assert_eq!(counts(&summary.outcomes), [1, 0, 0, 1, 0, 0]);
    assert_eq!((summary.status, summary.values_left_out), (RunStatus::DoneSomeRefused, 1));
    let (rows, count) = rig.store.refused(&summary.run, 0, 10).await.expect("the store is in memory");
    assert_eq!(count, 2);
    let mut what: Vec<(&str, &str, &str)> =
        rows.iter().map(|row| (row.key.as_str(), row.field.as_str(), row.code.as_str())).collect();
    what.sort_unstable();
    assert_eq!(what, [("7", "ip", "INVALID_FIELD"), ("8", "email", "INVALID_FIELD")]);
    assert!(rows.iter().any(|row| row.columns.contains("4294967296")));
    let ann = rig.linked(7).await;
    assert_eq!((ann.ip, ann.memberships[0].permission.status), (None, ListStatus::Unsubscribed));
}

/// Consent that would move up without proof stays, and is counted.
#[tokio::test]
async fn opt_out_is_held_against_an_undated_opt_in() {
    let rig = Rig::new();
    let mut ann = contact(7, "ann@example.com");
    ann.memberships = vec![on("1", ListStatus::Unsubscribed, Some("2026-01-02T00:00:00Z"))];
    rig.import(&Script::of(vec![vec![ann.clone()]])).await;
    ann.memberships = vec![on("1", ListStatus::Active, None)];

    let summary = rig.import(&Script::of(vec![vec![ann]])).await;

    assert_eq!((counts(&summary.outcomes), summary.permissions_kept), ([0, 0, 0, 0, 0, 1], 1));
    assert_eq!(rig.linked(7).await.memberships[0].permission.status, ListStatus::Unsubscribed);
}

/// AB-87: a preview writes nothing and says what the run then does.
#[tokio::test]
async fn preview_says_what_the_run_does() {
    let rig = Rig::new();
    let mut pages = crowd(45);
    pages.push(vec![contact(100, "no address"), contact(101, "P1@example.com")]);
    let script = Script::of(pages);

    let preview = rig.preview(&script, None).await;

    assert!(rig.people().await.is_empty());
    assert!(rig.store.lists().await.expect("the store is in memory").is_empty());
    assert!(rig.store.runs(None, 10).await.expect("the store is in memory").is_empty());
    assert!(rig.activity().await.is_empty());
    assert_eq!((preview.samples.len(), preview.refused.len(), preview.is_complete), (20, 1, true));
    assert_eq!((preview.lists_made.len(), preview.fields_made.len()), (2, 2));
    assert_eq!(preview.samples[0].outcome, Outcome::Added);
    let changes = &preview.samples[0].changes;
    assert!(
        changes.iter().any(|change| change.field == "list News" && change.after == "active"),
        "{changes:?}"
    );
    assert_eq!(rig.import(&script).await.outcomes, preview.outcomes);

    let first = rig.preview(&script, Some(15)).await;
    assert_eq!((counts(&first.outcomes), first.is_complete), ([0, 0, 15, 0, 0, 0], false));
}

/// A membership of a list that is not in the catalogue is told and left out; the person comes in.
#[tokio::test]
async fn list_made_meanwhile_is_told() {
    let rig = Rig::new();
    let mut ann = contact(7, "ann@example.com");
    ann.memberships = vec![on("9", ListStatus::Active, None), on("1", ListStatus::Active, None)];

    let summary = rig.import(&Script::of(vec![vec![ann]])).await;

    assert_eq!(rig.linked(7).await.memberships.len(), 1);
    assert!(summary.notes.iter().any(|note| note.contains("list 9")), "{:?}", summary.notes);
}
