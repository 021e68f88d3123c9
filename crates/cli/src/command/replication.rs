//! What `run` and `replicate` have in common: from a file or flags to a plan or a run.

use std::{collections::HashSet, path::Path, sync::Arc};

use achub_client::Client;
use achub_connectors::activecampaign::ActiveCampaignSource;
use achub_core::{
    Code, Error, ReplicationName, StreamName,
    code::Class,
    port::{
        clock::{Clock as _, SystemClock},
        hooks::{Hooks, NoHooks},
        source::Source as _,
        target::Target,
    },
};
use achub_engine::{
    Hub, Replication, Stop, Summary,
    hub::StreamSummary,
    replication::{FullCheck, Landing, Mode, StreamTask, Working},
};
use serde_json::json;

use crate::{
    args::Narrowing,
    command::{
        interrupt::Interrupt,
        plan,
        summary::{closing_line, closing_table, stream_line},
    },
    config::{
        connection::Connection,
        keys::switch,
        known_stream,
        replication_file::{
            Figures, Overrides, ReplicationFile, Setting, Style, Switches, anchor, default_mode,
            expand_streams, mode_of_flag, process_warnings, resolve,
        },
    },
    hooks,
    output::{self, Failure, Output, exit_code, progress::Watch},
    wiring::{self, Context, Store},
};

/// A replication with everything it needs.
pub struct Ready {
    pub replication: Replication,
    pub source: ActiveCampaignSource,
    /// Counts the source's requests.
    pub client: Client,
    pub target: Box<dyn Target>,
    pub hub: Hub,
    pub watch: Watch,
    pub store: Store,
    /// Only the plan is wanted.
    pub is_dry: bool,
    /// Figures the run must reach.
    pub figures: Figures,
    /// What is wanted around it.
    pub hooks: Box<dyn Hooks>,
}

/// The two connections of a replication by name.
pub struct Ends {
    pub source: (String, Connection),
    pub target: (String, Connection),
}

/// What flags change about every stream.
pub fn overrides(narrowing: &Narrowing) -> Result<Overrides, Error> {
    let mode = narrowing.mode.as_deref().map(mode_of_flag).transpose()?;
    if narrowing.limit == Some(0) {
        return Err(Error::new(Code::BadArgument, "--limit: must be 1 or more"));
    }
    Ok(Overrides {
        streams: narrowing.streams.clone(),
        mode,
        limit: narrowing.limit,
        allow_commands: narrowing.allow_commands,
        ..Overrides::default()
    })
}

/// Reads a replication file's text.
pub fn file_text(path: &Path) -> Result<String, Error> {
    if path.is_dir() {
        let what = format!("{} is a folder, one file was expected", path.display());
        return Err(Error::new(Code::BadFile, what).with_hint("`achub run FOLDER` runs all its files"));
    }
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(Code::BadFile, format!("cannot read {}", path.display())).with_source(error)
    })
}

