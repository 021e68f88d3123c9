//! People, companies, lists, tags, fields and audiences in the hub's own store.
//!
//! Everything that changes a person goes through [`PeopleStore::apply`]: rows, history and outbox in one transaction.

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    condition::Condition,
    consent::{Permission, SuppressionReason},
    email::EmailAddress,
    error::Error,
    name::{ConnectionName, JobName, RunId},
    outcome::{Outcome, Outcomes},
    person::{
        Company, CompanyId, CustomField, Link, List, ListId, Mark, Person, PersonField, PersonId, Tag, TagId,
    },
    port::{
        incoming::{Catalogue, ShownCompany},
        jobs::Fence,
        source::Position,
    },
    value::Value,
};

/// Who or what changes something, written beside every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The run, where one does it.
    pub run: Option<RunId>,
    /// Through which connection it came, where it came from outside.
    pub connection: Option<ConnectionName>,
    /// When.
    pub at: Timestamp,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Which field.
    pub field: PersonField,
    /// What it was, `Null` where there was nothing.
    pub before: Value,
    /// What it becomes, `Null` where it is emptied.
    pub after: Value,
}

/// A line of the consent ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionChange {
    /// On which list.
    pub list: ListId,
    /// What was held, `None` where she was never on it.
    pub before: Option<Permission>,
    /// What is held from now on.
    pub after: Permission,
}

/// Whom a change is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Whom {
    /// Somebody new, by the address she gets. Where that address came into the store meanwhile the batch fails with
    /// `RN-109`, and its caller looks again.
    New(Option<EmailAddress>),
    /// Somebody known, in this version; another version fails the batch with `RN-109`.
    Known(PersonId, i64),
}

/// Everything that changes about one person at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonChange {
    /// Whom.
    pub whom: Whom,
    /// Links she gets; one that belongs to somebody else moves to her.
    pub links: Vec<Link>,
    /// Values that change, the address included. `before` is what is held, which the store checks.
    pub fields: Vec<FieldChange>,
    /// The address somebody known gets, with its key; its line in [`PersonChange::fields`] has the same text. `None` where
    /// it does not change, where it is taken away, and for somebody new, who has it in [`Whom::New`].
    pub email: Option<EmailAddress>,
    /// Lines of the consent ledger.
    pub permissions: Vec<PermissionChange>,
    /// Marks that are set, and since when they hold.
    pub marks: Vec<(Mark, Timestamp)>,
    /// Marks that are taken off; only a person at the desk or an undo does.
    pub marks_cleared: Vec<Mark>,
    /// Tags she gets.
    pub tags: Vec<TagId>,
    /// Tags she loses.
    pub tags_removed: Vec<TagId>,
    /// Companies she belongs to from now on, beside those she belongs to already.
    pub companies: Vec<CompanyId>,
    /// What happened, in the words of the activity log.
    pub outcome: Outcome,
}

/// A record of the other side that did not get in, with what its owner needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPerson {
    /// Her key there.
    pub key: String,
    /// The field that is to blame, empty where none is.
    pub field: String,
    /// One of the codes of row errors: `REQUIRED_FIELD_MISSING`, `INVALID_FIELD`, `INSUFFICIENT_ACCESS`, `DUPLICATE_VALUE`.
    pub code: String,
    /// Why, and how it can be mended, in one sentence.
    pub reason: String,
    /// The columns as they came, as a JSON object.
    pub columns: String,
}

/// How far a run has come; stored in the transaction of what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// The job.
    pub job: JobName,
    /// Its run.
    pub run: RunId,
    /// The right to write; `None` where nobody else can be at it.
    pub fence: Option<Fence>,
    /// Where it goes on.
    pub position: Option<Position>,
    /// Everything counted so far, over all attempts.
    pub outcomes: Outcomes,
}

/// Changes that are stored together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeBatch {
    /// Who does it.
    pub author: Author,
    /// About whom; each person at most once.
    pub changes: Vec<PersonChange>,
    /// Who did not get in.
    pub refused: Vec<RefusedPerson>,
    /// What it means for a run, where it is part of one.
    pub advance: Option<Advance>,
}

/// Where an import stands, over all its runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportProgress {
    /// The run that has not come to its end, where there is one, with its position and what it counted.
    pub unfinished: Option<(RunId, Option<Position>, Outcomes)>,
    /// The other side's clock from which the next run reads changes; `None` before the first one came to its end.
    pub cursor: Option<Timestamp>,
    /// When list changes were last looked for.
    pub swept_at: Option<Timestamp>,
}

