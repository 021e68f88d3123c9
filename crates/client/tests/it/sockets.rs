//! Connections that stall, break or come back from the dead, over real sockets with short limits.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use achub_client::{
    Backoff, Client, HttpTransport, Limits, Lookup, Pace, Proxy, Settings, Stage, SystemLookup,
};
use achub_core::port::{clock::SystemClock, progress::Silent};
use achub_store::memory::MemoryStore;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::{account::contacts, http_transport::read_head};

/// Eight kilobytes of body, so that there is something to cut.
fn page() -> String {
    format!(r#"{{"contacts":[],"meta":{{"total":"0"}},"filler":"{}"}}"#, "x".repeat(8_192))
}

fn whole_answer() -> Vec<u8> {
    let page = page();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len()).into_bytes()
}

/// Hands connection after connection, counted from 0, to `serve`.
async fn server<F>(serve: impl Fn(usize, TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((socket, _)) = listener.accept().await else { return };
            // A client that has left is the point of these tests.
            tokio::spawn(serve(number, socket));
        }
    });
    address
}

async fn answer_for_ever(mut socket: TcpStream) -> io::Result<()> {
    while read_head(&mut socket).await.is_some() {
        socket.write_all(&whole_answer()).await?;
    }
    Ok(())
}

fn impatient() -> Limits {
    Limits { backoff: Backoff::None, attempts: 2, ..Limits::default() }
}

fn settings(address: &str, limits: Limits) -> Settings {
    let mut settings = crate::account::settings(address, Pace::Off);
    settings.allow_private_address = true;
    settings.limits = limits;
    settings
}

fn client(settings: Settings, lookup: Arc<dyn Lookup>) -> Client {
    let transport = Arc::new(HttpTransport::with(&settings, Proxy::None, lookup).unwrap());
    Client::new(settings, transport, Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(Silent))
}

fn client_of(address: SocketAddr, limits: Limits) -> Client {
    client(settings(&format!("http://{address}"), limits), Arc::new(SystemLookup))
}

/// Reads one page, which must be whole, and tells how many sendings that took.
async fn read_page(client: &Client) -> u32 {
    let answer = client.get(&contacts(), |body| Ok(body.to_vec())).await.unwrap();
    assert_eq!(answer.value, page().as_bytes());
    answer.sendings
}

/// F-01: an answer that comes byte by byte is cut by the limit on the whole, one that stops by that on a pause.
#[tokio::test]
async fn trickle_is_cut_and_read_again() {
    let ms = Duration::from_millis;
    let cases = [
        ("trickles", ms(10), Limits { total: ms(300), ..impatient() }),
        ("stops", ms(3_600_000), Limits { idle: ms(200), ..impatient() }),
    ];
    for (what, between, limits) in cases {
        let address = server(move |number, mut socket| async move {
            if number > 0 {
                return answer_for_ever(socket).await;
            }
            read_head(&mut socket).await;
            let answer = whole_answer();
            let (begin, rest) = answer.split_at(100);
            socket.write_all(begin).await?;
            for &byte in rest {
                socket.write_all(&[byte]).await?;
                tokio::time::sleep(between).await;
            }
            Ok(())
        })
        .await;
        let begun = Instant::now();

        assert_eq!(read_page(&client_of(address, limits)).await, 2, "{what}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{what}: {:?}", begun.elapsed());
    }
}

/// F-02, F-03: a side that takes the request and says nothing more, on a new connection or on one that has worked, is
/// left for a new connection.
#[tokio::test]
async fn silent_connection_is_left() {
    for answered_before in [0, 1] {
        let address = server(move |number, mut socket| async move {
            if number > 0 {
                return answer_for_ever(socket).await;
            }
            for _ in 0..answered_before {
                read_head(&mut socket).await;
                socket.write_all(&whole_answer()).await?;
            }
            // Reads on, so that nothing but the silence tells.
            socket.read_to_end(&mut Vec::new()).await.map(|_| ())
        })
        .await;
        let client = client_of(address, Limits { first_byte: Duration::from_millis(300), ..impatient() });

        for _ in 0..answered_before {
            assert_eq!(read_page(&client).await, 1);
        }
        assert_eq!(read_page(&client).await, 2, "{answered_before} answered before");
        assert_eq!(read_page(&client).await, 1);
    }
}

