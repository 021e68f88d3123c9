//! Rows that are there and that a complete read did not show.

use achub_core::{
    RunId,
    port::target::{Absence, AbsenceAction, Check, MergeStrategy, TableLoad},
};

use crate::folder::manifest::Manifest;

/// What is known about absent rows of one table while rows meet.
pub(crate) struct Absent<'a> {
    rules: Option<&'a Absence>,
    /// Whether everything the source has was collected.
    is_complete: bool,
    keeps_versions: bool,
    run: &'a RunId,
    /// The run since which the list of missing rows is one.
    listed_since: Option<&'a RunId>,
    /// Live rows the table held.
    pub(crate) held: u64,
    /// Keys that were collected.
    pub(crate) shown: u64,
    is_guarded: bool,
    pub(crate) gone: u64,
    pub(crate) waiting: u64,
    pub(crate) missing: u64,
    pub(crate) different: u64,
}

impl<'a> Absent<'a> {
    pub(crate) fn new(
        load: &'a TableLoad,
        there: &'a Manifest,
        run: &'a RunId,
        is_complete: bool,
    ) -> Absent<'a> {
        Absent {
            rules: load.absence.as_ref(),
            is_complete,
            keeps_versions: load.merge == MergeStrategy::History,
            run,
            listed_since: there.missing_since.as_ref(),
            held: there.live_rows(),
            shown: 0,
            is_guarded: false,
            gone: 0,
            waiting: 0,
            missing: 0,
            different: 0,
        }
    }

    /// Decides, once it is known how much was shown, whether that is enough to believe that the rest is gone.
    pub(crate) fn guard(&mut self) {
        let Some(rules) = self.rules else { return };
        let is_too_little = match self.held {
            0 => false,
            held if held < Absence::SMALL => self.shown == 0,
            held => u128::from(self.shown) * 100 < u128::from(held) * u128::from(rules.floor_percent),
        };
        self.is_guarded = self.is_complete && is_too_little;
    }

    /// Whether rows are not what is counted: the table keeps several versions of each.
    pub(crate) fn needs_keys(&self) -> bool {
        self.is_complete && self.keeps_versions
    }

    /// Whether rows that their parents' complete sets lack are dealt with at once. In a complete read they are guarded like
    /// all others, and where they are only reported they are counted with them.
    pub(crate) fn acts_on_sets(&self) -> bool {
        let is_reported = self.action() == AbsenceAction::Report;
        !(self.is_complete && self.rules.is_some() && (self.is_guarded || is_reported))
    }

    /// Whether absent rows are looked at.
    pub(crate) fn is_checked(&self) -> bool {
        self.renews_list()
    }

    /// Whether the list of missing rows is made anew; otherwise rows that were shown are taken from it.
    pub(crate) fn renews_list(&self) -> bool {
        self.is_complete && self.rules.is_some() && !self.is_guarded
    }

    /// Whether an absent row is acted upon: it was missing before, in another run.
    pub(crate) fn is_due(&self, is_listed: bool) -> bool {
        self.renews_list() && is_listed && self.listed_since != Some(self.run)
    }

    /// Whether an absent row that is not acted upon waits for a second sighting.
    pub(crate) fn waits(&self) -> bool {
        self.renews_list()
    }

    /// What is done. Without rules, rows that are absent from their parent's complete set are deleted.
    pub(crate) fn action(&self) -> AbsenceAction {
        self.rules.map_or(AbsenceAction::Delete, |rules| rules.action)
    }

    /// The run since which the new list is one; `None` where there was none and none is made.
    pub(crate) fn since(&self) -> Option<RunId> {
        match self.renews_list() {
            true => Some(self.run.clone()),
            false => self.listed_since.cloned(),
        }
    }

    /// The figures, where there is something complete to compare with.
    pub(crate) fn check(&self) -> Option<Check> {
        self.is_complete.then_some(Check {
            held: self.held,
            shown: self.shown,
            missing: self.missing,
            different: self.different,
            waiting: self.waiting,
            // Without rules only rows of complete sets went, which is no finding about the rest.
            gone: if self.rules.is_some() { self.gone } else { 0 },
            guarded: self.is_guarded,
        })
    }
}
