//! What became of each record.

use serde::{Deserialize, Serialize};

/// What became of one record. The counts over all outcomes sum to the records considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Was not there before.
    Added,
    /// Was there with another value.
    Changed,
    /// Was there with the same value.
    Same,
    /// Is no longer there.
    Removed,
    /// The other side would not take it.
    Refused,
    /// Left out by a rule of ours.
    Skipped,
    /// Waits for a person.
    Held,
    /// Sent, no answer yet.
    Unknown,
}

impl Outcome {
    /// The word that is stored and typed.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Added => "added",
            Outcome::Changed => "changed",
            Outcome::Same => "same",
            Outcome::Removed => "removed",
            Outcome::Refused => "refused",
            Outcome::Skipped => "skipped",
            Outcome::Held => "held",
            Outcome::Unknown => "unknown",
        }
    }

    /// The outcome of this word.
    pub fn find(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// All outcomes in the order in which they are shown.
    pub const ALL: [Outcome; 8] = [
        Outcome::Added,
        Outcome::Changed,
        Outcome::Same,
        Outcome::Removed,
        Outcome::Refused,
        Outcome::Skipped,
        Outcome::Held,
        Outcome::Unknown,
    ];
}

/// Records counted by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    /// See [`Outcome::Added`].
    pub added: u64,
    /// See [`Outcome::Changed`].
    pub changed: u64,
    /// See [`Outcome::Same`].
    pub same: u64,
    /// See [`Outcome::Removed`].
    pub removed: u64,
    /// See [`Outcome::Refused`].
    pub refused: u64,
    /// See [`Outcome::Skipped`].
    pub skipped: u64,
    /// See [`Outcome::Held`].
    pub held: u64,
    /// See [`Outcome::Unknown`].
    pub unknown: u64,
}

impl Outcomes {
    /// The count of one outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Added => self.added,
            Outcome::Changed => self.changed,
            Outcome::Same => self.same,
            Outcome::Removed => self.removed,
            Outcome::Refused => self.refused,
            Outcome::Skipped => self.skipped,
            Outcome::Held => self.held,
            Outcome::Unknown => self.unknown,
        }
    }

    /// All records considered.
    pub fn total(&self) -> u64 {
        Outcome::ALL.iter().map(|&outcome| self.count(outcome)).sum()
    }
}

impl std::ops::AddAssign for Outcomes {
    fn add_assign(&mut self, other: Outcomes) {
        self.added += other.added;
        self.changed += other.changed;
        self.same += other.same;
        self.removed += other.removed;
        self.refused += other.refused;
        self.skipped += other.skipped;
        self.held += other.held;
        self.unknown += other.unknown;
    }
}
