//! What may change about what people allowed.

use achub_core::{
    Code, Value,
    consent::{Cause, ListStatus, Permission, SuppressionReason},
    person::{Mark, PersonId},
    port::people::{PersonChange, Suppression},
};

use super::rig::{Store, apply, at, batch, desk, line, new, of, permission, person, run, world};

/// CN-10, I6: the store itself refuses a permission that would move up without a later word of hers, and writes nothing of
/// its batch, for every pair of states.
pub async fn raised_permission_is_refused(store: impl Store) {
    let world = world(&store).await;
    let list = world.lists[0].id;
    let held = [
        permission(ListStatus::Unsubscribed, 10),
        permission(ListStatus::Bounced, 10),
        Permission { since: None, ..permission(ListStatus::Unsubscribed, 10) },
    ];
    let shown = [
        permission(ListStatus::Active, 10),
        permission(ListStatus::Active, 9),
        Permission { since: None, ..permission(ListStatus::Active, 10) },
        Permission { cause: Cause::Hub, since: None, status: ListStatus::Unconfirmed },
    ];
    for (number, (held, shown)) in
        held.iter().flat_map(|held| shown.iter().map(move |shown| (held, shown))).enumerate()
    {
        let start = PersonChange {
            permissions: vec![line(None, list, *held)],
            ..new(&format!("p{number}@example.com"))
        };
        let id = apply(&store, desk(1), vec![start]).await[0];
        let before = person(&store, id).await;
        let raise = PersonChange { permissions: vec![line(Some(&before), list, *shown)], ..of(&before) };
        let beside = new(&format!("beside{number}@example.com"));
        let rows = store.outbox(0, 1_000).await.unwrap().len();

        let failed = store.apply(&batch(desk(2), vec![beside, raise])).await.unwrap_err();

        assert_eq!(failed.code(), Code::Bug, "{held:?} to {shown:?}");
        assert_eq!(person(&store, id).await, before);
        assert_eq!(store.outbox(0, 1_000).await.unwrap().len(), rows);
    }
    let mut blind = line(None, list, permission(ListStatus::Active, 99));
    blind.before = None;
    let ann = person(&store, PersonId(1)).await;
    let hiding = batch(desk(3), vec![PersonChange { permissions: vec![blind], ..of(&ann) }]);
    let failed = store.apply(&hiding).await.unwrap_err();
    assert_eq!(failed.code(), Code::Bug, "a line that hides what is held");
}

/// Her own later opt-in counts, and each step has its line of history.
pub async fn ledger_follows_membership(store: impl Store) {
    let world = world(&store).await;
    let list = world.lists[0].id;
    let id = apply(&store, run("r-1", 1), vec![new("ann@example.com")]).await[0];
    let steps = [
        permission(ListStatus::Unconfirmed, 5),
        permission(ListStatus::Active, 10),
        permission(ListStatus::Unsubscribed, 20),
        permission(ListStatus::Active, 30),
    ];
    for step in steps {
        let ann = person(&store, id).await;
        let change = PersonChange { permissions: vec![line(Some(&ann), list, step)], ..of(&ann) };
        apply(&store, run("r-2", 40), vec![change]).await;
    }

    let ann = person(&store, id).await;
    assert_eq!(ann.memberships.len(), 1);
    assert_eq!(ann.memberships[0].permission, steps[3]);
    let told: Vec<Value> = store.history(id, 10).await.unwrap().into_iter().map(|line| line.after).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[1], Value::text(format!("unsubscribed, by import, since {}", at(20))));
}

/// SX-15, SX-16: a mark is set once with its date, and goes only when somebody takes it off.
pub async fn marks_are_set_and_cleared(store: impl Store) {
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];
    let set = |since| vec![(Mark::Bounced, at(since))];
    for since in [5, 9] {
        let ann = person(&store, id).await;
        apply(&store, desk(since), vec![PersonChange { marks: set(since), ..of(&ann) }]).await;
    }
    let ann = person(&store, id).await;
    assert_eq!((ann.marks.clone(), ann.version), (set(5), 2));
    let cleared = PersonChange { marks_cleared: vec![Mark::Bounced], ..of(&ann) };
    apply(&store, desk(10), vec![cleared]).await;
    assert_eq!(person(&store, id).await.marks, []);
}

fn suppression(hash: &str, reason: SuppressionReason, second: i64, email: Option<&str>) -> Suppression {
    Suppression {
        hash: hash.to_owned(),
        key_version: 1,
        reason,
        since: at(second),
        email: email.map(str::to_owned),
    }
}

/// Suppressed addresses are found under any version of the key, with the weightiest reason.
pub async fn suppressions_keep_weightier_reason(store: impl Store) {
    let ann = Some("ann@example.com");
    let out = suppression("h1", SuppressionReason::OptedOut, 1, ann);
    store.suppress(&out, &desk(1)).await.unwrap();
    store.suppress(&suppression("h1", SuppressionReason::Manual, 2, ann), &desk(2)).await.unwrap();
    let spam = suppression("h2", SuppressionReason::Complained, 3, None);
    store.suppress(&spam, &desk(3)).await.unwrap();

    let hashes = |list: &[&str]| list.iter().map(|hash| (*hash).to_owned()).collect::<Vec<_>>();
    let asked = [hashes(&["h0", "h1"]), hashes(&[]), hashes(&["h1", "h2"]), hashes(&["h9"])];
    let found = store.suppressed(&asked).await.unwrap();
    assert_eq!(found, [Some(out.clone()), None, Some(spam.clone()), None]);
    assert_eq!(store.suppressions(10).await.unwrap(), [spam.clone(), out]);
    assert_eq!(store.suppressions(1).await.unwrap(), [spam]);
}
