//! Programs that hooks start.

use std::{process::Stdio, time::Duration};

use achub_core::{Code, Error};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, process::Command};

use crate::{
    config::replication_file::{Action, CommandLine},
    hooks::{Tools, Values},
};

/// How long a program may take where the file does not say.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How much of what a program prints is kept, bytes.
const OUTPUT_MAX: u64 = 1 << 20;

/// The variables of this process that a program gets. Others may hold keys.
const PASSED_ON: [&str; 8] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SHELL"];

/// Starts the program and waits for its end; what it printed is kept under the name the file gives. An exit code other
/// than 0 is a failure. A program that takes too long is killed with all it started.
pub async fn start(
    tools: &Tools,
    action: &Action,
    values: &Values,
) -> Result<Option<(String, Value)>, Error> {
    let Action::Command { command, working_dir, env, print, into, timeout } = action else {
        return Ok(None);
    };
    let mut program = program(command, values)?;
    program.current_dir(
        working_dir.as_deref().map_or_else(|| tools.folder.clone(), |dir| values.render(dir).into()),
    );
    program.env_clear();
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            program.env(name, value);
        }
    }
    program.envs(env.iter().map(|(name, value)| (name, values.render(value))));
    let timeout = timeout.unwrap_or(TIMEOUT);
    let (code, printed) = wait(program, timeout).await?;
    if *print && !printed.trim().is_empty() {
        tools.output.say(printed.trim_end());
    }
    if code != 0 {
        return Err(Error::new(Code::HookFailed, format!("the program ended with exit code {code}")));
    }
    let kept = json!({ "output": printed, "exit_code": code });
    Ok(into.clone().map(|name| (name, kept)))
}

fn program(command: &CommandLine, values: &Values) -> Result<Command, Error> {
    Ok(match command {
        CommandLine::Shell(line) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(values.render(line));
            shell
        }
        CommandLine::Program(parts) => {
            let mut parts = parts.iter().map(|part| values.render(part));
            let name =
                parts.next().ok_or_else(|| Error::new(Code::HookFailed, "the command names no program"))?;
            let mut program = Command::new(name);
            program.args(parts);
            program
        }
    })
}

async fn wait(mut program: Command, timeout: Duration) -> Result<(i32, String), Error> {
    // A group of its own, so that whatever it starts can be ended with it.
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).process_group(0);
    program.kill_on_drop(true);
    let failed = |cause: std::io::Error| {
        Error::new(Code::HookFailed, format!("the program could not be started: {cause}")).with_source(cause)
    };
    let mut child = program.spawn().map_err(failed)?;
    let group = child.id();
    let mut stdout = child.stdout.take().expect("its output is piped").take(OUTPUT_MAX);
    let work = async {
        let mut printed = Vec::new();
        stdout.read_to_end(&mut printed).await?;
        // What is beyond the bound is read too, or the program would wait for ever to print it.
        tokio::io::copy(&mut stdout.into_inner(), &mut tokio::io::sink()).await?;
        let status = child.wait().await?;
        Ok::<_, std::io::Error>((status.code().unwrap_or(-1), String::from_utf8_lossy(&printed).into_owned()))
    };
    match tokio::time::timeout(timeout, work).await {
        Ok(ended) => ended.map_err(failed),
        Err(_) => {
            kill_group(group);
            let seconds = timeout.as_secs_f64();
            Err(Error::new(
                Code::HookFailed,
                format!("the program took longer than {seconds} s and was killed"),
            ))
        }
    }
}

/// Kills a program and all it started.
fn kill_group(leader: Option<u32>) {
    let leader = leader.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        // It may have ended by itself just now.
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}
