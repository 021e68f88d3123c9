//! Taking back what a run changed.

use achub_core::{
    Code, RunId, Value,
    consent::ListStatus,
    person::{BuiltIn, Mark, PersonField},
    port::people::{PersonChange, Undone},
};

use super::rig::{
    Store, apply, at, batch, desk, email, field, line, link, new, of, permission, person, run, world,
};

fn r2() -> RunId {
    RunId::new("r-2")
}

const DAY: i64 = 24 * 3_600;

/// What a run did in two batches is taken back at once: values, tags, companies, links and the mark of a bounce.
pub async fn undo_restores_what_nobody_touched(store: impl Store) {
    let world = world(&store).await;
    let tag = store.tag("t").await.unwrap();
    let start = PersonChange {
        fields: vec![
            field(None, BuiltIn::FirstName, Value::text("Ann")),
            field(None, &world.fields[0], Value::text("x")),
        ],
        links: vec![link("1")],
        ..new("ann@example.com")
    };
    let id = apply(&store, run("r-1", 1), vec![start]).await[0];
    let before = person(&store, id).await;
    let first = PersonChange {
        fields: vec![
            field(Some(&before), BuiltIn::FirstName, Value::text("Anna")),
            field(Some(&before), BuiltIn::Email, Value::text("anna@example.com")),
            field(Some(&before), &world.fields[0], Value::Null),
        ],
        email: Some(email("anna@example.com")),
        tags: vec![tag.id],
        marks: vec![(Mark::Bounced, at(2))],
        links: vec![link("2")],
        ..of(&before)
    };
    apply(&store, run("r-2", 2), vec![first]).await;
    let middle = person(&store, id).await;
    assert_eq!(middle.value(PersonField::Custom(world.fields[0].id)), Value::Null);
    let second = PersonChange {
        fields: vec![field(Some(&middle), BuiltIn::FirstName, Value::text("Annika"))],
        permissions: vec![line(None, world.lists[0].id, permission(ListStatus::Active, 1))],
        ..of(&middle)
    };
    apply(&store, run("r-2", 3), vec![second]).await;

    let undone = store.undo(&r2(), &desk(4)).await.unwrap();

    assert_eq!(undone, Undone { restored: 1, removed: 0, left: 0 });
    let after = person(&store, id).await;
    assert_eq!((after.version, after.updated_at), (4, at(4)));
    for told in [BuiltIn::Email, BuiltIn::FirstName].map(PersonField::BuiltIn) {
        assert_eq!(after.value(told), before.value(told));
    }
    assert_eq!(after.value(PersonField::Custom(world.fields[0].id)), Value::text("x"));
    assert_eq!((after.tags, after.marks, after.memberships), (vec![], vec![], vec![]));
    assert_eq!(after.links, [link("1")]);
    assert_eq!(store.undo(&r2(), &desk(5)).await.unwrap_err().code(), Code::UndoTooLate);
    assert_eq!(store.undo(&RunId::new("r-9"), &desk(5)).await.unwrap_err().code(), Code::UndoTooLate);
}

/// What a person wrote after the run stays, and so does what she wrote between two batches of it.
pub async fn undo_leaves_what_somebody_touched(store: impl Store) {
    let ids = apply(&store, run("r-1", 1), vec![new("a@example.com"), new("b@example.com")]).await;
    let named = |person: &achub_core::person::Person, name: &str| PersonChange {
        fields: vec![field(Some(person), BuiltIn::FirstName, Value::text(name))],
        ..of(person)
    };
    for (author, of, name) in [
        (run("r-2", 2), 0, "A1"),
        (desk(3), 0, "A2"),
        (run("r-2", 4), 1, "B1"),
        (desk(5), 1, "B2"),
        (run("r-2", 6), 1, "B3"),
    ] {
        let change = named(&person(&store, ids[of]).await, name);
        apply(&store, author, vec![change]).await;
    }

    let undone = store.undo(&r2(), &desk(7)).await.unwrap();

    assert_eq!(undone, Undone { restored: 0, removed: 0, left: 2 });
    assert_eq!(person(&store, ids[0]).await.first_name.as_deref(), Some("A2"));
    assert_eq!(person(&store, ids[1]).await.first_name.as_deref(), Some("B3"));
}

/// CN: an undo never allows more than was allowed before it, nor does it forget a later date.
pub async fn undo_keeps_consent_down(store: impl Store) {
    let world = world(&store).await;
    let lists: Vec<_> = world.lists.iter().map(|list| list.id).collect();
    let start = PersonChange {
        permissions: vec![
            line(None, lists[0], permission(ListStatus::Active, 1)),
            line(None, lists[1], permission(ListStatus::Unsubscribed, 1)),
        ],
        ..new("ann@example.com")
    };
    let id = apply(&store, run("r-1", 1), vec![start]).await[0];
    let ann = person(&store, id).await;
    let change = PersonChange {
        permissions: vec![
            line(Some(&ann), lists[0], permission(ListStatus::Unsubscribed, 5)),
            line(Some(&ann), lists[1], permission(ListStatus::Active, 5)),
            line(None, lists[2], permission(ListStatus::Bounced, 5)),
        ],
        marks: vec![(Mark::Spam, at(5)), (Mark::Unsubscribed, at(5)), (Mark::Dropped, at(5))],
        ..of(&ann)
    };
    apply(&store, run("r-2", 5), vec![change]).await;

    store.undo(&r2(), &desk(6)).await.unwrap();

    let after = person(&store, id).await;
    let held: Vec<_> = after.memberships.iter().map(|held| held.permission).collect();
    let expected = [
        permission(ListStatus::Unsubscribed, 5),
        permission(ListStatus::Unsubscribed, 1),
        permission(ListStatus::Bounced, 5),
    ];
    assert_eq!(held, expected);
    assert_eq!(after.marks, [(Mark::Unsubscribed, at(5)), (Mark::Spam, at(5))]);
}

