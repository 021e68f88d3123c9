//! Which of two suppressions of one address holds.

use achub_core::{
    consent::SuppressionReason,
    email::{EmailAddress, LocalParts, fold},
    port::people::Suppression,
};

use super::whole;

/// The weight of a reason, the weightiest first.
fn weight(reason: SuppressionReason) -> usize {
    SuppressionReason::ALL.iter().position(|listed| *listed == reason).unwrap_or(usize::MAX)
}

/// What is kept of a new suppression beside the one that is held. Whoever asked to be forgotten has no address here.
pub(crate) fn merged(held: Option<&Suppression>, new: &Suppression) -> Suppression {
    let mut kept = match held {
        Some(held) if weight(held.reason) <= weight(new.reason) => held.clone(),
        _ => Suppression { since: whole(new.since), ..new.clone() },
    };
    let known = held.and_then(|held| held.email.clone()).or_else(|| new.email.clone());
    kept.email = known.filter(|_| kept.reason != SuppressionReason::Erased);
    kept
}

/// The key people are compared with: whatever the case of the local part, so that a doubt counts against mailing.
pub(crate) fn key(email: &str) -> String {
    EmailAddress::parse(email, LocalParts::FoldCase)
        .map_or_else(|_| fold(email.trim()), |address| address.key().to_owned())
}

/// The weightiest of those that an address has under several keys.
pub(crate) fn weightiest(found: impl Iterator<Item = Suppression>) -> Option<Suppression> {
    found.min_by_key(|suppression| weight(suppression.reason))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn suppression(reason: SuppressionReason, second: i64) -> Suppression {
        Suppression {
            hash: "h".to_owned(),
            key_version: 1,
            reason,
            since: Timestamp::from_second(second).unwrap(),
            email: Some("a@example.com".to_owned()),
        }
    }

    #[test]
    fn weightier_reason_is_kept_and_erasure_has_no_address() {
        let bounced = suppression(SuppressionReason::HardBounced, 1);
        let out = suppression(SuppressionReason::OptedOut, 2);
        let erased = suppression(SuppressionReason::Erased, 3);
        assert_eq!(merged(Some(&bounced), &out), out);
        assert_eq!(merged(Some(&out), &bounced), out);
        let gone = merged(Some(&out), &erased);
        assert_eq!((gone.reason, gone.email.as_deref()), (SuppressionReason::Erased, None));
        assert_eq!(merged(Some(&gone), &out), gone);
    }
}
