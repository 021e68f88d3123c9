//! Requests nobody should send, and how the account takes them.

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{App, ids};

/// Both addresses must give the same rows and the same total.
async fn same(app: &App, one: &str, other: &str) {
    let (one_answer, other_answer) = (app.get(one).await, app.get(other).await);
    assert_eq!(ids(&one_answer, "contacts"), ids(&other_answer, "contacts"), "{one} {other}");
    assert_eq!(one_answer["meta"]["total"], other_answer["meta"]["total"], "{one} {other}");
}

fn post(body: Body) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri("/api/3/contacts")
        .header("Api-Token", "demo")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn odd_spellings_mean_the_plain_one() {
    let app = App::new();

    for (odd, plain) in [
        ("/contacts?ids%5B%5D=5&ids%5B%5D=7", "/contacts?ids[]=5&ids[]=7"),
        ("/contacts?filters%5Bcreated_after%5D=2026-06-01", "/contacts?filters[created_after]=2026-06-01"),
        ("/contacts?orders%5bid%5d=DESC", "/contacts?orders[id]=desc"),
        ("/contacts?limit=5&limit=7", "/contacts?limit=7"),
        ("/contacts?limit=+5", "/contacts?limit=5"),
        ("/contacts?limit=99999999999999999999", "/contacts?limit=100"),
        ("//contacts/?limit=5", "/contacts?limit=5"),
    ] {
        same(&app, odd, plain).await;
    }
}

#[tokio::test]
async fn numbers_that_are_none_are_left_out() {
    let app = App::new();

    for odd in
        ["limit=abc", "limit=-5", "limit=0", "limit=", "offset=abc", "offset=-10", "id_greater=x", "&&=&%"]
    {
        same(&app, &format!("/contacts?{odd}"), "/contacts").await;
    }
}

#[tokio::test]
async fn windows_past_everything_are_empty() {
    let app = App::new();

    for far in [
        "offset=18446744073709551615",
        "offset=99999999999999999999",
        "id_greater=99999999999999999999",
        "id_less=0",
        "filters[updated_after]=9999-12-31",
        "filters[updated_after]=9999-12-31T23:59:59-06:00",
        "filters[created_after]=2100-01-01",
    ] {
        assert!(ids(&app.get(&format!("/contacts?{far}")).await, "contacts").is_empty(), "{far}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_contact_are_refused() {
    let app = App::new();

    for body in
        ["", "null", "[]", "{", "email=a%40example.com", r#"{"contact":[]}"#, r#"{"contact":{"email":{}}}"#]
    {
        let reply = app.send(post(Body::from(body))).await.unwrap();
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["errors"][0]["code"]),
            (422, &json!("email_invalid")),
            "{body}"
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(app.send(post(Body::from(deep))).await.unwrap().status, 422);
}

#[tokio::test]
async fn body_that_breaks_off_is_refused() {
    let app = App::new();
    let parts = [Ok(Bytes::from("{\"contact\":")), Err(std::io::Error::other("gone"))];

    let broken = app.send(post(Body::from_stream(stream::iter(parts)))).await.unwrap();
    let large = app.send(post(Body::from(vec![b' '; (16 << 20) + 1]))).await.unwrap();

    assert_eq!((broken.status.as_u16(), large.status.as_u16()), (400, 413));
}

#[tokio::test]
async fn custom_field_flags_are_zero_or_one() {
    let app = App::new();

    for name in ["dealCustomFieldMeta", "accountCustomFieldMeta"] {
        for row in app.get(&format!("/{name}")).await[name].as_array().unwrap() {
            for flag in ["isFormVisible", "isRequired", "hideFieldFlag"] {
                assert!([Value::from(0), Value::from(1)].contains(&row[flag]), "{name} {flag} {row}");
            }
        }
    }
}
