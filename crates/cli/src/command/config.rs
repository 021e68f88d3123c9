//! `achub config`: what configuration there is, where it comes from, and whether it holds.

use achub_core::{Code, Error};
use serde_json::json;

use crate::{
    args::Config,
    config::{connection::moment, project::Project, replication_file::mode_of_flag},
    output::{Failure, Table},
    wiring::Context,
};

/// Carries out a verb.
pub fn run(context: &Context, verb: &Config) -> Result<(), Failure> {
    match verb {
        Config::Check => check(context),
        Config::Show => show(context),
        Config::Path => path(context),
    }
}

/// Reads everything that can be read without a network.
fn check(context: &Context) -> Result<(), Failure> {
    let Some(project) = &context.project else {
        return Err(Error::new(Code::BadFile, "there is no project file here or above")
            .with_hint("`achub init` writes one")
            .into());
    };
    for found in context.connections.list() {
        // What only other programs know is none of ours.
        if project.connections.iter().any(|entry| entry.key.eq_ignore_ascii_case(&found.name)) {
            found.read()?;
        }
    }
    check_jobs(context, project)?;
    let counts = json!({
        "file": project.path.display().to_string(),
        "connections": project.connections.len(),
        "replications": project.replications.len(),
        "imports": project.imports.len(),
        "schedules": project.schedules.len(),
    });
    if context.output.is_json {
        return context.output.json("config check", counts);
    }
    context.output.say(&format!(
        "{} holds: {} connections and targets, {} replications, {} imports, {} schedules",
        project.path.display(),
        project.connections.len(),
        project.replications.len(),
        project.imports.len(),
        project.schedules.len(),
    ));
    if !project.schedules.is_empty() {
        context.output.say("Next  `achub schedule next` shows when, `achub serve` does it");
    }
    Ok(())
}

/// Every name leads somewhere, and every word is one that the flag of the same name takes.
fn check_jobs(context: &Context, project: &Project) -> Result<(), Error> {
    let place = |what: String| crate::config::keys::Origin::new(format!("{}: {what}", project.origin.name()));
    for replication in &project.replications {
        let name = &replication.name;
        let (from, source) =
            context.connections.resolve(&replication.from, &place(format!("replications.{name}.from")))?;
        crate::wiring::account(&from, &source)?;
        context.connections.resolve(&replication.to, &place(format!("replications.{name}.to")))?;
        replication.mode.as_deref().map(mode_of_flag).transpose()?;
        if let Some(start) = &replication.start
            && !start.eq_ignore_ascii_case("everything")
            && moment(start).is_none()
        {
            let what =
                format!("replications.{name}.start must be a date, a time, or everything, got {start:?}");
            return Err(Error::new(Code::BadFile, format!("{}: {what}", project.origin.name())));
        }
    }
    for import in &project.imports {
        let (from, source) =
            context.connections.resolve(&import.from, &place(format!("imports.{}.from", import.name)))?;
        crate::wiring::account(&from, &source)?;
    }
    Ok(())
}

/// Everything that counts, and where it comes from. Never a secret.
fn show(context: &Context) -> Result<(), Failure> {
    let mut table = Table::new(&["what", "value", "origin"]);
    let mut row =
        |what: String, value: String, origin: String| table.push([what.into(), value.into(), origin.into()]);
    let home = &context.home;
    row("state".to_owned(), home.state_file().display().to_string(), "home".to_owned());
    for found in context.connections.list() {
        let value = match found.read() {
            Ok(connection) => format!("{} {}", connection.type_name(), connection.place()),
            Err(error) => format!("{} {error}", error.code().id()),
        };
        row(format!("connection {}", found.name), value, found.source.clone());
    }
    if let Some(project) = &context.project {
        let origin = || project.path.display().to_string();
        for replication in &project.replications {
            let value = format!("{} to {}", replication.from, replication.to);
            row(format!("replications.{}", replication.name), value, origin());
        }
        for import in &project.imports {
            row(format!("imports.{}", import.name), import.from.clone(), origin());
        }
        for schedule in &project.schedules {
            row(format!("schedules.{}", schedule.name), schedule.to_string(), origin());
        }
    }
    context.output.table("config show", &table)
}

/// Where configuration is read from, in the order in which it wins, the weakest first.
fn path(context: &Context) -> Result<(), Failure> {
    let mut table = Table::new(&["file", "there"]);
    let mut row = |path: &std::path::Path| {
        table.push([path.display().to_string().into(), path.exists().into()]);
    };
    context.home.env_files.iter().for_each(|path| row(path));
    match &context.project {
        Some(project) => row(&project.path),
        None => row(std::path::Path::new(crate::config::project::FILE)),
    }
    context.output.table("config path", &table)
}
