//! What a daemon knows about itself: whether it can work, and figures for whoever watches it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// A scheduler that has not looked for so long is taken for dead.
const SILENT_SECONDS: i64 = 120;

/// Figures of one daemon. Shared by its parts.
#[derive(Debug, Default)]
pub struct Health(Mutex<Figures>);

#[derive(Debug, Default)]
struct Figures {
    ticked_at: Option<Timestamp>,
    store_error: Option<String>,
    waiting: u64,
    working: BTreeMap<String, Timestamp>,
    ended: BTreeMap<&'static str, u64>,
}

/// Why a daemon cannot work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady(pub String);

impl Health {
    fn figures(&self) -> std::sync::MutexGuard<'_, Figures> {
        // Figures are whole after every call; a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scheduler has looked, and so many runs wait.
    pub(crate) fn ticked(&self, now: Timestamp, waiting: u64) {
        let mut figures = self.figures();
        (figures.ticked_at, figures.waiting, figures.store_error) = (Some(now), waiting, None);
    }

    /// The store could not be asked.
    pub(crate) fn store_failed(&self, error: &achub_core::Error) {
        self.figures().store_error = Some(format!("{} {error}", error.code().page().id));
    }

    /// A run of `job` began.
    pub(crate) fn began(&self, job: &str, now: Timestamp) {
        self.figures().working.insert(job.to_owned(), now);
    }

    /// It ended: `done`, `failed`, `stopped`, `postponed` or `lost`.
    pub(crate) fn ended(&self, job: &str, how: &'static str) {
        let mut figures = self.figures();
        figures.working.remove(job);
        *figures.ended.entry(how).or_default() += 1;
    }

    /// Whether it can work now.
    pub fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        let figures = self.figures();
        if let Some(error) = &figures.store_error {
            return Err(NotReady(format!("the store cannot be used: {error}")));
        }
        let Some(ticked_at) = figures.ticked_at else { return Err(NotReady("not started yet".to_owned())) };
        let silent = now.as_second() - ticked_at.as_second();
        if silent > SILENT_SECONDS {
            return Err(NotReady(format!("the scheduler has not looked for {silent} s")));
        }
        Ok(())
    }

    /// The figures in the text format of Prometheus.
    ///
    /// No figure carries an address, a key or a name of a person; jobs are named as the project file names them.
    pub fn metrics(&self, now: Timestamp) -> String {
        let figures = self.figures();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, String)>| {
            // Writing into a String does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let plain = |value: String| vec![(String::new(), value)];
        family(
            "achub_runs_waiting",
            "gauge",
            "Runs that wait for their turn.",
            plain(figures.waiting.to_string()),
        );
        let working = figures.working.iter().map(|(job, since)| {
            (label("job", job), (now.as_second() - since.as_second()).max(0).to_string())
        });
        family("achub_run_seconds", "gauge", "Seconds a run has been working.", working.collect());
        let ended = figures.ended.iter().map(|(how, count)| (label("outcome", how), count.to_string()));
        family("achub_runs_ended_total", "counter", "Runs that ended since the start.", ended.collect());
        let silent = figures.ticked_at.map(|at| (now.as_second() - at.as_second()).max(0).to_string());
        let silent = silent.map_or_else(Vec::new, plain);
        family("achub_scheduler_silent_seconds", "gauge", "Seconds since the scheduler looked.", silent);
        let up = if figures.store_error.is_none() { "1" } else { "0" };
        family("achub_store_up", "gauge", "Whether the store could be used last.", plain(up.to_owned()));
        text
    }
}

/// One label, its value escaped as the format asks.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use super::{Health, NotReady};
    use achub_core::{Code, Error};
    use jiff::Timestamp;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn silence_and_a_broken_store_are_told() {
        let health = Health::default();
        assert_eq!(health.ready(at(0)), Err(NotReady("not started yet".to_owned())));
        health.ticked(at(0), 0);
        assert_eq!(health.ready(at(120)), Ok(()));
        assert_eq!(health.ready(at(121)), Err(NotReady("the scheduler has not looked for 121 s".to_owned())));
        health.store_failed(&Error::new(Code::StoreBroken, "cannot read"));
        let told = health.ready(at(1)).unwrap_err().0;
        assert!(told.starts_with("the store cannot be used: SY-105"), "{told}");
        health.ticked(at(2), 3);
        assert_eq!(health.ready(at(2)), Ok(()));
    }

    #[test]
    fn names_of_jobs_cannot_break_the_format() {
        let health = Health::default();
        health.ticked(at(0), 2);
        health.began("a\"b\\c\nd", at(1));
        health.began("x", at(1));
        health.ended("x", "done");
        let text = health.metrics(at(5));
        assert!(text.contains("achub_run_seconds{job=\"a\\\"b\\\\c\\nd\"} 4\n"), "{text}");
        assert!(text.contains("achub_runs_ended_total{outcome=\"done\"} 1\n"), "{text}");
        assert!(text.contains("achub_runs_waiting 2\n"), "{text}");
    }
}
