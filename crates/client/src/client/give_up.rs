//! The error a user reads after a request has failed for good.

use achub_core::{Code, Error};

use super::{Client, Course, WHO_AM_I};
use crate::{exchange, failure::Failure, request::Get, retry::Tried};

impl Client {
    /// The final error of `request`: what happened, how often it was tried and for how long.
    pub(super) async fn give_up(
        &self,
        request: &Get,
        failure: Failure,
        code: Code,
        course: &Course,
    ) -> Error {
        let code = self.refined(request, code, course.tried).await;
        self.told(request, failure, code, course)
    }

    /// `failure` of `request` in words.
    pub(super) fn told(&self, request: &Get, failure: Failure, code: Code, course: &Course) -> Error {
        let mut message = format!("{}: {}", request.target(), self.without_key(&failure.to_string()));
        message.push_str(&history(course));
        let mut error = Error::new(code, message).with_detail("account", self.account().to_string());
        if course.tried.waits > 0 {
            let waited = format!("{} times, {:.1} s", course.tried.waits, course.tried.waited.as_secs_f64());
            error = error.with_detail("asked to slow down", waited);
        }
        if let Failure::Redirected { location } = &failure {
            error = error.with_detail("points to", location.clone());
        }
        match failure {
            Failure::Transport(cause) => error.with_source(cause),
            Failure::Unreadable(cause) => error.with_source(cause),
            Failure::Refused(_) | Failure::Redirected { .. } | Failure::Page | Failure::TooLarge { .. } => {
                error
            }
        }
    }

    /// Tells a dead key from a missing right: a key that may still say whose it is was refused this one thing.
    async fn refined(&self, request: &Get, code: Code, tried: Tried) -> Code {
        let forbidden =
            matches!(code, Code::IntermittentlyForbidden | Code::KeyRefused) && tried.attempts > 1;
        if forbidden && request.path != WHO_AM_I && self.key_still_works().await {
            Code::NotAllowed
        } else {
            code
        }
    }

    async fn key_still_works(&self) -> bool {
        let Ok(mut ticket) = self.shared.budget.admit(self.limits.first_byte).await else { return false };
        let Ok(request) = self.http_request(&Get::new(WHO_AM_I)) else { return false };
        self.sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let Ok(answer) = exchange::begin(&*self.shared.transport, request, &self.limits).await else {
            return false;
        };
        if answer.asks_to_slow_down()
            || self.shared.budget.answered(&mut ticket, &answer.headers).await.is_err()
        {
            return false;
        }
        answer.finish(&self.limits, None).await.is_ok()
    }

    /// The other side's words could repeat what was sent.
    pub(super) fn without_key(&self, words: &str) -> String {
        let key = self.shared.key.expose();
        if key.is_empty() { words.to_owned() } else { words.replace(key, "•••") }
    }
}

/// The error of a request that was not let through the gate any more.
pub(super) fn held_up(request: &Get, error: Error, course: &Course) -> Error {
    let what = format!("{}{}", request.target(), history(course).replacen(';', ",", 1));
    error.context(what)
}

/// How often and how long a request was tried; nothing where once was enough to know.
fn history(course: &Course) -> String {
    match course.sendings() {
        0 | 1 => String::new(),
        sendings => format!("; tried {sendings} times in {:.1} s", course.begun.elapsed().as_secs_f64()),
    }
}
