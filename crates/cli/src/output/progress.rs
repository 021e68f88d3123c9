//! What a run shows while it works: a live line on a terminal, plain lines otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use achub_core::{
    WalkName,
    port::progress::{Event, Progress},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};

use crate::output::{Output, count, duration};

/// How often the live line is drawn anew.
const LIVE_EVERY: Duration = Duration::from_millis(250);
/// How often a plain line is printed.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Streams named in a line; how many more there are is a number.
const STREAMS_SHOWN: usize = 3;

/// What is shown while a run works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line that changes.
    Live,
    /// A line every five seconds.
    Plain,
    /// Nothing but warnings.
    None,
}

/// What `--progress` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// Live on a terminal, plain otherwise.
    Auto,
    /// A line every five seconds.
    Plain,
    /// Nothing.
    None,
}

impl When {
    /// The style for this start.
    pub fn style(self, is_quiet: bool) -> Style {
        match self {
            _ if is_quiet => Style::None,
            When::Auto if super::words_to_terminal() => Style::Live,
            When::Auto | When::Plain => Style::Plain,
            When::None => Style::None,
        }
    }
}

/// Watches a run. Clones share one state.
#[derive(Clone)]
pub struct Watch {
    output: Output,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    bar: Option<ProgressBar>,
}

/// What is worth saying at once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Aside {
    Told(String),
    Warned(String),
}

/// The figures of the run so far.
#[derive(Debug, Default)]
struct State {
    requests_expected: u64,
    /// Streams whose walks are not open yet; each takes one request at least.
    later: u64,
    rows: u64,
    rows_of: BTreeMap<String, u64>,
    working: BTreeMap<WalkName, (Instant, Vec<String>)>,
    seconds: BTreeMap<String, f64>,
    walks_done: usize,
    walks: usize,
    waiting: Option<(Instant, String)>,
    waits: u64,
}

