//! People as an outside system shows them, on their way into the store.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    consent::Permission,
    error::Error,
    port::source::{Position, Price},
    value::{FieldType, Value},
};

/// Who is wanted. Several kinds together mean whoever is in any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everybody.
    All,
    /// Those on any of these lists, named by key or by name.
    Lists(Vec<String>),
    /// Those who carry any of these tags, named by key or by name.
    Tags(Vec<String>),
    /// Those in any of these segments, named by key or by name.
    Segments(Vec<String>),
}

/// A list over there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownList {
    /// Its key there.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Active members, where it says so.
    pub active: Option<u64>,
}

/// A custom field over there, or an attribute that is none of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownField {
    /// Its key there; what is no custom field has the name of the attribute.
    pub key: String,
    /// Its title.
    pub name: String,
    /// What its values are; several choices are a JSON array of text.
    pub field_type: FieldType,
    /// The choices it allows, in order.
    pub options: Vec<String>,
    /// The personalisation tag without percent signs.
    pub tag: Option<String>,
}

/// Lists and fields over there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// All lists.
    pub lists: Vec<ShownList>,
    /// All fields that people can have values of.
    pub fields: Vec<ShownField>,
}

/// Somebody over there. What is empty there is absent here.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Her key there.
    pub key: String,
    /// Her address as it is written there, which may be none.
    pub email: String,
    /// Her first name.
    pub first_name: Option<String>,
    /// Her last name.
    pub last_name: Option<String>,
    /// The companies she is associated with, the first one by which she is known.
    pub companies: Vec<ShownCompany>,
    /// The address of her last visit as it is written there: dotted, IPv6, or a number.
    pub ip: Option<String>,
    /// The address is known to bounce for good, since when where it is known.
    pub bounced: Option<Option<Timestamp>>,
    /// Values by the key of [`ShownField`].
    pub values: Vec<(String, Value)>,
    /// Her lists by the key of [`ShownList`], complete: a list that is not among them she was never on.
    pub memberships: Vec<(String, Permission)>,
    /// When she was made there.
    pub created_at: Option<Timestamp>,
    /// When anything of hers changed there last, as far as the other side counts it as a change.
    pub updated_at: Option<Timestamp>,
}

/// A company over there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCompany {
    /// Its key there, `None` where only a name is known.
    pub key: Option<String>,
    /// Its name.
    pub name: String,
    /// Its address in the web.
    pub url: Option<String>,
}

/// People who were read together.
#[derive(Debug, Clone)]
pub struct IncomingPage {
    /// The people. The same one may be shown again on a later page; the later one counts.
    pub people: Vec<Incoming>,
    /// Where to go on once this page is stored.
    pub position: Position,
}

/// What is read, for whom, and what that takes.
#[derive(Debug, Clone)]
pub struct IncomingPlan {
    /// Lists and fields, as they are now.
    pub catalogue: Catalogue,
    /// People that will be shown, where the other side says how many.
    pub people: Option<u64>,
    /// What it is expected to take from here.
    pub price: Price,
    /// How it reads, for people.
    pub how: String,
    /// The other side's clock when it was first opened: the next hourly import reads from here.
    pub as_of: Timestamp,
    /// Whether it goes on from a position.
    pub resumed: bool,
    /// Things to tell, one sentence each: what the key may not read, what it waits for. More may come at the end while it
    /// is being read.
    pub notes: Vec<String>,
}

/// What is wanted of people.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedPeople {
    /// Who.
    pub selection: Selection,
    /// Only who changed at or after this moment. Together with [`WantedPeople::sweep`] it finds everything.
    pub since: Option<Timestamp>,
    /// Also look for list changes that move no time of a person: reads what is needed for that, and says what it costs.
    pub sweep: bool,
    /// At most so many people.
    pub limit: Option<u64>,
}

/// A reading whose first requests were answered.
#[async_trait]
pub trait OpenPeople: Send {
    /// What it is.
    fn plan(&self) -> &IncomingPlan;

    /// The next page; `None` at the end. Everybody who was there when it was opened and still is has then been shown.
    async fn next(&mut self) -> Result<Option<IncomingPage>, Error>;
}

/// An outside system that has people.
#[async_trait]
pub trait PeopleSource: Send + Sync {
    /// Opens a reading, from `position` where one is given that still fits.
    ///
    /// Waits where the other side computes first (segments), and tells its `Progress` so.
    /// Errors: `CF-1xx` where a list, tag or segment is not known or not unique by its name.
    async fn open(
        &self,
        wanted: &WantedPeople,
        position: Option<&Position>,
    ) -> Result<Box<dyn OpenPeople>, Error>;

    /// Requests sent so far, repeats included.
    fn requests_sent(&self) -> u64;
}
