//! The decision table of `activecampaign-api.md` §15, by row. Bulk import (15–20) and webhooks (48) come later.

use std::num::NonZeroU64;

use achub_sim::{Latency, Rate, Settings};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{App, id, ids, settings};

async fn switched(changes: Value) -> App {
    let app = App::new();
    app.control.set_switches(&changes).unwrap();
    app
}

async fn email_of(app: &App, id: u64) -> String {
    app.get(&format!("/contacts/{id}")).await["contact"]["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn row_1_known_email_is_refused_in_any_case() {
    let app = App::new();
    let email = email_of(&app, 9).await.to_uppercase();
    let known = json!({"contact": {"email": email}});

    let (status, body) = app.ask("POST", "/contacts", Some(known)).await;

    assert_eq!(status, 422);
    assert_eq!(
        body,
        json!({"errors": [{"title": "Email address already exists in the system", "detail": "", "code": "duplicate",
            "source": {"pointer": "/data/attributes/email"}}]})
    );
}

#[tokio::test]
async fn rows_2_and_3_bad_or_missing_email_is_refused() {
    let app = App::new();
    for path in ["/contacts", "/contact/sync"] {
        for contact in [json!({"email": "nobody"}), json!({"firstName": "Ada"})] {
            let (status, body) = app.ask("POST", path, Some(json!({"contact": contact}))).await;
            assert_eq!(
                (status, &body["errors"][0]["error"]),
                (422, &json!("must_be_valid_email_address")),
                "{path} {contact}"
            );
        }
    }
}

#[tokio::test]
async fn row_4_sync_answers_200_when_known_201_when_new() {
    let app = App::new();
    let email = email_of(&app, 5).await;

    let (status, known) = app
        .ask("POST", "/contact/sync", Some(json!({"contact": {"email": email, "firstName": "Now"}})))
        .await;
    assert_eq!(
        (status, &known["contact"]["id"], &known["contact"]["firstName"]),
        (200, &json!("5"), &json!("Now"))
    );
    assert!(known["contact"]["sentcnt"].is_string(), "the loaded row: {known}");

    let (status, new) =
        app.ask("POST", "/contact/sync", Some(json!({"contact": {"email": "new@example.com"}}))).await;
    assert_eq!((status, &new["contact"]["id"]), (201, &json!("1001")));
    assert!(new["contact"].get("sentcnt").is_none(), "a sparse row: {new}");
}

#[tokio::test]
async fn rows_5_and_40_missing_records_are_named_404() {
    let app = App::new();
    for (method, path, text) in [
        ("PUT", "/contacts/77777", "No Result found for Subscriber with id 77777"),
        ("GET", "/contacts/77777/contactTags", "No Result found for Subscriber with id 77777"),
        ("GET", "/lists/99", "No Result found for _List with id 99"),
        ("DELETE", "/dealGroups/", "No Result found for DealGroup with id 0"),
        ("GET", "/accounts/99999", "No Result found for CustomerAccount with id 99999"),
    ] {
        let (status, body) = app.ask(method, path, Some(json!({"contact": {}}))).await;
        assert_eq!((status, &body), (404, &json!({"message": text})), "{method} {path}");
    }
    assert_eq!(app.ask("DELETE", "/contactTags/3", None).await.0, 200);
    let (status, body) = app.ask("DELETE", "/contactTags/3", None).await;
    assert_eq!((status, body), (404, json!({"message": "No Result found for SubscriberTag with id 3"})));
}

#[tokio::test]
async fn rows_6_and_7_deleted_contact_vanishes_but_deals_stay() {
    let app = App::new();
    let total = |answer: &Value| answer["meta"]["total"].as_str().unwrap().parse::<u64>().unwrap();
    let before = total(&app.get("/fieldValues?limit=1").await);

    assert_eq!(app.ask("DELETE", "/contacts/10", None).await, (200, json!({})));

    assert_eq!(app.ask("GET", "/contacts/10", None).await.0, 404);
    assert_eq!(total(&app.get("/contacts?limit=1").await), 999);
    assert_eq!(total(&app.get("/fieldValues?limit=1").await), before - 10);
    assert_eq!(ids(&app.get("/contactTags?limit=100").await, "contactTags")[26..29], [27, 31, 32]);
    assert_eq!(app.get("/deals/2").await["deal"]["contact"], "10");
}

#[tokio::test]
async fn rows_10_and_11_tag_is_an_upsert_that_moves_udate() {
    let app = App::new();
    let before = app.get("/contacts/4").await["contact"]["udate"].clone();
    let free = free_tag(&app, 4).await;
    let body = json!({"contactTag": {"contact": 4, "tag": free}});

    let (status, new) = app.ask("POST", "/contactTags", Some(body.clone())).await;
    assert_eq!(status, 201);
    assert_eq!(new["contacts"][0]["udate"], new["contactTag"]["cdate"]);
    assert_ne!(new["contacts"][0]["udate"], before);

    let (status, again) = app.ask("POST", "/contactTags", Some(body)).await;
    assert_eq!((status, again.get("contacts")), (200, None));
    assert_eq!(again["contactTag"]["id"], new["contactTag"]["id"]);
    assert_eq!(again["contactTag"]["created_by"], Value::Null);
}

/// A tag that a contact does not have.
async fn free_tag(app: &App, contact: u64) -> u64 {
    let tags = app.get(&format!("/contacts/{contact}/contactTags")).await;
    let has: Vec<u64> = tags["contactTags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["tag"].as_str().unwrap().parse().unwrap())
        .collect();
    (1..=40).find(|tag| !has.contains(tag)).unwrap()
}

/// A list that a contact is not on.
async fn free_list(app: &App, contact: u64) -> u64 {
    let lists = app.get(&format!("/contacts/{contact}/contactLists")).await;
    let on: Vec<u64> = lists["contactLists"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["list"].as_str().unwrap().parse().unwrap())
        .collect();
    (1..=8).find(|list| !on.contains(list)).unwrap()
}

#[tokio::test]
async fn row_12_list_change_moves_udate_by_switch_only() {
    for bumps in [false, true] {
        let app = switched(json!({"list_change_bumps_udate": bumps})).await;
        let before = app.get("/contacts/4").await["contact"]["udate"].clone();
        let list = free_list(&app, 4).await;

        app.ask(
            "POST",
            "/contactLists",
            Some(json!({"contactList": {"list": list, "contact": 4, "status": 1}})),
        )
        .await;

        assert_eq!(app.get("/contacts/4").await["contact"]["udate"] != before, bumps);
    }
}

#[tokio::test]
async fn row_13_membership_answers_new_same_and_changed() {
    let app = App::new();
    let list = free_list(&app, 4).await;
    let wish = |status: u8| Some(json!({"contactList": {"list": list, "contact": "4", "status": status}}));

    let (status, new) = app.ask("POST", "/contactLists", wish(1)).await;
    assert_eq!(
        (status, &new["contactList"]["status"], &new["contactList"]["contact"]),
        (201, &json!(1), &json!("4"))
    );
    assert_eq!((&new["contactList"]["udate"], &new["contactList"]["sourceid"]), (&Value::Null, &json!(3)));
    assert_eq!(id(&new["contacts"][0]), 4);

    let (status, same) = app.ask("POST", "/contactLists", wish(1)).await;
    assert_eq!((status, same.get("contacts")), (200, None));
    assert_eq!(same["contactList"]["responder"], "1");

    let (status, changed) = app.ask("POST", "/contactLists", wish(2)).await;
    assert_eq!((status, id(&changed["contacts"][0])), (200, 4));
    assert!(changed["contactList"]["udate"].is_string(), "the last opt-out: {changed}");
}

#[tokio::test]
async fn row_14_hard_bounced_contact_can_be_subscribed() {
    let app = App::new();
    let contacts = app.get("/contacts?limit=100").await;
    let bounced = contacts["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|contact| contact["bounced_hard"] == "1")
        .unwrap()
        .clone();
    let row = app.get(&format!("/contacts/{}/contactLists", id(&bounced))).await["contactLists"][0].clone();
    assert_eq!(row["status"], "3");

    let wish = json!({"contactList": {"list": row["list"], "contact": bounced["id"], "status": 1}});
    assert_eq!(app.ask("POST", "/contactLists", Some(wish)).await.0, 200);

    let after = app.get(&format!("/contacts/{}", id(&bounced))).await;
    assert_eq!(after["contact"]["bounced_hard"], "1");
    assert_eq!(
        after["contactLists"].as_array().unwrap().iter().filter(|row| row["status"] == "1").count(),
        1
    );
}

#[tokio::test]
async fn rows_21_22_and_24_pages_are_clamped_and_defaulted() {
    let app = App::new();
    let count = |answer: &Value| answer["contacts"].as_array().unwrap().len();

    let large = app.get("/contacts?limit=1000").await;
    assert_eq!((count(&large), &large["meta"]["page_input"]["limit"]), (100, &json!(100)));
    let small = app.get("/contacts").await;
    assert_eq!((count(&small), &small["meta"]["page_input"]["limit"]), (20, &json!(20)));
    let named: String = (1..=150).map(|id| format!("ids[]={id}&")).collect();
    assert_eq!(count(&app.get(&format!("/contacts?{named}")).await), 150);
    let beyond = app.get("/contacts?offset=5000").await;
    assert_eq!((count(&beyond), &beyond["meta"]["total"]), (0, &json!("1000")));
}

#[tokio::test]
async fn row_23_too_long_address_is_400_html() {
    let app = App::new();
    let named: String = (1..=900).map(|id| format!("ids[]={id}&")).collect();
    let reply = app.call(Method::GET, &format!("/api/3/contacts?{named}"), None).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (400, Some("text/html; charset=UTF-8"))
    );
}

#[tokio::test]
async fn rows_25_26_and_28_what_is_unknown_is_ignored() {
    let app = App::new();
    for (plain, stray) in [
        ("/contacts?limit=5", "/contacts?limit=5&filters[nonsense]=1&color=red&include=id,nonsense"),
        ("/contactLists?limit=5", "/contactLists?limit=5&filters[list]=3&filters[contact]=9"),
        ("/contactTags?limit=5", "/contactTags?limit=5&filters[tag]=3"),
        ("/accounts?limit=5", "/accounts?limit=5&search"),
        ("/notes?limit=5", "/notes?limit=5&id_greater=7"),
    ] {
        let (plain, mut with) = (app.get(plain).await, app.get(stray).await);
        if let Some(input) = plain.pointer("/meta/page_input/cacheid") {
            with["meta"]["page_input"]["cacheid"] = input.clone();
        }
        assert_eq!(plain, with, "{stray}");
    }
    let (status, _) = app.ask("GET", "/lists/exclusions?orders[matchPhrase]=sideways", None).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn row_27_tag_filter_works_or_is_ignored() {
    let honoured = App::new().get("/contacts?tagid=3&limit=1").await["meta"]["total"].clone();
    let ignored = switched(json!({"tagid_ignored": true})).await.get("/contacts?tagid=3&limit=1").await["meta"]["total"].clone();
    assert_eq!(honoured, App::new().get("/tags").await["tags"][2]["subscriber_count"]);
    assert_eq!(ignored, "1000");
}

/// Open question 5: what `ids[]` does on this account.
#[tokio::test]
async fn asking_by_ids_works_or_fails_by_switch() {
    let ids: String = (1..=150).map(|id| format!("ids[]={id}&")).collect();
    for (switches, status, count) in [
        (json!({}), 200, 150),
        (json!({"ids_clamped": true}), 200, 20),
        (json!({"ids_ignored": true}), 200, 20),
        (json!({"ids_leave_out_every": 10}), 200, 135),
        (json!({"ids_refused": true}), 400, 0),
    ] {
        let app = switched(switches.clone()).await;
        let (answered, body) = app.ask("GET", &format!("/contacts?{ids}"), None).await;
        let came = body["contacts"].as_array().map_or(0, Vec::len);
        assert_eq!((answered, came), (status, count), "{switches}");
    }
}

#[tokio::test]
async fn account_changes_its_ways_when_told() {
    let later = json!({"later": {"requests": 2, "switches": {"include_ignored": true}}});
    let app = switched(later).await;
    let mut included = Vec::new();
    for _ in 0..4 {
        let page = app.get("/contacts?include=contactTags&limit=5").await;
        included.push(page["contactTags"].is_array());
    }
    assert_eq!(included, [true, true, false, false]);
}

#[tokio::test]
async fn include_leaves_rows_out_by_switch() {
    let path = "/contacts?include=deals,contactTags&limit=100";
    let all = App::new().get(path).await;
    let some = switched(json!({"include_leaves_out_every": 2})).await.get(path).await;
    let count = |page: &Value, key: &str| page[key].as_array().map_or(0, Vec::len);
    assert!(count(&some, "deals") > 0 && count(&some, "deals") < count(&all, "deals"));
    assert_eq!(count(&some, "contactTags"), count(&all, "contactTags"));
}

#[tokio::test]
async fn row_29_bad_key_is_403_or_log_in_page() {
    let app = App::new();
    for key in [None, Some("wrong")] {
        let request = Request::builder().uri("/api/3/users/me");
        let request = key.into_iter().fold(request, |request, key| request.header("Api-Token", key));
        let reply = app.send(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.json()), (403, json!({"message": "Forbidden"})));
    }
    app.control.set_switches(&json!({"bad_key_is_html": true})).unwrap();
    let reply =
        app.send(Request::get("/api/3/users/me").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, Some("text/html; charset=UTF-8"))
    );
}

#[tokio::test(start_paused = true)]
async fn rows_30_and_31_rate_limit_tells_and_refuses() {
    let app = App::with(Settings { rate: Rate::PerSecond(5), ..settings() });
    let mut remaining = Vec::new();
    for _ in 0..5 {
        let reply = app.call(Method::GET, "/api/3/users/me", None).await;
        assert_eq!((reply.status.as_u16(), reply.header("ratelimit-limit")), (200, Some("5")));
        remaining.push(reply.header("ratelimit-remaining").unwrap().to_owned());
    }
    assert_eq!(remaining, ["4", "3", "2", "1", "0"]);

    let refused = app.call(Method::GET, "/api/3/users/me", None).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after"), refused.header("ratelimit-remaining")),
        (429, Some("1"), Some("0"))
    );

    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(app.call(Method::GET, "/api/3/users/me", None).await.status, 200);
    assert_eq!(app.control.requests(0)["most_in_a_second"], 6);
}

