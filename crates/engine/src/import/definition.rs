//! What is imported, and how it meets what is there.

use std::time::Duration;

use achub_core::{
    ConnectionName, JobName, RunId,
    email::LocalParts,
    port::{
        activity::ActivityStore,
        incoming::{PeopleSource, Selection},
        jobs::Fence,
        people::PeopleStore,
    },
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What happens to the fields of somebody who is in the store already (AB-89).
///
/// It is about fields alone: links, companies, bounces and what she allowed are always brought up to date, each by its own
/// rule, and nothing is ever erased by a blank (SX-21).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Her fields stay as they are.
    Skip,
    /// What is shown replaces what is held.
    #[default]
    Overwrite,
    /// Only fields that are empty are filled.
    FillMissing,
}

impl Merge {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Merge; 3] = [Merge::Skip, Merge::Overwrite, Merge::FillMissing];

    /// The word that is stored and typed.
    pub fn word(self) -> &'static str {
        match self {
            Merge::Skip => "skip",
            Merge::Overwrite => "overwrite",
            Merge::FillMissing => "fill_missing",
        }
    }

    /// The words by which it is offered.
    pub fn title(self) -> &'static str {
        match self {
            Merge::Skip => "Skip and keep existing fields",
            Merge::Overwrite => "Overwrite existing fields",
            Merge::FillMissing => "Update only missing fields",
        }
    }

    /// The one of this word.
    pub fn find(word: &str) -> Option<Merge> {
        Merge::ALL.into_iter().find(|merge| merge.word() == word)
    }
}

/// An import: who is read through which connection, and how that meets the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// What it is remembered by; one run of it at a time.
    pub job: JobName,
    /// Through which connection people come.
    pub connection: ConnectionName,
    /// Who comes.
    pub selection: Selection,
    /// What happens to fields of people who are there.
    pub merge: Merge,
    /// A tag of the hub that everybody gets; it is never sent anywhere (SX-10).
    pub tag: Option<String>,
    /// Whether addresses that differ in case before the `@` are one.
    pub locals: LocalParts,
    /// How often everybody is read again, for changes that move no time of a person. See [`Import::SWEEP_EVERY`].
    pub sweep_every: Duration,
    /// At most so many people; such a run stores no cursor, so the next one begins as this one did.
    pub limit: Option<u64>,
}

impl Import {
    /// How often everybody is read again unless somebody says otherwise: once a day.
    pub const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);

    /// How far before the cursor the next run begins: clocks differ, and what changed in the second in which the last
    /// reading began may have been passed already. What is read twice lands once.
    pub(super) const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

    /// Everybody of `connection`, fields overwritten, addresses folded, without a tag.
    pub fn everybody(job: JobName, connection: ConnectionName) -> Import {
        Import {
            job,
            connection,
            selection: Selection::All,
            merge: Merge::default(),
            tag: None,
            locals: LocalParts::default(),
            sweep_every: Import::SWEEP_EVERY,
            limit: None,
        }
    }
}

/// What an import works between.
#[derive(Clone, Copy)]
pub struct ImportEnds<'a> {
    /// Where people come from.
    pub source: &'a dyn PeopleSource,
    /// Where they go.
    pub people: &'a dyn PeopleStore,
    /// Where it is told what became of them.
    pub activity: &'a dyn ActivityStore,
}

/// In whose name an import runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportTicket {
    /// The run a queue has announced. Without one a run that did not come to its end keeps its name, and any other gets a
    /// new one.
    pub run: Option<RunId>,
    /// The right to write, where others could be at it too: every commit is refused with `RN-102` once it is outdated.
    pub fence: Option<Fence>,
}
