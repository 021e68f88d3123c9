//! The store in a PostgreSQL database.

use std::{sync::Arc, time::Duration};

use achub_core::{
    AccountName, Code, Error, RunId,
    port::{
        activity::{ActivityStore, Chain},
        budget::{BudgetState, BudgetStore},
        jobs::JobStore,
        journal::{JournalStore, Level, LogLine},
        state::{Fact, StateStore},
    },
};
use achub_store::postgres::{PostgresStore, SCHEMA};
use achub_testkit::postgres::FreshDatabase;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::{
    activity::{self, Tamper, activity_suite},
    clock::SetClock,
    conformance::{self, budget_suite, state_suite},
    jobs::{self, jobs_suite},
};

/// Replaces the clock of the store by one that a test sets.
const STOP_CLOCK: &str = "
    CREATE TABLE achub_hub.hand_clock (ns bigint NOT NULL);
    INSERT INTO achub_hub.hand_clock VALUES (0);
    CREATE OR REPLACE FUNCTION achub_hub.store_now_ns() RETURNS bigint LANGUAGE sql VOLATILE
        AS 'SELECT ns FROM achub_hub.hand_clock'";

async fn open(database: &FreshDatabase) -> PostgresStore {
    PostgresStore::open(&database.url()).await.unwrap()
}

async fn fresh() -> (FreshDatabase, PostgresStore) {
    let database = FreshDatabase::create().await;
    let store = open(&database).await;
    (database, store)
}

/// The clock of a database, stopped until it is set.
struct DatabaseClock(Mutex<PgConnection>);

impl DatabaseClock {
    async fn stop(database: &FreshDatabase) -> DatabaseClock {
        let mut connection = database.connect().await;
        connection.execute(sqlx::raw_sql(STOP_CLOCK)).await.unwrap();
        DatabaseClock(Mutex::new(connection))
    }
}