#[tokio::test(start_paused = true)]
async fn row_33_latency_grows_with_rows() {
    use std::time::Duration;
    let latency = Latency { base: Duration::from_millis(300), per_row: Duration::from_millis(1) };
    let app = App::with(Settings { latency, ..settings() });
    let began = tokio::time::Instant::now();

    app.get("/contactTags?limit=100").await;

    // The timer of tokio rounds up to the next millisecond.
    assert!((400..=401).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn row_34_subcollections_have_no_meta_and_all_rows() {
    let app = App::new();
    for name in [
        "bounceLogs",
        "contactAutomations",
        "contactGoals",
        "contactLists",
        "contactLogs",
        "contactTags",
        "contactDeals",
        "deals",
        "fieldValues",
        "geoIps",
        "notes",
        "trackingLogs",
        "scoreValues",
        "accountContacts",
        "automationEntryCounts",
    ] {
        let answer = app.get(&format!("/contacts/120/{name}")).await;
        assert!(
            !answer[name].as_array().unwrap().is_empty() && answer.get("meta").is_none(),
            "{name}: {answer}"
        );
    }
    for (name, key) in
        [("contactData", "contactDatum"), ("organization", "organization"), ("plusAppend", "plusAppend")]
    {
        assert!(app.get(&format!("/contacts/120/{name}")).await[key].is_object(), "{name}");
    }
}

#[tokio::test]
async fn row_35_times_are_central_with_their_twins() {
    let app = App::new();
    let contact = app.get("/contacts/3").await["contact"].clone();
    let udate = contact["udate"].as_str().unwrap();
    assert!(udate.ends_with("-05:00") || udate.ends_with("-06:00"), "{udate}");
    assert_eq!(contact["updated_utc_timestamp"], udate[..19].replace('T', " "));
}

#[tokio::test]
async fn rows_36_and_38_saving_turns_nulls_into_zeros() {
    let app = App::new();
    assert_eq!(app.get("/contacts/3").await["contact"]["ua"], Value::Null);

    let (status, unwrapped) =
        app.ask("PUT", "/contacts/3", Some(json!({"contakt": {"firstName": "X"}}))).await;
    assert_eq!((status, &unwrapped["contact"]["ua"]), (200, &Value::Null));

    let (status, saved) = app.ask("PATCH", "/contacts/3", Some(json!({"contact": {"firstName": "X"}}))).await;
    assert_eq!(status, 200);
    let contact = &saved["contact"];
    assert_eq!(
        (&contact["ua"], &contact["created_by"], &contact["sms_consent_updated_at"]),
        (&json!(""), &json!("0"), &json!("0000-00-00 00:00:00"))
    );
    assert_eq!(
        (&contact["adate"].is_null(), &contact["deleted_at"]),
        (&app.get("/contacts/3").await["contact"]["adate"].is_null(), &Value::Null)
    );
}

#[tokio::test]
async fn row_37_ids_ascend_and_gaps_stay() {
    let app = App::with(Settings { gap_every: NonZeroU64::new(10), ..settings() });
    let page = ids(&app.get("/contacts?limit=100").await, "contacts");
    assert_eq!(page[..10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    let answer =
        app.get("/contacts?limit=100&orders[id]=ASC&id_greater=100&id_less=121&include=contactTags").await;
    assert_eq!(
        (answer["contacts"].as_array().unwrap().len(), answer["contactTags"].as_array().unwrap().len()),
        (18, 54)
    );
    assert_eq!(answer["meta"]["total"], "18");
}

#[tokio::test]
async fn row_39_list_update_answers_full_or_empty() {
    let change = json!({"list": {"name": "Renamed"}});
    let app = App::new();
    let full = app.ask("PUT", "/lists/2", Some(change.clone())).await;
    assert_eq!((full.0, &full.1["list"]["name"]), (200, &json!("Renamed")));
    app.control.set_switches(&json!({"lists_put_empty_body": true})).unwrap();
    let empty = app.call(Method::PUT, "/api/3/lists/2", Some(&change)).await;
    assert_eq!((empty.bytes.len(), empty.header("x-ac-error")), (0, Some("Code 9001")));
}

#[tokio::test]
async fn row_41_deal_without_permission_is_reduced() {
    let app = switched(json!({"deal_reduced_every": 3})).await;
    let answer = app.get("/deals?limit=100").await;
    let reduced: Vec<&Value> =
        answer["deals"].as_array().unwrap().iter().filter(|deal| deal["isDisabled"] == true).collect();
    assert_eq!(reduced.len(), 33);
    assert!(reduced.iter().all(|deal| deal.as_object().unwrap().len() == 4));
    assert_eq!(answer["meta"]["total"], 200);
}

#[tokio::test]
async fn rows_42_to_44_duplicates_are_refused_with_their_bodies() {
    let app = App::new();
    for (path, body, code) in [
        ("/tags", json!({"tag": {"tag": "NEWSLETTER", "tagType": "contact"}}), "duplicate"),
        ("/fields", json!({"field": {"title": "colours", "type": "text"}}), "duplicate"),
        ("/accountContacts", json!({"accountContact": {"contact": 4, "account": 2}}), "field_invalid"),
        ("/accounts", json!({"account": {}}), "field_missing"),
    ] {
        let (status, answer) = app.ask("POST", path, Some(body)).await;
        assert_eq!((status, &answer["errors"][0]["code"]), (422, &json!(code)), "{path}");
    }
    let name = app.get("/accounts/1").await["account"]["name"].clone();
    let (status, answer) = app.ask("POST", "/accounts", Some(json!({"account": {"name": name}}))).await;
    assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (422, &json!("/data/attributes/name")));
}

#[tokio::test]
async fn row_45_counters_follow_what_was_written() {
    let app = App::new();
    let counter = async || {
        app.get("/lists?limit=100").await["lists"][2]["active_subscribers"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let counted = app.get("/contacts?listid=3&status=1&limit=1").await["meta"]["total"].clone();
    let before = counter().await;
    assert_eq!(counted, before.to_string());

    app.ask("POST", "/contacts", Some(json!({"contact": {"email": "one@example.com"}}))).await;
    app.ask("POST", "/contactLists", Some(json!({"contactList": {"list": 3, "contact": 1001, "status": 1}})))
        .await;
    assert_eq!(counter().await, before + 1);

    app.ask("DELETE", "/contacts/1001", None).await;
    assert_eq!(counter().await, before);
}

#[tokio::test]
async fn row_46_same_email_at_once_is_taken_once() {
    let app = App::new();
    let wish = || app.ask("POST", "/contacts", Some(json!({"contact": {"email": "race@example.com"}})));
    let (one, other) = tokio::join!(wish(), wish());
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
}

#[tokio::test]
async fn row_47_rows_come_in_the_order_of_ids() {
    let app = App::new();
    assert_eq!(ids(&app.get("/contacts?limit=3").await, "contacts"), [1, 2, 3]);
    assert_eq!(ids(&app.get("/contacts?limit=3&orders[id]=DESC").await, "contacts"), [1000, 999, 998]);
    assert_eq!(
        ids(&app.get("/contacts?limit=3&orders[id]=DESC&offset=2&id_less=500").await, "contacts"),
        [497, 496, 495]
    );
    let ignored = switched(json!({"orders_id_ignored": true})).await;
    assert_eq!(ids(&ignored.get("/contacts?limit=3&orders[id]=ASC").await, "contacts"), [1000, 999, 998]);
}