/// F-04: a connection that is reset while the request is read, or after any kilobyte of the answer, costs a sending.
#[tokio::test]
async fn reset_at_every_kilobyte_loses_nothing() {
    let in_answer = (0..whole_answer().len()).step_by(1_024).chain([10]).map(|sent| (usize::MAX, sent));
    let in_request = [0, 1, 20].map(|read| (read, 0));
    for (read, sent) in in_request.into_iter().chain(in_answer) {
        let address = server(move |number, mut socket| async move {
            if number > 0 {
                return answer_for_ever(socket).await;
            }
            match read {
                usize::MAX => _ = read_head(&mut socket).await,
                some => _ = socket.read_exact(&mut vec![0; some]).await?,
            }
            socket.write_all(&whole_answer()[..sent]).await?;
            socket.set_zero_linger()
        })
        .await;

        let sendings = read_page(&client_of(address, impatient())).await;

        assert_eq!(sendings, 2, "reset after {read} bytes of the request and {sent} of the answer");
    }
}

/// F-05: a kept connection that is closed just when it is used again, a thousand times, makes no request fail.
#[tokio::test]
async fn connection_closed_on_reuse_fails_nothing() {
    let closed = Arc::new(AtomicUsize::new(0));
    let counter = closed.clone();
    let address = server(move |_, mut socket| {
        let counter = counter.clone();
        async move {
            read_head(&mut socket).await;
            socket.write_all(&whole_answer()).await?;
            // The first byte of the next request, and good-bye.
            socket.read_u8().await?;
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    })
    .await;
    let client = client_of(address, impatient());

    for _ in 0..1_001 {
        assert!(read_page(&client).await <= 2);
    }

    assert_eq!(closed.load(Ordering::SeqCst), 1_000);
}

/// Two addresses for every name, the first of which never answers.
struct TwoAddresses;

#[async_trait::async_trait]
impl Lookup for TwoAddresses {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
    }
}

/// F-06: an IPv6 address that swallows what is sent to it does not keep a request from the IPv4 address beside it.
#[tokio::test]
async fn broken_ipv6_falls_back_to_ipv4() {
    let address = server(|_, socket| answer_for_ever(socket)).await;
    let Ok(_black_hole) = black_hole(address.port()).await else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let settings = settings(&format!("http://acme.example:{}", address.port()), impatient());
    let begun = Instant::now();

    assert_eq!(read_page(&client(settings, Arc::new(TwoAddresses))).await, 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A port of `::1` that takes no more connections and does not say so; lasts as long as what is returned.
async fn black_hole(port: u16) -> io::Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v6()?;
    let address = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port);
    socket.bind(address)?;
    let listener = socket.listen(0)?;
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        waiting.push(connected?);
    }
    Ok((listener, waiting))
}

/// F-06: a name service that takes its time, but less than the limit, costs that time and nothing else; one that fails
/// is named as what it is.
#[tokio::test]
async fn slow_and_failing_name_service_are_told_apart() {
    struct Slow(Option<IpAddr>);
    #[async_trait::async_trait]
    impl Lookup for Slow {
        async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.0.map(|address| vec![address]).ok_or_else(|| io::Error::other("server failure"))
        }
    }
    let address = server(|_, socket| answer_for_ever(socket)).await;
    let settings = || settings(&format!("http://acme.example:{}", address.port()), impatient());

    assert_eq!(read_page(&client(settings(), Arc::new(Slow(Some(address.ip()))))).await, 1);
    let failing = client(settings(), Arc::new(Slow(None)));
    let error = failing.get(&contacts(), |_| Ok(())).await.unwrap_err();

    let stage = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<achub_client::TransportError>())
        .map(achub_client::TransportError::stage);
    assert_eq!((error.code(), stage), (achub_core::Code::NameNotFound, Some(Stage::Name)));
}
