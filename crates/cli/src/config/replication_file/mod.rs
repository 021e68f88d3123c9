//! The replication file: what is read, how names and defaults are resolved, what is refused.
//!
//! `read` turns text into a [`ReplicationFile`] and needs nothing but variables. Its `env` is then set for the run,
//! which may change where connections are found; `resolve` needs those and yields an [`achub_engine::Replication`].

mod columns;
mod figures;
mod findings;
mod flags;
mod grant;
mod hooks;
mod names;
mod reader;
mod resolve;
mod select;
mod settings;
mod source_options;
mod stream_map;
mod substitute;
mod switches;
mod target_options;
mod template;
#[cfg(test)]
mod tests;
mod transforms;
mod typing;

use std::{collections::BTreeMap, path::Path};

use achub_core::{Code, Error};
use achub_engine::replication::Mode;

use crate::config::{
    environment::Environment,
    keys::Origin,
    replication_file::{findings::Findings, grant::ROOT, names::Listed},
    yaml::{Node, Place, parse},
};

pub use figures::Figures;
pub use flags::{add_flag, add_option, env_of_flag, mode_of_flag};
#[cfg(test)]
pub use hooks::hooks_of_text;
pub use hooks::{Action, CommandLine, FileHooks, HookSpec, LogLevel, OnFailure};
pub use names::{matches as pattern_matches, select_known as expand_streams};
pub use resolve::{Overrides, Setting, Style, anchor, default_mode, resolve};
pub use stream_map::StreamMap;
pub use switches::{Logging, Switches, process_warnings};

/// A file, read and checked as far as that goes without connections.
#[derive(Debug)]
pub struct ReplicationFile {
    /// What the file is called in messages.
    pub origin: Origin,
    /// By what its cursors are told from those of other files: the file's own name, wherever it lies.
    pub name: String,
    /// The source's name or URL.
    pub source: Text,
    /// The target's name or URL.
    pub target: Text,
    /// The streams in the order of the file.
    listed: Vec<Listed>,
    /// What streams take from where they name nothing.
    defaults: StreamMap,
    /// The hooks of the whole run.
    hooks: Vec<HookSpec>,
    /// The file's own variables.
    pub env: BTreeMap<String, String>,
    /// What was ignored.
    pub warnings: Vec<String>,
}

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// How a file is read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Unknown keys are refused instead of warned about.
    pub strict: bool,
    /// More variables, which win over the file's own (`--env`).
    pub env: BTreeMap<String, String>,
}

/// What `run` is told instead of a file.
#[derive(Debug, Clone, Default)]
pub struct AdHoc {
    /// `--src-conn`.
    pub source: String,
    /// `--src-stream`.
    pub stream: String,
    /// `--tgt-conn`.
    pub target: String,
    /// `--tgt-object`.
    pub object: Option<String>,
}

