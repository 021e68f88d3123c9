//! Two openings of one store, as two processes have them, and what is left in the file of somebody forgotten.

use std::{collections::HashSet, fs};

use achub_core::{
    Code, Value,
    consent::SuppressionReason,
    person::{BuiltIn, Mark},
    port::people::{PeopleStore, PersonChange, Suppression},
};
use achub_store::{postgres::PostgresStore, sqlite::SqliteStore};
use achub_testkit::postgres::FreshDatabase;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::rig::{Store, apply, at, batch, desk, email, field, link, new, of, person, run};

const BATCHES: usize = 25;

/// Everybody gets a number of her own, and the outbox shows all of them to whoever follows it from both sides.
async fn writers_share_numbers(one: impl Store + Clone, other: impl Store + Clone) {
    let changes = |name: &'static str| -> Vec<Vec<PersonChange>> {
        let two = |number| [format!("{name}{number}@example.com"), format!("{name}{number}@b.example")];
        (0..BATCHES).map(|number| two(number).iter().map(|address| new(address)).collect()).collect()
    };
    let follow = async {
        let (mut seen, mut number) = (HashSet::new(), 0);
        while seen.len() < 4 * BATCHES {
            for row in one.outbox(number, 7).await.unwrap() {
                number = row.number;
                assert!(seen.insert(row.person), "{} is told twice", row.person);
            }
            tokio::task::yield_now().await;
        }
        seen
    };
    let (first, second) = (write(&one, changes("one")), write(&other, changes("other")));
    let seen = follow.await;
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(seen.len(), 4 * BATCHES, "nobody is passed over");
}

fn write(store: &(impl Store + Clone), batches: Vec<Vec<PersonChange>>) -> JoinHandle<()> {
    let store = store.clone();
    tokio::spawn(async move {
        for changes in batches {
            store.apply(&batch(desk(1), changes)).await.unwrap();
        }
    })
}

/// Of two who change one version of somebody at once, one does and the other is told.
async fn one_of_two_changes_a_version(one: impl Store + Clone, other: impl Store + Clone) {
    let id = apply(&one, desk(1), vec![new("ann@example.com")]).await[0];
    for round in 0..20 {
        let ann = person(&other, id).await;
        let change = |mark| {
            let set = PersonChange { marks: vec![(mark, at(1))], ..of(&ann) };
            let cleared = PersonChange { marks_cleared: vec![mark], ..of(&ann) };
            batch(desk(round), vec![if ann.is_marked(mark) { cleared } else { set }])
        };
        let (first, second) = (change(Mark::Blocked), change(Mark::Dropped));
        let (first, second) = tokio::join!(one.apply(&first), other.apply(&second));
        let failed = [first.err(), second.err()];
        let codes: Vec<Code> = failed.into_iter().flatten().map(|error| error.code()).collect();
        assert_eq!(codes, [Code::ChangedMeanwhile], "round {round}");
    }
}

async fn two_of_sqlite(folder: &TempDir) -> (SqliteStore, SqliteStore) {
    let path = folder.path().join("state.db");
    (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap())
}

async fn two_of_postgres(database: &FreshDatabase) -> (PostgresStore, PostgresStore) {
    let url = database.url();
    (PostgresStore::open(&url).await.unwrap(), PostgresStore::open(&url).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sqlite_writers_share_numbers() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two_of_sqlite(&folder).await;
    writers_share_numbers(one, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn postgres_writers_share_numbers() {
    let database = FreshDatabase::create().await;
    let (one, other) = two_of_postgres(&database).await;
    writers_share_numbers(one, other).await;
}

/// J-04: nothing vanishes where two write at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_of_two_changes_a_version_in_sqlite() {
    let folder = TempDir::new().unwrap();
    let (one, other) = two_of_sqlite(&folder).await;
    one_of_two_changes_a_version(one, other).await;
}

/// J-04: nothing vanishes where two write at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_of_two_changes_a_version_in_postgres() {
    let database = FreshDatabase::create().await;
    let (one, other) = two_of_postgres(&database).await;
    one_of_two_changes_a_version(one, other).await;
}

/// I10: once she is forgotten, no file of the store holds her name, her addresses or what they were before.
#[tokio::test]
async fn forgotten_person_is_not_in_the_file() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();
    let start = PersonChange {
        fields: vec![field(None, BuiltIn::FirstName, Value::text("Canaria"))],
        links: vec![link("7")],
        ..new("canary-one@example.com")
    };
    let id = apply(&store, run("r-1", 1), vec![start, new("b@example.com")]).await[0];
    let ann = person(&store, id).await;
    let moved = PersonChange {
        fields: vec![
            field(Some(&ann), BuiltIn::Email, Value::text("canary-two@example.com")),
            field(Some(&ann), BuiltIn::FirstName, Value::text("Canarina")),
        ],
        email: Some(email("canary-two@example.com")),
        ..of(&ann)
    };
    apply(&store, run("r-2", 2), vec![moved]).await;
    assert!(is_in_files(&folder, "canary-two"), "the test looks where she is kept");
    let erased = Suppression {
        hash: "h".to_owned(),
        key_version: 1,
        reason: SuppressionReason::Erased,
        since: at(3),
        email: None,
    };

    store.forget(id, &erased, &desk(3)).await.unwrap();

    for word in ["canary", "Canari", "canari"] {
        assert!(!is_in_files(&folder, word), "{word}");
    }
}

fn is_in_files(folder: &TempDir, word: &str) -> bool {
    fs::read_dir(folder.path()).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}
