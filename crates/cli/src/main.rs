//! The command line of achub: reads arguments, starts what they ask for, ends with the exit code that says how it went.

mod args;
mod command;
mod config;
mod hooks;
mod output;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::Arguments,
    output::{Failure, Output, exit_code},
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = output(&arguments.global);
    log(arguments.verbosity());
    match command::run(arguments, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Said(code)) => ExitCode::from(code),
        Err(Failure::Error(error)) => {
            output.error(&error);
            ExitCode::from(exit_code(error.class()))
        }
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure @ Failure::Output(_)) => {
            output.warn(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn output(global: &args::Global) -> Output {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    Output {
        is_json: global.json,
        is_csv: false,
        is_quiet: global.quiet,
        has_color: global.color.decide(is_set("NO_COLOR"), is_set("CLICOLOR_FORCE")),
        progress: global.progress.style(global.quiet),
        may_ask: !global.no_input && output::is_attended(),
        says_json: false,
    }
}

/// Logs go to standard error when asked for: `-v`, `-vv`, or a filter in `ACHUB_LOG`.
fn log(verbosity: u8) {
    let by_flag = match verbosity {
        0 => None,
        1 => Some("info".to_owned()),
        _ => Some("debug".to_owned()),
    };
    let Some(filter) = std::env::var("ACHUB_LOG").ok().filter(|filter| !filter.is_empty()).or(by_flag) else {
        return;
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