impl ReplicationFile {
    /// Reads the text of a file.
    ///
    /// Errors: `CF-104` for what is not understood, `CF-105` for what this version does not do; both name the place.
    pub fn read(
        origin: Origin,
        text: &str,
        environment: &Environment,
        reading: &Reading,
    ) -> Result<ReplicationFile, Error> {
        let (text, env) = substitute::substitute(text, environment, &reading.env)
            .map_err(|mistake| origin.mistake(mistake))?;
        let root = parse(&text).map_err(|mistake| origin.mistake(mistake))?;
        let Some(entries) = root.entries() else {
            let what = format!("a replication file must be a map, got {}", root.describe());
            return Err(origin.error(Code::BadFile, root.place, what));
        };
        let mut findings = Findings::new(origin.clone(), reading.strict);
        for entry in entries {
            findings.key(ROOT, entry, "");
        }
        if root.get("steps").is_some() {
            // A pipeline has none of the keys a replication needs; the reason comes before what is missing.
            findings.close()?;
            unreachable!("`steps` is refused");
        }
        let source = needed_text(&origin, &root, "source")?;
        let target = needed_text(&origin, &root, "target")?;
        let (defaults, listed) = streams(&origin, &root, &mut findings)?;
        let hooks = match entries.iter().find(|entry| entry.key == "hooks") {
            Some(entry) => hooks::of_run(&origin, entry, &mut findings)?,
            None => Vec::new(),
        };
        let env_place = root.get("env").map_or(root.place, |node| node.place);
        Switches::check(&origin, env_place, &env, &mut findings)?;
        let warnings = findings.close()?;
        let name = Path::new(origin.name()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(ReplicationFile { origin, name, source, target, listed, defaults, hooks, env, warnings })
    }

    /// The replication that flags alone describe. Options are flags of their own, see [`Overrides::map`].
    ///
    /// Errors: those of [`ReplicationFile::read`], about the flags.
    pub fn ad_hoc(flags: &AdHoc, reading: &Reading) -> Result<ReplicationFile, Error> {
        let origin = Origin::new("run");
        let place = Place { line: 1, column: 1 };
        let text = |text: &str| Text { text: text.to_owned(), place };
        let mut findings = Findings::new(origin.clone(), reading.strict);
        let mut map = StreamMap::default();
        if let Some(object) = &flags.object {
            map.set("object", Node::made(object, place));
        }
        Switches::check(&origin, place, &reading.env, &mut findings)?;
        let object_name = flags.object.as_deref().unwrap_or_default();
        Ok(ReplicationFile {
            name: format!("{}:{object_name}", flags.stream),
            source: text(&flags.source),
            target: text(&flags.target),
            listed: vec![Listed { name: flags.stream.clone(), place, map }],
            env: reading.env.clone(),
            defaults: StreamMap::default(),
            hooks: Vec::new(),
            warnings: findings.close()?,
            origin,
        })
    }
}

fn needed_text(origin: &Origin, root: &Node, key: &str) -> Result<Text, Error> {
    let Some(node) = root.get(key).filter(|node| !node.is_null()) else {
        return Err(origin.error(Code::BadFile, root.place, format!("`{key}` is missing")).with_hint(
            format!("add `{key}: NAME`, the name of a connection; `achub conns list` shows all"),
        ));
    };
    match node.text() {
        Some(text) => Ok(Text { text: text.trim().to_owned(), place: node.place }),
        None => {
            let what = format!("`{key}` must be the name of a connection, got {}", node.describe());
            Err(origin.error(Code::BadFile, node.place, what))
        }
    }
}

/// The defaults and the streams of the file.
fn streams(origin: &Origin, root: &Node, findings: &mut Findings) -> Result<(StreamMap, Vec<Listed>), Error> {
    let defaults = match root.get("defaults") {
        Some(node) => StreamMap::read(origin, "defaults", node, true, findings)?,
        None => StreamMap::default(),
    };
    let Some(streams) = root.get("streams").filter(|node| !node.is_null()) else {
        return Err(origin
            .error(Code::BadFile, root.place, "`streams` is missing")
            .with_hint("add `streams:` with one line per stream; `achub streams list` shows all"));
    };
    let Some(entries) = streams.entries() else {
        let what = format!("`streams` must be a map of stream names, got {}", streams.describe());
        return Err(origin
            .error(Code::BadFile, streams.place, what)
            .with_hint("write each stream as a key: `contacts:`"));
    };
    if entries.is_empty() {
        return Err(origin.error(Code::BadFile, streams.place, "`streams` names no stream"));
    }
    let listed = entries.iter().map(|entry| {
        let what = format!("stream {}", entry.key);
        let map = StreamMap::read(origin, &what, &entry.value, false, findings)?;
        Ok(Listed { name: entry.key.clone(), place: entry.place, map })
    });
    let listed = listed.collect::<Result<_, Error>>()?;
    Ok((defaults, listed))
}

/// Whether the text is a replication file, or one of another kind that a person would miss were it passed over: told by
/// its lines at the root, so that a file which is not valid says so when it is read.
pub fn is_replication(text: &str) -> bool {
    let names = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['{', ' ']).trim_start_matches('"');
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches('"').starts_with(':'))
        })
    };
    names("steps") || (names("source") && names("target") && names("streams"))
}

/// Every mode that is done.
const MODES: [Mode; 6] = [
    Mode::FullRefresh,
    Mode::Incremental,
    Mode::Truncate,
    Mode::Snapshot,
    Mode::Backfill,
    Mode::DefinitionOnly,
];

/// The mode a word stands for, where it is done.
pub fn mode_of(word: &str) -> Option<Mode> {
    MODES.into_iter().find(|mode| mode.name() == word)
}
