//! Requests to addresses that a user wrote into a file: under the address policy of connections, without any key of ours.

use std::time::Duration;

use achub_core::{Code, Error};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::{
    address::Policy,
    http_transport::HttpTransport,
    limits::Limits,
    transport::{Stage, Transport as _, TransportError},
};

/// How much of an answer is read, bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Sends requests that belong to no account.
pub struct Outbound {
    transport: HttpTransport,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where to, `http` or `https`.
    pub url: String,
    /// The method.
    pub method: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// From connecting to the last byte of the answer.
    pub timeout: Duration,
}

/// What was answered. Redirects are not followed: they are answers like others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The status.
    pub status: u16,
    /// Headers with text in them, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB of it; bytes that are no UTF-8 are replaced.
    pub body: String,
}

impl Outbound {
    /// Sends under `policy`.
    ///
    /// Errors: `AC-103` where no trust in certificates can be set up.
    pub fn new(policy: Policy) -> Result<Outbound, Error> {
        HttpTransport::under(policy, &Limits::default()).map(|transport| Outbound { transport })
    }

    /// Sends once; nothing is repeated, for nobody knows what a second one would do.
    ///
    /// Errors: `CF-104` (URL, method or header cannot be sent), `RN-107` (no answer). The URL is not in the message: it may
    /// carry a secret.
    pub async fn send(&self, letter: &Letter) -> Result<Receipt, Error> {
        let request = request(letter)?;
        match tokio::time::timeout(letter.timeout, self.answer(request)).await {
            Ok(answered) => answered,
            Err(_) => {
                let seconds = letter.timeout.as_secs_f64();
                Err(Error::new(Code::HookFailed, format!("no answer within {seconds} s")))
            }
        }
    }

    async fn answer(&self, request: http::Request<Bytes>) -> Result<Receipt, Error> {
        let response = self.transport.send(request).await.map_err(failed)?;
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let (status, headers) =
            (response.status().as_u16(), response.headers().iter().filter_map(text).collect());
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(failed)?);
            if bytes.len() > ANSWER_BYTES_MAX {
                bytes.truncate(ANSWER_BYTES_MAX);
                break;
            }
        }
        Ok(Receipt { status, headers, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

fn request(letter: &Letter) -> Result<http::Request<Bytes>, Error> {
    let wrong = |what: String| Error::new(Code::BadFile, what);
    let url =
        Url::parse(&letter.url).map_err(|error| wrong(format!("the URL is not understood: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("the URL must begin with https:// or http://, got {}://", url.scheme())));
    }
    let method = Method::from_bytes(letter.method.as_bytes())
        .map_err(|_| wrong(format!("{:?} is no HTTP method", letter.method)))?;
    let mut builder = http::Request::builder().method(method).uri(url.as_str());
    for (name, value) in &letter.headers {
        let header = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(value.as_str()).ok());
        let (name, value) =
            header.ok_or_else(|| wrong(format!("the header {name:?} cannot be sent as it is written")))?;
        builder = builder.header(name, value);
    }
    let body = letter.body.clone().unwrap_or_default();
    builder.body(Bytes::from(body)).map_err(|_| wrong("the URL cannot be sent".to_owned()))
}

fn failed(error: TransportError) -> Error {
    let what = match error.stage() {
        Stage::Address => "the address is a private one or not allowed, nothing was sent",
        Stage::Name => "the host name could not be looked up",
        Stage::Secure => "the secure connection could not be made",
        Stage::Connect => "no connection could be made",
        _ => "the answer did not come whole",
    };
    let mistake = Error::new(Code::HookFailed, what);
    let mistake = match error.stage() {
        Stage::Address => {
            mistake.with_hint("private addresses are allowed by ACHUB_ALLOW_PRIVATE_ADDRESSES=1")
        }
        _ => mistake,
    };
    mistake.with_source(error)
}
