//! Pages of people.

use achub_core::{
    Code, Value,
    condition::Condition,
    person::{BuiltIn, Person},
    port::people::{PageMark, PeopleOrder, PeopleQuery, PeopleStore, PersonChange, Whom},
};

use super::rig::{Store, apply, change, desk, field, new};

fn query(order: PeopleOrder, limit: u32) -> PeopleQuery {
    PeopleQuery { condition: Condition::Everybody, search: None, order, after: None, limit }
}

/// Everybody, page by page.
pub async fn walked(store: &dyn PeopleStore, mut query: PeopleQuery) -> Vec<Person> {
    let mut all = Vec::new();
    loop {
        let (mut page, mark) = store.people(&query).await.unwrap();
        assert!(page.len() <= query.limit as usize);
        all.append(&mut page);
        if mark.is_none() {
            return all;
        }
        query.after = mark;
    }
}

/// Each order shows everybody once, those without an address too, whatever ties there are.
pub async fn pages_neither_skip_nor_repeat(store: impl Store) {
    let mut changes: Vec<PersonChange> =
        (0..23).map(|number| new(&format!("p{}@example.com", number * 7 % 23))).collect();
    changes.extend((0..5).map(|_| change(Whom::New(None))));
    for (second, part) in (0_i64..).zip(changes.chunks(9)) {
        apply(&store, desk(second), part.to_vec()).await;
    }
    for order in [PeopleOrder::Id, PeopleOrder::Email, PeopleOrder::UpdatedAt] {
        let whole = store.people(&query(order, 100)).await.unwrap();
        assert_eq!((whole.0.len(), whole.1), (28, None));
        for limit in [1, 4, 27, 28] {
            assert_eq!(walked(&store, query(order, limit)).await, whole.0, "{order:?} by {limit}");
        }
    }
    assert_eq!(store.people(&query(PeopleOrder::Id, 0)).await.unwrap(), (Vec::new(), None));
    let by_email = walked(&store, query(PeopleOrder::Email, 10)).await;
    assert!(by_email[..5].iter().all(|person| person.email.is_none()));
    let by_update = walked(&store, query(PeopleOrder::UpdatedAt, 10)).await;
    assert_eq!(by_update[0].id.0, 28, "the last batch is one person");
}

/// Addresses and names are found by how they begin, without regard to case.
pub async fn search_finds_beginnings(store: impl Store) {
    let named = |address: &str, first: &str, last: &str| PersonChange {
        fields: vec![
            field(None, BuiltIn::FirstName, Value::text(first)),
            field(None, BuiltIn::LastName, Value::text(last)),
        ],
        ..new(address)
    };
    let changes = vec![
        named("Ann@example.com", "Ann", "Zürcher"),
        named("zoe@example.com", "Élodie", "ANNING"),
        named("bob@example.com", "Bob", "Hannah"),
    ];
    let ids = apply(&store, desk(1), changes).await;
    for (search, expected) in [
        ("ann", vec![ids[0], ids[1]]),
        ("ANN@", vec![ids[0]]),
        ("  zÜr", vec![ids[0]]),
        ("élodie anning", vec![ids[1]]),
        ("bob h", vec![ids[2]]),
        ("nn", vec![]),
        ("%", vec![]),
        ("", ids.clone()),
    ] {
        let query = PeopleQuery { search: Some(search.to_owned()), ..query(PeopleOrder::Id, 10) };
        let found: Vec<_> = store.people(&query).await.unwrap().0.iter().map(|person| person.id).collect();
        assert_eq!(found, expected, "{search:?}");
    }
}

/// A mark of another order, or none of ours, is refused.
pub async fn marks_of_other_lists_are_refused(store: impl Store) {
    apply(&store, desk(1), vec![new("a@example.com"), new("b@example.com")]).await;
    let (_, mark) = store.people(&query(PeopleOrder::Email, 1)).await.unwrap();
    for mark in [mark, Some(PageMark("1".to_owned()))] {
        let query = PeopleQuery { after: mark, ..query(PeopleOrder::Id, 1) };
        assert_eq!(store.people(&query).await.unwrap_err().code(), Code::BadArgument);
    }
}
