//! The connection test: six named checks, each with its own failure.

use std::{error::Error as _, fmt};

use achub_api::decode::{Kind, Unreadable};
use achub_core::{Code, Error, StreamName};
use futures_util::future::join_all;
use serde_json::Value;

use crate::{
    base_url::BaseUrl,
    client::{Client, WHO_AM_I},
    limits::Limits,
    request::{Answer, Get},
    transport::{Stage, TransportError},
};

/// What a replication needs to read at least.
const NEEDED: &[&str] = &["contacts", "lists", "tags", "deals"];

/// The checks in their order; each presupposes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The address may be connected to.
    AddressAllowed,
    /// The host name has addresses.
    NameResolves,
    /// A connection can be made and the certificate is good.
    SecureConnection,
    /// What answers is the API.
    Answers,
    /// The key is somebody's.
    KeyAccepted,
    /// The key's user may read what is needed.
    MayRead,
}

impl Check {
    /// All checks in order.
    pub const ALL: [Check; 6] = [
        Check::AddressAllowed,
        Check::NameResolves,
        Check::SecureConnection,
        Check::Answers,
        Check::KeyAccepted,
        Check::MayRead,
    ];

    /// The name under which it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Check::AddressAllowed => "address is allowed",
            Check::NameResolves => "name resolves",
            Check::SecureConnection => "secure connection",
            Check::Answers => "ActiveCampaign answers",
            Check::KeyAccepted => "key accepted",
            Check::MayRead => "may read",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a check went.
#[derive(Debug)]
pub enum StepResult {
    /// Well; with what was found out.
    Passed(String),
    /// Not.
    Failed(Error),
    /// Not made, because one before it failed.
    NotReached,
}

/// One check and how it went.
#[derive(Debug)]
pub struct Step {
    /// Which check.
    pub check: Check,
    /// How it went.
    pub result: StepResult,
}

/// Whether the key may read a stream.
#[derive(Debug)]
pub struct Readable {
    /// Which stream.
    pub stream: StreamName,
    /// How many records the account says it has, `None` where it does not say; or why they cannot be read.
    pub records: Result<Option<u64>, Error>,
}

/// The result of a connection test.
#[derive(Debug)]
pub struct Checks {
    /// All six, in order.
    pub steps: Vec<Step>,
    /// Whose key it is, once known.
    pub user: Option<String>,
    /// What may be read; empty where the test did not get that far.
    pub readable: Vec<Readable>,
    /// What the user should know though nothing failed, one sentence each.
    pub notes: Vec<String>,
}

impl Checks {
    /// Whether everything passed.
    pub fn passed(&self) -> bool {
        self.failure().is_none()
    }

    /// The first failure.
    pub fn failure(&self) -> Option<&Error> {
        self.steps.iter().find_map(|step| match &step.result {
            StepResult::Failed(error) => Some(error),
            StepResult::Passed(_) | StepResult::NotReached => None,
        })
    }

    fn new(results: impl Fn(Check) -> StepResult) -> Checks {
        let steps = Check::ALL.map(|check| Step { check, result: results(check) }).into();
        Checks { steps, user: None, readable: Vec::new(), notes: Vec::new() }
    }

    /// Everything before `check` passed, `check` failed with `error`.
    fn failed_at(check: Check, error: Error, base_url: &BaseUrl) -> Checks {
        let mut checks = Checks::new(|one| match one < check {
            true => StepResult::Passed(presupposed(one, base_url)),
            false => StepResult::NotReached,
        });
        checks.set(check, StepResult::Failed(error));
        checks
    }

