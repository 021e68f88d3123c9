//! Hooks of replication files, carried out.
//!
//! All conditions are read before a run begins, so that a mistake in one is found before the first request.

mod command;
mod file;
mod http;
pub mod made;
pub mod query;
mod values;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use achub_client::Outbound;
use achub_core::{
    Code, Error, StreamName,
    port::hooks::{Facts, Hooks, Moment, StreamFacts, Verdict},
};
use achub_engine::expression::Expression;
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    config::{
        connection::Connection,
        connections::Connections,
        environment::Environment,
        keys::Origin,
        replication_file::{Action, FileHooks, HookSpec, LogLevel, OnFailure},
    },
    output::Output,
};

pub use values::Values;

/// How often a hook is tried that says `on_failure: retry`.
const TRIES: u32 = 3;

/// How long to wait before it is tried again.
pub const TRY_PAUSE: Duration = Duration::from_secs(1);

/// What hooks may use.
pub struct Tools {
    /// How to talk.
    pub output: Output,
    /// Where `query` looks its connection up.
    pub connections: Connections,
    /// Where the library of a DuckDB file is named.
    pub environment: Environment,
    /// The target's connection, for a `query` that names none.
    pub target: (String, Connection),
    /// Files are relative to this folder: that of the replication file.
    pub folder: PathBuf,
    /// Whether `command` may start programs.
    pub allow_commands: bool,
    /// How long to wait before a hook is tried again: [`TRY_PAUSE`], nothing in tests.
    pub try_pause: Duration,
    /// Sends the requests of `http`.
    pub outbound: Outbound,
}

/// The hooks of one file, ready to be called.
pub struct FileHooksRunner {
    tools: Tools,
    run: Vec<Hook>,
    streams: BTreeMap<StreamName, Vec<Hook>>,
    /// What is known about each stream before the run: `stream.*` and `object.*`.
    about: BTreeMap<StreamName, Value>,
    state: Mutex<State>,
}

struct State {
    values: Values,
    /// Failures that count when the run ends.
    kept: Vec<String>,
}

/// A hook whose conditions were read.
struct Hook {
    spec: HookSpec,
    condition: Option<Expression>,
    check: Option<Expression>,
}

/// How the hooks of a moment ended.
enum Ending {
    GoOn,
    Skip,
    Break,
}