/// Resolves a file that was read. `None` where the selection left no stream, which is said and is no failure.
pub async fn of_file(
    context: &Context,
    file: &ReplicationFile,
    style: Style,
    overrides: &Overrides,
) -> Result<Option<Ready>, Error> {
    let output = &context.output;
    file.warnings
        .iter()
        .chain(&process_warnings(&context.environment))
        .for_each(|warning| output.warn(warning));
    let place = |what: &str, text: &crate::config::replication_file::Text| {
        crate::config::keys::Origin::new(format!("{}:{}: {what}", file.origin.name(), text.place))
    };
    let ends = Ends {
        source: context.connections.resolve(&file.source.text, &place("source", &file.source))?,
        target: context.connections.resolve(&file.target.text, &place("target", &file.target))?,
    };
    let (known, reader) = (known_stream::all(), Reader::open(context, &ends).await?);
    let setting = Setting {
        known: &known,
        tracked: &reader.tracked(),
        source: (&ends.source.0, wiring::account(&ends.source.0, &ends.source.1)?),
        target: (&ends.target.0, &ends.target.1),
        style,
        now: SystemClock.now(),
        switches: Switches::of_run(&file.env, &context.environment)?,
        overrides,
    };
    let name = name(style, &ends.source.0, Some(&file.name));
    let mut resolved = resolve(file, name, &setting)?;
    resolved.notes.iter().for_each(|note| output.warn(note));
    if resolved.replication.streams.is_empty() {
        output.say("nothing to do: no stream of the file is selected");
        return Ok(None);
    }
    let granted = context.environment.granted("ACHUB_ALLOW_COMMANDS").and_then(switch) == Some(true);
    let around = hooks::made::Around {
        file,
        source: &ends.source,
        target: &ends.target,
        now: setting.now,
        allow_commands: overrides.allow_commands || granted,
    };
    let hooks = hooks::made::make(context, &around, resolved.hooks, &mut resolved.replication)?;
    let ready = reader.ready(context, &ends, resolved.replication).await?;
    let (is_dry, figures) = (setting.switches.dry_run, setting.switches.figures);
    Ok(Some(Ready { is_dry, figures, hooks: Box::new(hooks), ..ready }))
}

/// The replication of streams into tables of their own names, by our defaults.
pub async fn of_ends(context: &Context, ends: &Ends, overrides: &Overrides) -> Result<Ready, Error> {
    let account = wiring::account(&ends.source.0, &ends.source.1)?;
    let (known, reader) = (known_stream::all(), Reader::open(context, ends).await?);
    let tracked = reader.tracked();
    let setting = Setting {
        known: &known,
        tracked: &tracked,
        source: (&ends.source.0, account),
        target: (&ends.target.0, &ends.target.1),
        style: Style::Ours,
        now: SystemClock.now(),
        switches: Switches::default(),
        overrides,
    };
    let streams = match overrides.streams.is_empty() {
        true => default_streams(),
        false => expand_streams(&overrides.streams, &known)?,
    };
    let replication = Replication {
        name: name(Style::Ours, &ends.source.0, None),
        streams: streams.iter().map(|stream| task(stream, &tracked, overrides)).collect(),
        state_schema: None,
        landing: Landing::ours(),
        anchor: anchor(&setting)?,
        full_check: FullCheck::WEEKLY,
        working: Working::default(),
    };
    reader.ready(context, ends, replication).await
}

/// Under which name cursors are kept: files of one name that read one account share them, wherever they lie.
fn name(style: Style, source: &str, file: Option<&str>) -> ReplicationName {
    let command = match style {
        Style::Sling => "run",
        Style::Ours => "replicate",
    };
    let source = source.to_lowercase();
    match file {
        Some(file) => ReplicationName::new(format!("{command}:{source}:{file}")),
        None => ReplicationName::new(format!("{command}:{source}")),
    }
}

/// What is replicated when nobody names streams: all that are known from more than our own reading and are read without
/// making the account compute something first.
fn default_streams() -> Vec<String> {
    use achub_api::stream::{Confidence, Read};
    achub_api::streams::all()
        .filter(|stream| stream.confidence > Confidence::Inferred)
        .filter(|stream| !matches!(stream.read, Read::SegmentMatch { .. }))
        .map(|stream| stream.name.to_owned())
        .collect()
}

fn task(stream: &str, tracked: &HashSet<String>, overrides: &Overrides) -> StreamTask {
    let (mode, mode_reason) = match overrides.mode {
        Some(mode) => (mode, "from --mode".to_owned()),
        None => default_mode(tracked.contains(stream)),
    };
    StreamTask {
        row_limit: overrides.limit,
        // Whoever names no stream wants what the account has.
        optional: overrides.streams.is_empty(),
        ..StreamTask::new(StreamName::new(stream), mode, mode_reason)
    }
}

