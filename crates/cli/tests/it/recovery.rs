//! Deaths on the way back from a death, beside another run, and ends that somebody asks for while nothing answers.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
    time::{Duration, Instant},
};

use achub_sim::{Rate, Settings};
use achub_testkit::{account, oracle, postgres::FreshDatabase};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    kill::{self, STREAMS, run_streams},
    program::{Account, Place},
};

const CONTACTS: u64 = 600;

/// How long a run that was asked to end may take, whatever it waits for.
const END_MAX: Duration = Duration::from_secs(30);

/// Where each of five deaths in a row happens: the first in the middle, the others at the first chance on the way back.
const DEATHS: [&str; 5] =
    ["after-commit:2", "before-request:2", "before-upsert:1", "before-commit:1", "after-commit:1"];

async fn die_again_and_again(place: &kill::Place<'_>, mode: &str) {
    let settings = Settings { contacts: CONTACTS, rate: Rate::Off, ..Settings::default() };
    let account = account::Account::new(settings);
    let served = account.serve().await;
    let home = tempfile::tempdir().expect("a temporary folder");

    for death in DEATHS {
        let ended = run_streams(home.path(), &served, place, (&STREAMS, mode), Some(death)).await;
        assert_eq!(ended, None, "{mode}: nothing died at {death}");
    }
    let finished = run_streams(home.path(), &served, place, (&STREAMS, mode), None).await;

    assert_eq!(finished, Some(0), "{mode}");
    for stream in STREAMS {
        let records = oracle::records(stream, &account.truth(stream).await);
        let findings = oracle::compare(&records, &place.rows(stream).await);
        assert!(findings.is_clean(), "{mode}: {stream}: {}", findings.brief());
    }
}

/// A-03 of the fault tests, SL-36: killed again during recovery, five deep.
#[tokio::test(flavor = "multi_thread")]
async fn deaths_during_recovery_lose_nothing_in_sqlite() {
    for mode in ["incremental", "full-refresh"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("target.db");
        die_again_and_again(&kill::Place::Sqlite(&file), mode).await;
    }
}

/// The same for PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn deaths_during_recovery_lose_nothing_in_postgres() {
    for mode in ["incremental", "full-refresh"] {
        let database = FreshDatabase::create().await;
        die_again_and_again(&kill::Place::Postgres(&database), mode).await;
    }
}

/// Lets a run die at `death` while another one writes other tables to the same place, and takes it up again.
async fn die_beside_another(place: &kill::Place<'_>, death: &str) {
    let settings = Settings { contacts: CONTACTS, rate: Rate::Off, ..Settings::default() };
    let account = account::Account::new(settings);
    let served = account.serve().await;
    let homes = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let (dying, living) = ((&["contacts"][..], "incremental"), (&["deals", "tags"][..], "full-refresh"));

    let (died, lived) = tokio::join!(
        run_streams(homes[0].path(), &served, place, dying, Some(death)),
        run_streams(homes[1].path(), &served, place, living, None),
    );
    let again = run_streams(homes[0].path(), &served, place, dying, None).await;

    assert_eq!((died, lived, again), (None, Some(0), Some(0)), "{death}");
    for stream in ["contacts", "deals", "tags"] {
        let records = oracle::records(stream, &account.truth(stream).await);
        let findings = oracle::compare(&records, &place.rows(stream).await);
        assert!(findings.is_clean(), "{death}: {stream}: {}", findings.brief());
    }
}

/// Where a run dies beside another one.
const BESIDE: [&str; 3] = ["before-upsert:2", "before-commit:2", "after-commit:2"];

/// A-04 of the fault tests: a run that dies in the middle of a write does nothing to one that writes beside it.
#[tokio::test(flavor = "multi_thread")]
async fn death_beside_another_run_harms_neither() {
    for death in BESIDE {
        let database = FreshDatabase::create().await;
        die_beside_another(&kill::Place::Postgres(&database), death).await;
    }
}

/// The same where both write to one file of SQLite, which has one writer at a time.
#[tokio::test(flavor = "multi_thread")]
async fn death_beside_another_spares_the_file() {
    for death in BESIDE {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("target.db");
        die_beside_another(&kill::Place::Sqlite(&file), death).await;
    }
}

/// An account that does not answer from the third page of contacts on.
fn hanging_account(place: &Place) -> Account {
    let rule =
        r#"{"match": {"path": "/api/3/contacts", "nth": [3,4,5,6,7,8,9,10,11,12]}, "fault": {"hang": true}}"#;
    place.write("faults.json", rule);
    let faults = place.path("faults.json").display().to_string();
    Account::start(&["--contacts", "2000", "--rate", "off", "--faults", &faults])
}

const RUN: [&str; 10] =
    ["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "contacts", "--progress", "none"];

/// A-06, A-07 of the fault tests: whoever asks for the end gets it though a call hangs, at a safe point.
#[test]
fn end_is_obeyed_while_a_call_hangs() {
    for (signal, exit) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let files = Place::new();
        let account = hanging_account(&files);
        let place = Place::with_account(&account.url);
        let child = place.command(&RUN).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        account.answered(2);
        let asked = Instant::now();

        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = place.ended(child.wait_with_output().unwrap());

        assert_eq!(ended.code, Some(exit), "{}", ended.stderr);
        assert!(asked.elapsed() < END_MAX, "{:?}", asked.elapsed());
        assert!(ended.stderr.contains("Finishing this batch"), "{}", ended.stderr);
    }
}

/// A-07 of the fault tests: the second Ctrl-C does not wait for anything.
#[test]
fn second_interrupt_ends_at_once() {
    let files = Place::new();
    let account = hanging_account(&files);
    let place = Place::with_account(&account.url);
    let mut child = place.command(&RUN).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    account.answered(2);
    let process = Pid::from_child(&child);
    let mut words = BufReader::new(child.stderr.take().unwrap());

    kill_process(process, Signal::INT).unwrap();
    let mut said = String::new();
    while !said.contains("Finishing this batch") {
        assert_ne!(words.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // It may have come to its safe point already; then nobody is there to be told again.
    let _ = kill_process(process, Signal::INT);

    words.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
}
