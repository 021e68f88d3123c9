//! The hooks of a file: what is wanted around the run and its streams, as the file says it. Carrying them out is not
//! done here.

mod entry;

use std::{collections::BTreeMap, time::Duration};

use achub_core::{Error, StreamName, port::hooks::Moment};

use crate::config::{
    keys::Origin,
    replication_file::{
        findings::Findings,
        grant::{HOOKS_OF_RUN, HOOKS_OF_STREAM, Table},
        hooks::entry::hook,
        reader::Reader,
    },
    yaml::{Entry, Kind, Node, Place},
};

/// All hooks of a file that was resolved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileHooks {
    /// Those of the run, `start` before `end`, each in the order of the file.
    pub run: Vec<HookSpec>,
    /// Those of each stream that has any: `pre`, `pre_merge`, `post_merge`, `post`, each in the order of the file.
    pub streams: BTreeMap<StreamName, Vec<HookSpec>>,
}

/// One hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookSpec {
    /// When it is called.
    pub moment: Moment,
    /// Where it stands in the file.
    pub place: Place,
    /// By what other hooks refer to its state: `state.ID`. Without one in the file it is moment and number: `end-1`.
    pub id: String,
    /// The text of its condition: it is passed over where that is not met.
    pub condition: Option<String>,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// What it does.
    pub action: Action,
}

/// What the failure of a hook means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The stream fails; at the start of a run, the run.
    Abort,
    /// The run goes on and ends as failed.
    Error,
    /// It is said, and nothing else.
    Warn,
    /// It is not even said.
    Quiet,
    /// The stream is left out; at the start of a run, all of them.
    Skip,
    /// No further hook of the moment is called, and no further stream begun.
    Break,
    /// It is tried again before it counts as failed.
    Retry,
    /// The rest of the run goes on; the failure counts when it ends.
    Defer,
}

/// What a hook does, with its own keys. Texts are as written: templates in them are not rendered yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Says something.
    Log {
        /// What.
        message: String,
        /// How much it matters.
        level: LogLevel,
    },
    /// Runs SQL.
    Query {
        /// The connection's name; `None` is the target's.
        connection: Option<String>,
        /// The statement, or the file it stands in (`file://…`).
        sql: String,
        /// The name in the store under which the rows are kept.
        into: Option<String>,
        /// A connection of its own, closed behind it.
        transient: bool,
        /// A named operation instead of a statement's own meaning.
        operation: Option<String>,
        /// Values for `{name}` in the statement.
        params: BTreeMap<String, String>,
    },
    /// Sends a request.
    Http {
        /// Where to.
        url: String,
        /// The method, upper case.
        method: String,
        /// Headers in the order of the file.
        headers: Vec<(String, String)>,
        /// The body; a map in the file is JSON here.
        body: Option<String>,
        /// The name in the store under which the answer is kept.
        into: Option<String>,
        /// How long it may take.
        timeout: Option<Duration>,
    },
    /// Fails where a condition is not met.
    Check {
        /// The condition.
        check: String,
        /// What is said where it is not met.
        failure_message: Option<String>,
        /// What is said where it is met.
        success_message: Option<String>,
        /// Values for names in the condition.
        vars: BTreeMap<String, String>,
    },
    /// Starts a program.
    Command {
        /// The program and its arguments.
        command: CommandLine,
        /// The folder it works in.
        working_dir: Option<String>,
        /// Variables it gets beside those of the process.
        env: BTreeMap<String, String>,
        /// Whether what it prints is said.
        print: bool,
        /// The name in the store under which what it printed is kept.
        into: Option<String>,
        /// How long it may take.
        timeout: Option<Duration>,
    },
    /// Writes a file on this machine.
    Write {
        /// Which.
        to: String,
        /// What it will hold.
        content: String,
    },
    /// Reads a file of this machine.
    Read {
        /// Which.
        from: String,
        /// The name in the store under which it is kept.
        into: String,
    },
    /// Keeps a value for later hooks of the run, or forgets one.
    Store {
        /// Its name.
        key: String,
        /// The value; `None` forgets it.
        value: Option<String>,
    },
}

/// How a program is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments, without a shell.
    Program(Vec<String>),
}

/// How much a logged message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For investigation.
    Debug,
    /// The course of things.
    Info,
    /// Carried on with less.
    Warn,
    /// Someone should act.
    Error,
}

