//! A run's log: what it tells, written down for whoever asks later.
//!
//! Lines carry names, counts and codes. Commits are told in one line per stream and [`COMMITS_TOLD_EVERY`], so that the
//! log does not grow with the account.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use achub_core::{
    Error, Outcome, RunId, StreamName,
    port::{
        clock::Clock,
        journal::{JournalStore, Level, LogLine, RowNote},
        progress::{Event, Progress},
        target::Quarantined,
    },
};
use jiff::{SignedDuration, Timestamp};

/// How often a stream's commits make a line.
const COMMITS_TOLD_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Notes about records that are kept of one run; the outcomes count all.
const NOTES_KEPT: usize = 10_000;

/// How long logs and notes are kept.
pub(crate) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Writes down what a run tells, and hands it on to whoever watches.
pub(crate) struct Journal {
    run: RunId,
    store: Arc<dyn JournalStore>,
    clock: Arc<dyn Clock>,
    watcher: Arc<dyn Progress>,
    pending: Mutex<Pending>,
}

/// What was told and is not stored yet.
#[derive(Default)]
struct Pending {
    lines: Vec<LogLine>,
    notes: Vec<RowNote>,
    notes_stored: usize,
    commits: BTreeMap<StreamName, Commits>,
}

/// Commits of a stream that no line has told of.
struct Commits {
    rows: u64,
    since: Timestamp,
}

impl Journal {
    /// The journal of `run`; events go on to `watcher`.
    pub(crate) fn new(
        run: RunId,
        store: Arc<dyn JournalStore>,
        clock: Arc<dyn Clock>,
        watcher: Arc<dyn Progress>,
    ) -> Journal {
        Journal { run, store, clock, watcher, pending: Mutex::default() }
    }

    /// Writes a line of the run's own.
    pub(crate) fn tell(&self, level: Level, stream: Option<&StreamName>, message: impl Into<String>) {
        let at = self.clock.now();
        let line = LogLine { at, level, stream: stream.cloned(), message: message.into() };
        self.pending().lines.push(line);
    }

    /// Notes rows that were put aside, as long as there is room.
    pub(crate) fn put_aside(&self, rows: &[Quarantined]) {
        let note = |row: &Quarantined| RowNote {
            stream: row.stream.clone(),
            key: row.key.clone(),
            outcome: Outcome::Refused,
            column: row.column.clone(),
            reason: row.reason.clone(),
        };
        self.note(rows.iter().map(note));
    }

    /// Keeps notes about records, as long as there is room.
    pub(crate) fn note(&self, notes: impl IntoIterator<Item = RowNote>) {
        let mut pending = self.pending();
        let room = NOTES_KEPT.saturating_sub(pending.notes_stored + pending.notes.len());
        pending.notes.extend(notes.into_iter().take(room));
    }

    /// Stores what was told so far. A failure is told to the watcher and fails nothing: the data is where it belongs.
    pub(crate) async fn store(&self) {
        let (lines, notes) = {
            let mut pending = self.pending();
            let notes = std::mem::take(&mut pending.notes);
            pending.notes_stored += notes.len();
            (std::mem::take(&mut pending.lines), notes)
        };
        if let Err(error) = self.put(&lines, &notes).await {
            let message = format!("the log of this run could not be written: {error}");
            self.watcher.event(Event::Warning { message });
        }
    }

    /// Tells of the commits no line has told of.
    pub(crate) fn settle(&self) {
        let now = self.clock.now();
        let mut pending = self.pending();
        let commits = std::mem::take(&mut pending.commits);
        pending
            .lines
            .extend(commits.into_iter().filter_map(|(stream, commits)| line_of(stream, &commits, now)));
    }

    /// Stores the last lines and forgets journals of old runs.
    pub(crate) async fn close(&self) {
        self.settle();
        self.store().await;
        if let Err(error) = self.store.forget_before(self.clock.now() - KEPT_FOR).await {
            let message = format!("logs of old runs could not be forgotten: {error}");
            self.watcher.event(Event::Warning { message });
        }
    }

    async fn put(&self, lines: &[LogLine], notes: &[RowNote]) -> Result<(), Error> {
        if !lines.is_empty() {
            self.store.append_log(&self.run, lines).await?;
        }
        if !notes.is_empty() {
            self.store.append_rows(&self.run, notes).await?;
        }
        Ok(())
    }

