//! How far a bulk import is.

use serde_json::{Map, Value as Json};

use crate::{
    decode::{self, Unreadable},
    model::members::{FromMember, Members},
};

/// An answer of `import/info`.
///
/// Source: vendor reference, "Bulk import contacts"; no recorded answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportStatus {
    /// How far it is.
    pub state: ImportState,
    /// Ids of contacts that were made. Those that were updated are not named.
    pub created: Vec<i64>,
    /// Addresses that were refused, without a reason.
    pub refused: Vec<String>,
    /// Members without a field, and those that do not fit theirs.
    pub others: Map<String, Json>,
}

/// How far a bulk import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportState {
    /// Accepted and not known yet: `false` in the first moment.
    Unknown,
    /// Queued: `waiting`.
    Waiting,
    /// Taken by a worker: `claimed`.
    Claimed,
    /// At work: `active`.
    Active,
    /// Done: `completed`.
    Completed,
    /// Given up: `failed`.
    Failed,
    /// Stopped in the middle: `interrupted`.
    Interrupted,
    /// A word that is not documented.
    Other(String),
}

impl ImportState {
    /// Whether it will not change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, ImportState::Completed | ImportState::Failed | ImportState::Interrupted)
    }

    fn from_word(word: &str) -> ImportState {
        match word {
            "waiting" => ImportState::Waiting,
            "claimed" => ImportState::Claimed,
            "active" => ImportState::Active,
            "completed" => ImportState::Completed,
            "failed" => ImportState::Failed,
            "interrupted" => ImportState::Interrupted,
            other => ImportState::Other(other.to_owned()),
        }
    }
}

impl ImportStatus {
    /// Reads an answer.
    ///
    /// Errors: as [`decode::page`]; without `status` it is [`decode::Kind::Shape`].
    pub fn read(body: &[u8]) -> Result<ImportStatus, Unreadable> {
        let mut members = Members::of(decode::object(body)?);
        let state = members.take("status").ok_or_else(|| Unreadable::shape("the status of an import"))?;
        Ok(ImportStatus {
            state,
            created: members.take("success").unwrap_or_default(),
            refused: members.take("failure").unwrap_or_default(),
            others: members.others(),
        })
    }
}

impl FromMember for ImportState {
    fn from_member(member: &Json) -> Option<ImportState> {
        match member {
            Json::Bool(false) => Some(ImportState::Unknown),
            Json::String(word) => Some(ImportState::from_word(word)),
            _ => None,
        }
    }
}

impl FromMember for Vec<String> {
    fn from_member(member: &Json) -> Option<Vec<String>> {
        member.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    }
}
