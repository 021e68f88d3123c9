//! Writing: the echo rule, what is stored, and what a write does besides.

use serde_json::{Value, json};

use crate::app::{App, ids};

/// A write that must succeed with `status`.
async fn write(app: &App, method: &str, path: &str, body: Value, status: u16) -> Value {
    let (got, answer) = app.ask(method, path, Some(body)).await;
    assert_eq!(got, status, "{method} {path}: {answer}");
    answer
}

#[tokio::test]
async fn created_contact_is_echoed_sparse_and_stored_whole() {
    let app = App::new();
    let body = json!({"contact": {"email": "Ada@Example.com", "firstName": "Ada", "dealUrl": "x", "fieldValues": [{"field": "4", "value": "||red||"}]}});

    let answer = write(&app, "POST", "/contacts", body, 201).await;

    let keys: Vec<&str> = answer["contact"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "cdate",
            "email",
            "fieldValues",
            "firstName",
            "id",
            "links",
            "organization",
            "orgid",
            "orgname",
            "phone",
            "udate"
        ]
    );
    assert_eq!(
        (&answer["fieldValues"][0]["value"], &answer["fieldValues"][0]["owner"]),
        (&json!("||red||"), &json!("1001"))
    );
    let stored = app.get("/contacts/1001").await;
    let contact = &stored["contact"];
    assert_eq!(
        (&contact["email"], &contact["lastName"], &contact["email_domain"], &contact["ip"]),
        (&json!("Ada@Example.com"), &json!(""), &json!("Example.com"), &json!("0"))
    );
    assert_eq!(contact["hash"].as_str().unwrap().len(), 32);
    assert_eq!(stored["fieldValues"][0]["field"], "4");
}

#[tokio::test]
async fn sent_types_are_echoed_and_strings_are_stored() {
    let app = App::new();
    let deal = json!({"deal": {"title": "New", "value": 156.24, "currency": "usd", "contact": 7, "stage": 6, "status": 1, "percent": 10, "name": "ignored"}});

    let echoed = write(&app, "POST", "/deals", deal, 201).await;

    let deal = &echoed["deal"];
    assert_eq!(
        (&deal["value"], &deal["contact"], &deal["status"], deal.get("name")),
        (&json!(156.24), &json!(7), &json!(1), None)
    );
    assert_eq!(
        (ids(&echoed, "contacts"), ids(&echoed, "dealGroups"), ids(&echoed, "dealStages")),
        (vec![7], vec![2], vec![6])
    );
    let stored = app.get("/deals/201").await["deal"].clone();
    assert_eq!(
        (&stored["value"], &stored["contact"], &stored["status"], &stored["group"]),
        (&json!("156"), &json!("7"), &json!("1"), &json!("2"))
    );
    assert_eq!(ids(&app.get("/contacts/7/deals").await, "deals"), [201]);
}

#[tokio::test]
async fn deal_without_stage_starts_in_the_first_one() {
    let app = App::new();
    let deal = json!({"deal": {"title": "New", "value": 1, "currency": "eur", "contact": "7", "group": "3"}});
    write(&app, "POST", "/deals", deal, 201).await;
    assert_eq!(app.get("/deals/201").await["deal"]["stage"], "9");
    let (status, refusal) = app
        .ask(
            "POST",
            "/deals",
            Some(json!({"deal": {"title": "Nobody's", "value": 1, "currency": "eur", "group": 3}})),
        )
        .await;
    assert_eq!((status, &refusal["errors"][0]["code"]), (422, &json!("field_missing")));
}

#[tokio::test]
async fn moved_deal_belongs_to_its_new_contact() {
    let app = App::new();
    write(&app, "PUT", "/deals/1", json!({"deal": {"contact": "8"}}), 200).await;
    assert_eq!(ids(&app.get("/contacts/8/deals").await, "deals"), [1]);
    assert_eq!(ids(&app.get("/contacts/5/deals").await, "deals"), [0u64; 0]);
    write(&app, "PUT", "/deals/1", json!({"deal": {"contact": "5"}}), 200).await;
    assert_eq!(ids(&app.get("/contacts/5/deals").await, "deals"), [1]);
    assert_eq!(ids(&app.get("/contacts/8/deals").await, "deals"), [0u64; 0]);
}