/// The hooks of the whole run: the map behind the root key `hooks`.
pub fn of_run(origin: &Origin, entry: &Entry, findings: &mut Findings) -> Result<Vec<HookSpec>, Error> {
    let reader = Reader::new(origin, "the file");
    let moments = [("start", Moment::RunStart), ("end", Moment::RunEnd)];
    read(&reader, entry, HOOKS_OF_RUN, &moments, findings)
}

/// The hooks of a stream: the map behind its key `hooks`.
pub fn of_stream(
    reader: &Reader<'_>,
    entry: &Entry,
    findings: &mut Findings,
) -> Result<Vec<HookSpec>, Error> {
    let moments = [
        ("pre", Moment::StreamStart),
        ("pre_merge", Moment::BeforeMerge),
        ("post_merge", Moment::AfterMerge),
        ("post", Moment::StreamEnd),
    ];
    read(reader, entry, HOOKS_OF_STREAM, &moments, findings)
}

fn read(
    reader: &Reader<'_>,
    entry: &Entry,
    table: Table,
    moments: &[(&str, Moment)],
    findings: &mut Findings,
) -> Result<Vec<HookSpec>, Error> {
    let inner = reader.inner("hooks");
    let mut named = Vec::new();
    for entry in reader.entries(entry)? {
        if findings.key(table, entry, &inner.what) {
            named.push(entry);
        }
    }
    let mut hooks = Vec::new();
    for (key, moment) in moments {
        let Some(entry) = named.iter().find(|entry| entry.key == *key) else { continue };
        for (index, item) in items(&inner, entry)?.iter().enumerate() {
            let id = format!("{key}-{}", index + 1);
            hooks.extend(hook(&inner, &id, *moment, item, findings)?);
        }
    }
    Ok(hooks)
}

fn items<'n>(reader: &Reader<'_>, entry: &'n Entry) -> Result<&'n [Node], Error> {
    match &entry.value.kind {
        Kind::List(items) => Ok(items),
        Kind::Map(_) => Ok(std::slice::from_ref(&entry.value)),
        Kind::Scalar(_) if entry.value.is_null() => Ok(&[]),
        Kind::Scalar(_) => Err(reader.error(entry, "must be a list of hooks, got a single value")),
    }
}

