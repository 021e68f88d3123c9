//! The same runs into PostgreSQL. Needs the server that `cargo xtask test` starts.

use achub_testkit::postgres::FreshDatabase;
use sqlx::Row as _;

use crate::program::{Account, Place};

/// Requirement SL-11.
#[tokio::test]
async fn vendors_example_lands_in_a_schema() {
    let database = FreshDatabase::create().await;
    let account = Account::start(&["--contacts", "200", "--rate", "off"]);
    let place = Place::with_account(&account.url).variable("MY_POSTGRES", &database.url());
    let file = "source: SHOP\ntarget: MY_POSTGRES\ndefaults: {mode: full-refresh, object: 'ac.{stream_name}'}\n\
        streams:\n  contacts: {mode: incremental}\n  tags:\nenv: {SLING_LOADED_AT_COLUMN: timestamp}\n";
    place.write("r.yaml", file);
    place.good(&["conns", "test", "my_postgres"]);
    for _ in 0..2 {
        place.good(&["run", "-r", "r.yaml"]);
    }

    let mut connection = database.connect().await;
    let query = "select (select count(*) from ac.contacts), (select count(*) from ac.tags), \
        (select data_type from information_schema.columns where table_schema = 'ac' and table_name = 'tags' \
         and column_name = '_sling_loaded_at')";
    let row = sqlx::query(query).fetch_one(&mut connection).await.unwrap();
    assert!(row.get::<i64, _>(0) > 100);
    assert_eq!(row.get::<i64, _>(1), 40);
    assert_eq!(row.get::<String, _>(2), "timestamp with time zone");
}

#[tokio::test]
async fn unreachable_and_missing_databases_have_codes() {
    let database = FreshDatabase::create().await;
    let elsewhere = "postgres://u@127.0.0.1:1/d";
    let mut missing = url::Url::parse(&database.url()).unwrap();
    missing.set_path("/no_such_database");
    let place = Place::new().variable("AWAY", elsewhere).variable("MISSING", missing.as_str());
    let away = place.run(&["conns", "test", "away"]);
    assert_eq!(away.code, Some(7), "{}", away.stderr);
    assert!(away.stderr.contains("error DB-101"), "{}", away.stderr);
    let missing = place.run(&["conns", "test", "missing"]);
    assert!(missing.stderr.contains("error DB-10"), "{}", missing.stderr);
    assert_ne!(missing.code, Some(0));
}
