//! The transport that really opens connections.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use achub_core::{Code, Error};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use url::Url;

use crate::{
    address::{Policy, Refused},
    base_url,
    client::Settings,
    distrust,
    limits::Limits,
    lookup::{Lookup, NotFound, SystemLookup, VettingResolver},
    transport::{Body, Stage, Transport, TransportError},
};

/// Connections kept open between requests: as many as there are ever requests in flight.
const IDLE_CONNECTIONS_MAX: usize = 16;
/// How long a connection is kept without use. A connection made anew delays its request and with that upsets the pace.
const IDLE_CONNECTION_AGE_MAX: Duration = Duration::from_secs(90);

/// HTTP over TCP and TLS: HTTP/2 where offered, gzip, no redirects, no proxy from the environment, vetted addresses.
pub struct HttpTransport {
    http: reqwest::Client,
    policy: Policy,
}

/// Where the requests of a transport may go besides straight to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Nowhere; variables such as `HTTPS_PROXY` are not looked at.
    None,
    /// Through the proxy the environment names. The proxy then looks the account's name up; its own address is vetted
    /// like any other.
    FromEnvironment,
}

impl HttpTransport {
    /// A transport under the address policy and connect limit of `settings`.
    ///
    /// Errors: `AC-103` where no trust in certificates can be set up.
    pub fn new(settings: &Settings) -> Result<HttpTransport, Error> {
        HttpTransport::with(settings, Proxy::None, Arc::new(SystemLookup))
    }

    /// The same with a proxy or a name service of the caller's choice.
    pub fn with(settings: &Settings, proxy: Proxy, lookup: Arc<dyn Lookup>) -> Result<HttpTransport, Error> {
        let policy = Policy::from_allow_private(settings.allow_private_address);
        HttpTransport::build(policy, &settings.limits, proxy, lookup, None)
    }

    /// The same for requests that belong to no account.
    pub(crate) fn under(policy: Policy, limits: &Limits) -> Result<HttpTransport, Error> {
        HttpTransport::build(policy, limits, Proxy::None, Arc::new(SystemLookup), None)
    }

    /// The same trusting what `tls` trusts, or else this machine's roots.
    fn build(
        policy: Policy,
        limits: &Limits,
        proxy: Proxy,
        lookup: Arc<dyn Lookup>,
        tls: Option<rustls::ClientConfig>,
    ) -> Result<HttpTransport, Error> {
        // Fails where another part of the program has installed it already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || builder(limits, proxy, VettingResolver::new(lookup.clone(), policy));
        let http = match tls {
            Some(tls) => builder().tls_backend_preconfigured(tls).build(),
            // Slim images have no certificates of their own; the bundled roots stand in for them.
            None => builder()
                .build()
                .or_else(|_| builder().tls_backend_preconfigured(trusting(bundled_roots())).build()),
        };
        let http = http.map_err(|error| {
            Error::new(Code::CertificateRefused, "trust in certificates could not be set up")
                .with_source(error)
        })?;
        Ok(HttpTransport { http, policy })
    }

    fn vet(&self, uri: &http::Uri) -> Result<(), TransportError> {
        // The resolver never sees addresses written as numbers, so they are checked here.
        let allowed = Url::parse(&uri.to_string()).is_ok_and(|url| base_url::host_allowed(&url, self.policy));
        if allowed { Ok(()) } else { Err(TransportError::new(Stage::Address).with_source(Refused)) }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError> {
        self.vet(request.uri())?;
        let request = reqwest::Request::try_from(request).map_err(|error| failed(error, Stage::Connect))?;
        let response = self.http.execute(request).await.map_err(|error| failed(error, Stage::Answer))?;
        let mut head = http::Response::new(());
        *head.status_mut() = response.status();
        *head.headers_mut() = response.headers().clone();
        let body = response.bytes_stream().map_err(|error| failed(error, Stage::Body)).boxed();
        Ok(head.map(|()| body))
    }
}

fn builder(limits: &Limits, proxy: Proxy, resolver: VettingResolver) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("achub/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(limits.connect)
        .pool_idle_timeout(IDLE_CONNECTION_AGE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        // Giving a request up closes an HTTP/1 connection but not an HTTP/2 one: without asking whether the other end is
        // still there, every repetition would go into the same dead connection (F-03).
        .http2_keep_alive_interval(limits.idle)
        .http2_keep_alive_timeout(limits.connect)
        .dns_resolver(resolver);
    match proxy {
        Proxy::None => builder.no_proxy(),
        Proxy::FromEnvironment => builder,
    }
}

fn bundled_roots() -> rustls::RootCertStore {
    rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn trusting(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Finds out how far the request got; `otherwise` where the error does not tell.
fn failed(error: reqwest::Error, otherwise: Stage) -> TransportError {
    // The address could carry an e-mail address in its query.
    let error = error.without_url();
    let stage = stage_of(&error).unwrap_or(if error.is_connect() { Stage::Connect } else { otherwise });
    let reason = cause::<rustls::Error>(&error).and_then(distrust::reason);
    let failed = TransportError::new(stage).with_source(error);
    match reason {
        Some(reason) => failed.because(reason),
        None => failed,
    }
}

fn stage_of(error: &reqwest::Error) -> Option<Stage> {
    if cause::<Refused>(error).is_some() {
        Some(Stage::Address)
    } else if cause::<NotFound>(error).is_some() {
        Some(Stage::Name)
    } else {
        cause::<rustls::Error>(error).map(|_| Stage::Secure)
    }
}

/// The first error of type `E` in the chain of `error`.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // An I/O error hides the error it was made of from its source chain.
    let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    hidden.and_then(|inner| cause(inner)).or_else(|| error.source().and_then(cause))
}

#[cfg(test)]
mod tests;
