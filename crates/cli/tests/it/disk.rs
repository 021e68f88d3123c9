//! Disks that are full, shut or rotten: an end with a code and words, and nothing lost.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::program::{Account, Ended, Place, numbers};

const CONTACTS: i64 = 400;

const RUN: [&str; 10] = [
    "replicate",
    "run",
    "--from",
    "shop",
    "--to",
    "lake",
    "--streams",
    "contacts,tags",
    "--progress",
    "none",
];

fn account() -> Account {
    Account::start(&["--contacts", &CONTACTS.to_string(), "--rate", "off"])
}

/// The run, in a shell that does `first`.
fn run_after(place: &Place, first: &str) -> Ended {
    let run = place.command(&RUN);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(run.get_program()).args(run.get_args());
    command.env_clear().envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(run.get_current_dir().unwrap()).stdin(Stdio::null());
    place.ended(command.output().unwrap())
}

/// It ended with words and a code of ours, not by a panic or a signal.
fn assert_told(ended: &Ended, codes: &[&str]) {
    assert!(ended.code.is_some_and(|code| (1..=7).contains(&code)), "{:?} {}", ended.code, ended.stderr);
    assert!(codes.iter().any(|code| ended.stderr.contains(code)), "{codes:?}: {}", ended.stderr);
}

/// M-01 of the fault tests: files may not grow at several sizes; once they may, the same command ends well.
#[test]
fn files_that_cannot_grow_are_told() {
    let account = account();
    // In blocks of 512 bytes. The state of the program itself needs some.
    for blocks in [128, 256] {
        let place = Place::with_account(&account.url);

        let full = run_after(&place, &format!("trap '' XFSZ; ulimit -f {blocks}"));
        let roomy = place.run(&RUN);

        assert_told(&full, &["DB-202", "DB-204", "SY-103", "SY-105"]);
        assert_eq!(roomy.code, Some(0), "{blocks}: {}", roomy.stderr);
        let counts = ["select count(*) from contacts", "select count(distinct id) from contacts"];
        assert_eq!(numbers(&place.path("lake.db"), &counts), [CONTACTS; 2], "{blocks}");
    }
}

/// M-01 of the fault tests: a disk that is full, in a name space of its own, and has room again.
#[test]
fn full_disk_is_told_and_run_goes_on() {
    const SCRIPT: &str = "mount -t tmpfs -o size=$SIZE none small || exit 99
        \"$0\" \"$@\" 2>first.txt; echo $? >>first.txt
        mount -o remount,size=64m small
        \"$0\" \"$@\" 2>second.txt; code=$?; cp small/lake.db* .; exit $code";
    let account = account();
    for size in ["64k", "200k"] {
        let place = Place::with_account(&account.url);
        fs::create_dir(place.path("small")).unwrap();
        let mut arguments = RUN;
        arguments[5] = "sqlite://small/lake.db";
        let run = place.command(&arguments);
        let mut shell = Command::new("unshare");
        shell.args(["--map-root-user", "--mount", "/bin/sh", "-c", SCRIPT]);
        shell.arg(run.get_program()).args(run.get_args()).env("SIZE", size);
        shell.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(run.get_current_dir().unwrap()).stdin(Stdio::null());

        let ended = shell.output().map(|output| place.ended(output));

        let Some(ended) = ended.ok().filter(|_| place.path("first.txt").exists()) else {
            println!("skipped: no name space with a small disk can be made here");
            return;
        };
        let first = place.read("first.txt");
        assert!(first.contains("DB-204") && first.ends_with("\n1\n"), "{size}: {first}");
        assert_eq!(ended.code, Some(0), "{size}: {}", place.read("second.txt"));
        let counts = ["select count(*) from contacts", "select count(distinct id) from contacts"];
        assert_eq!(numbers(&place.path("lake.db"), &counts), [CONTACTS; 2], "{size}");
    }
}

/// M-03 of the fault tests: a target where nothing can be made is refused by its place.
#[test]
fn shut_folder_is_refused_by_name() {
    let account = account();
    let place = Place::with_account(&account.url);
    // Not even an administrator can make files there.
    for target in ["sqlite:///proc/lake.db", "file:///proc/lake"] {
        let mut run = RUN;
        run[5] = target;

        let ended = place.run(&run);

        assert_told(&ended, &["DB-", "CF-"]);
        assert!(ended.stderr.contains("/proc/lake"), "{}", ended.stderr);
    }
}

/// M-05 of the fault tests: words that cannot be written end no run.
#[test]
fn run_ends_well_though_nobody_hears_it() {
    let account = account();
    let place = Place::with_account(&account.url);

    let ended = run_after(&place, "exec 2>/dev/full");

    assert_eq!(ended.code, Some(0));
    assert_eq!(numbers(&place.path("lake.db"), &["select count(*) from contacts"]), [CONTACTS]);
}

/// Takes over what stands in the log beside a file of SQLite, which would heal it.
fn settle(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// M-06 of the fault tests: a rotten head and rotten pages, in the target and in the state of the program, are told with a
/// code, never by a panic.
#[test]
fn rotten_files_are_told() {
    let account = account();
    for (name, code) in [("lake.db", "DB-202"), ("state.db", "SY-105")] {
        for behind in [0, 4_096] {
            let place = Place::with_account(&account.url);
            place.good(&RUN);
            let file = place.path(name);
            settle(&file);
            let length = fs::metadata(&file).unwrap().len();
            let rot = vec![0xA5; usize::try_from(length - behind).unwrap()];
            let handle = OpenOptions::new().write(true).open(&file).unwrap();
            handle.write_all_at(&rot, behind).unwrap();

            let ended = place.run(&RUN);

            println!("{name} from {behind} of {length}: {}", ended.stderr);
            assert_told(&ended, &[code]);
        }
    }
}
