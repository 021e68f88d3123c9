//! What is left of somebody who asked to be forgotten.

use achub_core::{
    Value,
    condition::Condition,
    consent::{ListStatus, SuppressionReason},
    person::BuiltIn,
    port::people::{ChangeBatch, PersonChange, RefusedPerson, Suppression},
};

use super::rig::{Store, apply, at, batch, desk, field, line, link, new, of, permission, person, run, world};

fn erased() -> Suppression {
    Suppression {
        hash: "h1".to_owned(),
        key_version: 1,
        reason: SuppressionReason::Erased,
        since: at(9),
        email: Some("ann@example.com".to_owned()),
    }
}

fn refused(key: &str, columns: &str) -> RefusedPerson {
    RefusedPerson {
        key: key.to_owned(),
        field: "ip".to_owned(),
        code: "INVALID_FIELD".to_owned(),
        reason: "no address".to_owned(),
        columns: columns.to_owned(),
    }
}

/// Nothing says who she was: not her history, not an undo, not the records that were refused.
pub async fn forgotten_person_leaves_suppression_only(store: impl Store) {
    let world = world(&store).await;
    let ann = PersonChange {
        links: vec![link("7")],
        fields: vec![field(None, BuiltIn::FirstName, Value::text("Ann"))],
        permissions: vec![line(None, world.lists[0].id, permission(ListStatus::Active, 1))],
        ..new("Ann@example.com")
    };
    let others = vec![
        refused("7", "{}"),
        refused("8", "{\"email\":\"ann@example.com\"}"),
        refused("9", "{\"email\":\"bob@example.com\"}"),
    ];
    let first = ChangeBatch { refused: others, ..batch(run("r-1", 1), vec![ann, new("bob@example.com")]) };
    let ids = store.apply(&first).await.unwrap();
    let ann = person(&store, ids[0]).await;
    let change =
        PersonChange { fields: vec![field(Some(&ann), BuiltIn::FirstName, Value::text("Anne"))], ..of(&ann) };
    apply(&store, run("r-2", 2), vec![change]).await;

    store.forget(ids[0], &erased(), &desk(9)).await.unwrap();

    assert_eq!(store.person(ids[0]).await.unwrap(), None);
    assert_eq!(store.count(&Condition::Everybody).await.unwrap(), 1);
    assert_eq!(store.history(ids[0], 10).await.unwrap(), []);
    let (left, count) = store.refused(&run("r-1", 1).run.unwrap(), 0, 10).await.unwrap();
    assert_eq!((left.len(), left[0].key.as_str(), count), (1, "9", 1));
    let kept = Suppression { email: None, ..erased() };
    assert_eq!(store.suppressions(10).await.unwrap(), [kept]);
    let last = store.outbox(0, 10).await.unwrap().pop().unwrap();
    assert_eq!((last.person, last.at), (ids[0], at(9)), "whoever passes changes on learns of it");
    let undone = store.undo(&run("r-2", 2).run.unwrap(), &desk(10)).await.unwrap();
    assert_eq!((undone.restored, undone.removed, undone.left), (0, 0, 0));
}

/// Somebody who is gone already is suppressed all the same, and her address leaves the suppression that had it.
pub async fn forgetting_twice_is_no_error(store: impl Store) {
    let known = Suppression { reason: SuppressionReason::OptedOut, since: at(1), ..erased() };
    store.suppress(&known, &desk(1)).await.unwrap();
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];

    for second in [9, 10] {
        store.forget(id, &erased(), &desk(second)).await.unwrap();
    }

    let kept = store.suppressions(10).await.unwrap();
    assert_eq!(kept, [Suppression { email: None, ..erased() }]);
    let next = apply(&store, desk(11), vec![new("bob@example.com")]).await[0];
    assert!(next > id, "a number is never given out again");
}