#[tokio::test]
async fn field_value_is_one_per_contact_and_field() {
    let app = App::new();
    write(&app, "POST", "/contacts", json!({"contact": {"email": "one@example.com"}}), 201).await;
    let wish = |value: &str| json!({"fieldValue": {"contact": 1001, "field": 5, "value": value}});

    let first = write(&app, "POST", "/fieldValues", wish("free"), 201).await;
    let second = write(&app, "POST", "/fieldValues", wish("pro"), 201).await;

    assert_eq!(
        (&first["fieldValue"]["id"], &first["fieldValue"]["contact"]),
        (&second["fieldValue"]["id"], &json!(1001))
    );
    assert_eq!((ids(&first, "contacts"), &second["fieldValue"]["value"]), (vec![1001], &json!("pro")));
    assert_eq!(app.get("/contacts/1001/fieldValues").await["fieldValues"].as_array().unwrap().len(), 1);
    let (status, refusal) = app.ask("POST", "/fieldValues", Some(json!({"contact": 1, "value": "x"}))).await;
    assert_eq!((status, refusal), (403, json!({"message": "Field id not valid"})));
}

#[tokio::test]
async fn email_of_another_contact_is_refused() {
    let app = App::new();
    let email = app.get("/contacts/9").await["contact"]["email"].clone();
    let (status, _) = app.ask("PUT", "/contacts/8", Some(json!({"contact": {"email": email}}))).await;
    assert_eq!(status, 422);

    write(&app, "PUT", "/contacts/9", json!({"contact": {"email": "moved@example.com"}}), 200).await;
    write(&app, "PUT", "/contacts/8", json!({"contact": {"email": email}}), 200).await;
    let owner = app.get(&format!("/contacts?email={}", email.as_str().unwrap())).await;
    assert_eq!(ids(&owner, "contacts"), [8]);
}

#[tokio::test]
async fn new_field_gets_tag_order_options_and_relation() {
    let app = App::new();
    let field = write(
        &app,
        "POST",
        "/fields",
        json!({"field": {"title": "Shoe size", "type": "dropdown", "ordernum": 3}}),
        201,
    )
    .await;
    assert_eq!((&field["field"]["perstag"], &field["field"]["ordernum"]), (&json!("SHOE_SIZE"), &json!(15)));
    let options = json!({"fieldOptions": [{"field": "15", "label": "S", "value": "s"}, {"field": "15", "label": "L", "value": "l"}]});
    let made = write(&app, "POST", "/fieldOption/bulk", options, 201).await;
    assert_eq!(ids(&made, "fieldOptions"), [22, 23]);
    let relation =
        write(&app, "POST", "/fieldRels", json!({"fieldRel": {"field": 15, "relid": 0}}), 201).await;
    assert_eq!((&relation["fieldRel"]["relid"], &relation["fieldRel"]["links"]), (&json!(0), &json!([])));

    let stored = app.get("/fields/15").await;

    assert_eq!(
        (&stored["field"]["options"], &stored["field"]["relations"]),
        (&json!(["22", "23"]), &json!(["15"]))
    );
    let plural = json!({"fieldOptions": [{"field": "15", "label": "XL", "value": "xl"}]});
    let made = write(&app, "POST", "/fieldOptions/bulk", plural, 201).await;
    assert_eq!(ids(&made, "fieldOptions"), [24]);
    let (status, refusal) = app.ask("POST", "/fieldOption/bulk", Some(json!({"fieldOptions": "S"}))).await;
    assert_eq!((status, refusal["errors"].is_string()), (422, true));
}

