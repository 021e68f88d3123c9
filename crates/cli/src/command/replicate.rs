//! `achub replicate`: plan, run and status, with our defaults.

use std::path::Path;

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
        replication_file::{Overrides, Reading, ReplicationFile, Style},
    },
    output::{Failure, Output},
    wiring::Context,
};

/// Plans, runs, or shows what ran.
pub async fn run(output: Output, home_dir: Option<&Path>, verb: &Replicate) -> Result<(), Failure> {
    match verb {
        Replicate::Status { count } => status(&context(output, home_dir)?, *count).await,
        Replicate::Plan(flags) => match ready(output, home_dir, flags).await? {
            Some(ready) => plan::print(&output, &ready).await,
            None => Ok(()),
        },
        Replicate::Run(flags) => match ready(output, home_dir, flags).await? {
            Some(ready) => {
                policy::ask(&output, &ready, &flags.policies).await?;
                replication::execute(&output, "replicate run", &ready).await
            }
            None => Ok(()),
        },
    }
}

/// The replication that the flags name, with the policies they ask for.
async fn ready(output: Output, home_dir: Option<&Path>, flags: &Replication) -> Result<Option<Ready>, Error> {
    let mut ready = resolved(output, home_dir, flags).await?;
    if let Some(ready) = &mut ready {
        policy::apply(&mut ready.replication, &flags.policies)?;
    }
    Ok(ready)
}

async fn resolved(
    output: Output,
    home_dir: Option<&Path>,
    flags: &Replication,
) -> Result<Option<Ready>, Error> {
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
        let context = Context::read(output, home_dir, environment)?;
        return replication::of_file(&context, &file, Style::Ours, &overrides).await;
    }
    let (Some(from), Some(to)) = (&flags.from, &flags.to) else {
        return Err(Error::new(Code::BadArgument, "give -r FILE, or --from and --to"));
    };
    let context = Context::read(output, home_dir, environment)?;
    let ends = Ends {
        source: context.connections.resolve(from, &Origin::new("--from"))?,
        target: context.connections.resolve(to, &Origin::new("--to"))?,
    };
    replication::of_ends(&context, &ends, &overrides).await.map(Some)
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
