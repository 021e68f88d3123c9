//! Contacts, their memberships, tags and custom field values.

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{
    model::{members::FromMember, models},
    wire::{IpNumber, MultiValue},
};

models! {
    /// A contact.
    Contact of "contacts" {
        /// The address; empty for contacts with a phone number only.
        email: String = "email",
        /// The given name; empty where unknown.
        first_name: String = "firstName",
        /// The family name; empty where unknown.
        last_name: String = "lastName",
        /// The phone number as it was entered.
        phone: String = "phone",
        /// When it was made.
        created: Timestamp = "cdate",
        /// When it last changed. A changed membership may not move it.
        updated: Timestamp = "udate",
        /// Where it signed up from.
        ip: IpNumber = "ip",
        /// Hard bounces so far.
        bounced_hard: i64 = "bounced_hard",
        /// Soft bounces so far.
        bounced_soft: i64 = "bounced_soft",
        /// Whether it was deleted.
        deleted: bool = "deleted",
        /// Whether its personal data was removed.
        anonymized: bool = "anonymized",
        /// Its memberships, where they were asked for.
        memberships: Vec<i64> = "contactLists",
        /// Its contact tags, not tags, where they were asked for.
        contact_tags: Vec<i64> = "contactTags",
        /// Its field values, where they were asked for.
        field_values: Vec<i64> = "fieldValues",
    }

    /// A contact's membership of a list.
    Membership of "contact_lists" {
        /// The contact.
        contact: i64 = "contact",
        /// The list.
        list: i64 = "list",
        /// What the contact agreed to.
        status: MembershipStatus = "status",
        /// The last opt-in.
        subscribed: Timestamp = "sdate",
        /// The last opt-out.
        unsubscribed: Timestamp = "udate",
        /// Why the contact left, in its own words.
        reason: String = "unsubreason",
        /// How it came about: 3 by the API, 4 re-subscribed or by a user; others are not published.
        source: i64 = "sourceid",
    }

    /// A tag.
    Tag of "tags" {
        /// Its name, unique without regard to case.
        name: String = "tag",
        /// What it is put on: `contact` or `template`.
        kind: String = "tagType",
        /// What it is for.
        description: String = "description",
        /// Contacts that have it; list answers only, and it lags.
        contact_count: i64 = "subscriber_count",
    }

    /// A custom field of contacts.
    CustomField of "custom_fields" {
        /// Its name for people.
        title: String = "title",
        /// `text`, `textarea`, `date`, `datetime`, `dropdown`, `radio`, `checkbox`, `listbox`, `hidden`, `number`.
        kind: String = "type",
        /// The name in templates: `FAVOURITE_COLOUR`.
        personalization: String = "perstag",
        /// Whether forms insist on it.
        required: bool = "isrequired",
        /// Its choices.
        options: Vec<i64> = "options",
        /// Its relations to lists.
        relations: Vec<i64> = "relations",
    }

    /// A contact's value of a custom field.
    FieldValue of "field_values" {
        /// The contact.
        contact: i64 = "contact",
        /// The custom field; none in orphans.
        field: i64 = "field",
        /// The value as it is spelt; several choices are one text, see [`FieldValue::choices`].
        value: String = "value",
        /// When it was made.
        created: Timestamp = "cdate",
        /// When it last changed.
        updated: Timestamp = "udate",
    }
}

impl CustomField {
    /// Whether its values are several choices in one text.
    pub fn is_multiple(&self) -> bool {
        matches!(self.kind.as_deref(), Some("checkbox" | "listbox"))
    }
}

impl FieldValue {
    /// The value read as several choices.
    pub fn choices(&self) -> MultiValue {
        MultiValue::parse(self.value.as_deref().unwrap_or_default())
    }
}

/// What a contact agreed to on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MembershipStatus {
    /// Double opt-in is pending (0).
    Unconfirmed,
    /// May be mailed (1).
    Active,
    /// Opted out (2).
    Unsubscribed,
    /// Its address bounced (3).
    Bounced,
    /// Taken off the list by the first version of the API, which is no opt-out (91).
    Removed,
    /// A status that is not documented. Never treated as [`MembershipStatus::Active`].
    Other(i64),
}

impl MembershipStatus {
    /// The status with this number.
    pub fn from_number(number: i64) -> MembershipStatus {
        match number {
            0 => MembershipStatus::Unconfirmed,
            1 => MembershipStatus::Active,
            2 => MembershipStatus::Unsubscribed,
            3 => MembershipStatus::Bounced,
            91 => MembershipStatus::Removed,
            other => MembershipStatus::Other(other),
        }
    }

    /// Its number on the wire.
    pub fn number(self) -> i64 {
        match self {
            MembershipStatus::Unconfirmed => 0,
            MembershipStatus::Active => 1,
            MembershipStatus::Unsubscribed => 2,
            MembershipStatus::Bounced => 3,
            MembershipStatus::Removed => 91,
            MembershipStatus::Other(other) => other,
        }
    }
}

impl FromMember for MembershipStatus {
    fn from_member(member: &Json) -> Option<MembershipStatus> {
        // `true` is no status, and least of all the active one it would be read as.
        let number = if member.is_boolean() { None } else { i64::from_member(member) };
        number.map(MembershipStatus::from_number)
    }
}
