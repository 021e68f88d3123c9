//! `achub doctor`: is everything here that a run needs?

use std::sync::Arc;

use achub_core::{Error, port::progress::Silent};
use serde_json::{Value, json};

use crate::{
    command::{conns, summary::status_word},
    config::{connection::Connection, connections::Found},
    output::{Failure, exit_code},
    wiring::Context,
};

/// Free space below which something will soon fail, bytes.
const SPACE_MIN: u64 = 1 << 30;

/// What was looked at, how it went, and what was found.
struct Finding {
    what: String,
    passed: bool,
    found: String,
    error: Option<Error>,
}

/// Looks at folders, state, disk and every connection; ends with the exit code of the first that fails.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let mut findings = vec![state(context).await, space(context)];
    for found in context.connections.list() {
        findings.push(connection(context, found).await);
    }
    tell(context, &findings)?;
    match findings.into_iter().find_map(|finding| finding.error) {
        None => Ok(()),
        Some(error) => Err(Failure::Said(exit_code(error.class()))),
    }
}

impl Finding {
    fn of(what: impl Into<String>, result: Result<String, Error>) -> Finding {
        match result {
            Ok(found) => Finding { what: what.into(), passed: true, found, error: None },
            Err(error) => {
                let found = format!("{} {error}", error.code().id());
                Finding { what: what.into(), passed: false, found, error: Some(error) }
            }
        }
    }
}

/// Whether the hub's own state can be opened, and how the last run went.
async fn state(context: &Context) -> Finding {
    let opened = async {
        let store = context.open_store().await?;
        let last = store.runs(None, 1).await?.into_iter().next();
        store.close().await;
        let last = last.map_or_else(
            || "no run yet".to_owned(),
            |run| format!("last run {}: {}", run.id, status_word(run.status)),
        );
        Ok(format!("{}, {last}", context.home.state_file().display()))
    };
    Finding::of("state", opened.await)
}

/// How much space is left where the state lives. Little space is said and is no failure.
fn space(context: &Context) -> Finding {
    let folder = &context.home.state;
    let (passed, found) = match rustix::fs::statvfs(folder) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            (free >= SPACE_MIN, format!("{} MiB free at {}", free >> 20, folder.display()))
        }
        Err(cause) => (false, format!("cannot be told for {}: {cause}", folder.display())),
    };
    Finding { what: "disk space".to_owned(), passed, found, error: None }
}

async fn connection(context: &Context, found: &Found) -> Finding {
    let what = format!("connection {}", found.name);
    let tried = async {
        match found.read()? {
            Connection::ActiveCampaign(account) => {
                let store = context.open_store().await?;
                let client = context.client(&found.name, &account, &store, Arc::new(Silent))?;
                let checks = achub_client::check(&client).await;
                store.close().await;
                let user = checks.user.clone().unwrap_or_else(|| "somebody".to_owned());
                conns::failure_of(checks).map_or_else(|| Ok(format!("key accepted as {user}")), Err)
            }
            other => {
                let target = context.target(&found.name, &other).await?;
                target.check().await?;
                let info = target.info();
                Ok(format!("{} at {}: tables can be made and written", info.kind, info.place))
            }
        }
    };
    Finding::of(what, tried.await)
}

fn tell(context: &Context, findings: &[Finding]) -> Result<(), Failure> {
    let output = &context.output;
    if output.is_json {
        let rows: Vec<Value> = findings
            .iter()
            .map(|finding| json!({ "what": finding.what, "passed": finding.passed, "found": finding.found }))
            .collect();
        return output.json("doctor", json!({ "version": env!("CARGO_PKG_VERSION"), "findings": rows }));
    }
    for finding in findings {
        output.check(Some(finding.passed), &format!("{}: {}", finding.what, finding.found));
    }
    if let Some(error) = findings.iter().find_map(|finding| finding.error.as_ref()) {
        output.next(&format!("achub explain {}", error.code().id()));
    }
    Ok(())
}