    fn committed(&self, rows: &[(StreamName, u64)]) {
        let now = self.clock.now();
        let mut pending = self.pending();
        for (stream, count) in rows {
            let commits = pending.commits.entry(stream.clone()).or_insert(Commits { rows: 0, since: now });
            commits.rows += count;
            if now.duration_since(commits.since) >= COMMITS_TOLD_EVERY {
                let line = line_of(stream.clone(), commits, now);
                *commits = Commits { rows: 0, since: now };
                pending.lines.extend(line);
            }
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Whole lines are pushed at once, so what a panic elsewhere left behind is as good as before.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Journal {
    fn event(&self, event: Event) {
        match &event {
            Event::Opened { walks, requests, seconds, .. } => {
                self.tell(
                    Level::Info,
                    None,
                    format!("opened {walks} walks, {requests} requests and {seconds:.0} s expected"),
                );
            }
            Event::WalkStarted { walk, streams, resumed, requests } => {
                let names: Vec<&str> = streams.iter().map(StreamName::as_str).collect();
                let how = if *resumed { "goes on" } else { "begins" };
                self.tell(
                    Level::Info,
                    streams.first(),
                    format!("walk {walk} {how} with {}, {requests} requests expected", names.join(", ")),
                );
            }
            Event::Committed { rows, .. } => self.committed(rows),
            Event::Waiting { reason, wait } => {
                self.tell(Level::Warn, None, format!("waits {:.1} s: {reason}", wait.as_secs_f64()));
            }
            Event::Warning { message } => self.tell(Level::Warn, None, message.clone()),
            _ => {}
        }
        self.watcher.event(event);
    }
}

fn line_of(stream: StreamName, commits: &Commits, at: Timestamp) -> Option<LogLine> {
    let message = format!("committed {} records", commits.rows);
    (commits.rows > 0).then_some(LogLine { at, level: Level::Info, stream: Some(stream), message })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex},
    };

    use achub_core::{
        RunId, StreamName, WalkName,
        port::{
            clock::Clock,
            journal::{JournalStore as _, RowFilter},
            progress::{Event, Progress as _, Silent},
            target::Quarantined,
        },
    };
    use achub_store::memory::MemoryStore;
    use jiff::{SignedDuration, Timestamp};

    use super::{Journal, NOTES_KEPT};

    struct Moved(Mutex<Timestamp>);

    impl Moved {
        fn by_seconds(&self, seconds: i64) {
            *self.0.lock().expect("no test panics with it") += SignedDuration::from_secs(seconds);
        }
    }

    impl Clock for Moved {
        fn now(&self) -> Timestamp {
            *self.0.lock().expect("no test panics with it")
        }
    }

    fn journal() -> (Journal, Arc<MemoryStore>, Arc<Moved>) {
        let (store, clock) =
            (Arc::new(MemoryStore::new()), Arc::new(Moved(Mutex::new(Timestamp::UNIX_EPOCH))));
        let journal = Journal::new(RunId::new("r-1"), store.clone(), clock.clone(), Arc::new(Silent));
        (journal, store, clock)
    }

    fn committed(rows: u64) -> Event {
        let rows = HashMap::from([(StreamName::new("contacts"), rows)]).into_iter().collect();
        Event::Committed { walk: WalkName::new("contacts"), rows, pages: 1 }
    }

    /// The log does not grow with the account: commits of ten seconds are one line.
    #[tokio::test]
    async fn commits_are_told_every_ten_seconds() {
        let (journal, store, clock) = journal();

        for _ in 0..25 {
            journal.event(committed(100));
            clock.by_seconds(1);
        }
        journal.close().await;

        let lines = store.log(&RunId::new("r-1"), 100).await.expect("memory");
        let messages: Vec<&str> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(messages, ["committed 1100 records", "committed 1000 records", "committed 400 records"]);
    }

    /// L-09: where every row is refused the evidence stays bounded.
    #[tokio::test]
    async fn notes_are_kept_up_to_a_bound() {
        let (journal, store, _) = journal();
        let rows: Vec<Quarantined> = (0..600)
            .map(|key| Quarantined {
                stream: StreamName::new("contacts"),
                key: key.to_string(),
                column: "email".to_owned(),
                reason: "too long".to_owned(),
            })
            .collect();

        for _ in 0..20 {
            journal.put_aside(&rows);
            journal.store().await;
        }

        let (_, kept) = store.rows(&RunId::new("r-1"), &RowFilter::default(), 1).await.expect("memory");
        assert_eq!(kept, NOTES_KEPT as u64);
    }
}