#[tokio::test]
async fn deleted_tag_and_field_take_their_rows() {
    let app = App::new();
    let total = async |path: &str| {
        app.get(&format!("{path}?limit=1")).await["meta"]["total"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let used: u64 = app.get("/tags/3").await["tag"]["subscriber_count"].as_str().unwrap().parse().unwrap();

    assert_eq!(app.ask("DELETE", "/tags/3", None).await, (200, json!({})));
    assert_eq!(total("/contactTags").await, 3000 - used);

    let values = app.get("/fieldValues?filters[fieldid]=4&limit=1").await["meta"]["total"]
        .as_str()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert_eq!(app.ask("DELETE", "/fields/4", None).await, (200, json!({})));
    assert_eq!(total("/fieldValues").await, 10_000 - values);
    assert!(
        app.get("/fields?limit=100").await["fieldOptions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|option| option["field"] != "4")
    );
}

#[tokio::test]
async fn note_moves_the_contact_it_is_about() {
    let app = App::new();
    let before = app.get("/contacts/2").await["contact"]["udate"].clone();
    let note = json!({"note": {"note": "Called", "relid": 2, "reltype": "Subscriber"}});

    let answer = write(&app, "POST", "/notes", note, 201).await;

    assert_eq!(answer["note"]["owner"], json!({"type": "contact", "id": "2"}));
    assert_ne!(answer["contacts"][0]["udate"], before);
    assert_eq!(app.get("/contacts/2/notes").await["notes"][0]["note"], "Called");
    let on_deal = write(&app, "POST", "/deals/1/notes", json!({"note": {"note": "Bogus"}}), 201).await;
    assert_eq!((ids(&on_deal, "deals"), &on_deal["note"]["reltype"]), (vec![1], &json!("Deal")));
}

#[tokio::test]
async fn tag_removal_moves_udate_or_keeps_it() {
    for keeps in [false, true] {
        let app = App::new();
        app.control.set_switches(&json!({"tag_removal_keeps_udate": keeps})).unwrap();
        let before = app.get("/contacts/1").await["contact"]["udate"].clone();
        app.ask("DELETE", "/contactTags/2", None).await;
        assert_eq!(app.get("/contacts/1").await["contact"]["udate"] == before, keeps);
    }
}

#[tokio::test]
async fn deals_go_with_their_contact_by_switch() {
    let app = App::new();
    app.control.set_switches(&json!({"contact_delete_takes_deals": true})).unwrap();
    app.ask("DELETE", "/contacts/10", None).await;
    assert_eq!(app.ask("GET", "/deals/2", None).await.0, 404);
}

#[tokio::test]
async fn missing_records_are_forbidden_by_switch() {
    let app = App::new();
    app.control.set_switches(&json!({"missing_is_forbidden": true})).unwrap();
    let (status, body) = app.ask("DELETE", "/lists/77", None).await;
    assert_eq!((status, body), (403, json!({"message": "No Result found for _List with id 77"})));
    assert_eq!(app.ask("GET", "/tags/77", None).await.0, 404);
}

#[tokio::test]
async fn association_and_company_follow_their_rules() {
    let app = App::new();
    let company = write(&app, "POST", "/accounts", json!({"account": {"name": "Żubr SA"}}), 201).await;
    assert_eq!(
        (&company["account"]["customFieldSaveStatus"], &company["account"]["owner"]),
        (&json!({"status": "success"}), &json!("1"))
    );
    let link = json!({"accountContact": {"contact": 5, "account": 51, "jobTitle": "Owner"}});
    let made = write(&app, "POST", "/accountContacts", link.clone(), 201).await;
    assert_eq!(
        (&made["accountContact"]["contact"], &made["accountContact"]["account"]),
        (&json!(5), &json!(51))
    );
    assert_eq!(app.ask("POST", "/accountContacts", Some(link)).await.0, 422);
    assert_eq!(
        app.get("/contacts/5").await["contact"]["accountContacts"],
        json!([made["accountContact"]["id"]])
    );
    assert_eq!(
        app.get("/accounts?count_deals=true&search=%C5%BBubr").await["accounts"][0]["contactCount"],
        "1"
    );
    assert_eq!(app.ask("DELETE", "/accounts/51", None).await.0, 200);
    assert_eq!(app.get("/contacts/5").await["contact"]["accountContacts"], json!([]));
}

#[tokio::test]
async fn companies_are_deleted_in_bulk() {
    let app = App::new();
    assert_eq!(
        app.ask("DELETE", "/accounts/bulk_delete?ids[]=1&ids[]=3&ids[]=999", None).await,
        (200, json!({"meta": {"success": true}}))
    );
    assert_eq!(ids(&app.get("/accounts?limit=3").await, "accounts"), [2, 4, 5]);
}

#[tokio::test]
async fn note_of_a_deal_is_updated_below_it() {
    let app = App::new();
    let made = write(&app, "POST", "/deals/1/notes", json!({"note": {"note": "First"}}), 201).await;
    let id = made["note"]["id"].as_str().unwrap();
    write(&app, "PUT", &format!("/deals/1/notes/{id}"), json!({"note": {"note": "Second"}}), 200).await;
    assert_eq!(app.get(&format!("/notes/{id}")).await["note"]["note"], "Second");
}

#[tokio::test]
async fn list_update_keeps_its_row_timestamps() {
    let app = App::new();
    let before = app.get("/lists/2").await["list"].clone();
    let after =
        write(&app, "PATCH", "/lists/2", json!({"list": {"name": "Renamed"}}), 200).await["list"].clone();
    assert_ne!(after["udate"], before["udate"]);
    assert_eq!(after["updated_timestamp"], before["updated_timestamp"]);
    assert_eq!((&after["analytics_domains"], &after["facebook_session"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn body_that_is_no_json_changes_nothing() {
    let app = App::new();
    let before = app.get("/contacts/3").await;
    let request = http::Request::put("/api/3/contacts/3")
        .header("Api-Token", "demo")
        .body(axum::body::Body::from("{\"contact\":"))
        .unwrap();
    assert_eq!(app.send(request).await.unwrap().status, 200);
    assert_eq!(app.get("/contacts/3").await, before);
}

#[tokio::test]
async fn campaigns_have_flat_answers_and_number_ids() {
    let app = App::new();
    let made = write(&app, "POST", "/campaign", json!({"name": "Draft", "type": "single"}), 200).await;
    assert_eq!(made, json!({"id": 121, "name": "Draft", "type": "single", "canSplitContent": false}));
    let copied = write(&app, "POST", "/campaigns/121/copy", json!({}), 200).await;
    assert_eq!((&copied["succeeded"], &copied["newCampaignId"]), (&json!(1), &json!(122)));
    let kept = write(&app, "PATCH", "/campaigns/121", json!({"campaign": {"name": "Other"}}), 200).await;
    assert_eq!(kept["campaign"]["name"], "Draft");
    for succeeded in [1, 0] {
        let answer = app.ask("DELETE", "/campaigns/121/delete", None).await;
        assert_eq!((answer.0, &answer.1["succeeded"]), (200, &json!(succeeded)));
    }
    let (status, refusal) = app.ask("POST", "/campaign", Some(json!({}))).await;
    assert_eq!((status, refusal), (400, json!({"errors": ["Field name is required"]})));
}

#[tokio::test]
async fn deleted_deal_takes_what_hangs_off_it() {
    let app = App::new();
    let rows = async || app.get("/dealActivities?limit=1").await["meta"]["total"].clone();
    assert_eq!(rows().await, "400");
    assert_eq!(app.ask("DELETE", "/deals/4", None).await, (200, json!({})));
    assert_eq!(rows().await, "398");
    assert_eq!(app.get("/contacts/20/contactDeals").await["contactDeals"], json!([]));
}
