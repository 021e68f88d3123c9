//! SQL of a person against all databases.

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

fn check(answer: &Answer, half: serde_json::Value, touched_min: u64) {
    assert_eq!(answer.columns, ["id", "name", "half"]);
    assert_eq!(
        answer.rows,
        [vec![json!(1), json!("a'b"), half.clone()], vec![json!(2), json!(null), half.clone()]]
    );
    assert_eq!((answer.left_out, answer.touched >= touched_min), (1, true));
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

    check(&exec::sqlite(&path, SQL, 2).await.expect("it runs"), json!(1.5), 3);

    let error = exec::sqlite(&path, "SELECT nowhere", 1).await.expect_err("there is no such column");
    assert_eq!(words(&error), (Code::TargetRefused, "the database says: no such column: nowhere"));
}

#[tokio::test]
async fn postgres_runs_what_is_written() {
    let database = FreshDatabase::create().await;
    let settings = PostgresSettings { url: Some(Secret::new(database.url())), ..PostgresSettings::default() };

    check(&exec::postgres(&settings, SQL, 2).await.expect("it runs"), json!("1.5"), 3);

    let error = exec::postgres(&settings, "SELECT nowhere", 1).await.expect_err("there is no such column");
    assert_eq!(words(&error), (Code::TargetRefused, "the database says: column \"nowhere\" does not exist"));
}

/// DuckDB answers for the last statement alone, beside a target of the same process that has the file open.
#[cfg(feature = "duckdb")]
#[tokio::test]
async fn duckdb_runs_what_is_written() {
    use achub_connectors::duckdb::{DuckdbTarget, LibrarySearch};

    let Some(named) = std::env::var_os("ACHUB_DUCKDB_LIBRARY") else {
        println!("skipped: ACHUB_DUCKDB_LIBRARY names no library of DuckDB");
        return;
    };
    let library = LibrarySearch { named: Some(named.into()), folders: Vec::new() };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("x.duckdb");
    let run = |sql: &'static str| exec::duckdb(&path, &library, sql, 2);
    let error = run("SELECT 1").await.expect_err("there is no file");
    assert_eq!(error.code(), Code::TargetUnreachable);
    assert!(!path.exists(), "looking makes no file");
    let target = DuckdbTarget::open(&path, &library).expect("the folder is there");
    target.query("CREATE TABLE ours (n BIGINT)").await.expect("the statement is right");

    check(&run(SQL).await.expect("it runs"), json!("1.5"), 0);

    let changed = run("UPDATE t SET ok = NULL WHERE id < 3").await.expect("it runs");
    assert_eq!(changed, Answer { touched: 2, ..Answer::default() });
    let wide = "SELECT sum(id) AS huge, 7::UTINYINT AS small, '12:30'::TIME AS at, 0.5::FLOAT AS single, \
                '{\"a\": [1]}'::JSON AS document, NULL AS nothing FROM t";
    let wide = run(wide).await.expect("it runs");
    assert_eq!(
        wide.rows,
        [[json!(6), json!(7), json!("12:30:00"), json!(0.5), json!("{\"a\": [1]}"), json!(null)]]
    );
    let error = run("SELECT nowhere").await.expect_err("there is no such column");
    assert!(words(&error).1.starts_with("the database says: Binder Error"), "{error}");
    let error = run("SELECT [1, 2] AS list").await.expect_err("lists have no form");
    assert!(error.hint().contains("CAST"), "{}", error.hint());

    // What is left open is taken back, and what a statement sets is its own.
    run("BEGIN; INSERT INTO ours VALUES (1); USE memory").await.expect("it runs");
    assert_eq!(run("SELECT * FROM ours").await.expect("it runs").rows.len(), 0);
    target.query("INSERT INTO ours VALUES (2)").await.expect("the target's own connection is as it was");
    // What is held open shows in the file at once.
    assert_eq!(run("SELECT n FROM ours").await.expect("it runs").rows, [[json!(2)]]);
}
