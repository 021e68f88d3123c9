//! What an import did.

use achub_core::{
    Code, ConnectionName, Error, JobName, Outcomes, RunId,
    code::Class,
    port::{incoming::IncomingPlan, state::RunStatus},
};
use serde::{Deserialize, Serialize};

use crate::import::{definition::Import, desk::Tally};

/// What an import did. Stored with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// The run.
    pub run: RunId,
    /// Which import.
    pub job: JobName,
    /// Through which connection people came.
    pub connection: ConnectionName,
    /// How it ended.
    pub status: RunStatus,
    /// Whether no import of this job had come to its end before.
    pub is_first: bool,
    /// Whether everybody was read, changes without a time included.
    pub swept: bool,
    /// Whether it went on where an earlier attempt had ended.
    pub resumed: bool,
    /// How people were read, for people.
    pub how: String,
    /// What became of people, over all attempts. The counts sum to the people who were shown.
    pub outcomes: Outcomes,
    /// Memberships of this attempt that were shown as allowing more than is held, without proof, and not taken.
    pub permissions_kept: u64,
    /// Values of this attempt that did not fit their field. Their people came in without them; each is in the row log.
    pub values_left_out: u64,
    /// People the source said there are, where it said so.
    pub people_expected: Option<u64>,
    /// Requests sent in this attempt, repeats included.
    pub requests: u64,
    /// Requests expected when it began.
    pub requests_expected: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds expected when it began.
    pub seconds_expected: f64,
    /// Things to tell the user, one sentence each.
    pub notes: Vec<String>,
    /// What ended it too early: code and message.
    pub error: Option<(String, String)>,
}

impl ImportSummary {
    /// A run that has not begun to read.
    pub(super) fn new(run: RunId, import: &Import) -> ImportSummary {
        ImportSummary {
            run,
            job: import.job.clone(),
            connection: import.connection.clone(),
            status: RunStatus::Running,
            is_first: false,
            swept: false,
            resumed: false,
            how: String::new(),
            outcomes: Outcomes::default(),
            permissions_kept: 0,
            values_left_out: 0,
            people_expected: None,
            requests: 0,
            requests_expected: 0,
            seconds: 0.0,
            seconds_expected: 0.0,
            notes: Vec::new(),
            error: None,
        }
    }

    /// What the run means for whoever started it; `None` where all went well.
    pub fn class(&self) -> Option<Class> {
        if let Some((code, _)) = &self.error {
            return Some(Code::find(code).map_or(Class::Failed, |code| code.page().class));
        }
        match self.status {
            RunStatus::Stopped => Some(Class::Interrupted),
            RunStatus::Failed => Some(Class::Failed),
            RunStatus::DoneSomeRefused => Some(Class::Refused),
            RunStatus::Running | RunStatus::Done | RunStatus::NothingToDo => None,
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.status == RunStatus::Stopped
    }

    /// Takes over what is known once the source has answered.
    pub(super) fn opened(&mut self, plan: &IncomingPlan, sent_to_open: u64) {
        self.resumed = plan.resumed;
        self.how.clone_from(&plan.how);
        self.people_expected = plan.people;
        self.requests_expected = sent_to_open + plan.price.requests;
        self.seconds_expected = plan.price.seconds;
        self.notes.extend(plan.notes.iter().cloned());
    }

    /// Takes over what was counted.
    pub(super) fn count(&mut self, tally: &Tally) {
        self.outcomes = tally.outcomes;
        self.permissions_kept = tally.kept;
        self.values_left_out = tally.left_out;
    }

    /// How a run ended that came to its end.
    pub(super) fn end(&mut self) {
        let Outcomes { added, changed, refused, .. } = self.outcomes;
        self.status = if refused > 0 || self.values_left_out > 0 {
            RunStatus::DoneSomeRefused
        } else if added + changed == 0 {
            RunStatus::NothingToDo
        } else {
            RunStatus::Done
        };
    }

    /// How a run ended that did not.
    pub(super) fn fail(&mut self, error: &Error) {
        self.status = RunStatus::Failed;
        self.error = Some((error.code().id().to_owned(), error.to_string()));
    }
}

/// What is to be told of lists that were shown and are not in the catalogue.
pub(super) fn of_unknown_lists(tally: &Tally) -> Option<String> {
    let mut keys: Vec<&str> = tally.unknown_lists.iter().map(String::as_str).collect();
    keys.sort_unstable();
    (!keys.is_empty()).then(|| {
        format!(
            "memberships of lists that were made or deleted during the import were left out (list {}); the next full look \
             brings those that are there",
            keys.join(", ")
        )
    })
}