impl Watch {
    /// A watch in the style of `output`.
    pub fn new(output: Output) -> Watch {
        let bar = (output.progress == Style::Live).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is valid"),
            );
            bar
        });
        Watch { output, shared: Arc::new(Shared { state: Mutex::default(), bar }) }
    }

    /// Shows the figures until dropped. `requests_sent` tells how many requests were sent so far.
    ///
    /// Needs a tokio runtime.
    pub fn begin(&self, requests_sent: impl Fn() -> u64 + Send + 'static) -> Watching {
        let watch = self.clone();
        let every = match self.output.progress {
            Style::Live => LIVE_EVERY,
            Style::Plain => PLAIN_EVERY,
            Style::None => return Watching { task: None, bar: None },
        };
        let sent_before = requests_sent();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut ticks = tokio::time::interval(every);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let sent = requests_sent().saturating_sub(sent_before);
                watch.draw(sent, started.elapsed());
            }
        });
        Watching { task: Some(task), bar: self.shared.bar.clone() }
    }

    /// How long the walk that fed `stream` took, once it has finished.
    pub fn seconds(&self, stream: &str) -> Option<f64> {
        self.state().seconds.get(stream).copied()
    }

    fn draw(&self, sent: u64, elapsed: Duration) {
        let line = self.state().line(sent, elapsed);
        match &self.shared.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => {
                let now = Timestamp::now().to_zoned(TimeZone::system());
                self.output.say(&format!("{} {line}", now.strftime("%H:%M:%S")));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The figures are for the eye: after a panic elsewhere they are as good as before.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something without tearing the live line.
    fn aside(&self, aside: &Aside) {
        let say = || match aside {
            Aside::Told(text) => self.output.say(text),
            Aside::Warned(text) => self.output.warn(text),
        };
        match &self.shared.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

impl Progress for Watch {
    fn event(&self, event: Event) {
        let aside = self.state().take(event);
        if let Some(aside) = aside {
            self.aside(&aside);
        }
    }
}

impl State {
    /// Takes an event into the figures; gives back what is worth saying at once.
    fn take(&mut self, event: Event) -> Option<Aside> {
        match event {
            Event::Opened { walks, requests, later, .. } => {
                self.walks += walks;
                self.requests_expected += requests;
                self.later = later as u64;
            }
            Event::WalkStarted { walk, streams, resumed, .. } => {
                let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
                let names = streams.join(", ");
                self.working.insert(walk, (Instant::now(), streams));
                return resumed.then(|| Aside::Told(format!("{names}: continues an interrupted run")));
            }
            Event::Committed { rows, .. } => {
                for (stream, rows) in rows {
                    self.rows += rows;
                    *self.rows_of.entry(stream.to_string()).or_default() += rows;
                }
            }
            // What a stream came to is told from the summary.
            Event::StreamFinished { .. } => {}
            Event::WalkFinished { walk } => {
                self.walks_done += 1;
                if let Some((started, streams)) = self.working.remove(&walk) {
                    let seconds = started.elapsed().as_secs_f64();
                    self.seconds.extend(streams.into_iter().map(|stream| (stream, seconds)));
                }
            }
            Event::Waiting { reason, wait } => {
                self.waits += 1;
                self.waiting = Some((Instant::now() + wait, reason));
            }
            Event::Warning { message } => return Some(Aside::Warned(message)),
        }
        None
    }

    /// `contacts 12,400, field_values 124,000 +2 · 136,400 rows · 124/480 requests, 4.0/s · about 1 min 29 s left`.
    fn line(&self, sent: u64, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = sent as f64 / seconds;
        let mut parts = vec![self.reading(), format!("{} rows", count(self.rows))];
        parts.push(format!(
            "{}/{} requests, {rate:.1}/s",
            count(sent),
            count((self.requests_expected + self.later).max(sent))
        ));
        let left = (self.requests_expected + self.later).saturating_sub(sent);
        if left > 0 && rate > 0.0 {
            parts.push(format!("about {} left", duration(left as f64 / rate)));
        }
        let now = Instant::now();
        if let Some((until, reason)) = self.waiting.as_ref().filter(|(until, _)| *until > now) {
            let wait = duration((*until - now).as_secs_f64());
            parts.push(format!("waiting {wait}: {reason} (time {} in this run)", self.waits));
        }
        parts.join(" · ")
    }

    fn reading(&self) -> String {
        let names: Vec<&String> = self.working.values().flat_map(|(_, streams)| streams).collect();
        if names.is_empty() {
            return format!("{} of {} done", self.walks_done, self.walks);
        }
        let shown: Vec<String> = names.iter().take(STREAMS_SHOWN).map(|name| self.stream(name)).collect();
        match names.len().saturating_sub(STREAMS_SHOWN) {
            0 => shown.join(", "),
            more => format!("{} +{more}", shown.join(", ")),
        }
    }

    /// A stream with its rows so far.
    fn stream(&self, name: &str) -> String {
        match self.rows_of.get(name) {
            Some(rows) => format!("{name} {}", count(*rows)),
            None => name.to_owned(),
        }
    }
}

/// Shows figures as long as it lives.
pub struct Watching {
    task: Option<tokio::task::JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_core::{StreamName, WalkName, port::progress::Event};

    use super::State;

    #[test]
    fn line_tells_rate_and_time_left() {
        let mut state = State::default();
        let (walk, stream) = (WalkName::new("contacts"), StreamName::new("contacts"));
        for event in [
            Event::Opened { walks: 2, requests: 100, seconds: 25.0, later: 0 },
            Event::WalkStarted {
                walk: walk.clone(),
                streams: vec![stream.clone(), StreamName::new("field_values")],
                resumed: false,
                requests: 90,
            },
            Event::Committed { walk: walk.clone(), rows: vec![(stream, 1500)], pages: 3 },
        ] {
            assert_eq!(state.take(event), None);
        }
        let line = state.line(40, Duration::from_secs(10));
        assert_eq!(
            line,
            "contacts 1,500, field_values · 1,500 rows · 40/100 requests, 4.0/s · about 15 s left"
        );

        state.take(Event::WalkFinished { walk });
        state.take(Event::Waiting { reason: "slow down".to_owned(), wait: Duration::from_secs(3600) });
        let line = state.line(120, Duration::from_secs(30));
        assert!(
            line.starts_with("1 of 2 done · 1,500 rows · 120/120 requests, 4.0/s · waiting 59 min"),
            "{line}"
        );
        let warning = Event::Warning { message: "x".to_owned() };
        assert_eq!(state.take(warning), Some(super::Aside::Warned("x".to_owned())));
    }
}
