//! The one place that decides what follows a failure: wait, try again, or give up.

use std::time::Duration;

use achub_api::decode::{Kind, Unreadable};
use achub_core::Code;
use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::{
    backoff::Backoff,
    chance::Chance,
    failure::{Failure, Refusal},
    headers,
    limits::Limits,
    rule::{Action, Leave},
    transport::{Stage, TransportError},
};

/// After a 403 the pauses are shorter by this: it comes from the vendor's gate, not from a server in trouble.
const FORBIDDEN_PAUSE_DIVISOR: u32 = 2;
/// The wait where the other side asks for one and does not say how long (C-03).
const UNTOLD_WAIT_S: [u64; 2] = [1, 60];

/// A valid key was seen refused for a moment (Singer's tap, 1.3.1); three more tries tell that from a dead key.
const FORBIDDEN_ATTEMPTS: u32 = 4;
/// On a connection that never worked a dead key is likelier.
const FORBIDDEN_ATTEMPTS_FIRST: u32 = 3;
/// A page that comes again and again is an ignored parameter, not a disturbance (D-12).
const WRONG_PAGE_ATTEMPTS: u32 = 3;
/// Whatever is too large is large the next time too; the second attempt is for a broken proxy.
const TOO_LARGE_ATTEMPTS: u32 = 2;
/// On a connection that never worked a wrong address is likelier than a disturbance.
const WRONG_ADDRESS_ATTEMPTS: u32 = 2;

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Sending it twice does what sending it once does.
    Safe,
    /// Only where the other side surely did not act on it.
    OnlyIfNotActedOn,
}

impl Repeat {
    /// What `method` promises: reading, replacing by the same content and deleting can be repeated, creating cannot.
    pub fn of(method: &Method) -> Repeat {
        if matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE) {
            Repeat::Safe
        } else {
            Repeat::OnlyIfNotActedOn
        }
    }
}

/// What happened to a request so far, the failure to be decided on included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    /// Sendings that count: all but those answered with a wish to slow down.
    pub attempts: u32,
    /// Sendings answered with a wish to slow down.
    pub waits: u32,
    /// Time spent because of them.
    pub waited: Duration,
    /// Whether any request of this connection ever got a readable answer.
    pub connection_worked: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing is sent to this account for this long, by anybody. Does not count as an attempt.
    Wait(Duration),
    /// This request is sent again after a pause; `code` is what it has failed with so far.
    Again { pause: Duration, code: Code },
    /// It has failed.
    Never(Code),
    /// The rules of its endpoint say how to go on without its answer.
    Without(Leave, Code),
}

