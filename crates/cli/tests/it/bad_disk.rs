//! Disks that refuse calls, from some call on, of the target, of the program's own state and of the folder for temporary
//! files: told with a code, nothing half, and the same command ends well once the disk does.

use std::{fs, process::Output};

use crate::{
    machine::{Kind, Machine},
    shim::{self, Answer, Call, Fault},
};

/// Places among the calls of a run from which the disk is bad, in percent.
const PLACES: [usize; 3] = [0, 45, 95];

/// What may be said of a disk: target unreachable, gone, refused or full; the state of the program not to be written, or
/// broken.
const CODES: [&str; 6] = ["DB-101", "DB-104", "DB-202", "DB-204", "SY-103", "SY-105"];

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It ended with words and a code of ours, not by a panic or a signal.
fn assert_told(output: &Output, what: &str) {
    let words = words(output);
    let code = output.status.code();
    assert!(code.is_some_and(|code| (1..=7).contains(&code)), "{what}: {code:?}: {words}");
    assert!(CODES.iter().any(|code| words.contains(code)), "{what}: {words}");
    assert!(!words.contains("SY-199") && !words.contains("panicked"), "{what}: {words}");
}

/// Runs on a bad disk; gives whether that was told. A run that ends well has landed everything.
async fn run_on(machine: &Machine, fault: Fault<'_>) -> bool {
    let library = shim::library().expect("whoever calls has looked");
    let what = format!("{:?} {fault:?}", machine.kind);
    let mut command = machine.command();
    fault.put_under(&mut command, library, &machine.disk());
    let output = Machine::run(command).await;
    if output.status.success() {
        machine.judge(&what).await;
        return false;
    }
    assert_told(&output, &what);
    true
}

/// How many calls of a kind a run makes to files whose path contains `of`: the first number from which nothing fails.
async fn calls(kind: Kind, call: Call, of: &str) -> usize {
    let library = shim::library().expect("whoever calls has looked");
    let machine = Machine::new(kind).await;
    let mut command = machine.command();
    // None fails: the count is of those that would have.
    let fault = Fault { call, answer: Answer::Io, of, from: usize::MAX >> 1 };
    fault.put_under(&mut command, library, &machine.disk());
    command.env("ACHUB_DISK_COUNT", machine.journal());
    let output = Machine::run(command).await;
    assert!(output.status.success(), "{}", words(&output));
    let count = fs::read_to_string(machine.journal()).expect("the shim has counted");
    count.trim().parse().expect("a count is a number")
}

/// Lets calls fail from several places on; the next run has a good disk.
async fn endure(kind: Kind, call: Call, answer: Answer, of: &str) {
    let count = calls(kind, call, of).await;
    let mut told = 0;
    for percent in PLACES {
        let fault = Fault { call, answer, of, from: 1 + count * percent / 100 };
        let machine = Machine::new(kind).await;

        told += u32::from(run_on(&machine, fault).await);
        let good = Machine::run(machine.command()).await;

        assert!(good.status.success(), "after {fault:?}: {}", words(&good));
        machine.judge(&format!("after {fault:?}")).await;
    }
    println!("{kind:?}: {call:?} of {of:?}: {told} of {} told, {count} calls", PLACES.len());
    assert!(told > 0, "{kind:?}: {call:?} of {of:?}: no run noticed: {count} calls");
}

/// M-02 of the fault tests, R27: the disk of a database file answers errors, to reading, writing and syncing.
#[tokio::test(flavor = "multi_thread")]
async fn broken_disk_of_sqlite_is_told() {
    if shim::library().is_none() {
        return;
    }
    for call in [Call::Open, Call::Read, Call::Write, Call::Sync] {
        endure(Kind::Sqlite, call, Answer::Io, "/lake").await;
    }
}

/// The same for files.
#[tokio::test(flavor = "multi_thread")]
async fn broken_disk_of_files_is_told() {
    if shim::library().is_none() {
        return;
    }
    for call in [Call::Open, Call::Write, Call::Sync, Call::Rename, Call::Truncate, Call::Unlink] {
        endure(Kind::JsonLines, call, Answer::Io, "/lake/").await;
    }
    #[cfg(feature = "parquet")]
    for call in [Call::Read, Call::Write, Call::Sync] {
        endure(Kind::Parquet, call, Answer::Io, "/lake/").await;
    }
}

