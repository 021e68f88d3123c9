//! Developer commands: `cargo xtask test`, `tidy`, `docs`, `bench`, `soak`.

mod bench;
mod counts;
mod docs;
mod server;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    /// Whether everything is well; what is not was printed.
    run: fn(&[String]) -> Result<bool>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        usage: "test [--without-postgres] [--not-run REASON]... [-- NAME...]",
        about: "runs every test against a private PostgreSQL, then the doc tests, then tidy",
        run: test::run,
    },
    Command {
        name: "tidy",
        usage: "tidy",
        about: "checks what the compiler does not: floors, lists, generated docs, stray prints, links",
        run: tidy::run,
    },
    Command { name: "docs", usage: "docs", about: "writes the generated pages of docs/", run: docs::run },
    Command {
        name: "bench",
        usage: "bench [--only NAME]... [--runs N] [--json] [--list] | --peers [--program NAME] [--scenario NAME] [--json]",
        about: "builds the benchmarks in release and runs them against a private PostgreSQL",
        run: bench::run,
    },
    Command {
        name: "soak",
        usage: "soak [--deaths [--contacts N]] [--minutes N] [--seed S]",
        about: "plays random trouble from one seed after the other against the targets, and names the seed that fails",
        run: soak::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<bool> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("no command given\n\n{}", usage());
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        println!("{}", usage());
        return Ok(true);
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None => bail!("there is no command {name:?}\n\n{}", usage()),
    }
}

fn usage() -> String {
    let mut text = "commands:".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("\n  cargo xtask {}\n      {}", command.usage, command.about));
    }
    text
}
