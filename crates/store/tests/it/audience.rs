//! What every store must keep of audiences, and what none may let SQL of people do.

use std::time::Duration;

use achub_core::{
    AudienceName, Code, EmailAddress, Outcome,
    condition::{Comparison, Condition, Literal, Subject},
    consent::SuppressionReason,
    email::LocalParts,
    person::PersonId,
    port::{
        audiences::{
            Audience, AudienceKind, AudienceOrder, AudienceQuery, AudienceStatus, AudienceStore, Definition,
            PeopleSql, QueryLimits, SourceType,
        },
        people::{Author, ChangeBatch, PeopleStore, PersonChange, Suppression, Whom},
    },
};
use achub_store::{memory::MemoryStore, postgres::PostgresStore, sqlite::SqliteStore};
use achub_testkit::postgres::FreshDatabase;
use jiff::Timestamp;
use tempfile::TempDir;

/// A store under test, fresh for each check.
pub trait Store: AudienceStore + PeopleStore + PeopleSql {}

impl<T: AudienceStore + PeopleStore + PeopleSql> Store for T {}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn name(name: &str) -> AudienceName {
    AudienceName::new(name)
}

fn author() -> Author {
    Author { run: None, connection: None, at: at(0) }
}

fn audience(of: &str, kind: AudienceKind, definition: Definition) -> Audience {
    Audience {
        name: name(of),
        kind,
        definition,
        status: AudienceStatus::Draft,
        member_count: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn by_hand(of: &str) -> Audience {
    audience(of, AudienceKind::Static, Definition::Hand)
}

async fn people(store: &impl Store, count: usize) -> Vec<PersonId> {
    let change = |number| PersonChange {
        whom: Whom::New(Some(
            EmailAddress::parse(&format!("p{number}@example.com"), LocalParts::FoldCase).unwrap(),
        )),
        links: Vec::new(),
        fields: Vec::new(),
        email: None,
        permissions: Vec::new(),
        marks: Vec::new(),
        marks_cleared: Vec::new(),
        tags: Vec::new(),
        tags_removed: Vec::new(),
        companies: Vec::new(),
        outcome: Outcome::Added,
    };
    let changes = (0..count).map(change).collect();
    let batch = ChangeBatch { author: author(), changes, refused: Vec::new(), advance: None };
    store.apply(&batch).await.unwrap()
}

/// AB-91: an audience comes back as it was put, under its name in any case.
async fn audience_comes_back_as_put(store: impl Store) {
    let put = Audience {
        status: AudienceStatus::Preview,
        member_count: Some(7),
        updated_at: at(9),
        ..audience(
            "Gold Germany",
            AudienceKind::Dynamic,
            Definition::Condition("tag = \"a\u{0}b\"".to_owned()),
        )
    };
    store.put_audience(&put).await.unwrap();
    assert_eq!(store.audience(&name("GOLD germany")).await.unwrap(), Some(put.clone()));

    let renamed = Audience { name: name("gold germany"), status: AudienceStatus::Done, ..put };
    store.put_audience(&renamed).await.unwrap();

    assert_eq!(store.audiences(&AudienceQuery::default()).await.unwrap(), [renamed]);
    assert!(store.remove_audience(&name("Gold Germany")).await.unwrap());
    assert!(!store.remove_audience(&name("Gold Germany")).await.unwrap());
    assert_eq!(store.audience(&name("gold germany")).await.unwrap(), None);
}

/// AB-91: the list is searched, sorted and filtered by source.
async fn audiences_are_searched_sorted_filtered(store: impl Store) {
    let sql = Definition::Sql("select id from person".to_owned());
    let condition = Definition::Condition("mailable".to_owned());
    for audience in [
        Audience { updated_at: at(1), member_count: Some(5), ..audience("beta", AudienceKind::Dynamic, sql) },
        Audience { updated_at: at(3), ..audience("Alpha", AudienceKind::Dynamic, condition) },
        Audience {
            updated_at: at(2),
            status: AudienceStatus::Done,
            member_count: Some(9),
            ..by_hand("gamma alpha")
        },
    ] {
        store.put_audience(&audience).await.unwrap();
    }
    let found = async |query: AudienceQuery| -> Vec<String> {
        let found = store.audiences(&query).await.unwrap();
        found.into_iter().map(|audience| audience.name.to_string()).collect()
    };
    let any = AudienceQuery::default;

    assert_eq!(found(any()).await, ["Alpha", "beta", "gamma alpha"]);
    assert_eq!(
        found(AudienceQuery { order: AudienceOrder::UpdatedAt, ..any() }).await,
        ["Alpha", "gamma alpha", "beta"]
    );
    assert_eq!(
        found(AudienceQuery { search: Some("ALPHA".to_owned()), ..any() }).await,
        ["Alpha", "gamma alpha"]
    );
    assert_eq!(found(AudienceQuery { source: Some(SourceType::Sql), ..any() }).await, ["beta"]);
    assert_eq!(found(AudienceQuery { kind: Some(AudienceKind::Static), ..any() }).await, ["gamma alpha"]);
    assert_eq!(
        found(AudienceQuery { status: Some(AudienceStatus::Draft), ..any() }).await,
        ["Alpha", "beta"]
    );
    let largest = found(AudienceQuery { order: AudienceOrder::MemberCount, ..any() }).await;
    assert_eq!(largest.last().map(String::as_str), Some("Alpha"), "not counted comes last: {largest:?}");
}

/// AB-90: a static audience is edited by hand, and its count follows.
async fn static_members_are_edited_by_hand(store: impl Store) {
    let ids = people(&store, 5).await;
    store.put_audience(&by_hand("team")).await.unwrap();

    assert_eq!(store.add_members(&name("TEAM"), &ids[..3], at(1)).await.unwrap(), 3);
    assert_eq!(store.add_members(&name("team"), &ids[2..4], at(2)).await.unwrap(), 1);
    assert_eq!(store.remove_members(&name("team"), &[ids[0], ids[4]], at(3)).await.unwrap(), 1);

    let team = store.audience(&name("team")).await.unwrap().unwrap();
    assert_eq!((team.member_count, team.updated_at), (Some(3), at(3)));
    assert_eq!(store.members(&name("team"), None, 10).await.unwrap(), ids[1..4]);
    assert_eq!(store.members(&name("team"), None, 2).await.unwrap(), ids[1..3]);
    assert_eq!(store.members(&name("team"), Some(ids[2]), 10).await.unwrap(), [ids[3]]);
    // Saved again it keeps its people, and the store's count.
    store.put_audience(&Audience { status: AudienceStatus::Done, ..by_hand("team") }).await.unwrap();
    let saved = store.audience(&name("team")).await.unwrap().unwrap();
    assert_eq!((saved.status, saved.member_count), (AudienceStatus::Done, Some(3)));
}

/// AB-90: nobody edits a dynamic audience by hand, and an audience that becomes dynamic keeps nobody.
async fn dynamic_audience_is_not_edited(store: impl Store) {
    let ids = people(&store, 1).await;
    store.put_audience(&by_hand("team")).await.unwrap();
    store.add_members(&name("team"), &ids, at(1)).await.unwrap();
    let dynamic = audience("team", AudienceKind::Dynamic, Definition::Condition("mailable".to_owned()));
    store.put_audience(&dynamic).await.unwrap();

    let code = |failed: achub_core::Error| failed.code();
    assert_eq!(code(store.add_members(&name("team"), &ids, at(2)).await.unwrap_err()), Code::DynamicAudience);
    assert_eq!(
        code(store.remove_members(&name("team"), &ids, at(2)).await.unwrap_err()),
        Code::DynamicAudience
    );
    assert_eq!(code(store.members(&name("team"), None, 1).await.unwrap_err()), Code::DynamicAudience);
    assert_eq!(
        code(store.add_members(&name("nobody"), &ids, at(2)).await.unwrap_err()),
        Code::UnknownAudience
    );
    assert_eq!(code(store.members(&name("nobody"), None, 1).await.unwrap_err()), Code::UnknownAudience);
    store.put_audience(&by_hand("team")).await.unwrap();
    assert_eq!(store.members(&name("team"), None, 10).await.unwrap(), []);
}

/// Who is forgotten leaves every audience; who is not in the store cannot be put in, and then nobody is.
async fn forgotten_people_leave_audiences(store: impl Store) {
    let ids = people(&store, 2).await;
    store.put_audience(&by_hand("team")).await.unwrap();
    store.add_members(&name("team"), &ids, at(1)).await.unwrap();
    let suppression = Suppression {
        hash: "00".to_owned(),
        key_version: 1,
        reason: SuppressionReason::Erased,
        since: at(2),
        email: None,
    };
    store.forget(ids[0], &suppression, &author()).await.unwrap();

    assert_eq!(store.members(&name("team"), None, 10).await.unwrap(), [ids[1]]);
    assert_eq!(store.audience(&name("team")).await.unwrap().unwrap().member_count, Some(1));
    store.put_audience(&by_hand("other")).await.unwrap();
    let failed = store.add_members(&name("other"), &[ids[1], ids[0]], at(3)).await.unwrap_err();
    assert_eq!(failed.code(), Code::ChangedMeanwhile);
    assert_eq!(store.members(&name("other"), None, 10).await.unwrap(), []);
}

/// Several who edit one audience at once wait for each other, and nothing of theirs is lost.
async fn editors_at_once_lose_nothing(store: impl Store + Clone + 'static) {
    let ids = people(&store, 40).await;
    store.put_audience(&by_hand("team")).await.unwrap();
    let editors: Vec<_> = ids
        .chunks(5)
        .map(|chunk| {
            let (store, chunk) = (store.clone(), chunk.to_vec());
            tokio::spawn(async move {
                for id in chunk {
                    store.add_members(&name("team"), &[id], at(1)).await.unwrap();
                }
            })
        })
        .collect();
    for editor in editors {
        editor.await.unwrap();
    }

    assert_eq!(store.members(&name("team"), None, 100).await.unwrap(), ids);
}

/// The largest conditions of the language: 500 statements side by side, and 32 levels of every kind.
async fn largest_conditions_are_counted(store: impl Store) {
    people(&store, 3).await;
    let domain =
        |text: String| Condition::Compare(Subject::EmailDomain, Comparison::EndsWith, Literal::Text(text));
    let many = |last: &str| -> Vec<Condition> {
        (0..499).map(|number| domain(format!("{number}.de"))).chain([domain(last.to_owned())]).collect()
    };
    let mut deep = domain("example.com".to_owned());
    for level in 0..32 {
        deep = match level % 3 {
            0 => Condition::Not(Box::new(deep)),
            1 => Condition::All(vec![Condition::Everybody, deep]),
            _ => Condition::Any(vec![Condition::Mailable, deep]),
        };
    }

    assert_eq!(store.count(&Condition::Any(many("EXAMPLE.com"))).await.unwrap(), 3);
    assert_eq!(store.count(&Condition::All(many("example.com"))).await.unwrap(), 0);
    // Eleven levels negate.
    assert_eq!(store.count(&deep).await.unwrap(), 0);
    assert_eq!(store.count(&Condition::Not(Box::new(deep))).await.unwrap(), 3);
}

const LIMITS: QueryLimits = QueryLimits { time: Duration::from_secs(20), people_max: 1_000 };

async fn refused(store: &impl Store, sql: &str, expected: &str) {
    let error = store.people_by_sql(sql, &LIMITS).await.expect_err(sql);
    assert_eq!(error.code(), Code::BadQuery, "{sql}: {error}");
    assert!(error.message().contains(expected), "{sql}: {error}");
}

/// SQL gives people, each once, by id; who is not in the store is left out.
async fn sql_gives_people_once(store: impl Store) {
    let ids = people(&store, 3).await;
    for (sql, expected) in [
        ("select id from person", &ids[..]),
        ("select id from person order by id desc limit 2;", &ids[1..]),
        ("select id from person union all select id from person union all select 4711", &ids[..]),
        (
            "with p2 as (select id, email_key from person) select id from p2 where email_key = 'p1@example.com' -- one",
            &ids[1..2],
        ),
        (
            "select p.id from person as p where not exists (select 1 from person_tag where person = p.id)",
            &ids[..],
        ),
        ("select max(id) as id from person", &ids[2..]),
        ("select id from person where email_key = 'nobody'", &[]),
    ] {
        assert_eq!(store.people_by_sql(sql, &LIMITS).await.unwrap(), expected, "{sql}");
    }
    let limits = QueryLimits { people_max: 2, ..LIMITS };
    let error = store.people_by_sql("select id from person", &limits).await.unwrap_err();
    assert_eq!(error.code(), Code::QueryTookTooLong);
}

/// S-Q3, AB-90: SQL that writes, names what it may not, or is none is refused and nothing changes.
async fn sql_that_does_more_is_refused(store: impl Store) {
    people(&store, 3).await;
    for (sql, expected) in [
        ("delete from person", "begin with SELECT or WITH"),
        ("with gone as (delete from person returning id) select id from gone", "the word DELETE"),
        ("with new as (insert into tag values (9, 'x', 'x')) select 1 as id", "the word INSERT"),
        ("select id from person; drop table person", "only one statement"),
        (
            "select id from person) union select id from (select key_version as id from suppression",
            "parenthesis",
        ),
        ("select key_version as id from suppression", "only read these tables"),
        ("select id from person where exists (select 1 from job_lease)", "only read these tables"),
        (
            "select id from person where email in (select name from _achub_migrations)",
            "only read these tables",
        ),
        ("with x as (select number as id from outbox) select id from x", "only read these tables"),
        ("select email from person", "id"),
        ("select id from persn", "persn"),
        ("select id fro person", ""),
    ] {
        refused(&store, sql, expected).await;
    }
    assert_eq!(store.count(&Condition::Everybody).await.unwrap(), 3);
}

/// RN-112: SQL that never ends is ended, and the store goes on.
async fn sql_without_end_is_ended(store: impl Store) {
    let ids = people(&store, 1).await;
    let limits = QueryLimits { time: Duration::from_millis(200), ..LIMITS };
    let endless =
        "with recursive n as (select 1 as id union all select id + 1 from n) select id from n where id < 0";

    let error = store.people_by_sql(endless, &limits).await.unwrap_err();

    assert_eq!(error.code(), Code::QueryTookTooLong, "{error}");
    assert_eq!(store.people_by_sql("select id from person", &LIMITS).await.unwrap(), ids);
}

macro_rules! suite {
    ($fresh:expr; $($check:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $check() {
            let (_guard, store) = $fresh.await;
            super::$check(store).await;
        })*
    };
}

mod in_memory {
    use super::*;

    suite! {
        async { ((), MemoryStore::new()) };
        audience_comes_back_as_put
        audiences_are_searched_sorted_filtered
        static_members_are_edited_by_hand
        dynamic_audience_is_not_edited
        forgotten_people_leave_audiences
        largest_conditions_are_counted
        editors_at_once_lose_nothing
    }
}

async fn in_a_file() -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();
    (folder, store)
}

mod in_sqlite {
    use super::*;

    suite! {
        in_a_file();
        audience_comes_back_as_put
        audiences_are_searched_sorted_filtered
        static_members_are_edited_by_hand
        dynamic_audience_is_not_edited
        forgotten_people_leave_audiences
        largest_conditions_are_counted
        editors_at_once_lose_nothing
        sql_gives_people_once
        sql_that_does_more_is_refused
        sql_without_end_is_ended
    }

    /// The schema is SQLite's own table, and its table functions are not ours.
    #[tokio::test]
    async fn tables_of_sqlite_are_not_read() {
        let (_folder, store) = in_a_file().await;
        refused(&store, "select rootpage as id from sqlite_schema", "only read these tables").await;
        refused(&store, "select seq as id from pragma_database_list", "only read tables of people").await;
    }
}

async fn in_a_database() -> (FreshDatabase, PostgresStore) {
    let database = FreshDatabase::create().await;
    let store = PostgresStore::open(&database.url()).await.unwrap();
    (database, store)
}

mod in_postgres {
    use super::*;

    suite! {
        in_a_database();
        audience_comes_back_as_put
        audiences_are_searched_sorted_filtered
        static_members_are_edited_by_hand
        dynamic_audience_is_not_edited
        forgotten_people_leave_audiences
        largest_conditions_are_counted
        editors_at_once_lose_nothing
        sql_gives_people_once
        sql_that_does_more_is_refused
        sql_without_end_is_ended
    }

    /// Catalogues of the server are not read, nor tables of other schemas.
    #[tokio::test]
    async fn tables_of_the_server_are_not_read() {
        let (_database, store) = in_a_database().await;
        for sql in [
            "select oid::bigint as id from pg_authid",
            "select oid::bigint as id from pg_catalog.pg_class",
            "select 1 as id from information_schema.tables",
            "select id from person where exists (table pg_shadow)",
        ] {
            refused(&store, sql, "only read these tables").await;
        }
    }
}
