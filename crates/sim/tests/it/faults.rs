//! Faults, over a real connection where they are about the connection.

use std::net::SocketAddr;

use achub_sim::{FaultRule, Settings, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::app::{App, settings};

fn script(rules: Value) -> Settings {
    Settings { faults: FaultRule::read(&rules).unwrap(), ..settings() }
}

/// A served simulator; ends when dropped.
struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<Result<(), achub_sim::Error>>,
    sim: Sim,
}

impl Served {
    async fn start(settings: Settings) -> Served {
        let sim = Sim::new(settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let until = async {
            // A dropped sender ends serving as well.
            let _ = stopped.await;
        };
        let done = tokio::spawn(sim.clone().serve(listener, until));
        Served { address, stop: Some(stop), done, sim }
    }

    /// Every byte that comes back for one request.
    async fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sim\r\nApi-Token: demo\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset is how a cut connection ends; what came before it counts.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.done.await.unwrap().unwrap();
    }
}

fn split(answer: &[u8]) -> (String, &[u8]) {
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (String::from_utf8(answer[..at].to_vec()).unwrap().to_lowercase(), &answer[at + 4..])
}

fn promised(head: &str) -> usize {
    head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn cut_body_ends_before_its_promised_length() {
    for (rule, kept) in [(json!(123), Some(123)), (json!("half"), None), (json!(0), Some(0))] {
        let served = Served::start(script(json!({"fault": {"cut_at": rule}}))).await;

        let answer = served.raw("GET", "/api/3/contacts", "", "").await;

        let (head, body) = split(&answer);
        assert_eq!(body.len(), kept.unwrap_or(promised(&head) / 2), "{rule}");
        assert!(body.len() < promised(&head));
        served.stop().await;
    }
}

#[tokio::test]
async fn dropped_request_gets_not_one_byte() {
    let served = Served::start(script(json!({"match": {"times": 1}, "fault": {"drop": true}}))).await;

    assert_eq!(served.raw("GET", "/api/3/tags", "", "").await, b"");
    assert!(served.raw("GET", "/api/3/tags", "", "").await.starts_with(b"HTTP/1.1 200"));

    assert_eq!(served.sim.control().requests(9)["by_status"], json!({"0": 1, "200": 1}));
    served.stop().await;
}

#[tokio::test]
async fn answer_is_lost_after_the_write_took_effect() {
    for (fault, first) in [
        (json!({"apply_then_fail": {"status": 502}}), "HTTP/1.1 502"),
        (json!({"apply_then_fail": {"drop": true}}), ""),
    ] {
        let served =
            Served::start(script(json!({"match": {"method": "POST", "times": 1}, "fault": fault}))).await;
        let body = r#"{"contact":{"email":"lost@example.com"}}"#;

        let answer = served.raw("POST", "/api/3/contacts", "", body).await;
        assert!(
            answer.starts_with(first.as_bytes()) && (first.is_empty() == answer.is_empty()),
            "{}",
            String::from_utf8_lossy(&answer)
        );

        let again = served.raw("POST", "/api/3/contacts", "", body).await;
        assert!(again.starts_with(b"HTTP/1.1 422"), "it is there already");
        assert_eq!(served.sim.control().ledger()["writes"].as_array().unwrap().len(), 2);
        served.stop().await;
    }
}

#[tokio::test]
async fn hanging_request_does_not_keep_the_server_up() {
    let served = Served::start(script(json!({"fault": {"hang": true}}))).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /api/3/tags HTTP/1.1\r\nHost: sim\r\nApi-Token: demo\r\n\r\n").await.unwrap();
    while served.sim.control().requests(0)["total"] == 0 {
        tokio::task::yield_now().await;
    }

    served.stop().await;

    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn control_interface_answers_over_the_same_connection() {
    let served = Served::start(settings()).await;
    served.raw("GET", "/api/3/tags?limit=3", "", "").await;

    let answer = served.raw("GET", "/_sim/requests", "", "").await;
    let (_, body) = split(&answer);
    let counted: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&counted["total"], &counted["recent"][0]["uri"]), (&json!(1), &json!("/api/3/tags?limit=3")));

    let answer = served.raw("POST", "/_sim/faults", "", r#"{"fault":{"explode":true}}"#).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    served.stop().await;
}

#[tokio::test]
async fn gzip_is_sent_to_those_who_ask() {
    let served = Served::start(settings()).await;
    let packed = served.raw("GET", "/api/3/contacts", "Accept-Encoding: gzip, deflate\r\n", "").await;
    let plain = served.raw("GET", "/api/3/contacts", "Accept-Encoding: gzip;q=0\r\n", "").await;
    let (head, body) = split(&packed);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut unpacked).unwrap();
    assert!(head.contains("content-encoding: gzip"));
    assert_eq!(unpacked.as_bytes(), split(&plain).1);
    served.stop().await;
}

