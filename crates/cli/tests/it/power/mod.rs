//! Power cuts: a run is recorded under a shim of the disk, what a cut leaves is put in its place, and the same command
//! is run again.

mod journal;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use achub_sim::{Rate, Settings};
use achub_testkit::{
    account::{Account, Served},
    oracle::{self, LandedRow},
};
use journal::Disk;
use serde_json::json;
use tempfile::TempDir;

use crate::shim;

const CONTACTS: u64 = 250;
const STREAMS: [&str; 4] = ["contacts", "contact_tags", "deals", "tags"];

/// How many cuts somebody asks for.
const CUTS: &str = "ACHUB_SOAK_CUTS";

/// Choices that a seed replays (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Where rows land.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sqlite,
    JsonLines,
    #[cfg(feature = "parquet")]
    Parquet,
}

/// A machine with an account beside it: its disk is one folder, with the program's state and the target.
struct Machine {
    account: Account,
    served: Served,
    place: TempDir,
    kind: Kind,
}

impl Machine {
    async fn new(kind: Kind) -> Machine {
        let settings = Settings { contacts: CONTACTS, rate: Rate::Off, ..Settings::default() };
        let account = Account::new(settings);
        let place = tempfile::tempdir().expect("a temporary folder");
        let machine = Machine { served: account.serve().await, account, place, kind };
        std::fs::create_dir(machine.disk()).expect("a folder can be made");
        machine
    }

    fn disk(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    fn journal(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    fn lake(&self) -> PathBuf {
        self.disk().join("lake")
    }

    /// The ordinary command.
    fn command(&self) -> Command {
        let account = format!(
            "{{type: api, spec: activecampaign, secrets: {{api_key: demo, base_url: \"{}\"}}, \
             inputs: {{requests_per_second: off, allow_private_address: true, reading: documented}}}}",
            self.served.url()
        );
        let lake = self.lake();
        let lake = match self.kind {
            Kind::Sqlite => format!("sqlite://{}", lake.display()),
            Kind::JsonLines => format!("file://{}?format=jsonlines", lake.display()),
            #[cfg(feature = "parquet")]
            Kind::Parquet => format!("file://{}?format=parquet", lake.display()),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_achub"));
        command.args(["replicate", "run", "--from", "AC", "--to", "LAKE", "--progress", "none"]);
        command.args(["--streams", &STREAMS.join(",")]);
        command.env_clear().env("ACHUB_HOME", self.disk()).env("AC", account).env("LAKE", lake);
        command
    }

    /// Runs the command where it holds up no other task: the account is one.
    async fn run(mut command: Command) -> Output {
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.expect("no panic there").expect("the binary starts")
    }

    async fn rows(&self, table: &str) -> Vec<LandedRow> {
        match self.kind {
            Kind::Sqlite => oracle::sqlite_rows(&self.lake(), table).await,
            Kind::JsonLines => json_rows(&self.lake().join(format!("{table}.jsonl"))),
            #[cfg(feature = "parquet")]
            Kind::Parquet => crate::parquet::rows(&self.lake(), table).await,
        }
    }

    async fn judge(&self, what: &str) {
        for stream in STREAMS {
            let records = oracle::records(stream, &self.account.truth(stream).await);
            let findings = oracle::compare(&records, &self.rows(stream).await);
            assert!(findings.is_clean(), "{what}: {stream}: {}", findings.brief());
        }
    }

    /// Records a run, and cuts it at so many places. The disk is then as if nothing had happened to that run.
    async fn cut(&self, seed: u64, cuts: u64, library: &Path) {
        let (start, journal) = (Disk::with(&self.disk()), self.journal());
        let mut command = self.command();
        shim::put_under(&mut command, library, &self.disk());
        command.env("ACHUB_DISK_JOURNAL", &journal);
        let recorded = Machine::run(command).await;
        assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
        let entries = journal::read(&journal);
        std::fs::remove_file(&journal).expect("the journal is no longer needed");

        let mut losses = 0;
        for number in 0..cuts {
            let mut dice = Dice(seed.wrapping_mul(1_000) + number);
            let place = dice.below(entries.len() as u64 + 1) as usize;
            let mut disk = start.clone();
            entries[..place].iter().for_each(|entry| disk.follow(entry));
            losses += disk.unsynced();
            disk.leave(&self.disk(), &mut dice);
            let what = format!("{:?}, seed {seed}, cut {number} after call {place}", self.kind);

            let again = Machine::run(self.command()).await;

            let words = String::from_utf8_lossy(&again.stderr).into_owned();
            assert!(again.status.success(), "{what} of {}: {words}", entries.len());
            self.judge(&what).await;
        }
        println!("{:?}: {cuts} cuts of {} calls, {losses} changes at stake", self.kind, entries.len());
        assert!(losses > 0, "nothing was ever at stake: the shim sees nothing");
    }
}

/// Rows of a file of JSON Lines, each value in the order it stands in.
fn json_rows(file: &Path) -> Vec<LandedRow> {
    let text = std::fs::read_to_string(file).expect("the table can be read");
    text.lines().map(|line| serde_json::from_str::<InOrder>(line).expect("a line is an object").0).collect()
}

struct InOrder(LandedRow);

impl<'de> serde::Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<InOrder, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = LandedRow;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<LandedRow, A::Error> {
                let mut row = LandedRow::new();
                while let Some((_, value)) = map.next_entry::<String, serde_json::Value>()? {
                    row.push(match value {
                        serde_json::Value::Null => None,
                        serde_json::Value::String(text) => Some(text),
                        other => Some(other.to_string()),
                    });
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Members).map(InOrder)
    }
}

/// A first run and one over changes, each cut at so many places.
async fn survive(kind: Kind, seed: u64, cuts: u64) {
    let Some(library) = shim::library() else { return };
    println!("seed {seed}");
    let machine = Machine::new(kind).await;
    machine.cut(seed, cuts, library).await;
    for (collection, changed) in [("contacts", 60), ("deals", 20), ("tags", 3)] {
        let wish = json!({"collection": collection, "change": changed, "create": changed / 3});
        machine.account.mutate(wish).await;
    }
    machine.cut(seed + 1, cuts, library).await;
}

/// A-05 of the fault tests, P1 to P3, R26: what is not synced is lost, in the target and in the program's own state.
#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_leave_sqlite_right() {
    survive(Kind::Sqlite, 11, 10).await;
}

/// The same for files of JSON Lines, which have no transactions.
#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_leave_json_lines_right() {
    survive(Kind::JsonLines, 21, 8).await;
}

/// The same for folders of Parquet files.
#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_leave_parquet_right() {
    survive(Kind::Parquet, 31, 8).await;
}

/// As many as somebody asks for, in all places.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to: ACHUB_SOAK_CUTS=N"]
async fn power_cuts_as_many_as_asked() {
    let cuts = std::env::var(CUTS).ok().and_then(|text| text.parse().ok()).expect("ACHUB_SOAK_CUTS says how many");
    survive(Kind::Sqlite, 101, cuts).await;
    survive(Kind::JsonLines, 201, cuts).await;
    #[cfg(feature = "parquet")]
    survive(Kind::Parquet, 301, cuts).await;
}
