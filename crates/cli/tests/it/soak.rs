//! The real program, killed at random times from a seed, again and again until a run comes to its end. For `cargo xtask soak
//! --deaths`; the ordinary tests kill at named points.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use achub_sim::{Rate, Settings};
use achub_testkit::{account::Account, oracle, postgres::FreshDatabase};
use serde_json::json;

use crate::{
    kill::{Place, STREAMS, command},
    power::Dice,
};

/// What `cargo xtask soak` says: how long, where to begin, and over how many contacts.
const MINUTES: &str = "ACHUB_SOAK_MINUTES";
const SEED: &str = "ACHUB_SOAK_SEED";
const CONTACTS: &str = "ACHUB_SOAK_CONTACTS";

/// The longest a run lives before it is killed, in milliseconds: long enough that runs get somewhere.
const LIFE_MS_MAX: u64 = 1_500;

/// Deaths of one reading; the run after the last one may live.
const DEATHS_MAX: u64 = 100;

const MODES: [&str; 3] = ["incremental", "full-refresh", "truncate"];

fn number(name: &str) -> u64 {
    let text = std::env::var(name).unwrap_or_else(|_| panic!("cargo xtask soak sets {name}"));
    text.parse().unwrap_or_else(|_| panic!("{name} is a number"))
}

/// Starts runs and kills them until one ends by itself; gives the deaths.
async fn die_until_done(run: impl Fn() -> tokio::process::Command, dice: &mut Dice, what: &str) -> u64 {
    for deaths in 0..=DEATHS_MAX {
        let mut command = run();
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut words = child.stderr.take().expect("it is piped");
        let said = tokio::spawn(async move {
            let mut said = String::new();
            // What a killed run said last may be cut anywhere.
            let _ = tokio::io::AsyncReadExt::read_to_string(&mut words, &mut said).await;
            said
        });
        let life = if deaths == DEATHS_MAX {
            Duration::from_secs(600)
        } else {
            Duration::from_millis(dice.below(LIFE_MS_MAX))
        };
        match tokio::time::timeout(life, child.wait()).await {
            Ok(ended) => {
                let ended = ended.expect("it can be waited for");
                let said = said.await.expect("no panic there");
                assert!(ended.success(), "{what} after {deaths} deaths: {ended}: {said}");
                return deaths;
            }
            Err(_) => child.kill().await.expect("it is there to be killed"),
        }
    }
    panic!("{what}: the last run did not end");
}

/// One account, read and read again after it has changed, with deaths all the way.
async fn round(seed: u64, contacts: u64, place: &Place<'_>) -> u64 {
    let mut dice = Dice(seed);
    let settings = Settings { contacts, rate: Rate::Off, ..Settings::default() };
    let account = Account::new(settings);
    let served = account.serve().await;
    let home = tempfile::tempdir().expect("a temporary folder");
    let mode = MODES[dice.below(3) as usize];
    let mut deaths = 0;
    for reading in ["first reading", "reading of changes"] {
        let what = format!("seed {seed}, {mode}, {reading}");
        let run = || command(home.path(), &served, place, (&STREAMS, mode));
        deaths += die_until_done(run, &mut dice, &what).await;
        for stream in STREAMS {
            let records = oracle::records(stream, &account.truth(stream).await);
            let findings = oracle::compare(&records, &place.rows(stream).await);
            assert!(findings.is_clean(), "{what}: {stream}: {}", findings.brief());
        }
        for (collection, share) in [("contacts", 10), ("deals", 20)] {
            let changed = contacts / share;
            let wish = json!({"collection": collection, "change": changed, "create": changed, "seed": seed});
            account.mutate(wish).await;
        }
    }
    println!("seed {seed}: {mode}, {deaths} deaths");
    deaths
}

/// A-02 of the fault tests, P1 to P3 and P12: as long as `cargo xtask soak` says, over both databases in turn.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to: cargo xtask soak --deaths"]
async fn soak_of_deaths_at_any_time() {
    let (minutes, contacts, first) = (number(MINUTES), number(CONTACTS), number(SEED));
    let begun = Instant::now();
    let (mut seed, mut deaths) = (first, 0);
    while begun.elapsed() < Duration::from_secs(60 * minutes) {
        deaths += if seed.is_multiple_of(2) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            round(seed, contacts, &Place::Sqlite(&folder.path().join("target.db"))).await
        } else {
            round(seed, contacts, &Place::Postgres(&FreshDatabase::create().await)).await
        };
        seed += 1;
    }
    println!("{} rounds of {contacts} contacts from seed {first}, {deaths} deaths", seed - first);
}
