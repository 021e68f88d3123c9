//! Audiences over a store: counted, previewed, filled, read.

use achub_core::{
    AudienceName, Code, EmailAddress, Error, Outcome,
    email::LocalParts,
    person::{Mark, PersonId, TagId},
    port::{
        audiences::{
            Audience, AudienceKind, AudienceStatus, AudienceStore, Definition, PeopleSql, QueryLimits,
        },
        people::{Author, ChangeBatch, PeopleStore, PersonChange, Whom},
    },
};
use achub_engine::audience::{Names, Ports, count, draft, fill, members, parse, preview, why};
use achub_store::memory::MemoryStore;
use async_trait::async_trait;
use jiff::Timestamp;

fn now() -> Timestamp {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

/// SQL that gives whom a test says.
struct Listed(Vec<PersonId>);

#[async_trait]
impl PeopleSql for Listed {
    async fn people_by_sql(&self, sql: &str, _limits: &QueryLimits) -> Result<Vec<PersonId>, Error> {
        match sql {
            "broken" => Err(Error::new(Code::BadQuery, "the query may not be run")),
            _ => Ok(self.0.clone()),
        }
    }
}

fn ports<'a>(store: &'a MemoryStore, sql: &'a Listed) -> Ports<'a> {
    Ports { people: store, sql, audiences: store, limits: QueryLimits::STANDARD }
}

/// So many people, every third of whom carries the tag `vip`, every fourth of whom bounced.
async fn people(store: &MemoryStore, count: usize) -> Vec<PersonId> {
    let vip = store.tag("vip").await.unwrap().id;
    let change = |number: usize| PersonChange {
        whom: Whom::New(Some(
            EmailAddress::parse(&format!("p{number}@example.com"), LocalParts::FoldCase).unwrap(),
        )),
        links: Vec::new(),
        fields: Vec::new(),
        email: None,
        permissions: Vec::new(),
        marks: if number.is_multiple_of(4) { vec![(Mark::Bounced, now())] } else { Vec::new() },
        marks_cleared: Vec::new(),
        tags: if number.is_multiple_of(3) { vec![vip] } else { Vec::<TagId>::new() },
        tags_removed: Vec::new(),
        companies: Vec::new(),
        outcome: Outcome::Added,
    };
    let author = Author { run: None, connection: None, at: now() };
    let changes = (0..count).map(change).collect();
    store.apply(&ChangeBatch { author, changes, refused: Vec::new(), advance: None }).await.unwrap()
}

fn audience(kind: AudienceKind, definition: Definition) -> Audience {
    Audience {
        name: AudienceName::new("gold"),
        kind,
        definition,
        status: AudienceStatus::Draft,
        member_count: None,
        created_at: now(),
        updated_at: now(),
    }
}

fn condition(text: &str) -> Definition {
    Definition::Condition(text.to_owned())
}

async fn all_members(ports: &Ports<'_>, audience: &Audience) -> Vec<PersonId> {
    let mut members = members(ports, audience, now()).await.unwrap();
    let mut all = Vec::new();
    while let Some(page) = members.next().await.unwrap() {
        all.extend(page);
    }
    all
}

/// AB-90: the count is shown beforehand, and nothing is written by that.
#[tokio::test]
async fn preview_counts_and_writes_nothing() {
    let (store, sql) = (MemoryStore::new(), Listed(Vec::new()));
    let ids = people(&store, 120).await;

    let selected =
        preview(&ports(&store, &sql), &condition("tag = 'vip' and not bounced"), now()).await.unwrap();

    assert_eq!((selected.count, selected.sample.len()), (30, 20));
    assert_eq!(selected.sample[0].id, ids[3]);
    let error = preview(&ports(&store, &sql), &condition("tag = 'vipp'"), now()).await.unwrap_err();
    assert_eq!(error.code(), Code::BadCondition);
    assert_eq!(store.audiences(&Default::default()).await.unwrap(), []);
}

/// AB-90, AB-91: filtered once, then edited by hand; a second filling brings who is new and throws nobody out.
#[tokio::test]
async fn static_audience_is_filtered_once() {
    let (store, sql) = (MemoryStore::new(), Listed(Vec::new()));
    let ports = ports(&store, &sql);
    let ids = people(&store, 12).await;
    store.put_audience(&audience(AudienceKind::Static, condition("tag = 'vip'"))).await.unwrap();

    let filled = fill(&ports, &AudienceName::new("Gold"), now()).await.unwrap();

    assert_eq!((filled.status, filled.member_count), (AudienceStatus::Done, Some(4)));
    store.add_members(&filled.name, &ids[1..2], now()).await.unwrap();
    store.remove_members(&filled.name, &ids[..1], now()).await.unwrap();
    let edited = store.audience(&filled.name).await.unwrap().unwrap();
    assert_eq!(all_members(&ports, &edited).await, [ids[1], ids[3], ids[6], ids[9]]);
    assert_eq!(count(&ports, &edited, now()).await.unwrap(), 4);
    let again = fill(&ports, &filled.name, now()).await.unwrap();
    assert_eq!(all_members(&ports, &again).await, [ids[0], ids[1], ids[3], ids[6], ids[9]]);
}

#[tokio::test]
async fn audience_of_nobody_is_done_too() {
    let (store, sql) = (MemoryStore::new(), Listed(Vec::new()));
    store.put_audience(&audience(AudienceKind::Static, condition("spam"))).await.unwrap();

    let filled = fill(&ports(&store, &sql), &AudienceName::new("gold"), now()).await.unwrap();

    assert_eq!((filled.status, filled.member_count), (AudienceStatus::Done, Some(0)));
}

/// AB-90: of a dynamic audience new matches are members by themselves, over more than one page.
#[tokio::test]
async fn dynamic_audience_follows_its_condition() {
    let (store, sql) = (MemoryStore::new(), Listed(Vec::new()));
    let ports = ports(&store, &sql);
    let dynamic = audience(AudienceKind::Dynamic, condition("not bounced"));
    store.put_audience(&dynamic).await.unwrap();
    assert_eq!(fill(&ports, &dynamic.name, now()).await.unwrap().member_count, Some(0));

    people(&store, 3_000).await;

    let found = all_members(&ports, &dynamic).await;
    assert_eq!(found.len(), 2_250);
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "each once, in order");
    assert_eq!(count(&ports, &dynamic, now()).await.unwrap(), 2_250);
    assert_eq!(fill(&ports, &dynamic.name, now()).await.unwrap().member_count, Some(2_250));
}