impl FileHooksRunner {
    /// Makes `hooks` of the file `origin` ready. `values` holds what is known before the run, `about` what is known of
    /// each stream: a map of `stream` and `object`.
    ///
    /// Errors: `CF-104` for a condition that is not understood; `CF-105` for a command where none is allowed.
    pub fn prepare(
        origin: &Origin,
        hooks: FileHooks,
        values: Values,
        about: BTreeMap<StreamName, Value>,
        tools: Tools,
    ) -> Result<FileHooksRunner, Error> {
        let ready = |specs: Vec<HookSpec>| -> Result<Vec<Hook>, Error> {
            specs.into_iter().map(|spec| Hook::prepare(origin, spec, tools.allow_commands)).collect()
        };
        let run = ready(hooks.run)?;
        let streams = hooks.streams.into_iter().map(|(stream, specs)| Ok((stream, ready(specs)?)));
        let streams = streams.collect::<Result<_, Error>>()?;
        let state = Mutex::new(State { values, kept: Vec::new() });
        Ok(FileHooksRunner { tools, run, streams, about, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Values are put whole, so what a panic elsewhere left behind can still be read.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hooks_of(&self, moment: Moment, facts: &Facts) -> impl Iterator<Item = &Hook> {
        let of_stream = facts.stream.as_ref().and_then(|stream| self.streams.get(&stream.name));
        let hooks = match moment {
            Moment::RunStart | Moment::RunEnd => self.run.as_slice(),
            _ => of_stream.map_or(&[][..], Vec::as_slice),
        };
        hooks.iter().filter(move |hook| hook.spec.moment == moment)
    }

    /// Calls the hooks of a moment one after another.
    async fn call_all(&self, moment: Moment, facts: &Facts) -> Result<Ending, Error> {
        for hook in self.hooks_of(moment, facts) {
            let values = self.state().values.clone();
            if hook.condition.as_ref().is_some_and(|condition| !condition.holds(&|name| values.operand(name)))
            {
                self.note(hook, "skipped", None);
                continue;
            }
            let Err(error) = self.try_hook(hook, &values).await else {
                self.note(hook, "success", None);
                continue;
            };
            self.note(hook, "error", Some(error.message()));
            let told = format!("hook {}: {}", hook.spec.id, error.message());
            match hook.spec.on_failure {
                OnFailure::Abort | OnFailure::Retry => {
                    return Err(Error::new(Code::HookFailed, told).with_source(error));
                }
                OnFailure::Error | OnFailure::Defer => {
                    self.tools.output.warn(&told);
                    self.state().kept.push(told);
                }
                OnFailure::Warn => self.tools.output.warn(&told),
                OnFailure::Quiet => {}
                OnFailure::Skip => return Ok(Ending::Skip),
                OnFailure::Break => return Ok(Ending::Break),
            }
        }
        Ok(Ending::GoOn)
    }

    async fn try_hook(&self, hook: &Hook, values: &Values) -> Result<(), Error> {
        let tries = if hook.spec.on_failure == OnFailure::Retry { TRIES } else { 1 };
        let mut tried = 1;
        loop {
            match self.act(hook, values).await {
                Err(_) if tried < tries => {
                    tried += 1;
                    tokio::time::sleep(self.tools.try_pause).await;
                }
                ended => return ended,
            }
        }
    }

    async fn act(&self, hook: &Hook, values: &Values) -> Result<(), Error> {
        let kept = match &hook.spec.action {
            Action::Log { message, level } => {
                self.log(*level, &values.render(message));
                None
            }
            Action::Check { failure_message, success_message, .. } => {
                let check = hook.check.as_ref().expect("the condition of a check was read before the run");
                self.check(hook, check, values, failure_message.as_deref(), success_message.as_deref())?;
                None
            }
            Action::Http { .. } => http::send(&self.tools, &hook.spec.action, values).await?,
            Action::Query { .. } => query::run(&self.tools, &hook.spec.action, values).await?,
            Action::Command { .. } => command::start(&self.tools, &hook.spec.action, values).await?,
            Action::Write { to, content } => {
                file::write(&self.tools.folder, &values.render(to), &values.render(content))?;
                None
            }
            Action::Read { from, into } => {
                Some((into.clone(), file::read(&self.tools.folder, &values.render(from))?.into()))
            }
            Action::Store { key, value: Some(value) } => Some((key.clone(), stored(&values.render(value)))),
            Action::Store { key, value: None } => {
                self.state().values.forget_stored(key);
                None
            }
        };
        if let Some((name, value)) = kept {
            self.state().values.set(&format!("store.{name}"), value);
        }
        Ok(())
    }

    fn check(
        &self,
        hook: &Hook,
        check: &Expression,
        values: &Values,
        failure_message: Option<&str>,
        success_message: Option<&str>,
    ) -> Result<(), Error> {
        let Action::Check { vars, .. } = &hook.spec.action else { return Ok(()) };
        let holds = check.holds(&|name| match vars.get(name) {
            Some(text) => values::operand_of(&values.render(text)),
            None => values.operand(name),
        });
        if holds {
            if let Some(message) = success_message {
                self.tools.output.say(&values.render(message));
            }
            return Ok(());
        }
        let message = failure_message
            .map_or_else(|| format!("the check {} does not hold", check.text()), |text| values.render(text));
        Err(Error::new(Code::HookFailed, message))
    }

    fn log(&self, level: LogLevel, message: &str) {
        match level {
            LogLevel::Debug => tracing::debug!("{message}"),
            LogLevel::Info => self.tools.output.say(message),
            LogLevel::Warn | LogLevel::Error => self.tools.output.warn(message),
        }
    }

    /// Puts how a hook ended under `state.ID`.
    fn note(&self, hook: &Hook, status: &str, error: Option<&str>) {
        let value = json!({ "status": status, "error": error });
        self.state().values.set(&format!("state.{}", hook.spec.id), value);
    }

    /// Brings `run.*`, `execution.*`, `stream.*` and `object.*` up to what is known at a moment.
    fn refresh(&self, moment: Moment, facts: &Facts) {
        let mut state = self.state();
        let values = &mut state.values;
        values.set("execution.id", facts.run.as_str());
        values.set("execution.total_rows", facts.rows);
        values.set("execution.duration", facts.seconds);
        values.set(
            "execution.status",
            json!({ "success": facts.succeeded, "error": facts.failed, "skipped": facts.skipped, "warning": 0 }),
        );
        match &facts.stream {
            Some(stream) => {
                values.set("run", figures(moment, stream));
                let about = self.about.get(&stream.name).cloned().unwrap_or_default();
                for root in ["stream", "object"] {
                    values.set(root, about.get(root).cloned().unwrap_or_default());
                }
            }
            None => {
                let status = if facts.failed > 0 { "error" } else { "success" };
                values.set(
                    "run",
                    json!({ "total_rows": facts.rows, "status": status, "duration": facts.seconds, "error": null }),
                );
            }
        }
    }
}

#[async_trait]
impl Hooks for FileHooksRunner {
    async fn at(&self, moment: Moment, facts: &Facts) -> Result<Verdict, Error> {
        self.refresh(moment, facts);
        let ending = self.call_all(moment, facts).await?;
        if moment == Moment::RunEnd {
            let kept = std::mem::take(&mut self.state().kept);
            if !kept.is_empty() {
                return Err(Error::new(Code::HookFailed, kept.join("; ")));
            }
        }
        Ok(match ending {
            Ending::GoOn => Verdict::GoOn,
            Ending::Skip => Verdict::Skip,
            Ending::Break => Verdict::Break,
        })
    }
}

impl Hook {
    fn prepare(origin: &Origin, spec: HookSpec, allow_commands: bool) -> Result<Hook, Error> {
        if matches!(spec.action, Action::Command { .. }) && !allow_commands {
            let what = format!("hook {}: starting programs is not allowed", spec.id);
            return Err(origin
                .error(Code::NotGranted, spec.place, what)
                .with_hint("allow it with `--allow-commands` where you trust the file"));
        }
        let read = |text: &str, vars: &BTreeMap<String, String>| {
            let knows = |name: &str| match vars.contains_key(name) || values::is_name(name) {
                true => Ok(()),
                false => {
                    let roots: Vec<&str> = values::roots().collect();
                    Err(format!("{name:?} is not known, names begin with {}", roots.join(", ")))
                }
            };
            Expression::parse(text, &knows).map_err(|error| {
                let what = format!("hook {}: {}", spec.id, error.message());
                origin.error(Code::BadFile, spec.place, what)
            })
        };
        let condition = spec.condition.as_deref().map(|text| read(text, &BTreeMap::new())).transpose()?;
        let check = match &spec.action {
            Action::Check { check, vars, .. } => Some(read(check, vars)?),
            _ => None,
        };
        Ok(Hook { spec, condition, check })
    }
}

fn figures(moment: Moment, stream: &StreamFacts) -> Value {
    let status = match (&stream.error, moment) {
        (Some(_), _) => "error",
        (None, Moment::StreamEnd | Moment::AfterMerge) => "success",
        (None, _) => "running",
    };
    let error = stream.error.as_ref().map(|(code, message)| format!("{code} {message}"));
    json!({ "total_rows": stream.rows, "status": status, "duration": stream.seconds, "error": error })
}

/// What a rendered text is kept as: JSON where it is a map, a list, a number or a truth value, else the text.
fn stored(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::String(_) | Value::Null) | Err(_) => text.into(),
        Ok(value) => value,
    }
}

#[cfg(test)]
mod tests;