#[async_trait]
impl SetClock for DatabaseClock {
    async fn set(&self, now: Timestamp) {
        let ns = i64::try_from(now.as_nanosecond()).unwrap();
        let mut connection = self.0.lock().await;
        sqlx::query("UPDATE achub_hub.hand_clock SET ns = $1")
            .bind(ns)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

/// A store whose database shows the time of each caller, as if all clocks were right.
struct InStep(PostgresStore, DatabaseClock);

#[async_trait]
impl BudgetStore for InStep {
    async fn reserve(
        &self,
        account: &AccountName,
        now: Timestamp,
        interval_us: i64,
    ) -> Result<BudgetState, Error> {
        self.1.set(now).await;
        self.0.reserve(account, now, interval_us).await
    }

    async fn hold(&self, account: &AccountName, now: Timestamp, until: Timestamp) -> Result<(), Error> {
        self.1.set(now).await;
        self.0.hold(account, now, until).await
    }

    async fn learn(
        &self,
        account: &AccountName,
        now: Timestamp,
        limit: Option<f64>,
        slowdown: f64,
    ) -> Result<(), Error> {
        self.1.set(now).await;
        self.0.learn(account, now, limit, slowdown).await
    }
}

budget_suite!(async {
    let (database, store) = fresh().await;
    let clock = DatabaseClock::stop(&database).await;
    (database, InStep(store, clock))
});
state_suite!(fresh());
jobs_suite!(async {
    let (database, one) = fresh().await;
    let other = open(&database).await;
    let clock = DatabaseClock::stop(&database).await;
    jobs::Setting {
        one: Arc::new(one),
        other: Arc::new(other),
        clock: Arc::new(clock),
        _guard: Box::new(database),
    }
});
activity_suite!(async { activity_setting().await.0 });

async fn activity_setting() -> (activity::Setting, Editor) {
    let (database, one) = fresh().await;
    let other = open(&database).await;
    let editor = Editor(Mutex::new(database.connect().await));
    (activity::Setting { one: Arc::new(one), other: Arc::new(other), _guard: Box::new(database) }, editor)
}

/// Somebody with a tool for databases.
struct Editor(Mutex<PgConnection>);

#[async_trait]
impl Tamper for Editor {
    async fn run(&self, sql: &str) {
        let sql = format!("SET search_path TO achub_hub; {sql}");
        self.0.lock().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }
}

/// Any line that was changed, taken out or swapped is found.
#[tokio::test]
async fn tampered_activity_is_found() {
    let (setting, editor) = activity_setting().await;

    activity::tampering_is_found(setting, &editor).await;
}

const START: &str = "2026-11-20T12:00:00Z";

fn start() -> Timestamp {
    START.parse().expect("a moment")
}

/// R14: all nodes reserve from one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn separate_openings_never_share_slots() {
    let database = FreshDatabase::create().await;
    let mut openings = Vec::new();
    for _ in 0..4 {
        openings.push(open(&database).await);
    }
    let clock = DatabaseClock::stop(&database).await;
    clock.set(Timestamp::from_second(1_790_000_000).unwrap()).await;

    conformance::many_tasks_never_share_slots(openings).await;
}

/// I-01, R14: nodes whose clocks are wrong by an hour each way share one pace, each told its slots in its own time.
#[tokio::test]
async fn skewed_nodes_share_one_pace() {
    const INTERVAL_US: i64 = 200_000;
    let (database, one) = fresh().await;
    let other = open(&database).await;
    let clock = DatabaseClock::stop(&database).await;
    clock.set(start()).await;
    let account = AccountName::new("acme");
    let hour = SignedDuration::from_hours(1);

    let mut slots = Vec::new();
    for _ in 0..3 {
        for (store, skew) in [(&one, hour), (&other, -hour)] {
            let state = store.reserve(&account, start() + skew, INTERVAL_US).await.unwrap();
            slots.push(state.slot - skew);
        }
    }

    let expected: Vec<Timestamp> =
        (0..6).map(|slot| start() + SignedDuration::from_micros(slot * INTERVAL_US)).collect();
    assert_eq!(slots, expected);
}

/// A hold that one node heard of holds all nodes for as long, whatever their clocks; so does what was learnt.
#[tokio::test]
async fn hold_reaches_skewed_nodes() {
    let (database, one) = fresh().await;
    let other = open(&database).await;
    let clock = DatabaseClock::stop(&database).await;
    clock.set(start()).await;
    let account = AccountName::new("acme");
    let hour = SignedDuration::from_hours(1);
    let wait = SignedDuration::from_secs(30);

    one.hold(&account, start() + hour, start() + hour + wait).await.unwrap();
    one.learn(&account, start() + hour, Some(5.0), 2.0).await.unwrap();
    let state = other.reserve(&account, start() - hour, 1).await.unwrap();

    assert_eq!(state.slot, start() - hour + wait);
    assert_eq!((state.limit, state.slowdown, state.slowed_at), (Some(5.0), 2.0, start() - hour));
    assert_eq!(state.free_since, state.slot);
}

/// The clock that counts is the database's own, and it runs.
#[tokio::test]
async fn clock_of_database_runs() {
    let (_database, store) = fresh().await;

    let first = store.now().await.unwrap();
    let second = store.now().await.unwrap();

    assert!(second > first, "{first} and {second}");
    let apart = store.clock_fault(first).await.unwrap();
    assert!(apart.is_none(), "{apart:?}");
}

/// Whoever looks at the queue does not wait for a node that moves something in it.
#[tokio::test]
async fn queue_is_seen_while_others_write() {
    let (database, store) = fresh().await;
    let mut writer = database.connect().await;
    let turn = "BEGIN; SELECT pg_advisory_xact_lock(1633904757, 2)";
    writer.execute(sqlx::raw_sql(turn)).await.unwrap();

    assert_eq!(store.queued(Duration::ZERO).await.unwrap(), []);
    assert_eq!(store.leases().await.unwrap(), []);
    assert!(!store.is_asked_to_stop(&RunId::new("r-1")).await.unwrap());
}

/// Nodes that start at the same moment on a new database all get a working store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_first_openings_all_succeed() {
    let database = FreshDatabase::create().await;

    let openings: Vec<_> = (0..8)
        .map(|_| {
            let url = database.url();
            tokio::spawn(async move { PostgresStore::open(&url).await })
        })
        .collect();

    for opening in openings {
        opening.await.unwrap().unwrap();
    }
}

