//! `conns test`: six named checks for an account, a try-out for a target.

use std::sync::Arc;

use achub_client::{Checks, Client, StepResult, check};
use achub_core::{Error, StreamName, port::progress::Silent};
use serde_json::{Value, json};

use crate::{
    command::asking::{Asking, problem},
    config::{
        connection::{ActiveCampaign, Connection},
        known_stream,
        replication_file::expand_streams,
    },
    output::{Failure, Output, Table, exit_code},
    wiring::Context,
};

/// Tests the connection called `name`.
pub async fn run(context: &Context, name: &str) -> Result<(), Failure> {
    let found = context.connections.get(name)?;
    match found.read()? {
        Connection::ActiveCampaign(account) => account_by_name(context, &found.name, &account).await,
        other => target(context, &found.name, &other).await,
    }
}

async fn account_by_name(context: &Context, name: &str, account: &ActiveCampaign) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let client = context.client(name, account, &store, Arc::new(Silent))?;
    let checks = checked(&context.output, &client).await;
    store.close().await;
    if context.output.is_json {
        context.output.json("conns test", as_json(name, &checks))?;
        return match checks.failure() {
            None => Ok(()),
            Some(error) => Err(Failure::Said(exit_code(error.class()))),
        };
    }
    conclude(checks)?;
    context
        .output
        .next(&format!("achub replicate plan --from {name} --to sqlite://{}.db", name.to_lowercase()));
    Ok(())
}

/// Asks for one record of each of the named streams; the failure of one does not keep the others from being tried.
pub async fn streams(context: &Context, name: &str, endpoints: &[String]) -> Result<(), Failure> {
    let names = expand_streams(endpoints, &known_stream::all())?;
    let names: Vec<StreamName> = names.iter().map(StreamName::new).collect();
    let asking = Asking::open(context, name).await?;
    let probes = asking.probe(&names).await;
    asking.close().await;
    let mut table = Table::new(&["stream", "result", "rows", "ms", "problem"]);
    let mut worst = None;
    for (stream, probed) in &probes? {
        let (result, rows, ms) = match probed {
            Ok(probe) => ("ok", json!(probe.rows), json!(probe.ms)),
            Err(error) => {
                worst = worst.or(Some(exit_code(error.class())));
                ("failed", Value::Null, Value::Null)
            }
        };
        table.push([json!(stream), json!(result), rows, ms, problem(probed)]);
    }
    context.output.table("conns test", &table)?;
    worst.map_or(Ok(()), |code| Err(Failure::Said(code)))
}

/// Makes the checks and prints how each went.
pub async fn checked(output: &Output, client: &Client) -> Checks {
    let checks = check(client).await;
    for step in &checks.steps {
        match &step.result {
            StepResult::Passed(found) if found.is_empty() => output.check(Some(true), step.check.name()),
            StepResult::Passed(found) => output.check(Some(true), &format!("{}: {found}", step.check)),
            StepResult::Failed(error) => output.check(Some(false), &format!("{}: {error}", step.check)),
            StepResult::NotReached => output.check(None, step.check.name()),
        }
    }
    checks.notes.iter().for_each(|note| output.warn(note));
    checks
}

/// The first failure of the checks, if there is one.
pub fn conclude(checks: Checks) -> Result<(), Failure> {
    failure_of(checks).map_or(Ok(()), |error| Err(error.into()))
}

/// The same as an error.
pub fn failure_of(checks: Checks) -> Option<Error> {
    checks.steps.into_iter().find_map(|step| match step.result {
        StepResult::Failed(error) => Some(error),
        _ => None,
    })
}

fn as_json(name: &str, checks: &Checks) -> Value {
    let steps: Vec<Value> = checks
        .steps
        .iter()
        .map(|step| match &step.result {
            StepResult::Passed(found) => json!({"check": step.check.name(), "result": "passed", "found": found}),
            StepResult::Failed(error) => json!({
                "check": step.check.name(), "result": "failed", "code": error.code().id(), "message": error.message(),
            }),
            StepResult::NotReached => json!({"check": step.check.name(), "result": "not reached"}),
        })
        .collect();
    json!({"name": name, "passed": checks.passed(), "user": checks.user, "checks": steps, "notes": checks.notes})
}

async fn target(context: &Context, name: &str, connection: &Connection) -> Result<(), Failure> {
    let target = context.target(name, connection).await?;
    target.check().await.map_err(|error| error.context(format!("connection {name}")))?;
    let info = target.info();
    if context.output.is_json {
        return context.output.json("conns test", json!({"name": name, "passed": true, "place": info.place}));
    }
    context
        .output
        .check(Some(true), &format!("{} at {}: tables can be made and written", info.kind, info.place));
    Ok(())
}