    fn set(&mut self, check: Check, result: StepResult) {
        self.steps[check as usize].result = result;
    }
}

/// Tests the connection of `client` with at most seven requests; every failure is there within about five seconds.
///
/// A transport that is more patient than [`Limits::for_check`] when connecting makes a blocked network look like a slow
/// one; both are `AC-107`.
pub async fn check(client: &Client) -> Checks {
    let client = client.with_limits(Limits::for_check());
    let base_url = client.base_url().clone();
    match client.get(&Get::new(WHO_AM_I), read_user).await {
        Ok(answer) => accepted(&client, &base_url, answer).await,
        Err(error) => {
            let error = as_not_the_api(error);
            Checks::failed_at(check_of(&error), error, &base_url)
        }
    }
}

async fn accepted(client: &Client, base_url: &BaseUrl, who: Answer<String>) -> Checks {
    let read = join_all(NEEDED.iter().map(|stream| look_at(client, stream))).await;
    let mut checks = Checks::new(|check| StepResult::Passed(presupposed(check, base_url)));
    checks.set(Check::Answers, StepResult::Passed(format!("in {} ms", who.latency.as_millis())));
    checks.set(Check::KeyAccepted, StepResult::Passed(format!("as {}", who.value)));
    checks.user = Some(who.value);
    for (stream, result) in NEEDED.iter().zip(read) {
        let records = result.map(|seen| {
            if seen.is_reduced {
                checks.notes.push(format!(
                    "the key sees some {stream} only in part, its user lacks a right in a pipeline"
                ));
            }
            seen.total
        });
        checks.readable.push(Readable { stream: StreamName::new(*stream), records });
    }
    let result = may_read(&mut checks.readable);
    checks.set(Check::MayRead, result);
    checks
}

/// The last check's result. A refusal moves from its stream to the check, so that it is reported once.
fn may_read(readable: &mut [Readable]) -> StepResult {
    let refused: Vec<&str> =
        readable.iter().filter(|one| one.records.is_err()).map(|one| one.stream.as_str()).collect();
    if refused.is_empty() {
        let counts: Vec<String> = readable.iter().map(count).collect();
        return StepResult::Passed(counts.join(", "));
    }
    let what = format!("may not read {}", refused.join(", "));
    let first = readable.iter().find_map(|one| one.records.as_ref().err());
    let (code, message) = first.map_or((Code::NotAllowed, ""), |error| (error.code(), error.message()));
    StepResult::Failed(Error::new(code, format!("{what}: {message}")))
}

fn count(readable: &Readable) -> String {
    match &readable.records {
        Ok(Some(total)) => format!("{total} {}", readable.stream),
        Ok(None) | Err(_) => readable.stream.to_string(),
    }
}

/// What is said about a check that passed because later ones did.
fn presupposed(check: Check, base_url: &BaseUrl) -> String {
    match check {
        Check::AddressAllowed => base_url.to_string(),
        Check::NameResolves => base_url.host().to_owned(),
        Check::SecureConnection if !base_url.is_secure() => {
            "not encrypted, allowed for this connection".to_owned()
        }
        Check::SecureConnection | Check::Answers | Check::KeyAccepted | Check::MayRead => "yes".to_owned(),
    }
}

/// The check that `error` of the first request fails.
fn check_of(error: &Error) -> Check {
    let stage =
        error.source().and_then(|source| source.downcast_ref::<TransportError>()).map(TransportError::stage);
    match (error.code(), stage) {
        (Code::AddressNotAllowed, _) => Check::AddressAllowed,
        (Code::NameNotFound, _) => Check::NameResolves,
        (Code::CertificateRefused, _) | (Code::NetworkBlocked, Some(Stage::Connect)) => {
            Check::SecureConnection
        }
        (Code::KeyRefused | Code::NotAllowed | Code::AccountSuspended | Code::IntermittentlyForbidden, _) => {
            Check::KeyAccepted
        }
        _ => Check::Answers,
    }
}

/// An answer that cannot be read is a cut page later on; as the very first answer it comes from something else.
fn as_not_the_api(error: Error) -> Error {
    let unreadable = error.source().is_some_and(|source| source.is::<Unreadable>());
    if unreadable || error.code() == Code::RequestRefused {
        Error::new(Code::NotTheApi, error.message())
    } else {
        error
    }
}

fn read_user(body: &[u8]) -> Result<String, Unreadable> {
    let answer = json(body)?;
    let user = answer.get("user").filter(|user| user.is_object());
    let user = user.ok_or_else(|| Unreadable::new(Kind::Shape, "no user in it"))?;
    let text = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    let full_name = format!("{} {}", text("firstName"), text("lastName"));
    let known_by = [full_name.trim(), text("username"), text("email")];
    Ok(known_by.into_iter().find(|name| !name.is_empty()).unwrap_or("a user without a name").to_owned())
}

struct Seen {
    total: Option<u64>,
    is_reduced: bool,
}

async fn look_at(client: &Client, stream: &'static str) -> Result<Seen, Error> {
    let request = Get::new(stream).with("limit", 1);
    let answer = client.get(&request, |body| {
        let answer = json(body)?;
        let rows = answer.get(stream).and_then(Value::as_array);
        let rows = rows.ok_or_else(|| Unreadable::new(Kind::Shape, format!("no {stream} in it")))?;
        let is_reduced = rows.iter().any(|row| row.get("isDisabled").and_then(Value::as_bool) == Some(true));
        Ok(Seen { total: total(&answer), is_reduced })
    });
    Ok(answer.await?.value)
}

/// `meta.total` is a number or a string, depending on the stream and its age (activecampaign-api.md §5.2).
fn total(answer: &Value) -> Option<u64> {
    let total = answer.get("meta")?.get("total")?;
    total.as_u64().or_else(|| total.as_str()?.parse().ok())
}

fn json(body: &[u8]) -> Result<Value, Unreadable> {
    if body.trim_ascii().is_empty() {
        return Err(Unreadable::new(Kind::Empty, "no byte"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_eof() { Kind::CutOff } else { Kind::NotJson { html: false } };
        Unreadable::new(kind, format!("at byte {} of {}", error.column(), body.len()))
    })
}
