//! A database that goes away while rows land in it: a server of the test's own, which is stopped and started again.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use achub_connectors::postgres::{PostgresSettings, PostgresTarget};
use achub_core::{
    Secret,
    code::Class,
    port::{
        progress::{Event, Progress, Silent},
        target::Target,
    },
};
use achub_engine::{Replication, Summary, replication::Mode};
use achub_testkit::{
    oracle,
    postgres_server::{Server, Stop},
};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::activecampaign::rig::{Rig, assert_done, replicating};

const STREAMS: [&str; 3] = ["contacts", "contact_tags", "deals"];

async fn target(url: &str) -> PostgresTarget {
    let settings = PostgresSettings { url: Some(Secret::new(url)), ..PostgresSettings::default() };
    PostgresTarget::connect(&settings).await.expect("the server answers")
}

async fn execute(url: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    connection.execute(sqlx::raw_sql(sql)).await.expect("the superuser may do that");
}

async fn assert_equal(rig: &Rig, url: &str) {
    for stream in STREAMS {
        let landed = oracle::postgres_rows(url, stream).await;
        let findings = rig.compared(stream, &landed).await;
        assert!(findings.is_clean(), "{stream}: {}", findings.brief());
    }
}

/// Stops the server after so many commits, and starts it again when so many tries have failed.
struct Outage {
    server: Arc<Mutex<Server>>,
    commits: AtomicU64,
    how: Stop,
    failures: AtomicU64,
    told: Mutex<Vec<String>>,
}

impl Outage {
    fn new(server: &Arc<Mutex<Server>>, commits: u64, how: Stop, failures: u64) -> Arc<Outage> {
        Arc::new(Outage {
            server: server.clone(),
            commits: commits.into(),
            how,
            failures: failures.into(),
            told: Mutex::default(),
        })
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Server> {
        self.server.lock().expect("nothing panics while it holds the server")
    }
}

impl Progress for Outage {
    fn event(&self, event: Event) {
        match event {
            Event::Committed { .. } if self.commits.fetch_sub(1, Ordering::SeqCst) == 1 => {
                self.server().stop(self.how);
            }
            Event::Warning { message } if message.contains("trying again") => {
                self.told.lock().expect("no test panics with it").push(message);
                if self.failures.fetch_sub(1, Ordering::SeqCst) == 1 {
                    self.server().start_again(&[]);
                }
            }
            _ => {}
        }
    }
}

fn patient(mode: Mode) -> Replication {
    let mut replication = replicating(&STREAMS, mode);
    replication.working.tries = 12;
    replication
}

/// B-02: a server that is stopped in the middle of a load, by an operator or by a crash, is waited for; then the load goes
/// on from what is durable.
#[tokio::test(start_paused = true)]
async fn stopped_postgres_is_waited_for_in_mid_load() {
    let server = Arc::new(Mutex::new(Server::start(&[]).await));
    let lock = || server.lock().expect("no test panics with it");
    let cases = [
        ("merged_fast", Mode::Incremental, Stop::Fast),
        ("merged_crash", Mode::Incremental, Stop::Immediate),
        ("replaced_fast", Mode::FullRefresh, Stop::Fast),
        ("replaced_crash", Mode::FullRefresh, Stop::Immediate),
    ];
    for (database, mode, how) in cases {
        lock().ask("postgres", &format!("CREATE DATABASE {database}"));
        let rig = Rig::with_contacts(1_500);
        let url = lock().url(database);
        let target = target(&url).await;
        let outage = Outage::new(&server, 4, how, 5);

        let summary = rig.run_watched(&target, &patient(mode), outage.clone()).await.expect("the run starts");

        assert_done(&summary);
        let told = outage.told.lock().expect("no test panics with it").clone();
        assert!(told.len() >= 5 && told.iter().all(|told| told.contains("DB-101")), "{told:?}");
        assert_equal(&rig, &url).await;
    }
}

/// B-02: a server that is not there yet when the run begins.
#[tokio::test(start_paused = true)]
async fn stopped_postgres_is_waited_for_at_start() {
    let server = Arc::new(Mutex::new(Server::start(&[]).await));
    let lock = || server.lock().expect("no test panics with it");
    let rig = Rig::with_contacts(300);
    let url = lock().url("postgres");
    let target = target(&url).await;
    lock().stop(Stop::Fast);
    let outage = Outage::new(&server, u64::MAX, Stop::Fast, 4);

    let summary =
        rig.run_watched(&target, &patient(Mode::Incremental), outage.clone()).await.expect("the run starts");

    assert_done(&summary);
    assert_eq!(outage.told.lock().expect("no test panics with it").len(), 4);
    assert_equal(&rig, &url).await;
}

/// B-02: a server that stays away ends the run by name; the next run goes on from what is durable.
#[tokio::test(start_paused = true)]
async fn lost_postgres_ends_the_run_by_name() {
    let server = Arc::new(Mutex::new(Server::start(&[]).await));
    let lock = || server.lock().expect("no test panics with it");
    let rig = Rig::with_contacts(3_000);
    let url = lock().url("postgres");
    let target = target(&url).await;
    let replication = replicating(&STREAMS, Mode::Incremental);
    let outage = Outage::new(&server, 8, Stop::Immediate, u64::MAX);

    let lost = rig.run_watched(&target, &replication, outage).await.expect("the run starts");

    assert_eq!(lost.class(), Some(Class::Unreachable), "{lost:?}");
    let (code, message) = lost.streams[0].error.as_ref().expect("contacts did not finish");
    assert_eq!((code.as_str(), message.contains("127.0.0.1")), ("DB-101", true), "{message}");
    lock().start_again(&[]);
    let landed: u64 = lock().ask("postgres", "SELECT count(*) FROM contacts").parse().expect("a number");
    assert!(landed > 0, "what was committed stays");
    let (before, rest) =
        (rig.requests().await, rig.run_watched(&target, &replication, Arc::new(Silent)).await);
    assert_done(&rest.expect("the run starts"));
    let requests = rig.requests().await - before;
    assert!(requests <= 31 - landed / 100 + 10, "{requests} requests where {landed} contacts had landed");
    assert_equal(&rig, &url).await;
}

/// What happens to a commit whose answer never comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The server dies before it is durable.
    Lost,
    /// The server dies after it is durable.
    Done,
}