#[tokio::test]
async fn faults_without_rows_look_as_they_are_named() {
    for (fault, status, body) in [
        (json!({"empty_body": true}), 200, ""),
        (json!({"empty_object": true}), 200, "{}"),
        (json!({"status": 503, "body": "json"}), 503, r#"{"message":"Something went wrong"}"#),
        (json!({"status": 500, "body": "empty"}), 500, ""),
        (json!({"deep_json": 3}), 200, "[[[]]]"),
    ] {
        let app = App::with(script(json!({"fault": fault})));
        let reply = app.call(http::Method::GET, "/api/3/contacts", None).await;
        assert_eq!(
            (reply.status.as_u16(), std::str::from_utf8(&reply.bytes).unwrap()),
            (status, body),
            "{fault}"
        );
    }
    let app = App::with(script(json!({"fault": {"html": true}})));
    let reply = app.call(http::Method::GET, "/api/3/contacts", None).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, Some("text/html; charset=UTF-8"))
    );
}

#[tokio::test]
async fn rate_limit_fault_sends_the_wanted_header() {
    for (given, sent) in [
        (json!("-1"), Some("-1")),
        (json!("Wed, 21 Oct 2026 07:28:00 GMT"), Some("Wed, 21 Oct 2026 07:28:00 GMT")),
        (json!(2), Some("2")),
        (Value::Null, None),
    ] {
        let app = App::with(script(json!({"fault": {"rate_limited": {"retry_after": given}}})));
        let reply = app.call(http::Method::GET, "/api/3/contacts", None).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, sent));
        assert_eq!(reply.header("ratelimit-limit").is_some(), sent.is_some());
    }
}

#[tokio::test]
async fn total_lies_while_rows_are_right() {
    for total in [json!("3"), json!(9_000), json!("many"), Value::Null] {
        let app = App::with(script(json!({"fault": {"meta_total": total}})));
        let answer = app.get("/tags?limit=100").await;
        assert_eq!((answer["tags"].as_array().unwrap().len(), &answer["meta"]["total"]), (40, &total));
    }
}

#[tokio::test]
async fn body_of_a_status_fault_is_sent_as_given() {
    for (body, kind) in [
        ("null", "application/json"),
        ("[]", "application/json"),
        (r#"{"contacts":{}}"#, "application/json"),
        ("oops", "text/html; charset=UTF-8"),
    ] {
        let app = App::with(script(json!({"fault": {"status": 200, "body": body}})));
        let reply = app.call(http::Method::GET, "/api/3/contacts", None).await;
        assert_eq!((reply.bytes.as_slice(), reply.header("content-type")), (body.as_bytes(), Some(kind)));
    }
}

#[tokio::test]
async fn repeated_page_stays_the_first_one() {
    let app = App::with(script(json!({"match": {"path": "/api/3/tags"}, "fault": {"repeat_page": true}})));
    let first = app.get("/tags?limit=5").await;
    assert_eq!(app.get("/tags?limit=5&offset=5").await, first);
    assert_ne!(app.get("/lists?limit=5").await, first);
}

#[tokio::test(start_paused = true)]
async fn slow_answer_comes_at_the_asked_pace() {
    let app = App::with(script(json!({"fault": {"slow": {"bytes_per_second": 1000}}})));
    let began = tokio::time::Instant::now();
    let reply = app.call(http::Method::GET, "/api/3/users/me", None).await;
    let ideal = reply.bytes.len() as f64 / 1000.0;
    let took = began.elapsed().as_secs_f64();
    assert!((ideal..ideal + 0.2).contains(&took), "{took} s for {} bytes", reply.bytes.len());
}

#[tokio::test(start_paused = true)]
async fn clock_fault_shows_in_date_and_in_rows() {
    let app = App::with(script(json!({"match": {"nth": 2}, "fault": {"clock_offset_seconds": -7200}})));
    let date = async || {
        app.call(http::Method::GET, "/api/3/users/me", None).await.header("date").unwrap().to_owned()
    };
    assert_eq!(date().await, "Fri, 20 Nov 2026 08:00:00 GMT");
    assert_eq!(date().await, "Fri, 20 Nov 2026 06:00:00 GMT");
    let made = app.ask("POST", "/tags", Some(json!({"tag": {"tag": "late", "tagType": "contact"}}))).await.1;
    assert_eq!(made["tag"]["cdate"], "2026-11-20T00:00:00-06:00");
}

#[tokio::test]
async fn packed_bomb_is_small_on_the_wire() {
    let app = App::with(script(json!({"fault": {"gzip_bomb": true}})));
    let reply = app.call(http::Method::GET, "/api/3/contacts", None).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(reply.bytes.len() < 2 << 20, "{}", reply.bytes.len());
    let mut start = [1u8; 4096];
    std::io::Read::read_exact(&mut flate2::read::GzDecoder::new(&reply.bytes[..]), &mut start).unwrap();
    assert_eq!(start, [0u8; 4096]);
}

#[tokio::test]
async fn cut_in_process_is_an_error_of_the_body() {
    let app = App::with(script(json!({"fault": {"cut_at": 10}})));
    assert!(app.try_call(http::Method::GET, "/api/3/contacts", None).await.is_err());
}
