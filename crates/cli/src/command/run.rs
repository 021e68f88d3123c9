//! `achub run`: a replication file, a folder of them, or one stream by flags, with Sling's defaults.

mod folder;
mod to_stdout;

use std::{collections::BTreeMap, path::Path};

use achub_core::{Code, Error};

use crate::{
    args::{Run, Theirs},
    command::{environment, interrupt::Interrupt, replication},
    config::{
        environment::Environment,
        keys::Origin,
        replication_file::{
            AdHoc, Logging, Overrides, Reading, ReplicationFile, StreamMap, Style, Switches, add_flag,
            add_option, env_of_flag,
        },
    },
    output::{Failure, Output},
    wiring::{Context, Places},
};

/// What every file of a call has in common.
struct Call<'a> {
    output: Output,
    places: &'a Places,
    flags: &'a Run,
    environment: Environment,
    reading: Reading,
    overrides: Overrides,
    interrupt: Interrupt,
}

/// Runs what the flags name.
pub async fn run(output: Output, places: &Places, flags: &Run) -> Result<(), Failure> {
    refuse_what_is_not_done(&flags.theirs)?;
    let environment = environment()?;
    let env = match &flags.env {
        Some(text) => env_of_flag(text, &environment)?,
        None => BTreeMap::new(),
    };
    let reading = Reading { strict: flags.narrowing.strict, env };
    let mut warnings = Vec::new();
    let overrides = overrides(flags, &reading, &mut warnings)?;
    warnings.iter().for_each(|warning| output.warn(warning));
    let interrupt = Interrupt::listen(output);
    let call = Call { output, places, flags, environment, reading, overrides, interrupt };
    match (flags.replication.as_ref().or(flags.file.as_ref()), &flags.src_conn) {
        (Some(_), Some(_)) => {
            Err(Error::new(Code::BadArgument, "a file and --src-conn cannot both be given").into())
        }
        (Some(path), None) if path.is_dir() => folder::run(&call, path).await,
        (Some(path), None) => call.file(&replication::file_text(path)?, path).await,
        (None, Some(source)) if flags.stdout => to_stdout::run(&call, source).await,
        (None, _) => call.carry_out(&ad_hoc(flags, &call.reading)?).await,
    }
}

impl Call<'_> {
    /// Runs the file at `path`, whose text was read.
    async fn file(&self, text: &str, path: &Path) -> Result<(), Failure> {
        let origin = Origin::new(path.display().to_string());
        let file = ReplicationFile::read(origin, text, &self.environment, &self.reading)?;
        self.carry_out(&file).await
    }

    async fn carry_out(&self, file: &ReplicationFile) -> Result<(), Failure> {
        let context = self.context(file)?;
        let ready = replication::of_file(&context, file, Style::Sling, &self.overrides).await?;
        match ready {
            Some(ready) => replication::execute_under(&context.output, "run", &ready, &self.interrupt).await,
            None => Ok(()),
        }
    }

    /// The context of one file. Its own variables are set for its run, the home folder among them.
    fn context(&self, file: &ReplicationFile) -> Result<Context, Error> {
        let mut environment = self.environment.clone();
        file.env.iter().for_each(|(name, value)| environment.set(name, value));
        let switches = Switches::of_run(&file.env, &environment)?;
        let mut output = self.output;
        match switches.logging {
            Some(Logging::Json) => output.says_json = true,
            Some(Logging::NoColor) => output.has_color = false,
            Some(Logging::Console) | None => {}
        }
        Context::read(output, self.places, environment)
    }
}

fn ad_hoc(flags: &Run, reading: &Reading) -> Result<ReplicationFile, Error> {
    let (Some(source), Some(stream), Some(target)) = (&flags.src_conn, &flags.src_stream, &flags.tgt_conn)
    else {
        return Err(Error::new(Code::BadArgument, "neither a file nor --src-conn with --tgt-conn was given")
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

fn overrides(flags: &Run, reading: &Reading, warnings: &mut Vec<String>) -> Result<Overrides, Error> {
    let trimmed = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let mut map = StreamMap::default();
    for (flag, key, text) in [
        ("--src-options", "source_options", &flags.src_options),
        ("--tgt-options", "target_options", &flags.tgt_options),
        ("--columns", "columns", &flags.columns),
        ("--transforms", "transforms", &flags.transforms),
    ] {
        if let Some(text) = text {
            add_flag(&mut map, flag, key, text, reading, warnings)?;
        }
    }
    for (flag, option, text) in [("--range", "range", &flags.range), ("--offset", "offset", &flags.offset)] {
        if let Some(text) = text {
            add_option(&mut map, flag, option, text, reading)?;
        }
    }
    Ok(Overrides {
        primary_key: flags.primary_key.as_deref().map(trimmed),
        update_key: flags.update_key.clone(),
        select: Some(trimmed(&flags.select)).filter(|names| !names.is_empty()),
        map,
        ..replication::overrides(&flags.narrowing)?
    })
}

fn refuse_what_is_not_done(flags: &Theirs) -> Result<(), Error> {
    let refused =
        |flag: &str, why: &str| Err(Error::new(Code::NotGranted, format!("{flag} is not done: {why}")));
    if flags.config.is_some() {
        return refused("--config", "task files are not ours; write a replication file");
    }
    if flags.pipeline.is_some() {
        return refused("--pipeline", "pipelines are not ours; write replication files and run their folder");
    }
    Ok(())
}
