//! Which addresses are refused, in every spelling, and that only vetted ones are connected to.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use achub_client::{BaseUrl, HttpTransport, Lookup, Pace, Proxy, Stage, Transport, address::Policy};
use achub_core::Code;
use async_trait::async_trait;
use bytes::Bytes;

/// Hosts in the spellings that reach something not public. `own` ones a connection may open, the others never.
const OWN: &[&str] = &[
    // Loopback.
    "127.0.0.1",
    "127.0.0.0",
    "127.1",
    "127.0.1",
    "127.255.255.255",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "0x7F.0x0.0x0.0x1",
    "127.0.0.1.",
    "１２７.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    // Private networks.
    "10.0.0.0",
    "10.1.2.3",
    "10.255.255.255",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "10.1",
    "[::ffff:10.0.0.1]",
    "[::10.0.0.1]",
    "[64:ff9b::a00:1]",
    "172.16.0.1",
    "172.31.255.255",
    "172.16.1",
    "0xac100001",
    "2886729729",
    "[::ffff:172.16.0.1]",
    "192.168.0.1",
    "192.168.255.255",
    "192.168.1",
    "3232235521",
    "0xc0a80001",
    "0300.0250.0.1",
    "[::ffff:192.168.0.1]",
    "[::ffff:c0a8:1]",
    "[64:ff9b::192.168.0.1]",
    "100.64.0.1",
    "100.127.255.255",
    "1681915905",
    "0x64400001",
    "0144.0100.0.1",
    "[::ffff:100.64.0.1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fdff:ffff::1]",
    "[FD12:3456::1]",
    // A public address inside a translation prefix is refused as a whole too.
    "[64:ff9b::8.8.8.8]",
    "[::ffff:8.8.8.8]",
    "[::8.8.8.8]",
    // Names.
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "printer.local",
    "Printer.LOCAL.",
    "db.internal",
    "a.b.internal",
    "loca\u{ad}lhost",
    "ｌocalhost",
];

const NEVER: &[&str] = &[
    // This network, link-local with the metadata services, protocol assignments, documentation, benchmarks, multicast,
    // reserved, broadcast.
    "0.0.0.0",
    "0",
    "0x0",
    "00",
    "0.1.2.3",
    "[::]",
    "[0:0:0:0:0:0:0:0]",
    "[::ffff:0.0.0.0]",
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "192.0.0.1",
    "192.0.0.192",
    "3221225473",
    "[::ffff:192.0.0.1]",
    "192.0.2.1",
    "0xc0000201",
    "198.18.0.1",
    "198.19.255.255",
    "0xc6120001",
    "198.51.100.7",
    "3325256711",
    "203.0.113.9",
    "0xcb007109",
    "224.0.0.1",
    "239.255.255.255",
    "0xe0000001",
    "[::ffff:224.0.0.1]",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "0xffffffff",
    "037777777777",
    "[64:ff9b:1::1]",
    "[64:ff9b:1:ffff::1]",
    "[2001::1]",
    "[2001:0:ffff::1]",
    "[2001:db8::1]",
    "[2001:DB8:ffff::1]",
    "[2002::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[febf:ffff::1]",
    "[ff00::1]",
    "[ff02::1]",
    "[ffff:ffff::1]",
    // Metadata services by name.
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata.goog",
    "instance-data.ec2.internal",
    "metadata.azure.com",
    "metadata.tencentyun.com",
    "metadata.packet.net",
];

/// The first address after each range, the last before it, and names that only look alike.
const PUBLIC: &[&str] = &[
    "1.0.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "8.8.8.8",
    "134744072",
    "0x8080808",
    "[2001:1::1]",
    "[2001:4860:4860::8888]",
    "[2001:db7::1]",
    "[2003::1]",
    "[2606:4700::1]",
    "[fbff::1]",
    "[64:ff9c::1]",
    "[1::]",
    "acme.api-us1.com",
    "localhost.example.com",
    "notlocalhost.com",
    "internal.example.com",
    "local.example",
    "mylocal.com",
    "metadata.example.com",
];

fn allowed(host: &str, policy: Policy) -> bool {
    let parsed = BaseUrl::parse(&format!("https://{host}")).unwrap_or_else(|error| panic!("{host}: {error}"));
    parsed.url.allowed(policy).is_ok()
}

/// S-S, reliability.md §11.4: every range in decimal, octal, hexadecimal, short, mapped and bracketed spellings.
#[test]
fn every_spelling_meets_the_same_policy() {
    assert!(OWN.len() + NEVER.len() >= 100, "{} cases", OWN.len() + NEVER.len());
    for (hosts, public_only, private_too) in [(OWN, false, true), (NEVER, false, false), (PUBLIC, true, true)]
    {
        for host in hosts {
            assert_eq!(allowed(host, Policy::PublicOnly), public_only, "{host}");
            assert_eq!(
                allowed(host, Policy::PrivateToo),
                private_too,
                "{host} where private ones are allowed"
            );
        }
    }
}

