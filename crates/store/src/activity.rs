//! The chain of the activity log, and its lines as columns: the same for all stores.
//!
//! A line's hash is over the hash of the line before, its number, and everything it says, as it is stored. The row that
//! holds both ends of the chain tells a line that is missing at the end from one that was never written, and where the
//! chain begins after old lines were forgotten.

use std::fmt::Write;

use achub_core::{
    ConnectionName, Error, RunId,
    port::activity::{
        Activity, ActivityFilter, ActivityLine, ActivityStatus, ActivityType, Chain, Direction, ObjectType,
    },
};
use sha2::{Digest, Sha256};

use crate::stored::{nanoseconds, timestamp};

/// Lines that are checked at a time, so that memory is bounded whatever the length of the log.
pub(crate) const CHECKED_AT_ONCE: usize = 1_000;

/// Lines that are forgotten in one transaction: deleting a million at once would keep every writer waiting for seconds.
pub(crate) const FORGOTTEN_AT_ONCE: i64 = 10_000;

/// Lines of one statement. SQLite takes 32,766 values in one, PostgreSQL 65,535; a line has 13.
pub(crate) const APPENDED_AT_ONCE: usize = 500;

/// Number, time, type, message, object, key, direction, status, connection, run, code, changes as JSON, hash.
pub(crate) type Columns = (
    i64,
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    String,
);

/// A line as it is stored; [`Columns`] with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLine {
    pub(crate) number: i64,
    pub(crate) at_ns: i64,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) object: String,
    pub(crate) key: String,
    pub(crate) direction: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) connection: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) code: Option<String>,
    /// JSON.
    pub(crate) changes: String,
    pub(crate) hash: String,
}

impl From<Columns> for StoredLine {
    fn from(columns: Columns) -> StoredLine {
        let (
            number,
            at_ns,
            kind,
            message,
            object,
            key,
            direction,
            status,
            connection,
            run,
            code,
            changes,
            hash,
        ) = columns;
        StoredLine {
            number,
            at_ns,
            kind,
            message,
            object,
            key,
            direction,
            status,
            connection,
            run,
            code,
            changes,
            hash,
        }
    }
}

/// Where the chain begins and ends: the number and hash of the last line forgotten, and of the last line written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) base: (i64, String),
    pub(crate) head: (i64, String),
}

/// The lines as they are written behind `head`, each with its number and hash.
pub(crate) fn chained(head: &(i64, String), lines: &[Activity]) -> Result<Vec<StoredLine>, Error> {
    let mut before = head.clone();
    let mut chained = Vec::with_capacity(lines.len());
    for line in lines {
        let mut line = stored(before.0 + 1, line)?;
        line.hash = digest(&before.1, &line);
        before = (line.number, line.hash.clone());
        chained.push(line);
    }
    Ok(chained)
}

/// The line without its hash.
fn stored(number: i64, line: &Activity) -> Result<StoredLine, Error> {
    Ok(StoredLine {
        number,
        at_ns: nanoseconds(line.at)?,
        kind: line.kind.word().to_owned(),
        message: line.message.clone(),
        object: line.object.word().to_owned(),
        key: line.key.clone(),
        direction: line.direction.map(|direction| direction.word().to_owned()),
        status: line.status.map(|status| status.word().to_owned()),
        connection: line.connection.as_ref().map(ConnectionName::to_string),
        run: line.run.as_ref().map(RunId::to_string),
        code: line.code.clone(),
        changes: serde_json::to_string(&line.changes).expect("text can be written as JSON"),
        hash: String::new(),
    })
}

/// The line that was stored so. Errors: what this program never writes.
pub(crate) fn line(stored: StoredLine) -> Result<ActivityLine, String> {
    let unknown = |what: &str, word: &str| format!("no {what} of an activity is called {word:?}");
    let direction = |word: String| Direction::find(&word).ok_or_else(|| unknown("direction", &word));
    let status = |word: String| ActivityStatus::find(&word).ok_or_else(|| unknown("status", &word));
    let activity = Activity {
        at: timestamp(stored.at_ns),
        kind: ActivityType::find(&stored.kind).ok_or_else(|| unknown("type", &stored.kind))?,
        message: stored.message,
        object: ObjectType::find(&stored.object).ok_or_else(|| unknown("object", &stored.object))?,
        key: stored.key,
        direction: stored.direction.map(direction).transpose()?,
        status: stored.status.map(status).transpose()?,
        connection: stored.connection.map(ConnectionName::new),
        run: stored.run.map(RunId::new),
        code: stored.code,
        changes: serde_json::from_str(&stored.changes).map_err(|cause| cause.to_string())?,
    };
    Ok(ActivityLine { number: stored.number, activity, hash: stored.hash })
}

