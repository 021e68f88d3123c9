//! `achub run`: a replication file, or one stream by flags, with Sling's defaults.

use std::{collections::BTreeMap, path::Path};

use achub_core::{Code, Error};

use crate::{
    args::{NotDone, Run},
    command::{environment, replication},
    config::{
        environment::Environment,
        keys::Origin,
        replication_file::{AdHoc, Overrides, Reading, ReplicationFile, Style, env_of_flag},
    },
    output::{Failure, Output},
    wiring::Context,
};

/// Runs what the flags name.
pub async fn run(output: Output, home_dir: Option<&Path>, flags: &Run) -> Result<(), Failure> {
    refuse_what_is_not_done(&flags.not_done)?;
    let mut environment = environment()?;
    let env = match &flags.env {
        Some(text) => env_of_flag(text, &environment)?,
        None => BTreeMap::new(),
    };
    let reading = Reading { strict: flags.narrowing.strict, env };
    let file = read(flags, &environment, &reading)?;
    // The file's own variables are set for the run, the home folder among them.
    file.env.iter().for_each(|(name, value)| environment.set(name, value));
    let context = Context::read(output, home_dir, environment)?;
    let overrides = overrides(flags)?;
    match replication::of_file(&context, &file, Style::Sling, &overrides).await? {
        Some(ready) => replication::execute(&output, "run", &ready).await,
        None => Ok(()),
    }
}

fn read(flags: &Run, environment: &Environment, reading: &Reading) -> Result<ReplicationFile, Error> {
    if let Some(path) = flags.replication.as_ref().or(flags.file.as_ref()) {
        if flags.src_conn.is_some() {
            return Err(Error::new(Code::BadArgument, "a file and --src-conn cannot both be given"));
        }
        let text = replication::file_text(path)?;
        return ReplicationFile::read(Origin::new(path.display().to_string()), &text, environment, reading);
    }
    let (Some(source), Some(stream), Some(target)) = (&flags.src_conn, &flags.src_stream, &flags.tgt_conn)
    else {
        return Err(Error::new(Code::BadArgument, "neither a file nor --src-conn was given")
            .with_hint("achub run -r replication.yaml, or achub run --src-conn NAME --src-stream STREAM --tgt-conn NAME --tgt-object SCHEMA.TABLE"));
    };
    let ad_hoc = AdHoc {
        source: source.clone(),
        stream: stream.clone(),
        target: target.clone(),
        object: flags.tgt_object.clone(),
    };
    ReplicationFile::ad_hoc(&ad_hoc, reading)
}

fn overrides(flags: &Run) -> Result<Overrides, Error> {
    let trimmed = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    Ok(Overrides {
        primary_key: flags.primary_key.as_deref().map(trimmed),
        update_key: flags.update_key.clone(),
        select: Some(trimmed(&flags.select)).filter(|names| !names.is_empty()),
        ..replication::overrides(&flags.narrowing)?
    })
}

fn refuse_what_is_not_done(flags: &NotDone) -> Result<(), Error> {
    let given = [
        ("--offset", flags.offset.is_some()),
        ("--range", flags.range.is_some()),
        ("--columns", flags.columns.is_some()),
        ("--transforms", flags.transforms.is_some()),
        ("--tgt-options", flags.tgt_options.is_some()),
        ("--stdout", flags.stdout),
        ("--config", flags.config.is_some()),
        ("--pipeline", flags.pipeline.is_some()),
    ];
    if let Some((name, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(Error::new(Code::NotGranted, format!("{name} is not done by this version")));
    }
    match flags.debug || flags.trace {
        true => Err(Error::new(Code::NotGranted, "--debug and --trace are not done by this version")
            .with_hint("use -v or -vv")),
        false => Ok(()),
    }
}
