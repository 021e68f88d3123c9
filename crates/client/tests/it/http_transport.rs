//! The real transport over loopback sockets: limits, compression, connections.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use achub_client::{
    Check, Client, HttpTransport, Limits, Lookup, Pace, Proxy, Settings, Stage, StepResult, Transport, check,
};
use achub_core::{
    Code,
    port::{clock::SystemClock, progress::Silent},
};
use achub_store::memory::MemoryStore;
use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::account::{anything, contacts};

/// Reads one request's head; `None` when the other side closed instead.
pub async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A server that writes the same bytes to every request and then keeps the connection open. Counts connections.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                while read_head(&mut socket).await.is_some() {
                    if socket.write_all(&answer).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, connections)
}

fn settings(address: SocketAddr, limits: Limits) -> Settings {
    let mut settings = crate::account::settings(&format!("http://{address}"), Pace::Off);
    settings.allow_private_address = true;
    settings.limits = limits;
    settings
}

fn client(settings: Settings) -> Client {
    let transport = Arc::new(HttpTransport::new(&settings).unwrap());
    Client::new(settings, transport, Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(Silent))
}

fn once() -> Limits {
    Limits { attempts: 1, ..Limits::default() }
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Connections are kept warm, so that a request leaves at its slot and not a handshake later.
#[tokio::test]
async fn requests_reuse_one_connection() {
    let (address, connections) = server(answer("", b"{}")).await;
    let client = client(settings(address, once()));

    for _ in 0..20 {
        client.get(&contacts(), anything).await.unwrap();
    }

    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// Compressed answers are asked for and read.
#[tokio::test]
async fn compressed_answer_is_read() {
    let body = br#"{"contacts":[],"meta":{"total":"0"}}"#;
    let (address, _) = server(answer("content-encoding: gzip\r\n", &gzip(body))).await;

    let answer = client(settings(address, once())).get(&contacts(), |read| Ok(read.to_vec())).await.unwrap();

    assert_eq!(answer.value, body);
    assert_eq!(answer.byte_count, body.len());
}

/// D-08: what a small compressed answer unpacks to counts, and unpacking stops at the limit.
#[tokio::test]
async fn gzip_bomb_stops_at_the_limit() {
    let bomb = gzip(&vec![b' '; 32 << 20]);
    assert!(bomb.len() < 1 << 20);
    let (address, _) = server(answer("content-encoding: gzip\r\n", &bomb)).await;
    let limits = Limits { body_bytes: 1 << 20, ..once() };

    let error = client(settings(address, limits)).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::AnswerTooLarge);
}

/// D-03, F-04: an answer that ends before its announced length is cut off, not complete.
#[tokio::test]
async fn early_end_is_a_cut_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            read_head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"contacts\":[").await.unwrap();
        }
    });

    let error = client(settings(address, once())).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::AnswerCutOff);
}

/// F-05: a kept connection that the server closes between two requests causes no failure.
#[tokio::test]
async fn closed_kept_connection_causes_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            read_head(&mut socket).await;
            // Announces to keep the connection, then closes it.
            socket.write_all(&answer("", b"{}")).await.unwrap();
        }
    });
    let client = client(settings(address, Limits::default()));

    for _ in 0..100 {
        client.get(&contacts(), anything).await.unwrap();
    }
}

/// AB-132: nobody listening, and somebody who never answers, are both a blocked network, at their own stages.
#[tokio::test]
async fn blocked_network_is_named_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    let closed = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let limits = Limits { first_byte: Duration::from_millis(100), ..once() };

    for address in [silent, closed] {
        let begun = Instant::now();
        let error = client(settings(address, limits)).get(&contacts(), anything).await.unwrap_err();
        assert_eq!(error.code(), Code::NetworkBlocked, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

/// F-06: a name service that never answers is given up at the limit on connecting, as a missing connection.
#[tokio::test]
async fn silent_name_service_is_given_up() {
    struct Silence;
    #[async_trait::async_trait]
    impl Lookup for Silence {
        async fn addresses(&self, _name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
            std::future::pending().await
        }
    }
    let mut settings = crate::account::settings("https://acme.example", Pace::Off);
    settings.limits.connect = Duration::from_millis(100);
    let transport = HttpTransport::with(&settings, Proxy::None, Arc::new(Silence)).unwrap();
    let request = http::Request::get("https://acme.example/").body(bytes::Bytes::new()).unwrap();

    let error = transport.send(request).await.map(|answer| answer.status()).unwrap_err();

    assert_eq!(error.stage(), Stage::Connect);
}

/// AB-131, AB-132: a port where nobody listens fails the check of the connection, not of the answer.
#[tokio::test]
async fn closed_port_fails_the_connection_check() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);

    let checks = check(&client(settings(address, once()))).await;

    let failed = checks.steps.iter().find(|step| matches!(step.result, StepResult::Failed(_))).unwrap();
    assert_eq!(failed.check, Check::SecureConnection);
    assert_eq!(checks.failure().unwrap().code(), Code::NetworkBlocked);
}

/// F-07: a server that does not speak TLS is no secure connection; the key is not shown to it.
#[tokio::test]
async fn plain_server_is_no_secure_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = socket.read_to_end(&mut heard).await;
        heard
    });
    let mut settings = settings(address, once());
    settings.base_url = achub_client::BaseUrl::parse(&format!("https://{address}")).unwrap().url;

    let error = client(settings).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::CertificateRefused, "{error}");
    let heard = heard.await.unwrap();
    let key = crate::account::KEY.as_bytes();
    assert!(!heard.windows(key.len()).any(|part| part == key));
}

/// S-S: a redirect to an inner address is not followed.
#[tokio::test]
async fn redirect_opens_no_second_connection() {
    let (inner, reached) = server(answer("", b"{}")).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n");
    let (address, _) = server(redirect.into_bytes()).await;

    let error = client(settings(address, once())).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::NotTheApi);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

/// Loopback is refused unless the connection allows it, before any packet.
#[tokio::test]
async fn loopback_needs_permission() {
    let (address, connections) = server(answer("", b"{}")).await;
    let mut settings = settings(address, once());
    settings.allow_private_address = false;

    let client = client(settings);
    let error = client.get(&contacts(), anything).await.unwrap_err();
    let checks = check(&client).await;

    assert_eq!(error.code(), Code::AddressNotAllowed);
    assert_eq!(checks.failure().unwrap().code(), Code::AddressNotAllowed);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}
