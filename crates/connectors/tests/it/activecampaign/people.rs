//! People who are merged, swap their addresses, or come back: the same address, another id.

use std::sync::Arc;

use achub_testkit::crash::{Crashing, Fuse, Moment};
use serde_json::{Value, json};

use crate::activecampaign::{
    place::Place,
    rig::{Rig, assert_done, checking},
};

const STREAMS: [&str; 5] = ["contacts", "contact_tags", "contact_lists", "field_values", "deals"];

async fn email(rig: &Rig, contact: u64) -> String {
    let answer = rig.account.api("GET", &format!("/api/3/contacts/{contact}"), None).await;
    answer["contact"]["email"].as_str().expect("a contact has an address").to_owned()
}

async fn set_email(rig: &Rig, contact: u64, email: &str) {
    let body = json!({"contact": {"email": email}});
    rig.account.api("PUT", &format!("/api/3/contacts/{contact}"), Some(body)).await;
}

/// Rows that hang off a contact.
async fn rows_of(rig: &Rig, contact: u64, envelope: &str) -> Vec<Value> {
    let answer = rig.account.api("GET", &format!("/api/3/contacts/{contact}/{envelope}"), None).await;
    answer[envelope].as_array().expect("an array of rows").clone()
}

/// What ActiveCampaign does when a person merges two contacts: what hangs off one goes over to the other, and it is
/// deleted.
async fn merge(rig: &Rig, from: u64, into: u64) {
    let post = async |path: &str, item: &str, mut row: Value| {
        row["contact"] = into.to_string().into();
        rig.account.api("POST", &format!("/api/3/{path}"), Some(json!({item: row}))).await;
    };
    for row in rows_of(rig, from, "contactTags").await {
        post("contactTags", "contactTag", json!({"tag": row["tag"]})).await;
    }
    for row in rows_of(rig, from, "fieldValues").await {
        post("fieldValues", "fieldValue", json!({"field": row["field"], "value": row["value"]})).await;
    }
    for row in rows_of(rig, from, "contactLists").await {
        post("contactLists", "contactList", json!({"list": row["list"], "status": 1})).await;
    }
    for row in rows_of(rig, from, "deals").await {
        let deal = row["id"].as_str().expect("a deal has an id");
        let body = json!({"deal": {"contact": into.to_string()}});
        rig.account.api("PUT", &format!("/api/3/deals/{deal}"), Some(body)).await;
    }
    rig.account.api("DELETE", &format!("/api/3/contacts/{from}"), None).await;
}

async fn swap(rig: &Rig, one: u64, other: u64) {
    let (first, second) = (email(rig, one).await, email(rig, other).await);
    set_email(rig, one, "between@example.com").await;
    set_email(rig, other, &first).await;
    set_email(rig, one, &second).await;
}

/// Deletes a contact and makes one with its address.
async fn make_again(rig: &Rig, contact: u64) {
    let email = email(rig, contact).await;
    rig.account.api("DELETE", &format!("/api/3/contacts/{contact}"), None).await;
    let body = json!({"contact": {"email": email, "firstName": "Again"}});
    let made = rig.account.api("POST", "/api/3/contacts", Some(body)).await;
    assert_ne!(made["contact"]["id"], contact.to_string(), "the id is new");
}

async fn trade(rig: &Rig, from: u64) {
    merge(rig, from, from + 1).await;
    merge(rig, from + 3, from + 2).await;
    swap(rig, from + 4, from + 5).await;
    make_again(rig, from + 6).await;
}

/// E-08: before a run, in the middle of one that dies, and after it.
#[tokio::test(start_paused = true)]
async fn merged_and_swapped_people_land_right() {
    for place in [Place::memory(), Place::sqlite(), Place::postgres().await] {
        let rig = Rig::with_contacts(500);
        let replication = checking(&STREAMS);
        trade(&rig, 11).await;
        let fuse = Fuse::at(Moment::AfterWrite, 2);
        let target = place.open().await;
        let crashing = Crashing { target: &*target, fuse: Arc::clone(&fuse) };
        assert!(fuse.guard(rig.run_into(&crashing, &replication)).await.is_none(), "the run dies");
        drop(target);
        // Some of these were read, the newest ones first, others not.
        for from in [21, 201, 451] {
            trade(&rig, from).await;
        }
        assert_done(&rig.run_into(&*place.open().await, &replication).await);
        trade(&rig, 31).await;

        for _ in 0..2 {
            assert_done(&rig.run_into(&*place.open().await, &replication).await);
        }

        assert_eq!(place.found(&rig, &STREAMS).await, "");
    }
}