/// Whoever came by the run goes with it, and her address is free.
pub async fn undo_removes_who_was_added(store: impl Store) {
    let ids = apply(&store, run("r-2", 1), vec![new("a@example.com"), new("b@example.com")]).await;
    let b = person(&store, ids[1]).await;
    apply(&store, desk(2), vec![PersonChange { marks: vec![(Mark::Blocked, at(2))], ..of(&b) }]).await;

    let undone = store.undo(&r2(), &desk(3)).await.unwrap();

    assert_eq!(undone, Undone { restored: 0, removed: 1, left: 1 });
    assert_eq!(store.person(ids[0]).await.unwrap(), None);
    assert_eq!(store.history(ids[0], 10).await.unwrap(), []);
    assert_eq!(store.outbox(0, 10).await.unwrap().last().map(|row| row.person), Some(ids[0]));
    apply(&store, desk(4), vec![new("a@example.com")]).await;
}

/// Two people who changed addresses, and a link that moved, are as they were.
pub async fn undo_gives_addresses_and_links_back(store: impl Store) {
    let with_link = PersonChange { links: vec![link("1")], ..new("a@example.com") };
    let ids = apply(&store, run("r-1", 1), vec![with_link, new("b@example.com"), new("c@example.com")]).await;
    let mut people = Vec::new();
    for id in &ids {
        people.push(person(&store, *id).await);
    }
    let moved = |of_whom: usize, address: &str| PersonChange {
        fields: vec![field(Some(&people[of_whom]), BuiltIn::Email, Value::text(address))],
        email: Some(email(address)),
        ..of(&people[of_whom])
    };
    let changes = vec![
        moved(0, "b@example.com"),
        PersonChange { links: vec![link("1")], ..moved(1, "a@example.com") },
        moved(2, "d@example.com"),
    ];
    apply(&store, run("r-2", 2), changes).await;
    apply(&store, desk(3), vec![new("c@example.com")]).await;

    let undone = store.undo(&r2(), &desk(4)).await.unwrap();

    assert_eq!(undone, Undone { restored: 2, removed: 0, left: 1 }, "somebody else is at c by now");
    let key = |person: &achub_core::person::Person| person.email.as_ref().map(|email| email.key().to_owned());
    let (a, b) = (person(&store, ids[0]).await, person(&store, ids[1]).await);
    assert_eq!(key(&a).as_deref(), Some("a@example.com"));
    assert_eq!(key(&b).as_deref(), Some("b@example.com"));
    assert_eq!((a.links, b.links), (vec![link("1")], vec![]));
}

/// Seven days after its last change a run is past taking back, and what would do it is gone with the next import.
pub async fn undo_ends_after_seven_days(store: impl Store) {
    let id = apply(&store, run("r-2", 0), vec![new("a@example.com")]).await[0];
    let late = store.undo(&r2(), &desk(7 * DAY + 1)).await.unwrap_err();
    assert_eq!(late.code(), Code::UndoTooLate);

    store.apply(&batch(run("r-3", 7 * DAY + 1), Vec::new())).await.unwrap();
    let end = achub_core::port::people::ImportEnd {
        job: super::rig::job(),
        run: RunId::new("r-3"),
        fence: None,
        cursor: None,
        swept_at: None,
    };
    store.end_import(&end).await.unwrap();

    assert_eq!(store.undo(&r2(), &desk(1)).await.unwrap_err().code(), Code::UndoTooLate);
    assert_eq!(person(&store, id).await.version, 1);
}

/// More people than fit into one portion, added and changed.
pub async fn many_people_are_taken_back(store: impl Store) {
    let old = (0..5).map(|number| new(&format!("old{number}@example.com"))).collect();
    let ids = apply(&store, run("r-1", 1), old).await;
    let mut changes: Vec<PersonChange> =
        (0..1_100).map(|number| new(&format!("new{number}@example.com"))).collect();
    for id in &ids {
        let old = person(&store, *id).await;
        changes.push(PersonChange { marks: vec![(Mark::Bounced, at(2))], ..of(&old) });
    }
    apply(&store, run("r-2", 2), changes).await;

    let undone = store.undo(&r2(), &desk(3)).await.unwrap();

    assert_eq!(undone, Undone { restored: 5, removed: 1_100, left: 0 });
    assert_eq!(store.count(&achub_core::condition::Condition::Everybody).await.unwrap(), 5);
}
