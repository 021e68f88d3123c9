//! A machine whose disk is one folder, with the program's state and its target, and an account beside it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use achub_sim::{Rate, Settings};
use achub_testkit::{
    account::{Account, Served},
    oracle::{self, LandedRow},
};
use serde_json::json;
use tempfile::TempDir;

const CONTACTS: u64 = 250;

/// What a run replicates.
pub const STREAMS: [&str; 4] = ["contacts", "contact_tags", "deals", "tags"];

/// Where rows land.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Sqlite,
    JsonLines,
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Kind {
    /// All of them.
    pub const ALL: &[Kind] = &[
        Kind::Sqlite,
        Kind::JsonLines,
        #[cfg(feature = "parquet")]
        Kind::Parquet,
    ];
}

/// The machine.
pub struct Machine {
    pub account: Account,
    served: Served,
    place: TempDir,
    pub kind: Kind,
}

impl Machine {
    pub async fn new(kind: Kind) -> Machine {
        let settings = Settings { contacts: CONTACTS, rate: Rate::Off, ..Settings::default() };
        let account = Account::new(settings);
        let place = tempfile::tempdir().expect("a temporary folder");
        let machine = Machine { served: account.serve().await, account, place, kind };
        std::fs::create_dir(machine.disk()).expect("a folder can be made");
        machine
    }

    /// What the disk holds.
    pub fn disk(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    /// Where a shim of the disk keeps its journal.
    pub fn journal(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    /// The target.
    pub fn lake(&self) -> PathBuf {
        self.disk().join("lake")
    }

    /// The ordinary command.
    pub fn command(&self) -> Command {
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
    pub async fn run(mut command: Command) -> Output {
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.expect("no panic there").expect("the binary starts")
    }

    /// Changes the account and adds to it.
    pub async fn change(&self) {
        for (collection, changed) in [("contacts", 60), ("deals", 20), ("tags", 3)] {
            let wish = json!({"collection": collection, "change": changed, "create": changed / 3});
            self.account.mutate(wish).await;
        }
    }

    /// A table as it landed.
    pub async fn rows(&self, table: &str) -> Vec<LandedRow> {
        match self.kind {
            Kind::Sqlite => oracle::sqlite_rows(&self.lake(), table).await,
            Kind::JsonLines => json_rows(&self.lake().join(format!("{table}.jsonl"))),
            #[cfg(feature = "parquet")]
            Kind::Parquet => crate::parquet::rows(&self.lake(), table).await,
        }
    }

    /// The tables hold what the account does, each row once.
    pub async fn judge(&self, what: &str) {
        for stream in STREAMS {
            let records = oracle::records(stream, &self.account.truth(stream).await);
            let findings = oracle::compare(&records, &self.rows(stream).await);
            assert!(findings.is_clean(), "{what}: {stream}: {}", findings.brief());
        }
    }
}

/// Rows of a file of JSON Lines, each value in the order it stands in.
fn json_rows(file: &Path) -> Vec<LandedRow> {
    let text = std::fs::read_to_string(file).expect("the table can be read");
    text.lines().map(|line| serde_json::from_str::<InOrder>(line).expect("a line is an object").0).collect()
}

/// An object's values.
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
