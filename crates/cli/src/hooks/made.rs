//! The hooks of a resolved file, made ready for its run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use achub_client::{Outbound, address::Policy};
use achub_core::{Code, Error, StreamName, port::hooks::Moment};
use achub_engine::{Replication, replication::StreamTask};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    config::{
        connection::Connection,
        keys::{Origin, switch},
        replication_file::{Action, FileHooks, HookSpec, ReplicationFile},
    },
    hooks::{FileHooksRunner, TRY_PAUSE, Tools, Values, query},
    wiring::Context,
};

/// A run and its two ends, as hooks see them.
pub struct Around<'a> {
    pub file: &'a ReplicationFile,
    pub source: &'a (String, Connection),
    pub target: &'a (String, Connection),
    pub now: Timestamp,
    /// Whether hooks may start programs.
    pub allow_commands: bool,
}

/// Makes `hooks` ready. SQL before and after the merge on the target itself becomes part of the load's transaction, and
/// so of `replication`.
///
/// Errors: `CF-104`, `CF-105` for hooks that cannot be carried out as they are written.
pub fn make(
    context: &Context,
    around: &Around<'_>,
    mut hooks: FileHooks,
    replication: &mut Replication,
) -> Result<FileHooksRunner, Error> {
    let origin = &around.file.origin;
    let values = values(around);
    let about: BTreeMap<StreamName, Value> =
        replication.streams.iter().map(|task| (task.stream.clone(), about(task))).collect();
    for task in &mut replication.streams {
        if let Some(specs) = hooks.streams.get_mut(&task.stream) {
            let mut known = values.clone();
            known.set("stream", about[&task.stream]["stream"].clone());
            known.set("object", about[&task.stream]["object"].clone());
            let mut rest = Vec::new();
            for spec in std::mem::take(specs) {
                match in_transaction(origin, &spec, &around.target.0, &known)? {
                    Some(sql) if spec.moment == Moment::BeforeMerge => {
                        task.table_wish.statements.before_merge.push(sql);
                    }
                    Some(sql) => task.table_wish.statements.after_merge.push(sql),
                    None => rest.push(spec),
                }
            }
            *specs = rest;
        }
    }
    let allow_private = context.environment.granted("ACHUB_ALLOW_PRIVATE_ADDRESSES").and_then(switch);
    let tools = Tools {
        output: context.output,
        connections: context.connections.clone(),
        environment: context.environment.clone(),
        target: around.target.clone(),
        folder: folder(around.file),
        allow_commands: around.allow_commands,
        try_pause: TRY_PAUSE,
        outbound: Outbound::new(Policy::from_allow_private(allow_private == Some(true)))?,
    };
    FileHooksRunner::prepare(origin, hooks, values, about, tools)
}

/// The folder the file lies in; the working folder for what is no file.
fn folder(file: &ReplicationFile) -> PathBuf {
    let path = Path::new(file.origin.name());
    let folder = path.parent().filter(|folder| path.is_file() && !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// The statement of a hook that belongs into the load's transaction.
fn in_transaction(
    origin: &Origin,
    spec: &HookSpec,
    target: &str,
    values: &Values,
) -> Result<Option<String>, Error> {
    let around_merge = matches!(spec.moment, Moment::BeforeMerge | Moment::AfterMerge);
    let Action::Query { connection, sql, into, params, .. } = &spec.action else { return Ok(None) };
    let on_target = connection.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(target));
    if !around_merge || !on_target {
        return Ok(None);
    }
    if spec.condition.is_some() || into.is_some() {
        let what = format!(
            "hook {}: `if` and `into` are not done for SQL that runs in the load's transaction",
            spec.id
        );
        let error = origin.error(Code::NotGranted, spec.place, what);
        return Err(error.with_hint("use a hook at `pre` or `post`, which has a connection of its own"));
    }
    Ok(Some(query::rendered(sql, params, values)))
}

/// What is known before the run.
fn values(around: &Around<'_>) -> Values {
    let mut values = Values::default();
    for (root, (name, connection)) in [("source", around.source), ("target", around.target)] {
        values.set(root, json!({ "name": name.to_lowercase(), "type": connection.type_name() }));
    }
    let wall = around.now.to_zoned(TimeZone::UTC);
    let form = |form: &str| Value::from(wall.strftime(form).to_string());
    values.set(
        "timestamp",
        json!({
            "date": form("%Y-%m-%d"),
            "datetime": form("%Y-%m-%d %H:%M:%S"),
            "rfc3339": form("%Y-%m-%dT%H:%M:%SZ"),
            "file_name": form("%Y_%m_%d_%H%M%S"),
            "unix": around.now.as_second(),
        }),
    );
    for (name, value) in &around.file.env {
        values.set(&format!("env.{name}"), value.as_str());
    }
    values
}

/// `stream.*` and `object.*` of a task.
fn about(task: &StreamTask) -> Value {
    let full_name = match &task.schema {
        Some(schema) => format!("{schema}.{}", task.table),
        None => task.table.clone(),
    };
    json!({
        "stream": {
            "name": task.stream, "id": task.id, "description": task.description, "mode": task.mode.name(),
        },
        "object": {
            "name": task.table, "table": task.table, "schema": task.schema, "full_name": full_name,
        },
    })
}
