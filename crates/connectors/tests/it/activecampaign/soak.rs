//! Random trouble from a seed: faults, an account that moves, deaths at commits, ways of reading and modes, and the oracle
//! after each. A fixed share runs with all tests; `cargo xtask soak` goes on for as long as it is told to.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use achub_core::{
    planted::{Bug, plant},
    port::target::{Absence, AbsenceAction},
};
use achub_engine::replication::{FullCheck, Mode};
use achub_testkit::crash::{Crashing, Fuse, Moment};
use serde_json::{Value, json};

use crate::activecampaign::{
    place::Place,
    rig::{Rig, replicating},
};

const STREAMS: [&str; 5] = ["contacts", "contact_tags", "field_values", "deals", "notes"];

const CONTACTS: u64 = 350;

/// How many minutes `cargo xtask soak` asks for, and the seed it begins with.
const MINUTES: &str = "ACHUB_SOAK_MINUTES";
const SEED: &str = "ACHUB_SOAK_SEED";

/// Choices that a seed replays (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

/// What a seed makes of a run.
#[derive(Debug)]
struct Trouble {
    mode: Mode,
    accelerated: bool,
    faults: Vec<Value>,
    moving: Vec<Value>,
    deaths: Vec<(Moment, u64)>,
}

impl Trouble {
    fn of(seed: u64) -> Trouble {
        let mut dice = Dice(seed);
        let kinds = [
            json!({"rate_limited": {"retry_after": "3"}}),
            json!({"rate_limited": {"retry_after": null}}),
            json!({"status": 502, "body": "html"}),
            json!({"status": 524, "body": "html"}),
            json!({"status": 403, "body": "json"}),
            json!({"cut_at": "half"}),
            json!({"cut_at": 1}),
            json!({"empty_body": true}),
            json!({"empty_object": true}),
            json!({"drop": true}),
        ];
        let mode = dice.one_of(&[Mode::FullRefresh, Mode::Truncate, Mode::Incremental, Mode::Incremental]);
        let accelerated = dice.below(2) == 1;
        let faults = (0..dice.below(4))
            .map(|_| {
                let share = 0.02 + dice.below(15) as f64 / 100.0;
                let fault = dice.one_of(&kinds);
                json!({"match": {"probability": share}, "seed": dice.below(1_000), "fault": fault})
            })
            .collect();
        let moving = ["contacts", "deals", "notes"]
            .iter()
            .filter(|_| dice.0 & 1 == 0 || seed.is_multiple_of(3))
            .map(|collection| json!({"collection": collection, "delete": 1, "change": 3, "create": 1, "seed": seed, "between_pages": true}))
            .collect();
        let deaths = (0..dice.below(4)).map(|_| (dice.one_of(&Moment::ALL), 1 + dice.below(6))).collect();
        Trouble { mode, accelerated, faults, moving, deaths }
    }

    /// Runs after it until everything must be equal. What changed after it was read is read by the next run, and a row
    /// that is gone is removed at the second sighting; where nothing moved, the run that takes up the rest is enough.
    fn quiet_runs(&self) -> usize {
        if self.moving.is_empty() && self.mode != Mode::Incremental { 1 } else { 3 }
    }
}

/// Lets a run live through the trouble of `seed`; nothing may be wrong with what it left.
async fn play(seed: u64, place: Place) {
    let found = found_after(seed, place).await;
    assert_eq!(found, "", "seed {seed}");
}

/// What the oracle says after the trouble of `seed`, and after quiet runs.
async fn found_after(seed: u64, place: Place) -> String {
    let trouble = Trouble::of(seed);
    let quiet_runs = trouble.quiet_runs();
    println!("seed {seed}: {trouble:?}");
    let rig = Rig::with_contacts(CONTACTS);
    let rig = if trouble.accelerated { rig.accelerated() } else { rig };
    let mut replication = replicating(&STREAMS, trouble.mode);
    replication.full_check = FullCheck::Now;
    let floor_percent = Absence::FLOOR_PERCENT;
    replication.landing.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent, only: None });
    rig.account.faults(trouble.faults.into()).await;
    for moving in trouble.moving {
        rig.account.mutate(moving).await;
    }
    for (moment, nth) in trouble.deaths {
        let (target, fuse) = (place.open().await, Fuse::at(moment, nth));
        let crashing = Crashing { target: &*target, fuse: Arc::clone(&fuse) };
        // A run may fail for good in a storm; what it left behind is what matters.
        let _ = fuse.guard(rig.run_into(&crashing, &replication)).await;
    }
    rig.account.calm().await;

    for _ in 0..quiet_runs {
        if let Some(class) = rig.run_into(&*place.open().await, &replication).await.class() {
            return format!("a quiet run ends as {class:?}");
        }
    }

    place.found(&rig, &STREAMS).await
}

/// The soak would notice a position that is ahead of its rows: some seed of the fixed share shows it.
#[tokio::test(start_paused = true)]
async fn planted_bug_shows_in_some_seed() {
    let _planted = plant(Bug::RowsEveryThirdPage);
    for seed in 1..=24 {
        let found = found_after(seed, Place::memory()).await;
        if !found.is_empty() {
            println!("seed {seed}: {found}");
            return;
        }
    }
    panic!("no seed notices {}", Bug::RowsEveryThirdPage.name());
}

/// P1 to P3; E-01, C-01, D-01, D-03, F-04 of the fault tests, and deaths at commits.
#[tokio::test(start_paused = true)]
async fn trouble_from_seeds_loses_and_doubles_nothing() {
    for seed in 1..=24 {
        play(seed, Place::memory()).await;
    }
}

/// The same into a file of SQLite.
#[tokio::test(start_paused = true)]
async fn trouble_from_seeds_leaves_sqlite_right() {
    for seed in 101..=108 {
        play(seed, Place::sqlite()).await;
    }
}

/// The same into PostgreSQL.
#[tokio::test(start_paused = true)]
async fn trouble_from_seeds_leaves_postgres_right() {
    for seed in 201..=205 {
        play(seed, Place::postgres().await).await;
    }
}

/// As long as `cargo xtask soak` says, over all places in turn.
#[tokio::test(start_paused = true)]
#[ignore = "takes as long as it is told to: cargo xtask soak"]
async fn soak_into_postgres_and_others() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let minutes = number(MINUTES).expect("cargo xtask soak says how long");
    let begun = Instant::now();
    let mut seed = number(SEED).expect("cargo xtask soak says where to begin");
    let mut played = 0;
    while begun.elapsed() < Duration::from_secs(60 * minutes) {
        let place = match seed % 3 {
            0 => Place::memory(),
            1 => Place::sqlite(),
            _ => Place::postgres().await,
        };
        play(seed, place).await;
        (seed, played) = (seed + 1, played + 1);
    }
    println!("{played} seeds, the last one {}", seed - 1);
}
