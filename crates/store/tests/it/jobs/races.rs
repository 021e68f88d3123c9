//! Many at once.

use std::{collections::HashMap, sync::Arc};

use achub_core::{
    Code, JobName, RunId,
    port::jobs::{JobStore, Lease, QueuedRun, Trigger},
};

use super::{AGEING, Setting, TERM, at, ids, take, waiting, wish};

/// J-06: a hundred wishes during a run, from two processes, make exactly one follow-up, and all who ask get its id.
pub async fn hundred_wishes_make_one_follow_up(setting: Setting) {
    const WISHES: usize = 100;
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-first", "a", Trigger::Schedule, 0)).await.unwrap();
    let (_, lease) = take(one).await.unwrap();

    let tasks: Vec<_> = (0..WISHES)
        .map(|number| {
            let store = Arc::clone([one, other][number % 2]);
            let wish = wish(&format!("r-{number}"), "a", Trigger::ALL[number % 4], 0);
            tokio::spawn(async move { store.queue(&wish).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().run().clone());
    }

    assert_eq!(ids(&answers).len(), 1, "all get the same id");
    one.release(&lease).await.unwrap();
    let (follow_up, lease) = take(other).await.unwrap();
    assert_eq!(follow_up.run, answers[0]);
    other.release(&lease).await.unwrap();
    assert_eq!(take(one).await, None, "exactly one follows");
}

/// J-01: processes that take from one queue at once never get the same run, and get all of them.
pub async fn takers_never_share_a_run(setting: Setting) {
    const JOBS: usize = 40;
    const TAKERS: usize = 8;
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    for number in 0..JOBS {
        let name = format!("job-{number}");
        one.queue(&wish(&format!("r-{number}"), &name, Trigger::Schedule, 0)).await.unwrap();
    }

    let tasks: Vec<_> = (0..TAKERS)
        .map(|number| {
            let store = Arc::clone([one, other][number % 2]);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some((run, _)) = take(&store).await {
                    taken.push(run.run);
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }

    assert_eq!(taken.len(), JOBS, "none is taken twice");
    assert_eq!(ids(&taken).len(), JOBS, "none is left");
}

/// J-01: whatever three processes do, in whatever order, and however long they sleep in between, no two of them hold one
/// job, who lost a lease is refused, and what was asked for is done or still waits.
pub async fn random_walk_keeps_one_holder(setting: Setting) {
    let (seed, steps) = (20_261_121, 400);
    println!("seed {seed}, {steps} steps");
    Walk::new(&setting, seed).run(steps).await;
}

/// A walk of so many steps.
pub async fn long_walk(setting: Setting, seed: u64, steps: u32) {
    println!("seed {seed}, {steps} steps");
    Walk::new(&setting, seed).run(steps).await;
}

struct Walk<'a> {
    setting: &'a Setting,
    random: u64,
    second: i64,
    /// The leases that processes believe they have; they learn otherwise when they use them.
    held: Vec<Lease>,
    /// By job, the newest number that was given.
    newest: HashMap<JobName, i64>,
    asked: Vec<RunId>,
    ended: Vec<RunId>,
}

impl<'a> Walk<'a> {
    fn new(setting: &'a Setting, seed: u64) -> Walk<'a> {
        Walk {
            setting,
            random: seed,
            second: 0,
            held: Vec::new(),
            newest: HashMap::new(),
            asked: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Below `bound`. Knuth's multiplier; the upper bits are the random ones.
    fn pick(&mut self, bound: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) as usize) % bound
    }

    fn store(&mut self) -> Arc<dyn JobStore> {
        let stores = [&self.setting.one, &self.setting.other];
        Arc::clone(stores[self.pick(2)])
    }

    async fn run(mut self, steps: u32) {
        for step in 0..steps {
            self.setting.clock.set(at(self.second)).await;
            match self.pick(10) {
                0..=2 => self.ask(step).await,
                3 | 4 => self.take().await,
                5 => self.renew().await,
                6 => self.release().await,
                7 => self.postpone().await,
                8 => drop(self.store().abandoned().await.unwrap()),
                _ => self.second += [1, 20, 61, 200][self.pick(4)],
            }
        }
        self.finish().await;
    }

    async fn ask(&mut self, step: u32) {
        let job = format!("job-{}", self.pick(3));
        let wish = wish(&format!("r-{step}"), &job, Trigger::ALL[self.pick(4)], self.second);
        let run = self.store().queue(&wish).await.unwrap().run().clone();
        if !self.asked.contains(&run) {
            self.asked.push(run);
        }
    }

    async fn take(&mut self) {
        let Some((run, lease)) = take(&self.store()).await else { return };
        assert!(!self.ended.contains(&run.run), "{} was begun after its end", run.run);
        let newest = self.newest.entry(lease.job.clone()).or_insert(0);
        assert!(lease.fence.0 > *newest, "numbers of {} only rise", lease.job);
        *newest = lease.fence.0;
        let rival = self.held.iter().find(|held| held.job == lease.job && held.until > at(self.second));
        assert_eq!(rival, None, "{} has a holder", lease.job);
        self.held.push(lease);
    }

    /// Takes one of the leases that somebody believes to have.
    fn any_lease(&mut self) -> Option<Lease> {
        let count = self.held.len();
        (count > 0).then(|| {
            let chosen = self.pick(count);
            self.held.swap_remove(chosen)
        })
    }

    fn is_newest(&self, lease: &Lease) -> bool {
        self.newest[&lease.job] == lease.fence.0
    }

    async fn renew(&mut self) {
        let Some(lease) = self.any_lease() else { return };
        match self.store().renew(&lease, TERM).await {
            Ok(renewed) => {
                assert!(self.is_newest(&lease), "an old number was renewed");
                self.held.push(renewed);
            }
            Err(error) => assert_eq!(error.code(), Code::LostLease),
        }
    }

    async fn release(&mut self) {
        let Some(lease) = self.any_lease() else { return };
        let store = self.store();
        let held = store.renew(&lease, TERM).await.is_ok();
        store.release(&lease).await.unwrap();
        if held {
            self.ended.push(lease.run);
        }
    }

    async fn postpone(&mut self) {
        let Some(lease) = self.any_lease() else { return };
        let due = self.second + [0, 30, 300][self.pick(3)];
        let back = wish(lease.run.as_str(), lease.job.as_str(), Trigger::Schedule, due);
        let back = QueuedRun { queued_at: at(self.second), ..back };
        match self.store().postpone(&lease, &back).await {
            Ok(()) => assert!(self.is_newest(&lease), "an old number put a run back"),
            Err(error) => assert_eq!(error.code(), Code::LostLease),
        }
    }

    /// All processes are gone; a new one does what is left.
    async fn finish(mut self) {
        self.second += 100_000;
        self.setting.clock.set(at(self.second)).await;
        let store = self.store();
        store.abandoned().await.unwrap();
        while let Some((run, lease)) = store.take("host:9", TERM, AGEING).await.unwrap() {
            assert!(!self.ended.contains(&run.run), "{} was begun after its end", run.run);
            store.release(&lease).await.unwrap();
            self.ended.push(run.run);
        }
        assert_eq!(waiting(&store).await, [""; 0]);
        assert_eq!(ids(&self.asked), ids(&self.ended), "what was asked for was done, each once");
        assert_eq!(self.ended.len(), self.asked.len());
    }
}
