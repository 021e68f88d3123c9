//! What of a person's memberships is written into the consent ledger (SX-18).

use std::{cmp::Reverse, collections::HashMap};

use achub_core::{
    consent::{Decision, Permission, decide},
    person::{ListId, Person},
    port::people::PermissionChange,
};

/// What becomes of somebody's memberships.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Allowed {
    /// New lines of the ledger.
    pub(super) changes: Vec<PermissionChange>,
    /// What was shown and not taken, because it would have allowed more without proof that she wanted it.
    pub(super) kept: Vec<PermissionChange>,
    /// Keys of lists that are not in the catalogue: made or deleted while it was being read.
    pub(super) unknown: Vec<String>,
}

/// Holds the memberships `shown` by the account against those held.
///
/// `is_twin`: another contact of the account is the same person. What one of the two allows must not undo what the other
/// refused, so nothing moves up.
pub(super) fn allowed(
    held: Option<&Person>,
    shown: &[(String, Permission)],
    lists: &HashMap<String, ListId>,
    is_twin: bool,
) -> Allowed {
    let mut allowed = Allowed::default();
    for (key, after) in least(shown) {
        let Some(&list) = lists.get(key) else {
            allowed.unknown.push(key.to_owned());
            continue;
        };
        let mut memberships = held.map(|person| person.memberships.as_slice()).unwrap_or_default().iter();
        let before = memberships.find(|membership| membership.list == list);
        let before = before.map(|membership| membership.permission);
        let change = PermissionChange { list, before, after };
        let rises = before.is_some_and(|before| after.status.standing() > before.status.standing());
        match decide(before.as_ref(), &after) {
            Decision::Same => {}
            Decision::Record if is_twin && rises => allowed.kept.push(change),
            Decision::Record => allowed.changes.push(change),
            Decision::Keep => allowed.kept.push(change),
        }
    }
    allowed
}

/// One membership for each list: of several the one that allows least, the latest of those.
fn least(shown: &[(String, Permission)]) -> Vec<(&str, Permission)> {
    let rank = |permission: &Permission| (permission.status.standing(), Reverse(permission.since));
    let mut least: Vec<(&str, Permission)> = Vec::new();
    for (key, permission) in shown {
        match least.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) if rank(permission) < rank(known) => *known = *permission,
            Some(_) => {}
            None => least.push((key, *permission)),
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use achub_core::{
        consent::{Cause, ListStatus},
        person::Membership,
    };
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::import::sample::person;

    fn permission(status: ListStatus, since: Option<i64>) -> Permission {
        let since = since.map(|second| Timestamp::from_second(second).expect("a moment near 1970"));
        Permission { status, cause: Cause::Import, since }
    }

    fn on_list(permission: Permission) -> Person {
        Person {
            memberships: vec![Membership { list: ListId(1), permission }],
            ..person(1, "ann@example.com")
        }
    }

    fn check(held: Permission, shown: Permission, is_twin: bool) -> (usize, usize) {
        let lists = HashMap::from([("a".to_owned(), ListId(1))]);
        let allowed = allowed(Some(&on_list(held)), &[("a".to_owned(), shown)], &lists, is_twin);
        (allowed.changes.len(), allowed.kept.len())
    }

    #[test]
    fn opt_out_stays_without_later_opt_in() {
        let (active, out) = (ListStatus::Active, ListStatus::Unsubscribed);
        assert_eq!(check(permission(active, Some(5)), permission(out, None), false), (1, 0));
        assert_eq!(check(permission(out, Some(5)), permission(active, Some(4)), false), (0, 1));
        assert_eq!(check(permission(out, Some(5)), permission(active, Some(6)), false), (1, 0));
        assert_eq!(check(permission(out, Some(5)), permission(active, Some(6)), true), (0, 1));
    }

    #[test]
    fn least_of_two_memberships_of_a_list_counts() {
        let shown = [(ListStatus::Active, 9), (ListStatus::Unsubscribed, 5), (ListStatus::Unsubscribed, 7)];
        let shown = shown.map(|(status, since)| ("a".to_owned(), permission(status, Some(since))));
        let lists = HashMap::from([("a".to_owned(), ListId(1))]);
        let allowed = allowed(None, &shown, &lists, false);
        let after: Vec<Permission> = allowed.changes.iter().map(|change| change.after).collect();
        assert_eq!(after, [permission(ListStatus::Unsubscribed, Some(7))]);
    }

    #[test]
    fn list_that_is_not_known_is_told() {
        let shown = [("9".to_owned(), permission(ListStatus::Active, None))];
        let allowed = allowed(None, &shown, &HashMap::new(), false);
        assert_eq!(allowed, Allowed { unknown: vec!["9".to_owned()], ..Allowed::default() });
    }

    fn any_permission() -> impl Strategy<Value = Permission> {
        let status = prop_oneof![
            Just(ListStatus::Unconfirmed),
            Just(ListStatus::Active),
            Just(ListStatus::Unsubscribed),
            Just(ListStatus::Bounced),
            Just(ListStatus::Other(91)),
        ];
        (status, proptest::option::of(0_i64..5)).prop_map(|(status, since)| permission(status, since))
    }

    proptest! {
        /// Whatever the order in which two contacts of one person are shown, an opt-out of either holds.
        #[test]
        fn twins_raise_nothing(
            held in any_permission(),
            shown in proptest::collection::vec(any_permission(), 1..6),
        ) {
            let lists = HashMap::from([("a".to_owned(), ListId(1))]);
            let rows: Vec<_> = shown.iter().map(|permission| ("a".to_owned(), *permission)).collect();
            let allowed = allowed(Some(&on_list(held)), &rows, &lists, true);
            let end = allowed.changes.last().map_or(held, |change| change.after);
            prop_assert!(end.status.standing() <= held.status.standing());
        }
    }
}