/// Plain http and other ports need the same permission, and every refusal has the same code.
#[test]
fn scheme_and_port_need_permission() {
    for url in ["http://acme.api-us1.com", "https://acme.api-us1.com:8443", "https://acme.api-us1.com:22"] {
        let url = BaseUrl::parse(url).unwrap().url;
        assert_eq!(url.allowed(Policy::PublicOnly).unwrap_err().code(), Code::AddressNotAllowed);
        assert!(url.allowed(Policy::PrivateToo).is_ok());
    }
}

/// The text does not tell a private address from a reserved one.
#[test]
fn refusals_do_not_tell_what_is_inside() {
    let hosts = ["10.0.0.1", "169.254.169.254", "localhost", "metadata.google.internal", "[::1]"];
    let texts = hosts.map(|host| {
        let url = BaseUrl::parse(&format!("https://{host}")).unwrap().url;
        url.allowed(Policy::PublicOnly).unwrap_err().to_string()
    });
    assert!(texts.iter().all(|text| text == "the address is not allowed"), "{texts:?}");
}

/// Answers each look-up with the next list of addresses, the last one for ever.
struct Scripted(Vec<Vec<&'static str>>, AtomicUsize);

impl Scripted {
    fn new(answers: &[&[&'static str]]) -> Arc<Scripted> {
        Arc::new(Scripted(answers.iter().map(|answer| answer.to_vec()).collect(), AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Lookup for Scripted {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let number = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        Ok(self.0[number].iter().map(|address| address.parse().unwrap()).collect())
    }
}

async fn stage(allow_private_address: bool, lookup: Arc<dyn Lookup>, url: &str) -> Stage {
    let mut settings = crate::account::settings("https://acme.api-us1.com", Pace::Off);
    settings.allow_private_address = allow_private_address;
    settings.limits.connect = std::time::Duration::from_millis(200);
    let transport = HttpTransport::with(&settings, Proxy::None, lookup).unwrap();
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    match transport.send(request).await {
        Ok(answer) => panic!("{url} answered {}", answer.status()),
        Err(error) => error.stage(),
    }
}

/// S-S: one address that is not public refuses a name, in whatever company and order it comes.
#[tokio::test]
async fn one_private_address_refuses_the_name() {
    let mixtures: [&[&str]; 7] = [
        &["10.0.0.1"],
        &["8.8.8.8", "10.0.0.1"],
        &["10.0.0.1", "8.8.8.8"],
        &["8.8.8.8", "::1"],
        &["8.8.8.8", "::ffff:127.0.0.1"],
        &["2606:4700::1", "169.254.169.254"],
        &["8.8.8.8", "fe80::1"],
    ];
    for mixture in mixtures {
        let lookup = Scripted::new(&[mixture]);
        assert_eq!(stage(false, lookup, "https://acme.api-us1.com/").await, Stage::Address, "{mixture:?}");
    }
}

/// S-S: an answer that changes between two look-ups is vetted anew, and nothing is looked up for the connection alone.
#[tokio::test]
async fn changed_answer_is_vetted_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://acme.example:{}/", listener.local_addr().unwrap().port());
    let lookup = Scripted::new(&[&["127.0.0.1"], &["127.0.0.1", "169.254.169.254"]]);
    let mut settings = crate::account::settings("https://acme.api-us1.com", Pace::Off);
    settings.allow_private_address = true;
    let transport = HttpTransport::with(&settings, Proxy::None, lookup.clone()).unwrap();
    let request = || http::Request::get(&url).body(Bytes::new()).unwrap();
    let answering = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        crate::http_transport::read_head(&mut socket).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut socket, answer).await.unwrap();
        listener
    });

    let first = transport.send(request()).await.map(|answer| answer.status().as_u16());
    let _listener = answering.await.unwrap();
    let second = transport.send(request()).await.map(|answer| answer.status().as_u16());

    assert_eq!(first.unwrap(), 200, "the vetted address is the one connected to");
    assert_eq!(second.unwrap_err().stage(), Stage::Address);
    assert_eq!(lookup.1.load(Ordering::SeqCst), 2, "one look-up per connection");
}

/// Addresses written as numbers never reach the resolver and are refused all the same.
#[tokio::test]
async fn numeric_hosts_are_vetted_without_lookup() {
    for url in
        ["http://127.0.0.1:1/", "http://2130706433/", "http://[::1]:1/", "http://169.254.169.254/latest"]
    {
        let lookup = Scripted::new(&[&["8.8.8.8"]]);
        assert_eq!(stage(false, lookup.clone(), url).await, Stage::Address, "{url}");
        assert_eq!(lookup.1.load(Ordering::SeqCst), 0);
    }
}

/// A name without addresses is a name that was not found.
#[tokio::test]
async fn empty_answer_means_name_not_found() {
    assert_eq!(stage(false, Scripted::new(&[&[]]), "https://acme.api-us1.com/").await, Stage::Name);
}
