//! People and companies as the hub's own store keeps them.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    consent::Permission,
    email::EmailAddress,
    name::{ConnectionName, RunId},
    value::{FieldType, Value},
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A person of the store.
    PersonId
);
id!(
    /// A company of the store.
    CompanyId
);
id!(
    /// A deal as the store keeps it.
    OpportunityId
);
id!(
    /// A list of the store.
    ListId
);
id!(
    /// A tag of the store.
    TagId
);
id!(
    /// A custom field of the store.
    FieldId
);

/// The other side's own key of something, with the connection it was seen through. Two accounts may use one number for two
/// things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Through which connection.
    pub connection: ConnectionName,
    /// The key there, as text.
    pub key: String,
}

/// A flag that keeps a person from being mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Opted out of everything.
    Unsubscribed,
    /// Mail came back for good. An import sets it and never clears it.
    Bounced,
    /// Called our mail spam.
    Spam,
    /// Blocked by a person at the desk.
    Blocked,
    /// Given up by a sender.
    Dropped,
}

impl Mark {
    /// All marks.
    pub const ALL: [Mark; 5] = [Mark::Unsubscribed, Mark::Bounced, Mark::Spam, Mark::Blocked, Mark::Dropped];

    /// The word that is stored, typed and shown.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Unsubscribed => "unsubscribed",
            Mark::Bounced => "bounced",
            Mark::Spam => "spam",
            Mark::Blocked => "blocked",
            Mark::Dropped => "dropped",
        }
    }

    /// The mark of this word.
    pub fn find(word: &str) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.word() == word)
    }
}

/// A field every person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    /// The address she is known by.
    Email,
    /// Her first name.
    FirstName,
    /// Her last name.
    LastName,
    /// The name of her company.
    Company,
    /// The address her last known visit came from, dotted or IPv6.
    Ip,
    /// Where she came from.
    Source,
    /// The page she came from.
    SourcePage,
    /// What she has spent, in whole units of the account's currency.
    LifetimeValue,
}

impl BuiltIn {
    /// All of them, in the order in which they are shown.
    pub const ALL: [BuiltIn; 8] = [
        BuiltIn::Email,
        BuiltIn::FirstName,
        BuiltIn::LastName,
        BuiltIn::Company,
        BuiltIn::Ip,
        BuiltIn::Source,
        BuiltIn::SourcePage,
        BuiltIn::LifetimeValue,
    ];

    /// The name by which conditions, mappings and exports know it.
    pub fn word(self) -> &'static str {
        match self {
            BuiltIn::Email => "email",
            BuiltIn::FirstName => "first_name",
            BuiltIn::LastName => "last_name",
            BuiltIn::Company => "company",
            BuiltIn::Ip => "ip",
            BuiltIn::Source => "source",
            BuiltIn::SourcePage => "source_page",
            BuiltIn::LifetimeValue => "lifetime_value",
        }
    }

    /// The field of this name.
    pub fn find(word: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.into_iter().find(|field| field.word() == word)
    }

    /// What its values are.
    pub fn field_type(self) -> FieldType {
        match self {
            BuiltIn::LifetimeValue => FieldType::Float,
            _ => FieldType::Text,
        }
    }
}

/// A field of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonField {
    /// One that everybody has.
    BuiltIn(BuiltIn),
    /// One somebody made.
    Custom(FieldId),
}

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Its key in the store.
    pub id: FieldId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// What its values are. Values of several choices are JSON arrays of text.
    pub field_type: FieldType,
    /// The choices it allows, in order; empty where anything goes.
    pub options: Vec<String>,
    /// Where it was made from, where it was.
    pub link: Option<Link>,
    /// The other side's personalisation tag, without percent signs.
    pub tag: Option<String>,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Its key in the store.
    pub id: ListId,
    /// Its name: that of the other side's list where it came from there, and it follows a renaming.
    pub name: String,
    /// Which list of which account it is, where it is one.
    pub link: Option<Link>,
}

/// A tag, of the hub only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its key in the store.
    pub id: TagId,
    /// Its name, unique without regard to case.
    pub name: String,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The connection, `None` where a person at the desk wrote it.
    pub connection: Option<ConnectionName>,
    /// The run that wrote it.
    pub run: Option<RunId>,
    /// When it was written here.
    pub at: Timestamp,
}

/// A value of a custom field.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonValue {
    /// Which field.
    pub field: FieldId,
    /// The value, of the field's type; never `Null`.
    pub value: Value,
    /// Where it came from.
    pub provenance: Provenance,
}

/// A person on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Which list.
    pub list: ListId,
    /// What she allowed.
    pub permission: Permission,
}

/// A person with everything the store knows about her.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Her key in the store.
    pub id: PersonId,
    /// Counts her changes; a change that expects another count is refused.
    pub version: i64,
    /// Her address. `None` for somebody the other side knows without one.
    pub email: Option<EmailAddress>,
    /// Her first name.
    pub first_name: Option<String>,
    /// Her last name.
    pub last_name: Option<String>,
    /// The name of her company.
    pub company: Option<String>,
    /// The companies she belongs to.
    pub companies: Vec<CompanyId>,
    /// The address her last known visit came from.
    pub ip: Option<IpAddr>,
    /// Where she came from.
    pub source: Option<String>,
    /// The page she came from.
    pub source_page: Option<String>,
    /// What she has spent, in whole units of the account's currency.
    pub lifetime_value: Option<f64>,
    /// Flags, each with the moment since which it holds.
    pub marks: Vec<(Mark, Timestamp)>,
    /// The lists she was ever on.
    pub memberships: Vec<Membership>,
    /// Her tags.
    pub tags: Vec<TagId>,
    /// Values of custom fields.
    pub values: Vec<PersonValue>,
    /// Who she is on the other side.
    pub links: Vec<Link>,
    /// When she came into the store.
    pub created_at: Timestamp,
    /// When anything of hers changed last.
    pub updated_at: Timestamp,
}

/// A company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Company {
    /// Its key in the store.
    pub id: CompanyId,
    /// Its name.
    pub name: String,
    /// Its domain in the form of [`crate::email::normal_domain`].
    pub domain: Option<String>,
    /// Which company of which account it is.
    pub links: Vec<Link>,
}

impl Person {
    /// The value of a field, `Null` where there is none.
    pub fn value(&self, field: PersonField) -> Value {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::text);
        match field {
            PersonField::BuiltIn(BuiltIn::Email) => {
                self.email.as_ref().map_or(Value::Null, |email| Value::text(email.as_str()))
            }
            PersonField::BuiltIn(BuiltIn::FirstName) => text(&self.first_name),
            PersonField::BuiltIn(BuiltIn::LastName) => text(&self.last_name),
            PersonField::BuiltIn(BuiltIn::Company) => text(&self.company),
            PersonField::BuiltIn(BuiltIn::Ip) => {
                self.ip.map_or(Value::Null, |ip| Value::text(ip.to_string()))
            }
            PersonField::BuiltIn(BuiltIn::Source) => text(&self.source),
            PersonField::BuiltIn(BuiltIn::SourcePage) => text(&self.source_page),
            PersonField::BuiltIn(BuiltIn::LifetimeValue) => {
                self.lifetime_value.map_or(Value::Null, Value::Float)
            }
            PersonField::Custom(field) => {
                let value = self.values.iter().find(|value| value.field == field);
                value.map_or(Value::Null, |value| value.value.clone())
            }
        }
    }

    /// Whether a mark is set.
    pub fn is_marked(&self, mark: Mark) -> bool {
        self.marks.iter().any(|(set, _)| *set == mark)
    }
}
