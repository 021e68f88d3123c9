//! One sending of one request: head, body, limits.

use std::{future::Future, time::Duration};

use achub_core::failpoint;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::{
    failure::{Failure, Refusal},
    headers,
    limits::Limits,
    refusal,
    rule::Action,
    transport::{Body, Stage, Transport, TransportError},
};

/// The rest of an error's body is not worth more than this.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// An answer whose head is there.
pub(crate) struct Begun {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Body,
    sent_at: Instant,
}

/// Sends `request` and returns once the head of its answer is there.
pub(crate) async fn begin(
    transport: &dyn Transport,
    request: http::Request<Bytes>,
    limits: &Limits,
) -> Result<Begun, Failure> {
    failpoint::pass("before-request");
    let sent_at = Instant::now();
    let deadline = sent_at + limits.first_byte.min(limits.total);
    let answer =
        within(deadline, Stage::FirstByte, transport.send(request)).await?.map_err(Failure::Transport)?;
    failpoint::pass("after-headers");
    let (head, body) = answer.into_parts();
    Ok(Begun { status: head.status, headers: head.headers, body, sent_at })
}

impl Begun {
    /// Whether the account asks everybody to slow down, as far as the head tells.
    pub(crate) fn asks_to_slow_down(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status == StatusCode::SERVICE_UNAVAILABLE
                && headers::retry_after(&self.headers).is_some())
    }

    /// Reads the rest of the answer: its body, or the failure it is. `action` is what the rules of its endpoint say about
    /// its status.
    pub(crate) async fn finish(
        self,
        limits: &Limits,
        action: Option<Action>,
    ) -> Result<(HeaderMap, Bytes), Failure> {
        if self.status.is_redirection() {
            return Err(Failure::Redirected { location: refusal::location(&self.headers) });
        }
        let is_read_anyway = action == Some(Action::Continue) && !self.asks_to_slow_down();
        if !self.status.is_success() && !is_read_anyway {
            return Err(Failure::Refused(Refusal { action, ..self.refused(limits).await }));
        }
        let deadline = self.sent_at + limits.total;
        let body = collect(self.body, deadline, limits.idle, limits.body_bytes).await?;
        let body = without_byte_order_mark(body);
        if refusal::is_page(&body) { Err(Failure::Page) } else { Ok((self.headers, body)) }
    }

    async fn refused(self, limits: &Limits) -> Refusal {
        let deadline = Instant::now() + ERROR_BODY_TIME;
        // The status is answer enough; a body that breaks off is used as far as it came.
        let body = beginning(self.body, deadline, limits.error_body_bytes).await;
        refusal::read(self.status, &self.headers, &body)
    }
}

async fn collect(mut body: Body, deadline: Instant, idle: Duration, limit: usize) -> Result<Bytes, Failure> {
    let mut collected = BytesMut::new();
    loop {
        let idle_until = Instant::now() + idle;
        let (until, stage) =
            if idle_until < deadline { (idle_until, Stage::Idle) } else { (deadline, Stage::Total) };
        let Some(piece) = within(until, stage, body.next()).await? else { return Ok(collected.freeze()) };
        let piece = piece.map_err(Failure::Transport)?;
        if collected.len() + piece.len() > limit {
            return Err(Failure::TooLarge { limit });
        }
        if collected.is_empty() && !piece.is_empty() {
            failpoint::pass("mid-body");
        }
        collected.extend_from_slice(&piece);
    }
}

async fn beginning(mut body: Body, deadline: Instant, limit: usize) -> Bytes {
    let mut collected = BytesMut::new();
    while collected.len() < limit
        && let Ok(Some(Ok(piece))) = timeout_at(deadline, body.next()).await
    {
        collected.extend_from_slice(&piece[..piece.len().min(limit - collected.len())]);
    }
    collected.freeze()
}

async fn within<T>(deadline: Instant, stage: Stage, work: impl Future<Output = T>) -> Result<T, Failure> {
    timeout_at(deadline, work).await.map_err(|_| Failure::Transport(TransportError::new(stage)))
}

fn without_byte_order_mark(body: Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body }
}
