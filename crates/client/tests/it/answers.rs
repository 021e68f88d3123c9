//! Answers that are not what was asked for, and what becomes of the request.

use std::time::Duration;

use achub_api::decode::{Kind, Unreadable};
use achub_client::{Pace, Stage, TransportError};
use achub_core::{Code, Error};
use bytes::Bytes;
use tokio::time::Instant;

use crate::account::{Account, KEY, Process, Received, Reply, anything, contacts, read_all, scrambled};

const PAGE: &str = "<!DOCTYPE html><html><body>mia@example.com, please sign in</body></html>";

/// Reads the way a page reader does: the whole body or nothing.
fn whole(body: &[u8]) -> Result<usize, Unreadable> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) if value.get("contacts").is_some() => Ok(body.len()),
        Ok(_) => Err(Unreadable::new(Kind::Empty, "no contacts in it")),
        Err(error) if error.is_eof() => Err(Unreadable::new(Kind::CutOff, "ends early")),
        Err(_) => Err(Unreadable::new(Kind::NotJson { html: false }, "no JSON")),
    }
}

/// The error of an account that answers by `script`, and how often the request was sent.
async fn failure(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> (Error, usize) {
    failure_after(0, script).await
}

/// The same on a connection that has worked before.
async fn later_failure(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> (Error, usize) {
    failure_after(1, script).await
}

async fn failure_after(
    good: usize,
    script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> (Error, usize) {
    let account = Account::new(move |one| if one.number <= good { Reply::ok() } else { script(one) });
    let client = Process::new().client(&account, Pace::Auto);
    read_all(&client, good, 1).await;
    let error = client.get(&contacts(), whole).await.unwrap_err();
    (error, account.received().len() - good)
}

/// SL-44, D-01: 40 % server errors with web pages in them only cost time.
#[tokio::test(start_paused = true)]
async fn server_errors_are_tried_again() {
    let statuses = [500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 408];
    let account = Account::new(move |one| match scrambled(one.number) % 10 {
        0..4 => Reply::new(statuses[one.number % statuses.len()], PAGE),
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Auto);

    read_all(&client, 300, 4).await;

    assert_eq!(account.count(200), 300);
}

/// SL-44: server errors for ever end with `AC-203`, how often, and how long.
#[tokio::test(start_paused = true)]
async fn lasting_server_error_ends_with_its_code() {
    let begun = Instant::now();

    let (error, sendings) = failure(|_| Reply::new(500, PAGE)).await;

    assert_eq!((error.code(), sendings), (Code::ServerError, 8));
    assert!(
        error.message().starts_with("GET contacts: refused with status 500; tried 8 times in "),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(130), "{:?}", begun.elapsed());
}

/// D-02, SL-44: a key that is refused now and then is not dead.
#[tokio::test(start_paused = true)]
async fn intermittent_forbidden_is_tried_again() {
    let account = Account::new(|one| match scrambled(one.number) % 20 {
        0 => Reply::new(403, r#"{"message":"Forbidden"}"#),
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Auto);

    read_all(&client, 300, 4).await;

    assert!(account.count(403) > 5);
}

/// D-02: refused for ever, the key is tested once more and told from a missing right, within two minutes.
#[tokio::test(start_paused = true)]
async fn lasting_forbidden_tests_the_key() {
    let begun = Instant::now();
    let forbidden = || Reply::new(403, r#"{"message":"Forbidden"}"#);
    let user = || Reply::new(200, r#"{"user":{"username":"mia"}}"#);
    let about_me = |one: &Received| one.path == "/api/3/users/me";

    let (fresh, _) = failure(move |_| forbidden()).await;
    let (turned, sendings) = later_failure(move |_| forbidden()).await;
    let (missing, _) = later_failure(move |one| if about_me(one) { user() } else { forbidden() }).await;

    assert_eq!(fresh.code(), Code::KeyRefused);
    assert_eq!(turned.code(), Code::IntermittentlyForbidden);
    assert_eq!(sendings, 5, "four tries and one test of the key");
    assert_eq!(missing.code(), Code::NotAllowed);
    assert!(begun.elapsed() < Duration::from_secs(120));
}

/// D-03: an answer cut at any byte is never counted as a page.
#[tokio::test(start_paused = true)]
async fn cut_answer_is_never_counted() {
    let body = r#"{"contacts":[{"id":"1","email":"a@b.c"}],"meta":{"total":"1"}}"#;
    for cut in 0..body.len() {
        let account = Account::new(move |one| match one.number {
            1 => Reply::new(200, &body[..cut]),
            2 => {
                let mut reply = Reply::new(200, &body[..cut]);
                reply.pieces.push((Duration::ZERO, Err(TransportError::new(Stage::Body))));
                reply
            }
            _ => Reply::new(200, body),
        });
        let client = Process::new().client(&account, Pace::Auto);

        let answer = client.get(&contacts(), whole).await.unwrap();

        assert_eq!((answer.value, answer.sendings), (body.len(), 3), "cut at {cut}");
    }
}

/// The code of a failure that never ends, by kind.
#[tokio::test(start_paused = true)]
async fn lasting_failures_have_their_own_codes() {
    let broken = |stage| move |_: &Received| Reply::broken(TransportError::new(stage));
    let cases: Vec<(&str, (Error, usize), Code, usize)> = vec![
        ("cut", later_failure(|_| Reply::new(200, r#"{"contacts":["#)).await, Code::AnswerCutOff, 8),
        ("empty", later_failure(|_| Reply::new(200, "")).await, Code::AnswerCutOff, 8),
        ("no rows", later_failure(|_| Reply::new(200, "{}")).await, Code::EmptyAnswer, 8),
        ("page, worked before", later_failure(|_| Reply::new(200, PAGE)).await, Code::NotTheApi, 8),
        ("page, never worked", failure(|_| Reply::new(200, PAGE)).await, Code::NotTheApi, 2),
        ("page with 404, never worked", failure(|_| Reply::new(404, PAGE)).await, Code::NotTheApi, 1),
        (
            "not found",
            failure(|_| Reply::new(404, r#"{"message":"No Result"}"#)).await,
            Code::RequestRefused,
            1,
        ),
        ("unpaid", failure(|_| Reply::new(402, "")).await, Code::AccountSuspended, 1),
        ("unauthorised", failure(|_| Reply::new(401, "")).await, Code::KeyRefused, 1),
        ("unprocessable", later_failure(|_| Reply::new(422, "{}")).await, Code::RequestRefused, 1),
        ("name", failure(broken(Stage::Name)).await, Code::NameNotFound, 2),
        ("secure", failure(broken(Stage::Secure)).await, Code::CertificateRefused, 2),
        ("connect", failure(broken(Stage::Connect)).await, Code::NetworkBlocked, 8),
        ("answer", later_failure(broken(Stage::Answer)).await, Code::NetworkBlocked, 8),
    ];
    for (what, (error, sendings), code, expected) in cases {
        assert_eq!((error.code(), sendings), (code, expected), "{what}: {error}");
    }
}

/// A page that comes again and again stops after three sendings (D-12), one nested too deep after two.
#[tokio::test(start_paused = true)]
async fn stuck_page_stops_after_three_sendings() {
    for (kind, code, sendings) in
        [(Kind::WrongPage, Code::PageStuck, 3), (Kind::TooDeep, Code::AnswerTooLarge, 2)]
    {
        let account = Account::new(|_| Reply::ok());
        let client = Process::new().client(&account, Pace::Auto);

        let read = |_: &[u8]| Err::<(), _>(Unreadable::new(kind, "seen before"));
        let error = client.get(&contacts(), read).await.unwrap_err();

        assert_eq!((error.code(), account.received().len()), (code, sendings));
    }
}

/// D-08: an answer without end is given up at the limit, not read to its end.
#[tokio::test(start_paused = true)]
async fn endless_answer_stops_at_the_limit() {
    let piece = Bytes::from(vec![b' '; 1 << 20]);
    let account = Account::new(move |_| {
        let pieces = (0..200).map(|_| (Duration::ZERO, Ok(piece.clone()))).collect();
        Reply { pieces, ..Reply::ok() }
    });
    let client = Process::new().client(&account, Pace::Auto);

    let error = client.get(&contacts(), anything).await.unwrap_err();

    assert_eq!((error.code(), account.received().len()), (Code::AnswerTooLarge, 2));
    assert!(error.message().contains("larger than 67108864 bytes"), "{error}");
}

/// D-07: a redirect is not followed, and the user sees where it points, without its query.
#[tokio::test(start_paused = true)]
async fn redirect_is_shown_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (error, sendings) = failure(move |_| {
            Reply::new(status, "").with("location", "https://login.example.com/sign-in?user=mia@example.com")
        })
        .await;

        assert_eq!((error.code(), sendings), (Code::NotTheApi, 1));
        assert_eq!(error.details()[1], ("points to", "https://login.example.com/sign-in".to_owned()));
    }
}

/// The limits on time: no head, a stop half-way, a trickle (F-01, F-02).
#[tokio::test(start_paused = true)]
async fn slow_answers_are_cut_at_their_limits() {
    type Case = (&'static str, fn() -> Reply, u64);
    let cases: [Case; 4] = [
        ("no head", || Reply::ok().after(Duration::from_secs(100_000)), 60),
        ("stops half-way", || trickle(31, 2), 30),
        ("one byte a second", || trickle(1, 1_000), 300),
        ("one byte now and then", || trickle(20, 100), 300),
    ];
    for (what, reply, expected_s) in cases {
        let account = Account::new(move |one| if one.number == 1 { reply() } else { Reply::ok() });
        let client = Process::new().client(&account, Pace::Auto);
        let begun = Instant::now();

        let answer = client.get(&contacts(), anything).await.unwrap();

        let took = begun.elapsed().as_secs();
        assert!((expected_s..=expected_s + 1).contains(&took), "{what}: {took} s");
        assert_eq!(answer.sendings, 2, "{what}");
    }
}

/// An answer of `count` bytes with a pause before each.
fn trickle(pause_s: u64, count: usize) -> Reply {
    let pieces = (0..count).map(|_| (Duration::from_secs(pause_s), Ok(Bytes::from_static(b" ")))).collect();
    Reply { pieces, ..Reply::ok() }
}

/// S-R: neither key nor parameter values nor bodies get into an error or a progress event.
#[tokio::test(start_paused = true)]
async fn errors_carry_no_key_and_no_body() {
    let words = format!(r#"{{"message":"who is {KEY}\u001b[2J?"}}"#);
    let account = Account::new(move |one| match one.number {
        1 => Reply::new(500, PAGE),
        _ => Reply::new(404, words.clone()),
    });
    let process = Process::new();

    let error = process.client(&account, Pace::Auto).get(&contacts(), anything).await.unwrap_err();

    let shown = format!("{error} {error:?} {:?} {:?}", error.details(), process.told.waits());
    assert!(!shown.contains(KEY), "{shown}");
    assert!(!shown.contains("mia@example.com"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("\\u{1b}"), "{shown}");
    assert!(error.message().contains("who is •••"), "{shown}");
}

/// Clones share a counter, `counted` begins one of its own; repetitions count.
#[tokio::test(start_paused = true)]
async fn counted_client_counts_its_own_requests() {
    let account = Account::new(|one| if one.number == 2 { Reply::new(500, "") } else { Reply::ok() });
    let client = Process::new().client(&account, Pace::Auto);
    let run = client.counted();

    client.get(&contacts(), anything).await.unwrap();
    run.clone().get(&contacts(), anything).await.unwrap();

    assert_eq!((client.requests_sent(), run.requests_sent()), (1, 2));
}

/// R2: the account's own clock comes with the answer, however wrong, and its absence is no failure (D-13).
#[tokio::test(start_paused = true)]
async fn answer_carries_the_accounts_clock() {
    let cases = [
        (Some("Fri, 20 Nov 2026 20:41:07 GMT"), Some("2026-11-20T20:41:07Z")),
        (Some("Thu, 01 Jan 1970 00:00:00 GMT"), Some("1970-01-01T00:00:00Z")),
        (Some("yesterday"), None),
        (None, None),
    ];
    for (header, expected) in cases {
        let account = Account::new(move |_| match header {
            Some(date) => Reply::ok().with("date", date),
            None => Reply::ok(),
        });
        let client = Process::new().client(&account, Pace::Auto);

        let answer = client.get(&contacts(), anything).await.unwrap();

        assert_eq!(answer.date, expected.map(|date| date.parse().unwrap()), "{header:?}");
    }
}

/// A byte order mark before the JSON is not part of it (D-08).
#[tokio::test(start_paused = true)]
async fn byte_order_mark_is_taken_off() {
    let account = Account::new(|_| Reply::new(200, "\u{feff}{\"contacts\":[]}"));
    let client = Process::new().client(&account, Pace::Auto);

    assert_eq!(client.get(&contacts(), whole).await.unwrap().value, 15);
}

/// EV-23: blanks around the key are dropped; what cannot be a key is refused before anything is sent.
#[tokio::test(start_paused = true)]
async fn impossible_key_is_refused_unsent() {
    let process = Process::new();
    for (key, sent) in
        [(format!("  {KEY}\r\n"), 1), ("a\nb".to_owned(), 0), ("schlüssel\u{7f}".to_owned(), 0)]
    {
        let account = Account::new(|_| Reply::ok());
        let mut settings = crate::account::settings("https://acme.api-us1.com", Pace::Auto);
        settings.key = achub_core::Secret::new(key);
        let (store, clock, told) = (process.store.clone(), process.clock.clone(), process.told.clone());
        let client = achub_client::Client::new(settings, account.clone(), store, clock, told);

        let result = client.get(&contacts(), anything).await;

        assert_eq!(account.received().len(), sent);
        assert_eq!(result.err().map(|error| error.code()), (sent == 0).then_some(Code::KeyRefused));
    }
}
