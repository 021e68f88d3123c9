//! Later imports: what changed, and what it takes to find it.

use achub_core::{
    consent::ListStatus,
    port::{people::PeopleStore, state::RunStatus},
};
use serde_json::json;

use crate::activecampaign::importing::rig::Importing;

/// SX-32, SX-33: nothing changed, nothing written, and few requests.
#[tokio::test(start_paused = true)]
async fn hourly_import_without_changes_is_cheap() {
    let importing = Importing::of(5_000);
    importing.run().await;
    importing.wait(1).await;
    let before = importing.rig.requests().await;

    let summary = importing.run().await;

    let requests = importing.rig.requests().await - before;
    assert_eq!(summary.status, RunStatus::NothingToDo, "{summary:?}");
    assert!(requests <= 5, "{requests} requests");
    assert_eq!((summary.requests, summary.is_first, summary.swept), (requests, false, false));
}

/// Changes of contacts, of values and of lists that move the contact's time: a page for each hundred.
#[tokio::test(start_paused = true)]
async fn hourly_import_finds_what_moved() {
    let importing = Importing::of(5_000);
    importing.run().await;
    importing.wait(1).await;
    importing.rig.account.switches(json!({"list_change_bumps_udate": true})).await;
    importing
        .rig
        .account
        .mutate(json!({"collection": "contacts", "change": 480, "create": 20, "seed": 5}))
        .await;
    unsubscribe(&importing, 1..=50).await;
    let before = importing.rig.requests().await;

    let summary = importing.run().await;

    importing.assert_equal().await;
    assert_eq!(summary.outcomes.added, 20);
    let requests = importing.rig.requests().await - before;
    assert!(requests <= 12, "{requests} requests");
    assert_eq!(summary.requests_expected, requests);
}

/// List changes that move no time are found by the sweep, whose price is that of everybody.
#[tokio::test(start_paused = true)]
async fn sweep_finds_list_changes_that_move_nothing() {
    let importing = Importing::of(1_000);
    importing.run().await;
    importing.wait(1).await;
    unsubscribe(&importing, 1..=10).await;

    let hourly = importing.run().await;
    assert_eq!((hourly.swept, hourly.outcomes.changed), (false, 0), "the account told of it: no test");
    importing.wait(24).await;
    let foretold = importing.preview(Some(0)).await;
    assert!(foretold.is_full && foretold.price.requests >= 10, "{foretold:?}");
    let swept = importing.run().await;

    assert!(swept.swept && swept.outcomes.changed > 0, "{swept:?}");
    importing.assert_equal().await;
}

/// SX-2: lists follow their id when they are renamed; SX-9: fields made later come once.
#[tokio::test(start_paused = true)]
async fn renamed_lists_and_new_fields_arrive() {
    let importing = Importing::of(200);
    importing.run().await;
    let before = importing.rig.store.lists().await.expect("the store is in memory").len();
    importing.rig.account.mutate(json!({"collection": "lists", "set": {"1": {"name": "Renamed"}}})).await;
    let field = json!({"field": {"title": "Made later", "type": "text"}});
    importing.rig.account.api("POST", "/api/3/fields", Some(field)).await;

    importing.run().await;
    importing.run().await;

    let lists = importing.rig.store.lists().await.expect("the store is in memory");
    assert_eq!((lists.len(), lists.iter().filter(|list| list.name == "Renamed").count()), (before, 1));
    let fields = importing.rig.store.fields().await.expect("the store is in memory");
    assert_eq!(fields.iter().filter(|field| field.name == "Made later").count(), 1);
}

/// An opt-out and her own later opt-in both arrive.
#[tokio::test(start_paused = true)]
async fn consent_follows_what_she_said_last() {
    let importing = Importing::of(100);
    importing.rig.account.switches(json!({"list_change_bumps_udate": true})).await;
    importing.run().await;
    let ann = active(&importing).await;
    assert_eq!(held(&importing, ann).await, ListStatus::Active);
    importing.wait(1).await;
    status(&importing, ann, 1, 2).await;
    importing.run().await;
    assert_eq!(held(&importing, ann).await, ListStatus::Unsubscribed);

    importing.wait(1).await;
    status(&importing, ann, 1, 1).await;
    importing.run().await;

    assert_eq!(held(&importing, ann).await, ListStatus::Active);
    importing.assert_equal().await;
}

/// Somebody who is active on the first list.
async fn active(importing: &Importing) -> i64 {
    let rows = importing.rig.account.truth("contact_lists").await;
    let row = rows.iter().find(|row| row["list"] == "1" && row["status"] == "1").expect("somebody is");
    row["contact"].as_str().expect("ids are text").parse().expect("ids are numbers")
}

async fn held(importing: &Importing, contact: i64) -> ListStatus {
    let key = contact.to_string();
    let lists = importing.rig.store.lists().await.expect("the store is in memory");
    let is_first = |link: &achub_core::person::Link| link.key == "1";
    let list =
        lists.iter().find(|list| list.link.as_ref().is_some_and(is_first)).expect("the list was adopted");
    let people = importing.people().await;
    let person = people.iter().find(|person| person.links.iter().any(|link| link.key == key));
    let memberships = &person.expect("she is in the store").memberships;
    let membership = memberships.iter().find(|membership| membership.list == list.id);
    membership.expect("she is on the list").permission.status
}

/// Puts contacts onto the first list as people who left it.
async fn unsubscribe(importing: &Importing, contacts: std::ops::RangeInclusive<i64>) {
    for contact in contacts {
        status(importing, contact, 1, 2).await;
    }
}

async fn status(importing: &Importing, contact: i64, list: i64, status: i64) {
    let body = json!({"contactList": {"contact": contact, "list": list, "status": status}});
    importing.rig.account.api("POST", "/api/3/contactLists", Some(body)).await;
}