/// What a failure means before the attempts are counted.
enum Verdict {
    SlowDown(Duration),
    Passing { code: Code, attempts: u32, acted_on: ActedOn },
    Final(Code),
    Left(Leave, Code),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ActedOn {
    No,
    Perhaps,
}

/// What follows `failure` of a request that may be repeated as `repeat` says. A date in it is compared with the other
/// side's clock, with `now` where that is not known.
pub(crate) fn decide(
    failure: &Failure,
    repeat: Repeat,
    tried: Tried,
    limits: &Limits,
    now: Timestamp,
    chance: &Chance,
) -> Decision {
    match verdict(failure, tried, limits, now) {
        Verdict::SlowDown(wait) if tried.waited + wait > limits.wait_total => Decision::Never(Code::SlowDown),
        Verdict::SlowDown(wait) => Decision::Wait(wait),
        Verdict::Final(code) => Decision::Never(code),
        Verdict::Left(leave, code) => Decision::Without(leave, code),
        Verdict::Passing { code, attempts, .. } if tried.attempts >= attempts => Decision::Never(code),
        Verdict::Passing { code, acted_on: ActedOn::Perhaps, .. } if repeat == Repeat::OnlyIfNotActedOn => {
            Decision::Never(code)
        }
        Verdict::Passing { code, .. } => {
            let pause = chance.up_to(pause_max(failure, limits.backoff, tried.attempts));
            Decision::Again { pause, code }
        }
    }
}

fn verdict(failure: &Failure, tried: Tried, limits: &Limits, now: Timestamp) -> Verdict {
    let perhaps = |code, attempts| Verdict::Passing { code, attempts, acted_on: ActedOn::Perhaps };
    match failure {
        Failure::Transport(error) => transport_verdict(error, tried, limits),
        Failure::Refused(refusal) => ruled(refusal, refusal_verdict(refusal, tried, limits, now), limits),
        Failure::Redirected { .. } => Verdict::Final(Code::NotTheApi),
        Failure::Page => perhaps(Code::NotTheApi, or_fewer_if_new(limits.attempts, tried)),
        Failure::TooLarge { .. } => perhaps(Code::AnswerTooLarge, TOO_LARGE_ATTEMPTS.min(limits.attempts)),
        Failure::Unreadable(unreadable) => {
            let (code, attempts) = unreadable_code(unreadable, limits);
            perhaps(code, attempts)
        }
    }
}

fn transport_verdict(error: &TransportError, tried: Tried, limits: &Limits) -> Verdict {
    let acted_on = if error.stage().surely_unsent() { ActedOn::No } else { ActedOn::Perhaps };
    let passing = |code, attempts| Verdict::Passing { code, attempts, acted_on };
    match error.stage() {
        Stage::Address => Verdict::Final(Code::AddressNotAllowed),
        Stage::Name => passing(Code::NameNotFound, or_fewer_if_new(limits.attempts, tried)),
        Stage::Secure => passing(Code::CertificateRefused, or_fewer_if_new(limits.attempts, tried)),
        Stage::Connect | Stage::Answer | Stage::FirstByte | Stage::Idle | Stage::Total => {
            passing(Code::NetworkBlocked, limits.attempts)
        }
        Stage::Body => passing(Code::AnswerCutOff, limits.attempts),
    }
}

fn refusal_verdict(refusal: &Refusal, tried: Tried, limits: &Limits, now: Timestamp) -> Verdict {
    let now = refusal.date.unwrap_or(now);
    let slow_down = || {
        let told = headers::told_wait(refusal.retry_after.as_deref(), now);
        Verdict::SlowDown(told.unwrap_or_else(|| untold_wait(limits.backoff, tried.waits)))
    };
    let passing = |code, attempts, acted_on| Verdict::Passing { code, attempts, acted_on };
    match refusal.status.as_u16() {
        429 => slow_down(),
        503 if refusal.retry_after.is_some() => slow_down(),
        400 if refusal.is_bulk_rate_limit => slow_down(),
        401 => Verdict::Final(Code::KeyRefused),
        402 => Verdict::Final(Code::AccountSuspended),
        403 if tried.connection_worked => {
            passing(Code::IntermittentlyForbidden, FORBIDDEN_ATTEMPTS, ActedOn::No)
        }
        403 => passing(Code::KeyRefused, FORBIDDEN_ATTEMPTS_FIRST, ActedOn::No),
        408 | 425 => passing(Code::NetworkBlocked, limits.attempts, ActedOn::Perhaps),
        407 => Verdict::Final(Code::NetworkBlocked),
        // A network that wants somebody to sign in first (RFC 6585, section 6).
        511 => passing(Code::NotTheApi, or_fewer_if_new(limits.attempts, tried), ActedOn::No),
        500..=599 => passing(Code::ServerError, limits.attempts, ActedOn::Perhaps),
        _ if refusal.is_page && !tried.connection_worked => Verdict::Final(Code::NotTheApi),
        _ => Verdict::Final(Code::RequestRefused),
    }
}

/// What `verdict` becomes under the rules of the endpoint. A wish to slow down is about the account and stays one.
fn ruled(refusal: &Refusal, verdict: Verdict, limits: &Limits) -> Verdict {
    let Some(action) = refusal.action else { return verdict };
    let code = match verdict {
        Verdict::SlowDown(_) => return verdict,
        Verdict::Passing { code, .. } | Verdict::Final(code) | Verdict::Left(_, code) => code,
    };
    match action {
        Action::Retry => Verdict::Passing { code, attempts: limits.attempts, acted_on: ActedOn::Perhaps },
        Action::Skip => Verdict::Left(Leave::Skip, code),
        Action::Break => Verdict::Left(Leave::Break, code),
        Action::Stop => Verdict::Left(Leave::Stop, code),
        // A refusal that is to be read as an answer becomes one before it is decided on.
        Action::Continue | Action::Fail => Verdict::Final(code),
    }
}

fn unreadable_code(unreadable: &Unreadable, limits: &Limits) -> (Code, u32) {
    match unreadable.kind() {
        Kind::CutOff | Kind::NotJson { .. } | Kind::Shape => (Code::AnswerCutOff, limits.attempts),
        Kind::Empty => (Code::EmptyAnswer, limits.attempts),
        Kind::TooDeep => (Code::AnswerTooLarge, TOO_LARGE_ATTEMPTS.min(limits.attempts)),
        Kind::WrongPage => (Code::PageStuck, WRONG_PAGE_ATTEMPTS.min(limits.attempts)),
    }
}

fn or_fewer_if_new(attempts: u32, tried: Tried) -> u32 {
    if tried.connection_worked { attempts } else { attempts.min(WRONG_ADDRESS_ATTEMPTS) }
}

fn pause_max(failure: &Failure, backoff: Backoff, attempts: u32) -> Duration {
    let pause = backoff.pause_max(attempts);
    match failure {
        Failure::Refused(refusal) if refusal.status == StatusCode::FORBIDDEN => {
            pause / FORBIDDEN_PAUSE_DIVISOR
        }
        _ => pause,
    }
}

/// How long to wait when asked to without being told how long, having waited `waits` times before.
fn untold_wait(backoff: Backoff, waits: u32) -> Duration {
    let [least, most] = UNTOLD_WAIT_S;
    backoff.pause_max(waits.saturating_add(1)).clamp(Duration::from_secs(least), Duration::from_secs(most))
}

#[cfg(test)]
mod tests;