/// An upgrade that was interrupted keeps the steps that were completed, and goes on behind them.
#[tokio::test]
async fn interrupted_upgrade_goes_on() {
    let database = FreshDatabase::create().await;
    let mut connection = database.connect().await;
    let in_the_way = "CREATE SCHEMA achub_hub; CREATE TABLE achub_hub.activity (of_somebody_else integer)";
    connection.execute(sqlx::raw_sql(in_the_way)).await.unwrap();
    let interrupted = PostgresStore::open(&database.url()).await.unwrap_err();
    assert_eq!(interrupted.code(), Code::StoreBroken);
    let steps = "SELECT max(version) FROM achub_hub._achub_migrations";
    let done: i64 = sqlx::query_scalar(steps).fetch_one(&mut connection).await.unwrap();
    assert_eq!(done, 2, "the step that failed left nothing");
    let kept = "
        INSERT INTO achub_hub.account_fact VALUES ('acme', 'name', '7', 0);
        DROP TABLE achub_hub.activity";
    connection.execute(sqlx::raw_sql(kept)).await.unwrap();

    let store = open(&database).await;

    let fact = store.fact(&AccountName::new("acme"), "name").await.unwrap().unwrap();
    assert_eq!(fact.value, serde_json::json!(7));
    assert_eq!(store.check_activity().await.unwrap(), Chain::Whole(0));
}

fn fact() -> Fact {
    Fact { value: serde_json::json!([1, "\u{0}"]), found_at: start() }
}

/// J-08, N-02, SY-102.
#[tokio::test]
async fn newer_store_refuses_older_program() {
    let (database, store) = fresh().await;
    store.close().await;
    let newer = "INSERT INTO achub_hub._achub_migrations (version, name) VALUES (9999, '9999_of_the_future')";
    database.connect().await.execute(sqlx::raw_sql(newer)).await.unwrap();

    let refused = PostgresStore::open(&database.url()).await.unwrap_err();

    assert_eq!(refused.code(), Code::StoreNewer);
}

/// Guard 5: no extension, and nothing outside the one schema.
#[tokio::test]
async fn one_schema_is_all_it_needs() {
    let (database, _store) = fresh().await;
    let mut connection = database.connect().await;

    let extensions: Vec<String> = sqlx::query_scalar("SELECT extname::text FROM pg_extension")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let schemas: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT schemaname::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();

    assert_eq!(extensions, ["plpgsql"]);
    assert_eq!(schemas, [SCHEMA]);
}

/// A user who may not make a schema is told what to ask for, and is well served once he was given one.
#[tokio::test]
async fn user_without_rights_is_told_the_way() {
    let database = FreshDatabase::create().await;
    let mut administrator = database.connect().await;
    let own: PgConnectOptions = database.url().parse().unwrap();
    let user = format!("{}_user", own.get_database().unwrap());
    let url = own.username(&user).to_url_lossy().to_string();
    let mut decree =
        async |sql: String| administrator.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    decree(format!("CREATE ROLE {user} LOGIN")).await;

    let refused = PostgresStore::open(&url).await.unwrap_err();
    decree(format!("CREATE SCHEMA achub_hub AUTHORIZATION {user}")).await;
    let opened = PostgresStore::open(&url).await;
    decree(format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;

    assert_eq!(refused.code(), Code::StoreBroken);
    assert!(refused.hint().contains("CREATE SCHEMA achub_hub AUTHORIZATION"), "{}", refused.hint());
    opened.unwrap();
}

/// SY-103: a database that may only be read, such as a standby, is told apart from a broken one.
#[tokio::test]
async fn read_only_database_has_its_own_code() {
    let (database, store) = fresh().await;
    store.close().await;
    let read_only = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only TO on',
                                                current_database()); END $$";
    database.connect().await.execute(sqlx::raw_sql(read_only)).await.unwrap();
    let store = open(&database).await;
    let line = LogLine { at: start(), level: Level::Info, stream: None, message: "began".to_owned() };

    let refused = store.append_log(&RunId::new("r-1"), &[line]).await.unwrap_err();

    assert_eq!(refused.code(), Code::StoreFull);
    assert_eq!(store.log(&RunId::new("r-1"), 1).await.unwrap(), []);
}

/// The address is not repeated, since it may hold a password; neither is the password of one that is understood.
#[tokio::test]
async fn password_is_never_told() {
    for url in ["postgres://me:hunter2@127.0.0.1:x/db", "postgres://me:hunter2@127.0.0.1:1/db"] {
        let refused = PostgresStore::open(url).await.unwrap_err();

        assert_eq!(refused.code(), Code::StoreBroken);
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    }
}

#[tokio::test]
async fn state_survives_closing_and_reopening() {
    let (database, store) = fresh().await;
    store.put_fact(&AccountName::new("acme"), "name", &fact()).await.unwrap();
    store.close().await;

    let store = open(&database).await;

    assert_eq!(store.fact(&AccountName::new("acme"), "name").await.unwrap(), Some(fact()));
}