/// Makes the first commit with contacts wait inside of the server: before it is written down, or after that, for a
/// standby that does not exist.
const HANGING: &str = "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    IF current_setting('achub.fate', true) = 'Lost' THEN PERFORM pg_sleep(600); END IF; \
    IF current_setting('achub.fate', true) = 'Done' THEN PERFORM set_config('synchronous_commit', 'on', true); END IF; \
    RETURN NULL; END $$; \
    CREATE CONSTRAINT TRIGGER hang AFTER INSERT OR UPDATE ON contacts DEFERRABLE INITIALLY DEFERRED \
    FOR EACH ROW EXECUTE FUNCTION hang()";

/// Waits until a commit hangs, then kills the server and starts it again, all before the run can notice. Tells how many
/// contacts had changed before, and after.
async fn crash_at_commit(server: &Arc<Mutex<Server>>, database: &str) -> (u64, u64) {
    const CHANGED: &str = "SELECT count(*) FROM contacts WHERE first_name LIKE 'changed%'";
    let url = server.lock().expect("no test panics with it").url("postgres");
    let mut connection = PgConnection::connect(&url).await.expect("the server answers");
    let hanging = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event IN ('PgSleep', 'SyncRep')";
    while sqlx::query_scalar::<_, i64>(hanging).fetch_one(&mut connection).await.expect("it answers") == 0 {}
    let mut server = server.lock().expect("no test panics with it");
    let changed = |server: &Server| server.ask(database, CHANGED).parse().expect("a number");
    let before = changed(&server);
    server.stop(Stop::Immediate);
    server.start_again(&[]);
    (before, changed(&server))
}

/// B-01: the connection is lost at a commit of pages, or at the one that ends the walk; the position in the database tells
/// whether it was done, nothing is missing and nothing there twice.
#[tokio::test(start_paused = true)]
async fn commits_without_answer_lose_and_double_nothing() {
    for mode in [Mode::Incremental, Mode::Truncate] {
        for fate in [Fate::Lost, Fate::Done] {
            let server = Arc::new(Mutex::new(Server::start(&[]).await));
            let lock = || server.lock().expect("no test panics with it");
            let rig = Rig::with_contacts(800);
            let url = lock().url("postgres");
            let target = target(&url).await;
            assert_done(&run(&rig, &target, mode).await);
            execute(&url, HANGING).await;
            let fated = format!("achub.fate={fate:?}");
            lock().stop(Stop::Fast);
            lock().start_again(&["synchronous_standby_names=nobody", "synchronous_commit=local", &fated]);
            tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
            rig.account
                .mutate(json!({"collection": "contacts", "change": 700, "create": 40, "seed": 3}))
                .await;

            let (summary, (before, after)) =
                tokio::join!(run(&rig, &target, mode), crash_at_commit(&server, "postgres"));

            assert_eq!(
                after > before,
                fate == Fate::Done,
                "{mode:?} {fate:?}: {before} before, {after} after"
            );
            assert_done(&summary);
            assert_equal(&rig, &url).await;
            let again = run(&rig, &target, mode).await;
            assert_done(&again);
            assert_equal(&rig, &url).await;
        }
    }
}

