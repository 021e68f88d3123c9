//! Audiences: named selections of people, by a condition, by SQL over the store, or by hand.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{error::Error, name::AudienceName, person::PersonId};

/// Whether people join and leave an audience by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceKind {
    /// Filtered once, and edited by hand from then on.
    Static,
    /// Everybody of whom its definition is true at the moment of asking; nobody edits it by hand.
    Dynamic,
}

/// What an audience is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// A condition in the language of audiences.
    Condition,
    /// SQL over the store.
    Sql,
    /// People who were put in by hand.
    Hand,
}

/// How far an audience has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceStatus {
    /// It was saved and nobody has been counted.
    Draft,
    /// It is being counted or filled.
    Processing,
    /// It was counted, and nobody has said yes to that.
    Preview,
    /// It stands.
    Done,
}

macro_rules! words {
    ($name:ident { $($variant:ident $word:literal),* }) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word that is stored, typed and shown.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            /// The one of this word.
            pub fn find(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(AudienceKind { Static "static", Dynamic "dynamic" });
words!(SourceType { Condition "condition", Sql "sql", Hand "hand" });
words!(AudienceStatus { Draft "draft", Processing "processing", Preview "preview", Done "done" });

impl AudienceStatus {
    /// Whether `next` may follow. A computation that failed goes back to where the audience stood.
    pub fn may_become(self, next: AudienceStatus) -> bool {
        use AudienceStatus::{Done, Draft, Preview, Processing};
        matches!(
            (self, next),
            (Draft | Preview | Done, Processing)
                | (Processing, Draft | Preview | Done)
                | (Preview, Draft | Done)
                | (Done, Draft)
        )
    }
}

/// How people are chosen. The text is kept and read anew each time: names follow renamings, and `30 days ago` moves on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definition {
    /// A condition as it was typed.
    Condition(String),
    /// One statement that reads, as it was typed.
    Sql(String),
    /// Nothing but hands. Static audiences only.
    Hand,
}

impl Definition {
    /// Its kind of source.
    pub fn source(&self) -> SourceType {
        match self {
            Definition::Condition(_) => SourceType::Condition,
            Definition::Sql(_) => SourceType::Sql,
            Definition::Hand => SourceType::Hand,
        }
    }

    /// The text as it was typed; empty where there is none.
    pub fn text(&self) -> &str {
        match self {
            Definition::Condition(text) | Definition::Sql(text) => text,
            Definition::Hand => "",
        }
    }
}

/// An audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Its name, unique without regard to case.
    pub name: AudienceName,
    /// Whether it moves by itself.
    pub kind: AudienceKind,
    /// How people are chosen.
    pub definition: Definition,
    /// How far it has come.
    pub status: AudienceStatus,
    /// How many people it had when it was last counted; `None` before that. Of a static one the store keeps it.
    pub member_count: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its definition or its people changed last, as far as that was noticed.
    pub updated_at: Timestamp,
}

/// In which order audiences are listed. Ties are broken by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceOrder {
    /// By name, without regard to case.
    #[default]
    Name,
    /// The last updated first.
    UpdatedAt,
    /// The largest first, those not counted last.
    MemberCount,
}

/// Which audiences, in which order; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AudienceQuery {
    /// Whose name contains this, without regard to case.
    pub search: Option<String>,
    /// Made from this.
    pub source: Option<SourceType>,
    /// Of this kind.
    pub kind: Option<AudienceKind>,
    /// In this status.
    pub status: Option<AudienceStatus>,
    /// In which order.
    pub order: AudienceOrder,
}

/// Keeps audiences and the members of static ones. One conformance suite for all implementations.
///
/// People who are forgotten leave every audience. Writing is refused with `CF-111` where there is no such audience.
#[async_trait]
pub trait AudienceStore: Send + Sync {
    /// Makes an audience or replaces the one of this name. Members stay, unless it becomes dynamic: then it has none that
    /// are kept. Of a static one `member_count` is what the store counts, whatever is passed, once somebody was put in.
    async fn put_audience(&self, audience: &Audience) -> Result<(), Error>;

    /// The audience of this name, in any case.
    async fn audience(&self, name: &AudienceName) -> Result<Option<Audience>, Error>;

    /// Audiences that pass. There are as many as people made by hand, so they come at once.
    async fn audiences(&self, query: &AudienceQuery) -> Result<Vec<Audience>, Error>;

    /// Forgets an audience; its people stay in the store. False where there was none.
    async fn remove_audience(&self, name: &AudienceName) -> Result<bool, Error>;

    /// Puts people into a static audience; gives how many were not in it. Updates count and time.
    ///
    /// Errors: `CF-112` where it is dynamic, `RN-109` where one of the people is not in the store (any more).
    async fn add_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error>;

    /// Takes people out of a static audience; gives how many were in it. Updates count and time.
    ///
    /// Errors: `CF-112` where it is dynamic.
    async fn remove_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error>;

    /// Members of a static audience behind `after`, by id.
    ///
    /// Errors: `CF-112` where it is dynamic: its members are computed.
    async fn members(
        &self,
        name: &AudienceName,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, Error>;
}

/// What a query of a person may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// It is ended after this time.
    pub time: Duration,
    /// It is ended where it gives more people.
    pub people_max: u64,
}

impl QueryLimits {
    /// 10 seconds and 10 million people.
    pub const STANDARD: QueryLimits = QueryLimits { time: Duration::from_secs(10), people_max: 10_000_000 };
}

/// Runs SQL that a person wrote over the people of the store, and lets it read nothing else and write nothing.
#[async_trait]
pub trait PeopleSql: Send + Sync {
    /// The people that one statement gives in its column `id`, each once, by id. Ids that belong to nobody are left out.
    ///
    /// Errors: `CF-110` where it is not one statement that reads, names what it may not, gives no `id`, or the database
    /// does not understand it (its words are in the message); `RN-112` where it outlasts a limit.
    async fn people_by_sql(&self, sql: &str, limits: &QueryLimits) -> Result<Vec<PersonId>, Error>;
}