/// What a run of an import ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportEnd {
    /// The job.
    pub job: JobName,
    /// Its run.
    pub run: RunId,
    /// The right to write.
    pub fence: Option<Fence>,
    /// From where the next run reads; `None` leaves it where it was.
    pub cursor: Option<Timestamp>,
    /// List changes were looked for up to here.
    pub swept_at: Option<Timestamp>,
}

/// By what somebody is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Her key on the other side.
    pub link: Link,
    /// The key of her address, see [`EmailAddress::key`].
    pub email: Option<String>,
}

/// Who was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// By link.
    pub by_link: Option<Person>,
    /// By address. May be somebody else than by link: the address moved.
    pub by_email: Option<Person>,
}

/// In which order people are listed. Ties are broken by id, so that pages neither skip nor repeat anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeopleOrder {
    /// As they came in.
    #[default]
    Id,
    /// By address.
    Email,
    /// The last changed first.
    UpdatedAt,
}

/// The last entry of a page, opaque to everybody but the store; the next page begins behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageMark(pub String);

/// Which people, in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct PeopleQuery {
    /// Who.
    pub condition: Condition,
    /// Only those whose address or name begins with this.
    pub search: Option<String>,
    /// In which order.
    pub order: PeopleOrder,
    /// Behind this one.
    pub after: Option<PageMark>,
    /// At most so many.
    pub limit: u32,
}

/// One line of a person's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryLine {
    /// Who did it, and when.
    pub author: Author,
    /// What changed, in the words of the store: `first_name`, `list 4`, `tag via_activecampaign`, `mark bounced`.
    pub what: String,
    /// As it was.
    pub before: Value,
    /// As it became.
    pub after: Value,
}

/// A sign that a person changed, for whoever passes changes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Rises by one or more with each row.
    pub number: i64,
    /// Who changed.
    pub person: PersonId,
    /// Through which connection the change came, so that it is not sent back there.
    pub connection: Option<ConnectionName>,
    /// When.
    pub at: Timestamp,
}

/// What an undo did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    /// People who are as they were before.
    pub restored: u64,
    /// People who were added by the run and are gone again.
    pub removed: u64,
    /// People somebody has touched since; they stay as they are.
    pub left: u64,
}

/// An address nobody may mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The keyed hash of the address's key (HMAC-SHA-256), as hexadecimal digits.
    pub hash: String,
    /// Which key made the hash.
    pub key_version: u32,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
    /// The address, as long as she has not asked to be forgotten.
    pub email: Option<String>,
}

/// What lists and fields of the other side are in the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Adopted {
    /// For each list of the catalogue, in its order: the list of the store.
    pub lists: Vec<List>,
    /// For each field of the catalogue, in its order: the field of the store.
    pub fields: Vec<CustomField>,
    /// What should be told: names that collided, types that changed over there, one sentence each.
    pub notes: Vec<String>,
}

