//! Conditions about people, as a tree. What a person typed has been read and checked before it becomes one, so a store
//! can translate it without looking anything up.

mod holding;

pub use holding::{Facts, is_filled};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    person::{ListId, Mark, PersonField, TagId},
    value::FieldType,
};

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same. Text is compared without regard to case.
    Equals,
    /// Earlier in order: numbers, dates and times only.
    Less,
    /// Earlier or the same.
    AtMost,
    /// Later in order.
    Greater,
    /// Later or the same.
    AtLeast,
    /// Text with this in it; of several choices, one that is this.
    Contains,
    /// Text that begins with this.
    StartsWith,
    /// Text that ends with this.
    EndsWith,
}

/// What a value is compared with. Its variant fits the type of what it is compared to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literal {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// An instant; a day stands for its beginning in UTC.
    Instant(Timestamp),
}

/// Something about a person that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A field of hers and the type of its values.
    Field(PersonField, FieldType),
    /// The domain of her address.
    EmailDomain,
    /// The name of a company she belongs to.
    CompanyName,
    /// The domain of a company she belongs to.
    CompanyDomain,
    /// When she came into the store.
    CreatedAt,
    /// When anything of hers changed last.
    UpdatedAt,
}

/// A statement about one person, true or false. What is not known makes a comparison false, and its negation true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Everybody.
    Everybody,
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A comparison.
    Compare(Subject, Comparison, Literal),
    /// The value is there and not empty.
    IsKnown(Subject),
    /// Carries this tag.
    Tagged(TagId),
    /// Has this mark.
    Marked(Mark),
    /// Is active on this list.
    ActiveOn(ListId),
    /// Was ever on this list, whatever her status is.
    EverOn(ListId),
    /// May be mailed: an address, no mark, not suppressed, and active on at least one list.
    Mailable,
}
