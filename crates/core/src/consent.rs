//! What people allowed, and the one rule by which that changes: down by itself, up only with proof.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a membership stands at ActiveCampaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListStatus {
    /// Asked, and not answered yet.
    Unconfirmed,
    /// May be mailed on this list.
    Active,
    /// Opted out of this list.
    Unsubscribed,
    /// Mail to the address came back for good.
    Bounced,
    /// A number nobody has documented. Never taken for [`ListStatus::Active`].
    Other(i64),
}

impl ListStatus {
    /// The status of this number in the API: 0 unconfirmed, 1 active, 2 unsubscribed, 3 bounced.
    pub fn of_number(number: i64) -> ListStatus {
        match number {
            0 => ListStatus::Unconfirmed,
            1 => ListStatus::Active,
            2 => ListStatus::Unsubscribed,
            3 => ListStatus::Bounced,
            other => ListStatus::Other(other),
        }
    }

    /// Its number in the API.
    pub fn number(self) -> i64 {
        match self {
            ListStatus::Unconfirmed => 0,
            ListStatus::Active => 1,
            ListStatus::Unsubscribed => 2,
            ListStatus::Bounced => 3,
            ListStatus::Other(number) => number,
        }
    }

    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            ListStatus::Unconfirmed => "unconfirmed",
            ListStatus::Active => "active",
            ListStatus::Unsubscribed => "unsubscribed",
            ListStatus::Bounced => "bounced",
            ListStatus::Other(_) => "unknown",
        }
    }

    /// Where it stands in the order in which consent moves.
    pub fn standing(self) -> Standing {
        match self {
            ListStatus::Unconfirmed | ListStatus::Other(_) => Standing::NeverAsked,
            ListStatus::Active => Standing::Subscribed,
            ListStatus::Unsubscribed => Standing::OptedOut,
            ListStatus::Bounced => Standing::HardBounced,
        }
    }
}

/// What is allowed towards a person, the least first. It moves down by itself and never up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Asked to be forgotten.
    Erased,
    /// Called our mail spam.
    Complained,
    /// Opted out.
    OptedOut,
    /// Cannot be reached under this address.
    HardBounced,
    /// Has not said anything.
    NeverAsked,
    /// Asked for it.
    Subscribed,
}

/// Who made a membership what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// She herself, by a form or a link.
    Person,
    /// Somebody who may manage the account.
    Admin,
    /// This hub.
    Hub,
    /// It was found like that when it was imported, and nothing said who made it so.
    Import,
    /// Nobody knows.
    Unknown,
}

impl Cause {
    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Person => "person",
            Cause::Admin => "admin",
            Cause::Hub => "hub",
            Cause::Import => "import",
            Cause::Unknown => "unknown",
        }
    }

    /// The cause of this word.
    pub fn find(word: &str) -> Option<Cause> {
        [Cause::Person, Cause::Admin, Cause::Hub, Cause::Import, Cause::Unknown]
            .into_iter()
            .find(|cause| cause.word() == word)
    }
}

/// What the hub holds, or is shown, about one person on one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// How it stands.
    pub status: ListStatus,
    /// Who made it so.
    pub cause: Cause,
    /// Since when, as far as that is known: for an active one the last opt-in, for one that ended the last opt-out.
    pub since: Option<Timestamp>,
}

/// What becomes of what the hub holds when the other side shows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing differs.
    Same,
    /// The ledger gets a new line.
    Record,
    /// It would move up and nothing proves that she wanted it: what is held stays.
    Keep,
}

