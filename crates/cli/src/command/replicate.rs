//! `achub replicate`: plan, run and status, with our defaults.

use achub_core::{Code, Error};
use achub_engine::replication::Anchor;

use crate::{
    args::{Replicate, Replication},
    command::{
        context, environment, plan, policy,
        replication::{self, Ends, Ready},
        runs,
    },
    config::{
        connection::moment,
        keys::Origin,
        replication_file::{Overrides, Reading, ReplicationFile, Style, mode_of_flag},
    },
    output::{Failure, Output},
    wiring::{Context, Places},
};

/// Plans, runs, or shows what ran.
pub async fn run(output: Output, places: &Places, verb: &Replicate) -> Result<(), Failure> {
    match verb {
        Replicate::Status { count } => status(&context(output, places)?, *count).await,
        Replicate::Plan(flags) => match ready(output, places, flags).await? {
            Some(ready) => plan::print(&output, &ready).await,
            None => Ok(()),
        },
        Replicate::Run(flags) => match ready(output, places, flags).await? {
            Some(ready) => {
                policy::ask(&output, &ready, &flags.policies).await?;
                replication::execute(&output, "replicate run", &ready).await
            }
            None => Ok(()),
        },
    }
}

/// The replication that the flags name, with the policies they ask for.
async fn ready(output: Output, places: &Places, flags: &Replication) -> Result<Option<Ready>, Error> {
    let mut ready = resolved(output, places, flags).await?;
    if let Some(ready) = &mut ready {
        policy::apply(&mut ready.replication, &flags.policies)?;
    }
    Ok(ready)
}

async fn resolved(output: Output, places: &Places, flags: &Replication) -> Result<Option<Ready>, Error> {
    let overrides = Overrides {
        since: flags.since.as_deref().map(since).transpose()?,
        ..replication::overrides(&flags.narrowing)?
    };
    let mut environment = environment()?;
    if let Some(path) = &flags.replication {
        let text = replication::file_text(path)?;
        let reading = Reading { strict: flags.narrowing.strict, ..Reading::default() };
        let origin = Origin::new(path.display().to_string());
        let file = ReplicationFile::read(origin, &text, &environment, &reading)?;
        file.env.iter().for_each(|(name, value)| environment.set(name, value));
        let context = Context::read(output, places, environment)?;
        return replication::of_file(&context, &file, Style::Ours, &overrides).await;
    }
    if let Some(name) = &flags.name {
        return of_project(&Context::read(output, places, environment)?, name, overrides).await.map(Some);
    }
    let (Some(from), Some(to)) = (&flags.from, &flags.to) else {
        return Err(Error::new(
            Code::BadArgument,
            "give a name of the project file, -r FILE, or --from and --to",
        ));
    };
    let context = Context::read(output, places, environment)?;
    let ends = Ends {
        source: context.connections.resolve(from, &Origin::new("--from"))?,
        target: context.connections.resolve(to, &Origin::new("--to"))?,
    };
    replication::of_ends(&context, &ends, &overrides).await.map(Some)
}

/// A replication of the project file; flags come before what the file says.
pub async fn of_project(context: &Context, name: &str, overrides: Overrides) -> Result<Ready, Error> {
    let Some(project) = &context.project else {
        return Err(Error::new(
            Code::BadFile,
            format!("there is no project file that could have a replication {name}"),
        )
        .with_hint("`achub init` writes one; without one give --from and --to"));
    };
    let wanted = project.replication(name)?;
    let place = |key: &str| Origin::new(format!("{}: replications.{name}.{key}", project.origin.name()));
    let ends = Ends {
        source: context.connections.resolve(&wanted.from, &place("from"))?,
        target: context.connections.resolve(&wanted.to, &place("to"))?,
    };
    let overrides = Overrides {
        streams: if overrides.streams.is_empty() { wanted.streams.clone() } else { overrides.streams },
        mode: overrides.mode.or(wanted.mode.as_deref().map(mode_of_flag).transpose()?),
        since: overrides.since.or(wanted.start.as_deref().map(since).transpose()?),
        ..overrides
    };
    let mut ready = replication::of_ends(context, &ends, &overrides).await?;
    policy::apply(&mut ready.replication, &wanted.policies)?;
    Ok(ready)
}

fn since(text: &str) -> Result<Anchor, Error> {
    if text.eq_ignore_ascii_case("everything") {
        return Ok(Anchor::Everything);
    }
    moment(text).map(Anchor::Since).ok_or_else(|| {
        Error::new(Code::BadArgument, format!("--since: must be a date, a time, or everything, got {text:?}"))
            .with_hint("write it like 2024-01-01 or 2024-01-01T00:00:00Z")
    })
}

async fn status(context: &Context, count: u32) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let listed = runs::list(context, &store, "replicate status", count).await;
    store.close().await;
    listed
}
