//! One file per command.

mod asking;
mod bundle;
mod completions;
mod config;
mod conns;
mod demo;
mod doctor;
mod explain;
mod import;
mod importing;
mod init;
mod interrupt;
mod plan;
mod policy;
mod replicate;
mod replication;
mod run;
mod runs;
mod sample;
mod schedule;
mod serve;
mod sim;
mod streams;
mod summary;
mod version;

use std::{future::Future, path::Path};

use achub_core::{Code, Error};

use crate::{
    args::{Arguments, Command, Streams},
    config::environment::Environment,
    output::{Failure, Output},
    wiring::{Context, Places},
};

/// Carries out what the command line asks for.
pub fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let global = arguments.global;
    let places = &Places { home_dir: global.home_dir, project: global.project };
    match arguments.command {
        Command::Version => version::run(&output),
        Command::It(_) => without_counterpart("it", "give a file to `achub run`"),
        Command::Mcp(_) => without_counterpart("mcp", "the command line with --json tells the same"),
        Command::Project(_) => {
            without_counterpart("project", "`achub run FOLDER` runs all files of a folder")
        }
        Command::Update(_) => {
            without_counterpart("update", "install the newer program as you installed this one")
        }
        Command::Explain { code } => explain::run(&output, code.as_deref()),
        Command::Completions { shell } => completions::run(&output, shell),
        Command::Streams(Streams::Sample(flags)) => {
            in_runtime(async { sample::run(&context(output, places)?, &flags).await })
        }
        Command::Streams(Streams::List) => streams::list(&output),
        Command::Streams(Streams::Show { name }) => streams::show(&output, &name),
        Command::Init { path } => init::run(&output, path.as_deref()),
        Command::Config(verb) => config::run(&context(output, places)?, &verb),
        Command::Import(verb) => in_runtime(async { import::run(&context(output, places)?, &verb).await }),
        Command::Schedule(verb) => {
            in_runtime(async { schedule::run(&context(output, places)?, &verb).await })
        }
        Command::Serve(flags) => in_runtime(serve::run(output, places, &flags)),
        Command::Sim(settings) => in_runtime(sim::run(&output, &settings)),
        Command::Demo => in_runtime(demo::run(&context(output, places)?)),
        Command::Conns(conns) => in_runtime(conns::run(&context(output, places)?, &conns, global.yes)),
        Command::Doctor => in_runtime(async { doctor::run(&context(output, places)?).await }),
        Command::Runs(verb) => in_runtime(async { runs::run(&context(output, places)?, &verb).await }),
        Command::Run(flags) => in_runtime(run::run(output, places, &flags)),
        Command::Replicate(verb) => in_runtime(replicate::run(output, places, &verb)),
    }
}

/// A command of Sling that is refused by name.
fn without_counterpart(name: &str, instead: &str) -> Result<(), Failure> {
    let what = format!("the command `{name}` has no counterpart here");
    Err(Error::new(Code::NotGranted, what).with_hint(instead).into())
}

/// Variables of the process and of `.env.sling` in the working folder.
fn environment() -> Result<Environment, Error> {
    Environment::of_process(Path::new("."))
}

fn context(output: Output, places: &Places) -> Result<Context, Error> {
    Context::read(output, places, environment()?)
}

/// Runs `work` on a runtime of its own. Commands that need none start without one.
fn in_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Code::Bug, "cannot start the runtime").with_source(error))?;
    runtime.block_on(work)
}