/// Whether what is `shown` by ActiveCampaign itself replaces what is `held`.
///
/// Down always. Up only where ActiveCampaign says when she opted in, and that is later than what is held: her own opt-in
/// after her own opt-out. What this hub or a file says is no proof, so nothing but a fresh answer may be passed as `shown`.
pub fn decide(held: Option<&Permission>, shown: &Permission) -> Decision {
    let Some(held) = held else { return Decision::Record };
    let (before, after) = (held.status.standing(), shown.status.standing());
    if held.status == shown.status {
        return if shown.since.is_some() && shown.since > held.since {
            Decision::Record
        } else {
            Decision::Same
        };
    }
    if after <= before {
        return Decision::Record;
    }
    match (held.since, shown.since) {
        (Some(held), Some(shown)) if shown > held => Decision::Record,
        // She had not answered, or nobody knows when her address failed: there is no word of hers to override. A
        // confirmation may keep the date on which she was asked.
        (held, Some(shown)) if before == Standing::NeverAsked && held.is_none_or(|held| shown >= held) => {
            Decision::Record
        }
        (None, Some(_)) if before == Standing::HardBounced => Decision::Record,
        _ => Decision::Keep,
    }
}

/// Why an address must not be mailed at all, whatever the lists say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// Asked to be forgotten.
    Erased,
    /// Called our mail spam.
    Complained,
    /// Opted out of everything.
    OptedOut,
    /// Mail came back for good.
    HardBounced,
    /// A person at the desk decided so.
    Manual,
}

impl SuppressionReason {
    /// All reasons, the weightiest first.
    pub const ALL: [SuppressionReason; 5] = [
        SuppressionReason::Erased,
        SuppressionReason::Complained,
        SuppressionReason::OptedOut,
        SuppressionReason::HardBounced,
        SuppressionReason::Manual,
    ];

    /// The word that is stored, typed and shown.
    pub fn word(self) -> &'static str {
        match self {
            SuppressionReason::Erased => "erased",
            SuppressionReason::Complained => "complained",
            SuppressionReason::OptedOut => "opted_out",
            SuppressionReason::HardBounced => "hard_bounced",
            SuppressionReason::Manual => "manual",
        }
    }

    /// The reason of this word.
    pub fn find(word: &str) -> Option<SuppressionReason> {
        SuppressionReason::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [ListStatus; 5] = [
        ListStatus::Unconfirmed,
        ListStatus::Active,
        ListStatus::Unsubscribed,
        ListStatus::Bounced,
        ListStatus::Other(99),
    ];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn permission(status: ListStatus, since: Option<i64>) -> Permission {
        Permission { status, cause: Cause::Import, since: since.map(at) }
    }

    /// C1, CN-10: in every pair of states and dates, nothing moves up unless a later date proves it.
    #[test]
    fn nothing_moves_up_without_a_later_date() {
        let dates = [None, Some(10), Some(20)];
        for (held, shown) in STATUSES.into_iter().flat_map(|held| STATUSES.map(|shown| (held, shown))) {
            for (before, after) in dates.into_iter().flat_map(|before| dates.map(|after| (before, after))) {
                let decision = decide(Some(&permission(held, before)), &permission(shown, after));
                let is_up = shown.standing() > held.standing();
                let is_silent = held.standing() == Standing::NeverAsked;
                let is_proven = after.is_some() && (after > before || (is_silent && after == before));
                let opted_out = held == ListStatus::Unsubscribed;
                if is_up && (!is_proven || (opted_out && before.is_none())) {
                    assert_eq!(
                        decision,
                        Decision::Keep,
                        "{held:?} since {before:?}, {shown:?} since {after:?}"
                    );
                }
                if shown.standing() < held.standing() {
                    assert_eq!(decision, Decision::Record, "{held:?} to {shown:?}");
                }
            }
        }
    }

    /// SX-18, D-14: a number nobody documented is kept, and is never a subscription.
    #[test]
    fn unknown_numbers_are_no_subscription() {
        for number in [-1, 4, 91, 99] {
            let status = ListStatus::of_number(number);
            assert_eq!(status.number(), number);
            assert_eq!(status.standing(), Standing::NeverAsked);
        }
    }

    #[test]
    fn her_later_opt_in_counts() {
        let out = permission(ListStatus::Unsubscribed, Some(10));
        assert_eq!(decide(Some(&out), &permission(ListStatus::Active, Some(20))), Decision::Record);
        assert_eq!(decide(Some(&out), &permission(ListStatus::Active, Some(10))), Decision::Keep);
        assert_eq!(decide(Some(&out), &permission(ListStatus::Active, None)), Decision::Keep);
    }
}
