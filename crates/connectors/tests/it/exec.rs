//! SQL of a person against both databases.

use achub_connectors::{
    exec::{self, Answer},
    postgres::PostgresSettings,
};
use achub_core::{Code, Error, Secret};
use achub_testkit::postgres::FreshDatabase;
use serde_json::json;

const SQL: &str = "CREATE TABLE t (id bigint, name text, ok boolean); \
                   INSERT INTO t VALUES (1, 'a''b', true), (2, NULL, false), (3, 'c', true); \
                   SELECT id, name, 1.5 AS half FROM t ORDER BY id";

fn check(answer: &Answer, half: serde_json::Value) {
    assert_eq!(answer.columns, ["id", "name", "half"]);
    assert_eq!(
        answer.rows,
        [vec![json!(1), json!("a'b"), half.clone()], vec![json!(2), json!(null), half.clone()]]
    );
    assert_eq!((answer.left_out, answer.touched >= 3), (1, true));
    assert_eq!(answer.objects()[1], json!({ "id": 2, "name": null, "half": half }));
}

fn words(error: &Error) -> (Code, &str) {
    (error.code(), error.message())
}

#[tokio::test]
async fn sqlite_runs_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("x.db");
    let error = exec::sqlite(&path, "SELECT 1", 1).await.expect_err("there is no file");
    assert_eq!(error.code(), Code::TargetUnreachable);
    std::fs::File::create(&path).expect("a file can be made");

    check(&exec::sqlite(&path, SQL, 2).await.expect("it runs"), json!(1.5));

    let error = exec::sqlite(&path, "SELECT nowhere", 1).await.expect_err("there is no such column");
    assert_eq!(words(&error), (Code::TargetRefused, "the database says: no such column: nowhere"));
}

#[tokio::test]
async fn postgres_runs_what_is_written() {
    let database = FreshDatabase::create().await;
    let settings = PostgresSettings { url: Some(Secret::new(database.url())), ..PostgresSettings::default() };

    check(&exec::postgres(&settings, SQL, 2).await.expect("it runs"), json!("1.5"));

    let error = exec::postgres(&settings, "SELECT nowhere", 1).await.expect_err("there is no such column");
    assert_eq!(words(&error), (Code::TargetRefused, "the database says: column \"nowhere\" does not exist"));
}