/// Which connections are not those of the file where somebody may look for them.
fn say_shadows(context: &Context, ends: &Ends) {
    for (name, _) in [&ends.source, &ends.target] {
        // A URL has no name that could be found.
        let Ok(found) = context.connections.get(name) else { continue };
        if let Some(shadowed) = &found.shadows {
            context.output.say(&format!("{name}: the {} shadows the entry at {shadowed}", found.source));
        }
    }
}

/// The source's half of a replication. Nothing is sent by making it.
struct Reader {
    store: Store,
    watch: Watch,
    client: Client,
    source: ActiveCampaignSource,
}

impl Reader {
    async fn open(context: &Context, ends: &Ends) -> Result<Reader, Error> {
        say_shadows(context, ends);
        let account = wiring::account(&ends.source.0, &ends.source.1)?;
        let store = context.open_store().await?;
        let watch = Watch::new(context.output);
        let client = context.client(&ends.source.0, account, &store, Arc::new(watch.clone()))?;
        let source = wiring::source(client.clone(), &store).with_reading(account.reading);
        Ok(Reader { store, watch, client, source })
    }

    /// Streams that can be asked for changes, themselves or through the stream they follow.
    fn tracked(&self) -> HashSet<String> {
        let tracked =
            self.source.streams().into_iter().filter(|info| info.cursor.is_some() || info.follows.is_some());
        tracked.map(|info| info.name.to_string()).collect()
    }

    async fn ready(self, context: &Context, ends: &Ends, replication: Replication) -> Result<Ready, Error> {
        let target = context.target(&ends.target.0, &ends.target.1).await?;
        let hub = wiring::hub(&self.store, Arc::new(self.watch.clone()));
        let Reader { store, watch, client, source } = self;
        let (is_dry, figures) = (false, Figures::default());
        let hooks = Box::new(NoHooks);
        Ok(Ready { replication, source, client, target, hub, watch, store, is_dry, figures, hooks })
    }
}

/// Runs `ready` to its end and tells how it went; ends with the exit code of the summary.
pub async fn execute(output: &Output, view: &str, ready: &Ready) -> Result<(), Failure> {
    execute_under(output, view, ready, &Interrupt::listen(*output)).await
}

/// The same under signals that somebody listens for already.
pub async fn execute_under(
    output: &Output,
    view: &str,
    ready: &Ready,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    if ready.is_dry {
        return plan::print(output, ready).await;
    }
    let summary = start(ready, interrupt.stop()).await?;
    conclude(output, view, ready, &summary, interrupt).await
}

/// Tells how a run went; ends with the exit code of the summary.
pub async fn conclude(
    output: &Output,
    view: &str,
    ready: &Ready,
    summary: &Summary,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    ready.store.close().await;
    tell(output, view, ready, summary)?;
    let missed = missed_figures(ready, summary);
    missed.iter().for_each(|figure| output.warn(figure));
    match summary.class() {
        None if !missed.is_empty() => Err(Failure::Said(exit_code(Class::Failed))),
        None => Ok(()),
        Some(Class::Interrupted) => Err(Failure::Said(interrupt.exit_code())),
        Some(class) => Err(Failure::Said(exit_code(class))),
    }
}

/// What is wrong about each figure that the switches asked for.
fn missed_figures(ready: &Ready, summary: &Summary) -> Vec<String> {
    let done = summary
        .streams
        .iter()
        .filter(|stream| stream.error.is_none() && stream.unavailable.is_none() && stream.skipped.is_none());
    let landed =
        |stream: &StreamSummary| stream.outcomes.added + stream.outcomes.changed + stream.outcomes.same;
    let broken = |stream: &StreamSummary| {
        stream.outcomes.skipped + stream.warned.iter().map(|(_, count)| count).sum::<u64>()
    };
    let figures = &ready.figures;
    [
        ("SLING_STREAM_CNT", figures.streams, done.count() as u64),
        ("SLING_ROW_CNT", figures.rows, summary.streams.iter().map(landed).sum()),
        ("SLING_TOTAL_BYTES", figures.bytes, ready.client.bytes_received()),
        ("SLING_CONSTRAINT_FAILS", figures.constraint_fails, summary.streams.iter().map(broken).sum()),
    ]
    .into_iter()
    .filter_map(|(name, figure, actual)| Some(format!("{name}: {}", figure?.missed(actual)?)))
    .collect()
}