/// The hooks of a text, which is the map behind `hooks`; for tests of what carries them out.
#[cfg(test)]
pub fn hooks_of_text(text: &str, of_a_stream: bool) -> Result<Vec<HookSpec>, Error> {
    let origin = Origin::new("r.yaml");
    let root =
        crate::config::yaml::parse(&format!("hooks: {text}")).map_err(|mistake| origin.mistake(mistake))?;
    let entry = &root.entries().expect("it was just made a map")[0];
    let mut findings = Findings::new(origin.clone(), true);
    let hooks = match of_a_stream {
        true => of_stream(&Reader::new(&origin, "stream contacts"), entry, &mut findings)?,
        false => of_run(&origin, entry, &mut findings)?,
    };
    findings.close().map(|_| hooks)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_core::{Error, port::hooks::Moment};

    use super::{Action, CommandLine, HookSpec, OnFailure, of_run, of_stream};
    use crate::config::{
        keys::Origin,
        replication_file::{findings::Findings, reader::Reader},
        yaml::parse,
    };

    /// The hooks of the text and what was found; the text is the map behind `hooks`.
    fn read(text: &str, of_a_stream: bool) -> Result<(Vec<HookSpec>, Vec<String>), Error> {
        let origin = Origin::new("r.yaml");
        let root = parse(&format!("hooks: {text}")).map_err(|mistake| origin.mistake(mistake))?;
        let entry = &root.entries().unwrap()[0];
        let mut findings = Findings::new(origin.clone(), false);
        let hooks = match of_a_stream {
            true => of_stream(&Reader::new(&origin, "stream contacts"), entry, &mut findings)?,
            false => of_run(&origin, entry, &mut findings)?,
        };
        Ok((hooks, findings.close()?))
    }

    #[test]
    fn every_granted_type_is_read() {
        let text = r#"{
          pre: [
            { type: log, message: 'begin {stream.name}', level: warn, id: first },
            { type: query, connection: LAKE, sql: select 1, into: x, transient: true, params: {a: 1} },
            { type: command, command: [echo, hi], env: {A: b}, print: true, timeout: 5s }
          ],
          post_merge: [ { type: query, query: 'analyze {object.full_name}', if: 'run.total_rows > 0' } ],
          post: [
            { type: http, url: 'https://x.example/y', method: post, payload: {n: 1, s: '1'}, headers: {X: y}, on_failure: warn },
            { type: check, check: 'run.total_rows > 0', failure_message: nothing, on_failure: break },
            { type: write, to: out.txt, content: ' a ' },
            { type: read, from: in.txt, into: y },
            { type: store, key: k, value: {a: [1]} },
            { type: store, key: k, delete: true },
            { type: command, command: 'date | wc' }
          ]
        }"#;
        let (hooks, warnings) = read(text, true).unwrap();

        assert!(warnings.is_empty(), "{warnings:?}");
        let ids: Vec<&str> = hooks.iter().map(|hook| hook.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "first",
                "pre-2",
                "pre-3",
                "post_merge-1",
                "post-1",
                "post-2",
                "post-3",
                "post-4",
                "post-5",
                "post-6",
                "post-7"
            ]
        );
        assert_eq!(hooks[3].moment, Moment::AfterMerge);
        assert_eq!(hooks[3].condition.as_deref(), Some("run.total_rows > 0"));
        assert_eq!((hooks[4].on_failure, hooks[5].on_failure), (OnFailure::Warn, OnFailure::Break));
        let Action::Http { method, body, .. } = &hooks[4].action else { panic!("{:?}", hooks[4]) };
        assert_eq!((method.as_str(), body.as_deref()), ("POST", Some(r#"{"n":1,"s":"1"}"#)));
        let Action::Command { command, timeout, .. } = &hooks[2].action else { panic!("{:?}", hooks[2]) };
        assert_eq!(*command, CommandLine::Program(vec!["echo".to_owned(), "hi".to_owned()]));
        assert_eq!(*timeout, Some(Duration::from_secs(5)));
        assert_eq!(hooks[6].action, Action::Write { to: "out.txt".to_owned(), content: " a ".to_owned() });
        assert_eq!(
            hooks[8].action,
            Action::Store { key: "k".to_owned(), value: Some(r#"{"a":[1]}"#.to_owned()) }
        );
        assert_eq!(hooks[9].action, Action::Store { key: "k".to_owned(), value: None });
    }

    #[test]
    fn wrong_hooks_are_refused_with_place() {
        for (text, of_a_stream, code, what) in [
            ("{pre: []}", false, "CF-105", "r.yaml:1:9: the file, hooks: `pre` is not done"),
            ("{start: []}", true, "CF-105", "r.yaml:1:9: stream contacts, hooks: `start` is not done"),
            (
                "{end: [{message: x}]}",
                false,
                "CF-104",
                "r.yaml:1:15: the file, hooks: end-1: `type` is missing",
            ),
            (
                "{end: [{type: lgo}]}",
                false,
                "CF-104",
                "r.yaml:1:22: the file, hooks: end-1: there is no hook of type \"lgo\"",
            ),
            (
                "{end: [{type: copy}]}",
                false,
                "CF-105",
                "r.yaml:1:22: the file, hooks: a hook of type `copy` is not done",
            ),
            (
                "{end: [{type: log}]}",
                false,
                "CF-104",
                "r.yaml:1:15: the file, hooks, end-1 (log): `message` is missing",
            ),
            (
                "{end: [{type: query, sql: a, query: b}]}",
                false,
                "CF-104",
                "r.yaml:1:34: the file, hooks, end-1 (query): `sql` and `query`",
            ),
            (
                "{end: [{type: log, message: x, on_failure: stop}]}",
                false,
                "CF-104",
                "r.yaml:1:51: the file, hooks, end-1 (log): `on_failure` has the unknown value",
            ),
            ("{end: x}", false, "CF-104", "r.yaml:1:14: the file, hooks: `end` must be a list of hooks"),
        ] {
            let error = read(text, of_a_stream).unwrap_err();
            assert_eq!(error.code().id(), code, "{text}: {}", error.message());
            assert!(error.message().starts_with(what), "{text}: {}", error.message());
        }
        let (_, warnings) = read("{end: [{type: log, message: x, mesage: y}]}", false).unwrap();
        assert_eq!(
            warnings,
            [
                "r.yaml:1:39: the file, hooks, end-1 (log): `mesage` is not known and ignored, did you mean `message`"
            ]
        );
    }
}
