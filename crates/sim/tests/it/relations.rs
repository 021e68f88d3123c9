//! What hangs off one record: the addresses that `links` hands out.

use serde_json::json;

use crate::app::{App, ids};

/// Rows at `path` under `key`, each of which must point back with `field` at `id`.
async fn check(app: &App, path: &str, key: &str, field: &str, id: &str) {
    let answer = app.get(path).await;
    let rows = answer[key].as_array().unwrap_or_else(|| panic!("no {key} at {path}: {answer}"));
    assert!(!rows.is_empty(), "{path}");
    for row in rows {
        let pointer = row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned);
        assert_eq!(pointer, id, "{path}: {row}");
    }
}

#[tokio::test]
async fn records_list_the_rows_that_point_at_them() {
    let app = App::new();

    for (path, key, field, id) in [
        ("/accounts/2/accountCustomFieldData", "accountCustomFieldData", "accountId", "2"),
        ("/automations/2/contactAutomations", "contactAutomations", "automation", "2"),
        ("/connections/1/customers", "ecomCustomers", "connectionid", "1"),
        ("/deals/2/tasks", "dealTasks", "relid", "2"),
        ("/dealTasktypes/1/dealTasks", "dealTasks", "dealTasktype", "1"),
        ("/groups/1/listGroups", "listGroups", "group", "1"),
        ("/users/1/lists", "lists", "userid", "1"),
    ] {
        check(&app, path, key, field, id).await;
    }
}

#[tokio::test]
async fn addresses_that_no_link_names_are_unknown() {
    let app = App::new();

    for path in ["/users/1/deals", "/tags/1/contactTags", "/users/1/contactTags"] {
        assert_eq!(app.ask("GET", path, None).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn user_tells_the_group_it_is_in() {
    let app = App::new();

    let answer = app.get("/users/2/userGroup").await;

    assert_eq!(answer["userGroup"]["user"], "2");
    let group = answer["userGroup"]["group"].as_str().unwrap();
    assert_eq!(app.get(&format!("/groups/{group}")).await["group"]["id"], group);
}

#[tokio::test]
async fn notes_are_listed_under_what_they_are_about() {
    let app = App::new();
    let of_contact = ids(&app.get("/contacts/3/notes").await, "notes");

    let (_, deal) = app.ask("POST", "/deals/3/notes", Some(json!({"note": {"note": "deal"}}))).await;
    let (_, company) = app.ask("POST", "/accounts/3/notes", Some(json!({"note": {"note": "company"}}))).await;

    for (path, made) in [("/deals/3/notes", deal), ("/accounts/3/notes", company)] {
        let notes = app.get(path).await["notes"].clone();
        assert_eq!(notes.as_array().map(Vec::len), Some(1), "{path}: {notes}");
        assert_eq!(notes[0]["id"], made["note"]["id"], "{path}");
    }
    assert_eq!(ids(&app.get("/contacts/3/notes").await, "notes"), of_contact);
}

#[tokio::test]
async fn values_written_to_a_deal_are_listed_under_it() {
    let app = App::new();
    let data = json!({"dealCustomFieldDatum": {"dealId": 3, "customFieldId": 1, "fieldValue": "x"}});

    let (_, made) = app.ask("POST", "/dealCustomFieldData", Some(data)).await;

    let listed = ids(&app.get("/deals/3/dealCustomFieldData").await, "dealCustomFieldData");
    assert_eq!(listed, [crate::app::id(&made["dealCustomFieldDatum"])]);
}