/// Runs `ready` and shows figures meanwhile.
pub async fn start(ready: &Ready, stop: &Stop) -> Result<Summary, Error> {
    let counter = ready.client.clone();
    let watching = ready.watch.begin(move || counter.requests_sent());
    let summary =
        ready.hub.start_with(&ready.replication, &ready.source, &*ready.target, &*ready.hooks, stop).await;
    drop(watching);
    summary
}

fn tell(output: &Output, view: &str, ready: &Ready, summary: &Summary) -> Result<(), Failure> {
    if output.is_json {
        let mut value = serde_json::to_value(summary).map_err(std::io::Error::other)?;
        value["exit_code"] = json!(summary.class().map_or(0, output::exit_code));
        output.json(view, value)?;
    }
    // Users of Sling read lines, and programs of theirs do; ours get a table.
    let is_sling = view == "run";
    tell_streams(output, &ready.watch, summary, |_| is_sling);
    if !is_sling && !output.is_json {
        output.say(&closing_table(summary).words());
    }
    for row in &summary.quarantined {
        output.warn(&format!("{} {}: put aside, column {}: {}", row.stream, row.key, row.column, row.reason));
    }
    tell_empty_streams(output, ready, summary);
    summary.notes.iter().for_each(|note| output.warn(note));
    output.say(&closing_line(summary));
    advise(output, summary);
    Ok(())
}

/// Streams without a row made no table, where nobody asked for empty ones: whoever looks for it is told.
fn tell_empty_streams(output: &Output, ready: &Ready, summary: &Summary) {
    if ready.replication.landing.empty_tables {
        return;
    }
    let is_empty = |stream: &&StreamSummary| {
        let came = stream.outcomes.total() + stream.rows;
        came == 0 && stream.error.is_none() && stream.unavailable.is_none() && stream.skipped.is_none()
    };
    let wants_rows = |stream: &&StreamSummary| stream.mode != Mode::DefinitionOnly.name();
    for stream in summary.streams.iter().filter(is_empty).filter(wants_rows) {
        let what =
            "no rows came, so no table was made where there was none; SLING_ALLOW_EMPTY=true makes one";
        output.warn(&format!("stream {}: {what}", stream.stream));
    }
}

/// One line for each stream that is `worth_telling` or did not finish; gives how many were left out.
pub fn tell_streams(
    output: &Output,
    watch: &Watch,
    summary: &Summary,
    worth_telling: impl Fn(&StreamSummary) -> bool,
) -> usize {
    let of = summary.streams.len();
    let mut silent = 0;
    for (index, stream) in summary.streams.iter().enumerate() {
        let is_landed = stream.error.is_none() && stream.unavailable.is_none() && stream.skipped.is_none();
        if is_landed && !worth_telling(stream) {
            silent += 1;
            continue;
        }
        let seconds = watch.seconds(stream.stream.as_str()).unwrap_or(0.0);
        output.say(&stream_line(&format!("[{} / {of}]", index + 1), stream, seconds));
    }
    silent
}

/// What to look at next.
fn advise(output: &Output, summary: &Summary) {
    let failed: Vec<&StreamSummary> =
        summary.streams.iter().filter(|stream| stream.error.is_some()).collect();
    match (summary.class(), failed.first().and_then(|stream| stream.error.as_ref())) {
        (None, _) => output.next("achub replicate status"),
        (Some(Class::Interrupted), _) => {
            output.say("Stopped at a safe point; the same command continues from there.");
        }
        (_, Some((code, _))) => output.next(&format!("achub explain {code}")),
        (_, None) if summary.quarantined.is_empty() => output.next("achub explain RN-106"),
        (_, None) => output.next("look at the table _achub_quarantine in the target"),
    }
}
