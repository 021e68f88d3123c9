//! What happens to a program from outside while it runs or between two runs: no memory, another binary, a newer state.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, SqliteConnection};

use crate::machine::{Kind, Machine};

/// Limits of the address space in kB. In the first the program does not even load, in the last runs mostly end well; what
/// gives in between, an allocation, a thread or a statement, is a matter of a few kB.
#[cfg(target_os = "linux")]
const LIMITS: [u32; 6] = [40_000, 80_000, 90_000, 100_000, 110_000, 200_000];

/// What it said.
fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The same command, in a shell that does `first`.
#[cfg(target_os = "linux")]
fn after(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// A-08 of the fault tests: a run for which there is no memory dies of it or says so; the next one is right.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn run_without_memory_harms_nothing() {
    let mut deaths = 0;
    for kind in [Kind::Sqlite, Kind::JsonLines] {
        let machine = Machine::new(kind).await;
        for limit in LIMITS {
            let short = Machine::run(after(&format!("ulimit -v {limit}"), &machine.command())).await;
            println!("{kind:?}, {limit} kB: {}: {}", short.status, words(&short));
            deaths += u32::from(!short.status.success());
            let whole = Machine::run(machine.command()).await;

            assert!(whole.status.success(), "{kind:?} after {limit} kB: {}", words(&whole));
            machine.judge(&format!("{kind:?} after {limit} kB")).await;
            machine.change().await;
        }
    }
    assert!(deaths >= 2, "only {deaths} runs lacked memory: the limits are too wide");
}

/// A-09 of the fault tests: the file of the program is replaced while it runs. The run goes on to its end, and so does one
/// that is killed then and taken up by the new program.
#[tokio::test(flavor = "multi_thread")]
async fn replaced_binary_ends_no_run() {
    for is_killed in [false, true] {
        let machine = Machine::new(Kind::Sqlite).await;
        let program = machine.disk().join("achub");
        fs::copy(env!("CARGO_BIN_EXE_achub"), &program).expect("the program can be copied");
        let ordinary = machine.command();
        let mut command = Command::new(&program);
        command.args(ordinary.get_args()).env_clear();
        command.envs(ordinary.get_envs().filter_map(|(name, value)| Some((name, value?))));

        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let process = Pid::from_child(&child);
        while machine.account.requests().await["total"].as_u64() < Some(2) {
            tokio::task::yield_now().await;
        }
        kill_process(process, Signal::STOP).expect("it is there");
        assert_eq!(
            child.try_wait().expect("a child can be asked"),
            None,
            "it ended before anything happened"
        );
        fs::rename(&program, machine.disk().join("achub.old")).expect("a running program can be moved");
        fs::write(&program, "other bytes").expect("another file takes its place");
        if is_killed {
            kill_process(process, Signal::KILL).expect("it is there");
        }
        kill_process(process, Signal::CONT).expect("it is there");
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
        let ended = waiting.await.expect("no panic there").expect("it can be waited for");

        assert_eq!(ended.status.success(), !is_killed, "{}", words(&ended));
        fs::copy(env!("CARGO_BIN_EXE_achub"), &program).expect("the new program comes");
        let again = Machine::run(command).await;

        assert!(again.status.success(), "{}", words(&again));
        machine.judge("with the new program").await;
    }
}

/// A-09 of the fault tests: a state that a newer program wrote is refused by name and left as it is.
#[tokio::test(flavor = "multi_thread")]
async fn state_of_a_newer_program_is_refused() {
    let machine = Machine::new(Kind::Sqlite).await;
    let first = Machine::run(machine.command()).await;
    assert!(first.status.success(), "{}", words(&first));
    machine.change().await;
    let url = format!("sqlite://{}", machine.disk().join("state.db").display());
    let sql = |text: &'static str| {
        let url = url.clone();
        async move {
            let mut state = SqliteConnection::connect(&url).await.expect("the state opens");
            sqlx::query(text).execute(&mut state).await.expect("the state can be written");
            state.close().await.expect("it closes");
        }
    };
    sql("INSERT INTO _achub_migrations (version, name) VALUES (999, '0999_of_tomorrow')").await;
    let before = fs::read(machine.disk().join("state.db")).expect("the state is there");

    let refused = Machine::run(machine.command()).await;

    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    for said in ["SY-102", "schema 999", "state.db"] {
        assert!(words(&refused).contains(said), "{said}: {}", words(&refused));
    }
    assert_eq!(fs::read(machine.disk().join("state.db")).expect("the state is there"), before);

    sql("DELETE FROM _achub_migrations WHERE version = 999").await;
    let again = Machine::run(machine.command()).await;

    assert!(again.status.success(), "{}", words(&again));
    machine.judge("with its own state").await;
}