/// M-01, M-02 of the fault tests: the program's own state cannot be written, or no more from some moment on.
#[tokio::test(flavor = "multi_thread")]
async fn bad_disk_of_the_state_is_told() {
    if shim::library().is_none() {
        return;
    }
    for (call, answer) in [
        (Call::Open, Answer::Io),
        (Call::Read, Answer::Io),
        (Call::Write, Answer::Io),
        (Call::Write, Answer::Full),
        (Call::Sync, Answer::Io),
    ] {
        endure(Kind::Sqlite, call, answer, "/state.db").await;
    }
}

/// M-01 of the fault tests: no room for a target, whatever its kind.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_of_any_target_is_told() {
    if shim::library().is_none() {
        return;
    }
    endure(Kind::Sqlite, Call::Write, Answer::Full, "/lake").await;
    endure(Kind::JsonLines, Call::Write, Answer::Full, "/lake/").await;
    #[cfg(feature = "parquet")]
    endure(Kind::Parquet, Call::Write, Answer::Full, "/lake/").await;
}

/// M-04 of the fault tests: replicating needs no folder for temporary files, so a full one changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn full_temporary_folder_stops_no_run() {
    let Some(library) = shim::library() else { return };
    for &kind in Kind::ALL {
        let machine = Machine::new(kind).await;
        let temporary = machine.disk().join("temporary");
        fs::create_dir(&temporary).expect("a folder can be made");
        let mut command = machine.command();
        for call in [Call::Open, Call::Write] {
            let fault = Fault { call, answer: Answer::Full, of: "/temporary/", from: 1 };
            fault.put_under(&mut command, library, &temporary);
            command.env("TMPDIR", &temporary).env("SQLITE_TMPDIR", &temporary);
        }

        let output = Machine::run(command).await;

        assert!(output.status.success(), "{kind:?}: {}", words(&output));
        machine.judge(&format!("{kind:?}")).await;
    }
}

/// Kills the second run over changes at its end, when its rows are in the log beside the database only.
async fn with_rows_in_the_log(machine: &Machine) {
    let first = Machine::run(machine.command()).await;
    assert!(first.status.success(), "{}", words(&first));
    machine.change().await;
    let mut command = machine.command();
    command.env("ACHUB_FAILPOINT", "run-close:1");
    let killed = Machine::run(command).await;
    assert_eq!(killed.status.code(), None, "{}", words(&killed));
    assert!(machine.disk().join("lake-wal").exists(), "the rows are in no log");
}

/// M-07 of the fault tests: somebody removed the log beside a database. What was in it is gone together with the cursors
/// that stood for it, so it is read again. Where the kill came while the log was being moved into the database, half of
/// the pages are there: SQLite calls that malformed, and so it is told.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_removed_log_are_read_again() {
    let machine = Machine::new(Kind::Sqlite).await;
    with_rows_in_the_log(&machine).await;
    for end in ["-wal", "-shm"] {
        fs::remove_file(machine.disk().join(format!("lake{end}"))).expect("the file is there");
    }

    let after = Machine::run(machine.command()).await;

    if after.status.success() {
        machine.judge("without its log").await;
    } else {
        let told = words(&after);
        assert!(told.contains("DB-202") && told.contains("malformed"), "{told}");
    }
}

/// M-07 of the fault tests: a log that cannot be read is told, and not taken for one that is empty.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_log_is_told_and_kept() {
    if shim::library().is_none() {
        return;
    }
    for call in [Call::Open, Call::Read] {
        let machine = Machine::new(Kind::Sqlite).await;
        with_rows_in_the_log(&machine).await;

        let told = run_on(&machine, Fault { call, answer: Answer::Io, of: "/lake-wal", from: 1 }).await;
        let after = Machine::run(machine.command()).await;

        assert!(told, "{call:?}: nobody noticed");
        assert!(after.status.success(), "{call:?}: {}", words(&after));
        machine.judge(&format!("{call:?}")).await;
    }
}