async fn run(rig: &Rig, target: &dyn Target, mode: Mode) -> Summary {
    rig.run_watched(target, &patient(mode), Arc::new(Silent)).await.expect("the run starts")
}

/// Takes every connection that the server has left.
async fn take_all(url: &str) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    while let Ok(connection) = PgConnection::connect(url).await {
        taken.push(connection);
    }
    taken
}

/// Gives connections back when so many tries have failed.
struct Crowd {
    connections: Mutex<Vec<PgConnection>>,
    failures: AtomicU64,
    told: Mutex<Vec<String>>,
}

impl Progress for Crowd {
    fn event(&self, event: Event) {
        if let Event::Warning { message } = event {
            self.told.lock().expect("no test panics with it").push(message);
            if self.failures.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.connections.lock().expect("no test panics with it").clear();
            }
        }
    }
}

/// Few connections, none of them for superusers alone.
const FEW: [&str; 2] = ["max_connections=5", "superuser_reserved_connections=0"];

/// B-09: a server that has no connection left is waited for, and where that lasts it is named.
#[tokio::test]
async fn crowded_postgres_is_waited_for_and_named() {
    let server = Server::start(&FEW).await;
    let url = server.url("postgres");
    let rig = Rig::with_contacts(200);
    let target = target(&url).await;
    let mut replication = replicating(&STREAMS, Mode::Incremental);
    replication.working.try_delay = std::time::Duration::from_millis(1);
    let crowd = |failures: u64, connections| {
        let (connections, failures) = (Mutex::new(connections), failures.into());
        Arc::new(Crowd { connections, failures, told: Mutex::default() })
    };

    let lasting = crowd(u64::MAX, take_all(&url).await);
    let refused = rig.run_watched(&target, &replication, lasting.clone()).await.expect_err("nobody gets in");
    assert_eq!((refused.code().id(), refused.class()), ("DB-108", Class::Unreachable), "{refused}");
    assert!(refused.message().contains("too many clients"), "{refused}");
    assert_eq!(lasting.told.lock().expect("no test panics with it").len(), 2, "it tried three times");
    drop(lasting);

    replication.working.tries = 1_000;
    let passing = crowd(3, take_all(&url).await);
    let summary = rig.run_watched(&target, &replication, passing.clone()).await.expect("the run starts");
    assert_done(&summary);
    assert!(passing.told.lock().expect("no test panics with it").len() >= 3);
    drop(passing);
    assert_equal(&rig, &url).await;
}

/// B-09: a run for which there are fewer connections than it has walks loses none of them: those that get none are named,
/// the others go on, and the next run lands the rest.
#[tokio::test]
async fn walks_without_connection_stop_no_others() {
    let server = Server::start(&FEW).await;
    let url = server.url("postgres");
    let rig = Rig::with_contacts(300);
    let target = target(&url).await;
    let streams = ["contacts", "contact_tags", "deals", "notes", "tags", "lists", "users"];
    let mut replication = replicating(&streams, Mode::Incremental);
    replication.working.tries = 1;
    let mut held = take_all(&url).await;
    held.truncate(3);

    let short = run_short(&rig, &target, &replication).await;
    drop(held);

    for (code, message) in short.streams.iter().filter_map(|stream| stream.error.as_ref()) {
        assert_eq!(code, "DB-108", "{message}");
    }
    assert_eq!(short.class(), Some(Class::Unreachable));
    replication.working.tries = 1_000;
    replication.working.try_delay = std::time::Duration::from_millis(1);
    let rest = rig.run_watched(&target, &replication, Arc::new(Silent)).await.expect("the run starts");
    assert_done(&rest);
    assert_equal(&rig, &url).await;
}

/// A run in which some streams land and others get no connection. The server needs a moment to notice who has left, so it
/// may take several.
async fn run_short(rig: &Rig, target: &dyn Target, replication: &Replication) -> Summary {
    const RUNS_MAX: u32 = 100;
    for _ in 0..RUNS_MAX {
        match rig.run_watched(target, replication, Arc::new(Silent)).await {
            Ok(summary) => {
                let failed = summary.streams.iter().filter(|stream| stream.error.is_some()).count();
                if (1..summary.streams.len()).contains(&failed) {
                    return summary;
                }
            }
            Err(error) => assert_eq!(error.code().id(), "DB-108", "{error}"),
        }
    }
    panic!("no run of {RUNS_MAX} found too few connections for some of its walks only");
}
