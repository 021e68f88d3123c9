//! Power cuts: a run is recorded under a shim of the disk, what a cut leaves is put in its place, and the same command
//! is run again.

mod journal;

use std::path::Path;

use journal::Disk;

use crate::{
    machine::{Kind, Machine},
    shim,
};

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

/// Records a run, and cuts it at so many places. The disk is then as a run has left it that came after the last cut.
async fn cut(machine: &Machine, seed: u64, cuts: u64, library: &Path) {
    let (start, journal) = (Disk::with(&machine.disk()), machine.journal());
    let mut command = machine.command();
    shim::put_under(&mut command, library, &machine.disk());
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
        disk.leave(&machine.disk(), &mut dice);
        let what = format!("{:?}, seed {seed}, cut {number} after call {place}", machine.kind);

        let again = Machine::run(machine.command()).await;

        let words = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(again.status.success(), "{what} of {}: {words}", entries.len());
        machine.judge(&what).await;
    }
    println!("{:?}: {cuts} cuts of {} calls, {losses} changes at stake", machine.kind, entries.len());
    assert!(losses > 0, "nothing was ever at stake: the shim sees nothing");
}

/// A first run and one over changes, each cut at so many places.
async fn survive(kind: Kind, seed: u64, cuts: u64) {
    let Some(library) = shim::library() else { return };
    println!("seed {seed}");
    let machine = Machine::new(kind).await;
    cut(&machine, seed, cuts, library).await;
    machine.change().await;
    cut(&machine, seed + 1, cuts, library).await;
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
    let cuts =
        std::env::var(CUTS).ok().and_then(|text| text.parse().ok()).expect("ACHUB_SOAK_CUTS says how many");
    survive(Kind::Sqlite, 101, cuts).await;
    survive(Kind::JsonLines, 201, cuts).await;
    #[cfg(feature = "parquet")]
    survive(Kind::Parquet, 301, cuts).await;
}
