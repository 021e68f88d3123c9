//! Daemons whose runs are scripted, and the time they live in.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_core::{
    Code, Error, JobName,
    port::{clock::Clock, jobs::JobStore},
};
use achub_engine::{Stop, schedule::Schedule};
use achub_server::{Daemon, Ended, Runner, Settings, Task};
use achub_store::memory::MemoryStore;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

/// The runtime's virtual time as a clock that begins at a full hour.
pub struct VirtualClock {
    began: Instant,
    at: Timestamp,
}

impl VirtualClock {
    pub fn new() -> Arc<VirtualClock> {
        Arc::new(VirtualClock { began: Instant::now(), at: "2026-03-02T12:00:00Z".parse().unwrap() })
    }

    pub fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.at + self.began.elapsed()
    }
}

/// What a scripted run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Works for so long, and ends.
    Works(Duration),
    /// Fails at once.
    Fails(Code),
    /// Panics.
    Panics,
    /// Works until it is asked to stop.
    UntilStopped,
    /// Works on whatever it is asked.
    Deaf,
}

/// What happened: the second, the job, and a word.
pub type Seen = (u64, String, &'static str);

/// Carries out a script, one act for each run; ends well when the script has ended.
pub struct Scripted {
    clock: Arc<VirtualClock>,
    acts: Mutex<VecDeque<Act>>,
    seen: Mutex<Vec<Seen>>,
}

impl Scripted {
    pub fn new(clock: &Arc<VirtualClock>, acts: &[Act]) -> Arc<Scripted> {
        let acts = Mutex::new(acts.iter().copied().collect());
        Arc::new(Scripted { clock: clock.clone(), acts, seen: Mutex::default() })
    }

    fn see(&self, task: &Task, word: &'static str) {
        self.seen.lock().unwrap().push((self.clock.seconds(), task.job.to_string(), word));
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How often a word was seen.
    pub fn count(&self, word: &str) -> usize {
        self.seen().iter().filter(|(_, _, seen)| *seen == word).count()
    }
}

#[async_trait]
impl Runner for Scripted {
    async fn run(&self, task: &Task, stop: &Stop) -> Ended {
        self.see(task, "begins");
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Works(Duration::ZERO));
        match act {
            Act::Works(time) => tokio::time::sleep(time).await,
            Act::Fails(code) => return Ended::Failed(Error::new(code, "as the script wants it")),
            Act::Panics => panic!("as the script wants it"),
            Act::UntilStopped => {
                stop.requested().await;
                self.see(task, "stops");
                return Ended::Stopped;
            }
            Act::Deaf => std::future::pending().await,
        }
        self.see(task, "ends");
        Ended::Done
    }

    async fn give_up(&self, task: &Task, _reason: &Error) -> Result<(), Error> {
        self.see(task, "given up");
        Ok(())
    }
}

/// A store that several daemons share.
pub struct Rig {
    pub clock: Arc<VirtualClock>,
    pub store: Arc<MemoryStore>,
}

impl Rig {
    pub fn new() -> Rig {
        let clock = VirtualClock::new();
        let store = Arc::new(MemoryStore::new().with_clock(clock.clone()));
        Rig { clock, store }
    }

    pub fn jobs(&self) -> Arc<dyn JobStore> {
        self.store.clone()
    }

    /// A daemon called `name` that starts `schedules` by itself.
    pub fn daemon(&self, name: &str, runner: &Arc<Scripted>, schedules: &[(&str, &str)]) -> Daemon {
        let schedules = schedules
            .iter()
            .map(|(job, line)| (JobName::new(*job), Schedule::parse(line).unwrap()))
            .collect();
        Daemon::new(self.jobs(), runner.clone(), self.clock.clone(), schedules, Settings::new(name))
    }
}

/// Lets `daemons` work for so long, and ends them.
pub async fn live(daemons: &[&Daemon], time: Duration) {
    let stop = Stop::default();
    let all = futures_util::future::join_all(daemons.iter().map(|daemon| daemon.run(&stop)));
    let end = async {
        tokio::time::sleep(time).await;
        stop.request();
    };
    let (ended, ()) = tokio::join!(all, end);
    ended.into_iter().for_each(|ended| ended.unwrap());
}