#[tokio::test]
async fn sql_selects_members_too() {
    let store = MemoryStore::new();
    let ids = people(&store, 5).await;
    let sql = Listed(ids[1..4].to_vec());
    let ports = ports(&store, &sql);
    let definition = Definition::Sql("select id from person".to_owned());
    assert_eq!(preview(&ports, &definition, now()).await.unwrap().count, 3);
    store.put_audience(&audience(AudienceKind::Static, definition)).await.unwrap();

    let filled = fill(&ports, &AudienceName::new("gold"), now()).await.unwrap();

    assert_eq!(all_members(&ports, &filled).await, ids[1..4]);
}

#[test]
fn draft_is_checked_before_it_is_saved() {
    let make = |name: &str, kind, definition| draft(name, kind, definition, &Names::default(), now());
    let code = |made: Result<Audience, Error>| made.unwrap_err().code();

    let made = make(" Gold ", AudienceKind::Dynamic, condition("mailable")).unwrap();
    assert_eq!((made.name.as_str(), made.status, made.member_count), ("Gold", AudienceStatus::Draft, None));
    assert_eq!(code(make("  ", AudienceKind::Static, Definition::Hand)), Code::BadArgument);
    assert_eq!(code(make("a\nb", AudienceKind::Static, Definition::Hand)), Code::BadArgument);
    assert_eq!(code(make(&"x".repeat(101), AudienceKind::Static, Definition::Hand)), Code::BadArgument);
    assert_eq!(code(make("x", AudienceKind::Dynamic, Definition::Hand)), Code::BadArgument);
    assert_eq!(code(make("x", AudienceKind::Static, condition("tag = 'x'"))), Code::BadCondition);
}

/// AB-91: who is left out, and why, from the store.
#[tokio::test]
async fn store_tells_why_somebody_is_out() {
    let store = MemoryStore::new();
    let ids = people(&store, 5).await;
    let condition = parse("tag = 'vip' and not bounced", &Names::load(&store).await.unwrap(), now()).unwrap();

    let told = async |id| why(&store, id, &condition, None).await.unwrap();

    assert!(told(ids[3]).await.unwrap().is_included);
    let out = told(ids[0]).await.unwrap();
    assert_eq!(
        (out.is_included, out.reasons),
        (false, vec!["she is marked bounced since 2026-03-31 12:00 UTC".to_owned()])
    );
    assert_eq!(told(ids[1]).await.unwrap().reasons, ["she does not carry the tag \"vip\""]);
    assert_eq!(told(PersonId(4711)).await, None);
}

/// A filling that fails leaves the audience where it stood, also after somebody died in the middle of one.
#[tokio::test]
async fn failed_filling_goes_back() {
    let (store, sql) = (MemoryStore::new(), Listed(Vec::new()));
    let ports = ports(&store, &sql);
    let name = AudienceName::new("gold");
    for (status, expected) in [
        (AudienceStatus::Done, AudienceStatus::Done),
        (AudienceStatus::Preview, AudienceStatus::Preview),
        (AudienceStatus::Processing, AudienceStatus::Draft),
    ] {
        let broken = audience(AudienceKind::Dynamic, Definition::Sql("broken".to_owned()));
        store.put_audience(&Audience { status, ..broken }).await.unwrap();

        let error = fill(&ports, &name, now()).await.unwrap_err();

        assert_eq!(error.code(), Code::BadQuery);
        assert_eq!(store.audience(&name).await.unwrap().unwrap().status, expected);
    }
    let unknown = fill(&ports, &AudienceName::new("nobody"), now()).await.unwrap_err();
    assert_eq!(unknown.code(), Code::UnknownAudience);
}
