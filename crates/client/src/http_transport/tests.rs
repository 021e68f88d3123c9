//! Secure connections over loopback, with certificates made for the occasion: what is trusted and what is not, and
//! HTTP/2. Here and not with the other tests because nothing outside may choose whom to trust.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use achub_core::{
    Code, Error, Secret,
    port::{clock::SystemClock, progress::Silent},
};
use achub_store::memory::MemoryStore;
use async_trait::async_trait;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{Backoff, BaseUrl, Client, Get, Limits, Pace};

/// The name everybody asks for.
const NAME: &str = "acme.example";

/// Every name is this machine.
struct Here;

#[async_trait]
impl Lookup for Here {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

/// An authority that only these tests trust.
struct Authority(Issuer<'static, KeyPair>, rustls::RootCertStore);

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(params.self_signed(&key).unwrap().der().clone()).unwrap();
        Authority(Issuer::new(params, key), roots)
    }

    /// The configuration of a server with a certificate for `name` that is valid until `year`.
    fn server(&self, name: &str, year: i32) -> rustls::ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, year).signed_by(&key, &self.0).unwrap();
        server_config(certificate.der().clone(), &key)
    }
}

fn params(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    params
}

fn server_config(
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
) -> rustls::ServerConfig {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

/// A client of `https://acme.example` at `address` that trusts `roots`.
fn client(address: SocketAddr, roots: rustls::RootCertStore, limits: Limits) -> Client {
    let settings = Settings {
        base_url: BaseUrl::parse(&format!("https://{NAME}:{}", address.port())).unwrap().url,
        key: Secret::new("0123456789abcdef-secret-key"),
        pace: Pace::Off,
        allow_private_address: true,
        limits: Limits { backoff: Backoff::None, ..limits },
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let transport = HttpTransport::build(
        Policy::from_allow_private(settings.allow_private_address),
        &settings.limits,
        Proxy::None,
        Arc::new(Here),
        Some(trusting(roots)),
    )
    .unwrap();
    let store = Arc::new(MemoryStore::new());
    Client::new(settings, Arc::new(transport), store, Arc::new(SystemClock), Arc::new(Silent))
}

async fn read(client: &Client) -> Result<u32, Error> {
    Ok(client.get(&Get::new("contacts"), |_| Ok(())).await?.sendings)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers every request of every connection over HTTP/1 as long as the handshake goes well. Counts requests.
async fn serve(config: rustls::ServerConfig) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listen().await;
    let served = Arc::new(AtomicUsize::new(0));
    let (counter, acceptor) = (served.clone(), TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (counter, acceptor) = (counter.clone(), acceptor.clone());
            tokio::spawn(async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut heard = Vec::new();
                while let Ok(byte) = socket.read_u8().await {
                    heard.push(byte);
                    if heard.ends_with(b"\r\n\r\n") {
                        counter.fetch_add(1, Ordering::SeqCst);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                        if socket.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (address, served)
}

/// AB-131: a certificate of a trusted authority for the name that was asked for, and nothing else, is good.
#[tokio::test]
async fn trusted_certificate_is_accepted() {
    let authority = Authority::new("known");
    let (address, served) = serve(authority.server(NAME, 2100)).await;

    let sendings = read(&client(address, authority.1, Limits::default())).await.unwrap();

    assert_eq!((sendings, served.load(Ordering::SeqCst)), (1, 1));
}

/// F-07: expired, for another name, of an unknown authority, of nobody: AC-103 says which, and no request is sent.
#[tokio::test]
async fn distrusted_certificate_is_refused_by_name() {
    let (known, unknown, impostor) =
        (Authority::new("known"), Authority::new("unknown"), Authority::new("known"));
    let own_key = KeyPair::generate().unwrap();
    let self_signed = params(NAME, 2100).self_signed(&own_key).unwrap();
    let cases = [
        (known.server(NAME, 2024), "its certificate has expired"),
        (known.server("other.example", 2100), "its certificate is for another name"),
        (unknown.server(NAME, 2100), "its certificate was issued by nobody this machine trusts"),
        (impostor.server(NAME, 2100), "its certificate was issued by nobody this machine trusts"),
        (
            server_config(self_signed.der().clone(), &own_key),
            "its certificate was issued by nobody this machine trusts",
        ),
    ];
    for (config, expected) in cases {
        let (address, served) = serve(config).await;

        let error = read(&client(address, known.1.clone(), Limits::default())).await.unwrap_err();

        assert_eq!(error.code(), Code::CertificateRefused, "{error}");
        let wanted = format!("no secure connection could be made: {expected}; tried 2 times");
        assert!(error.message().contains(&wanted), "{error}");
        assert_eq!(served.load(Ordering::SeqCst), 0, "{expected}");
    }
}

/// F-07: a side that only speaks what TLS was before 1.2, or no TLS at all, is refused by name.
#[tokio::test]
async fn old_version_is_refused_by_name() {
    // A handshake message: ServerHello of TLS 1.0 with a cipher suite of its time.
    let mut hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    // A fatal alert: protocol version.
    let alert = vec![0x15, 3, 1, 0, 2, 2, 70];
    let old = "the other side offers no version of TLS that is still safe";
    let cases =
        [(hello, old), (alert, old), (b"220 ready\r\n".to_vec(), "the other side does not speak TLS")];
    for (greeting, expected) in cases {
        let (listener, address) = listen().await;
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let greeting = greeting.clone();
                tokio::spawn(async move {
                    socket.write_all(&greeting).await.unwrap();
                    let _ = socket.read_to_end(&mut Vec::new()).await;
                });
            }
        });

        let roots = rustls::RootCertStore::empty();
        let error = read(&client(address, roots, Limits::default())).await.unwrap_err();

        assert_eq!(error.code(), Code::CertificateRefused, "{error}");
        assert!(error.message().contains(expected), "{error}");
    }
}

/// A connection test names the certificate, at its own check.
#[tokio::test]
async fn distrusted_certificate_fails_its_own_check() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let (address, _) = serve(unknown.server(NAME, 2100)).await;

    let checks = crate::check(&client(address, known.1, Limits::default())).await;

    let failed: Vec<_> =
        checks.steps.iter().filter(|step| matches!(step.result, crate::StepResult::Failed(_))).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].check, crate::Check::SecureConnection);
    assert!(checks.failure().unwrap().message().contains("nobody this machine trusts"));
}

/// F-03: an HTTP/2 connection whose other end is gone without a word is left, and the repetition gets a new one.
#[tokio::test]
async fn dead_http2_connection_is_left() {
    let authority = Authority::new("known");
    let mut config = authority.server(NAME, 2100);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (listener, address) = listen().await;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer_once_then_die(acceptor.clone(), socket));
        }
    });
    let limits = Limits {
        idle: Duration::from_millis(100),
        connect: Duration::from_millis(500),
        first_byte: Duration::from_secs(20),
        attempts: 2,
        ..Limits::default()
    };
    let client = client(address, authority.1, limits);

    let (first, second) = (read(&client).await.unwrap(), read(&client).await.unwrap());

    assert_eq!((first, second), (1, 2));
}

/// Answers the first request of a connection and never looks at it again, not even to say that it is alive.
async fn answer_once_then_die(acceptor: TlsAcceptor, socket: TcpStream) {
    let socket = acceptor.accept(socket).await.unwrap();
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"{}"), true).unwrap();
    // Drives the connection until the answer has left.
    let _ = tokio::time::timeout(Duration::from_millis(50), connection.accept()).await;
    std::future::pending::<()>().await;
    drop(connection);
}
