//! One sending of a request, what is decided about its failure, and the pause before the next one.

use std::{sync::atomic::Ordering, time::Duration};

use achub_api::decode::Unreadable;
use achub_core::{Code, Error, port::progress::Event};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use super::Client;
use crate::{
    budget::Ticket,
    exchange,
    failure::Failure,
    headers,
    request::{Answer, Get},
    retry::{self, Decision, Repeat, Tried},
    rule,
};

impl Client {
    /// One sending. The ticket comes back with a failure, because it may keep the gate shut.
    pub(super) async fn send_once<T>(
        &self,
        request: &Get,
        mut ticket: Ticket,
        read: &(impl Fn(&[u8]) -> Result<T, Unreadable> + Send + Sync),
    ) -> Result<Result<Answer<T>, (Failure, Ticket)>, Error> {
        let http_request = self.http_request(request)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let answer = match exchange::begin(&*self.shared.transport, http_request, &self.limits).await {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err((failure, ticket))),
        };
        tracing::debug!(path = request.path, status = answer.status.as_u16(), "ActiveCampaign answered");
        if !answer.asks_to_slow_down() {
            self.shared.budget.answered(&mut ticket, &answer.headers).await?;
        }
        let sent_at = ticket.sent_at;
        let action = rule::action(&self.rules, &request.path, answer.status.as_u16());
        Ok(match answer.finish(&self.limits, action).await {
            Ok((headers, body)) => {
                self.shared.latency.observe(sent_at.elapsed());
                self.received.fetch_add(body.len() as u64, Ordering::Relaxed);
                self.accept(&headers, &body, sent_at, read).map_err(|failure| (failure, ticket))
            }
            Err(failure) => Err((failure, ticket)),
        })
    }

    fn accept<T>(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        sent_at: Instant,
        read: &impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<Answer<T>, Failure> {
        let latency = sent_at.elapsed();
        let value = read(body).map_err(Failure::Unreadable)?;
        self.shared.breaker.worked();
        Ok(Answer { value, date: headers::date(headers), byte_count: body.len(), latency, sendings: 1 })
    }

    /// What follows `failure`; takes note of it in `tried` and for the connection.
    pub(super) fn decide(&self, failure: &Failure, tried: &mut Tried) -> Decision {
        let now = self.shared.clock.now();
        tried.connection_worked = self.shared.breaker.has_worked();
        // Counted as an attempt until it proves to be a wish to slow down.
        tried.attempts += 1;
        let repeat = Repeat::of(&Method::GET);
        let decision = retry::decide(failure, repeat, *tried, &self.limits, now, &self.shared.chance);
        match decision {
            Decision::Wait(_) => {
                tried.attempts -= 1;
                tried.waits += 1;
            }
            Decision::Again { code, .. } | Decision::Never(code) if failure.is_disturbance() => {
                self.shared.breaker.failed(code, self.without_key(&failure.to_string()));
            }
            Decision::Again { .. } | Decision::Never(_) | Decision::Without(..) => {}
        }
        decision
    }

    pub(super) async fn pause(&self, request: &Get, failure: &Failure, pause: Duration) {
        let failure = self.without_key(&failure.to_string());
        let reason = format!("{}: {failure}, trying again", request.target());
        tracing::debug!(path = request.path, pause_ms = pause.as_millis() as u64, "trying again: {failure}");
        self.shared.progress.event(Event::Waiting { reason, wait: pause });
        tokio::time::sleep(pause).await;
    }

    pub(super) fn http_request(&self, request: &Get) -> Result<http::Request<Bytes>, Error> {
        let mut key = HeaderValue::from_str(self.shared.key.expose()).map_err(|_| {
            Error::new(Code::KeyRefused, "the key contains characters that no key has, nothing was sent")
        })?;
        key.set_sensitive(true);
        let url = self.shared.base_url.endpoint(&request.path, &request.query);
        http::Request::get(url.as_str())
            .header("Api-Token", key)
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|error| {
                Error::new(Code::Bug, format!("{} is no address", request.target())).with_source(error)
            })
    }
}

pub(super) fn slow_down_reason(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) if refusal.status == StatusCode::TOO_MANY_REQUESTS => {
            "ActiveCampaign asked to slow down".to_owned()
        }
        _ => "ActiveCampaign is not available and asked to wait".to_owned(),
    }
}