/// SHA-256 over the hash before and all columns but the hash. Each part has its length in front, and what is absent differs
/// from what is empty, so that nothing can be moved from one part to another.
fn digest(before: &str, line: &StoredLine) -> String {
    let (number, at_ns) = (line.number.to_string(), line.at_ns.to_string());
    let parts = [
        Some(before),
        Some(&number),
        Some(&at_ns),
        Some(&line.kind),
        Some(&line.message),
        Some(&line.object),
        Some(&line.key),
        line.direction.as_deref(),
        line.status.as_deref(),
        line.connection.as_deref(),
        line.run.as_deref(),
        line.code.as_deref(),
        Some(&line.changes),
    ];
    let mut hasher = Sha256::new();
    for part in parts {
        let Some(text) = part else {
            hasher.update([0]);
            continue;
        };
        hasher.update([1]);
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("text takes text");
        digits
    })
}

/// Follows the chain from its base to its head.
#[derive(Debug)]
pub(crate) struct Check {
    ends: Ends,
    /// The last line that holds.
    at: (i64, String),
    lines: u64,
}

impl Check {
    pub(crate) fn new(ends: Ends) -> Check {
        Check { at: ends.base.clone(), ends, lines: 0 }
    }

    /// The number behind which the next lines are wanted.
    pub(crate) fn after(&self) -> i64 {
        self.at.0
    }

    /// Looks at the next lines, up to the head as it was when the check began. The verdict, where it is clear.
    pub(crate) fn next(&mut self, lines: &[StoredLine]) -> Option<Chain> {
        for line in lines.iter().take_while(|line| line.number <= self.ends.head.0) {
            // The hash is over the number and the hash before, so a line that is missing in between shows, too.
            if line.hash != digest(&self.at.1, line) {
                return Some(Chain::BrokenAt(line.number));
            }
            self.at = (line.number, line.hash.clone());
            self.lines += 1;
        }
        let is_over = self.at.0 >= self.ends.head.0 || lines.len() < CHECKED_AT_ONCE;
        is_over.then(|| self.verdict())
    }

    fn verdict(&self) -> Chain {
        if self.at.0 < self.ends.head.0 {
            // The line behind the last one is gone.
            Chain::BrokenAt(self.at.0 + 1)
        } else if self.at != self.ends.head {
            Chain::BrokenAt(self.at.0)
        } else {
            Chain::Whole(self.lines)
        }
    }
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Text(String),
    Number(i64),
}

/// The conditions of a filter: a column with its comparison, and what it is compared with. Each column has an index.
pub(crate) fn conditions(filter: &ActivityFilter) -> Result<Vec<(&'static str, Wanted)>, Error> {
    let ActivityFilter { from, until, kind, status, object, key, run, connection, before_number } = filter;
    let text = |text: &str| Wanted::Text(text.to_owned());
    let wanted = [
        ("at_ns >= ", from.map(nanoseconds).transpose()?.map(Wanted::Number)),
        ("at_ns < ", until.map(nanoseconds).transpose()?.map(Wanted::Number)),
        ("kind = ", kind.map(|kind| text(kind.word()))),
        ("status = ", status.map(|status| text(status.word()))),
        ("object = ", object.map(|object| text(object.word()))),
        ("object_key = ", key.as_deref().map(text)),
        ("run = ", run.as_ref().map(|run| text(run.as_str()))),
        ("connection = ", connection.as_ref().map(|connection| text(connection.as_str()))),
        ("number < ", before_number.map(Wanted::Number)),
    ];
    Ok(wanted.into_iter().filter_map(|(column, wanted)| wanted.map(|wanted| (column, wanted))).collect())
}

/// Whether a line passes a filter.
pub(crate) fn passes(filter: &ActivityFilter, line: &ActivityLine) -> bool {
    let ActivityFilter { from, until, kind, status, object, key, run, connection, before_number } = filter;
    let activity = &line.activity;
    from.is_none_or(|from| activity.at >= from)
        && until.is_none_or(|until| activity.at < until)
        && kind.is_none_or(|kind| activity.kind == kind)
        && status.is_none_or(|status| activity.status == Some(status))
        && object.is_none_or(|object| activity.object == object)
        && key.as_ref().is_none_or(|key| activity.key == *key)
        && run.as_ref().is_none_or(|run| activity.run.as_ref() == Some(run))
        && connection.as_ref().is_none_or(|connection| activity.connection.as_ref() == Some(connection))
        && before_number.is_none_or(|number| line.number < number)
}
