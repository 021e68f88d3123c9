//! The forms in which both databases keep times and words.

use achub_core::{
    Code, Error,
    port::{journal::Level, state::RunStatus},
};
use jiff::Timestamp;

/// Nanoseconds since 1970. Errors: `SY-199` for a moment outside the years 1677 to 2262.
pub(crate) fn nanoseconds(moment: Timestamp) -> Result<i64, Error> {
    i64::try_from(moment.as_nanosecond())
        .map_err(|_| Error::new(Code::Bug, format!("{moment} is not a time the state can keep")))
}

/// The moment of these nanoseconds since 1970.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).expect("64 bits of nanoseconds are the years 1677 to 2262")
}

/// The stored word of a status.
pub(crate) fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Done => "done",
        RunStatus::DoneSomeRefused => "done_some_refused",
        RunStatus::Failed => "failed",
        RunStatus::Stopped => "stopped",
        RunStatus::NothingToDo => "nothing_to_do",
    }
}

/// The status of a stored word. Errors: what is wrong with it.
pub(crate) fn status_of(stored: &str) -> Result<RunStatus, String> {
    let all = [
        RunStatus::Running,
        RunStatus::Done,
        RunStatus::DoneSomeRefused,
        RunStatus::Failed,
        RunStatus::Stopped,
        RunStatus::NothingToDo,
    ];
    let found = all.into_iter().find(|&status| status_word(status) == stored);
    found.ok_or_else(|| format!("no run status is called {stored:?}"))
}

/// The level of a stored word. Errors: what is wrong with it.
pub(crate) fn level_of(stored: &str) -> Result<Level, String> {
    let found = [Level::Info, Level::Warn, Level::Error].into_iter().find(|level| level.word() == stored);
    found.ok_or_else(|| format!("no level is called {stored:?}"))
}