/// The store of people. One conformance suite for all implementations.
///
/// Times are kept in whole microseconds. The history of somebody new begins with one line, `person`: what she came with is
/// in her values, each with its provenance.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Makes lists and fields of the store for those of a catalogue that have none, renames lists that were renamed there,
    /// and gives them all back. A second call with the same catalogue changes nothing.
    ///
    /// A list whose name belongs to an unrelated list of the store gets its name with the connection in brackets, and is
    /// noted. A field that is gone over there stays.
    async fn adopt(
        &self,
        connection: &ConnectionName,
        catalogue: &Catalogue,
        author: &Author,
    ) -> Result<Adopted, Error>;

    /// What [`PeopleStore::adopt`] would give, without writing: what is not there yet has ids below zero.
    async fn would_adopt(&self, connection: &ConnectionName, catalogue: &Catalogue)
    -> Result<Adopted, Error>;

    /// The tag of this name, made where there is none.
    async fn tag(&self, name: &str) -> Result<Tag, Error>;

    /// The companies for those shown, made where there are none: by link, else by domain, else by name.
    async fn companies(
        &self,
        connection: &ConnectionName,
        shown: &[ShownCompany],
    ) -> Result<Vec<CompanyId>, Error>;

    /// Finds people; one answer for each look-up, in their order.
    async fn find(&self, lookups: &[Lookup]) -> Result<Vec<Found>, Error>;

    /// Changes people, see [`ChangeBatch`]. Gives the people's ids in the order of the changes.
    ///
    /// Versions are compared as they were before the batch; the version of everybody something changes about rises by one,
    /// that of people who lose a link to others included. What changes nothing (a tag she carries, a mark that is set, a
    /// value that is the same) is passed over; a change with nothing else leaves no trace.
    ///
    /// Errors: `RN-102` where the fence is not the newest, `RN-109` where somebody changed meanwhile or an address belongs
    /// to somebody else, `SY-103` where the store is full or may only be read, `SY-199` where a change contradicts what is
    /// held: a permission that would move up against [`crate::consent::decide`], a `before` that is not so, a value of
    /// another type than its field. Nothing is written then.
    async fn apply(&self, batch: &ChangeBatch) -> Result<Vec<PersonId>, Error>;

    /// Where an import stands.
    async fn import_progress(&self, job: &JobName) -> Result<ImportProgress, Error>;

    /// Ends a run of an import: what it left unfinished is forgotten, its cursor is stored.
    async fn end_import(&self, end: &ImportEnd) -> Result<(), Error>;

    /// Forgets where an import stands; people, lists, fields and tags stay.
    async fn forget_import(&self, job: &JobName) -> Result<(), Error>;

    /// Who did not get in by a run, at most `limit` after the first `skip`, and how many there are. Kept for 90 days.
    async fn refused(&self, run: &RunId, skip: u64, limit: u32) -> Result<(Vec<RefusedPerson>, u64), Error>;

    /// Takes back what a run changed and nobody has touched since. Consent that went down stays down: memberships, and the
    /// marks [`Mark::Unsubscribed`] and [`Mark::Spam`].
    ///
    /// Works in portions; one that was interrupted goes on when it is called again, and counts over all its calls.
    /// Errors: `RN-110` where the run changed people last more than seven days before `author.at`, was taken back already,
    /// or is not known.
    async fn undo(&self, run: &RunId, author: &Author) -> Result<Undone, Error>;

    /// A person.
    async fn person(&self, id: PersonId) -> Result<Option<Person>, Error>;

    /// People of a page, and the mark of the next page where there is one.
    async fn people(&self, query: &PeopleQuery) -> Result<(Vec<Person>, Option<PageMark>), Error>;

    /// How many people a condition is true of.
    async fn count(&self, condition: &Condition) -> Result<u64, Error>;

    /// A person's history, the newest line first.
    async fn history(&self, id: PersonId, limit: u32) -> Result<Vec<HistoryLine>, Error>;

    /// All lists, by name.
    async fn lists(&self) -> Result<Vec<List>, Error>;

    /// All tags, by name.
    async fn tags(&self) -> Result<Vec<Tag>, Error>;

    /// All custom fields, by name.
    async fn fields(&self) -> Result<Vec<CustomField>, Error>;

    /// Companies of these ids.
    async fn companies_of(&self, ids: &[CompanyId]) -> Result<Vec<Company>, Error>;

    /// Rows of the outbox behind `number`, oldest first.
    async fn outbox(&self, number: i64, limit: u32) -> Result<Vec<OutboxRow>, Error>;

    /// Suppresses an address; one that is suppressed already keeps the weightier reason.
    async fn suppress(&self, suppression: &Suppression, author: &Author) -> Result<(), Error>;

    /// Whether addresses are suppressed: one answer for each, given its hash under every version of the key.
    async fn suppressed(&self, hashes: &[Vec<String>]) -> Result<Vec<Option<Suppression>>, Error>;

    /// Suppressions, the newest first.
    async fn suppressions(&self, limit: u32) -> Result<Vec<Suppression>, Error>;

    /// Erases a person with everything that says who she was; what is left is the suppression of her address.
    async fn forget(&self, id: PersonId, suppression: &Suppression, author: &Author) -> Result<(), Error>;
}

/// The numeric form in which some systems keep IPv4 addresses, read back: 2130706433 is 127.0.0.1. `None` for what means
/// unknown: nothing, or zero.
///
/// Errors: the text, where it is neither an address nor a number that is one.
pub fn ip_of(text: &str) -> Result<Option<IpAddr>, String> {
    let text = text.trim();
    if text.is_empty() || text == "0" || text == "0.0.0.0" {
        return Ok(None);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Some(address));
    }
    text.parse::<u32>().map(|number| Some(IpAddr::V4(number.into()))).map_err(|_| text.to_owned())
}
